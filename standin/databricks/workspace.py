"""A Databricks workspace: files, models, endpoints, indexes, jobs, clusters, secrets; and faults at single calls."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .files import Volumes
from .jobs_clusters_secrets import Resources
from .serving_endpoints import Endpoints
from .unity_catalog import Catalog, CatalogError
from .vector_search import Search

Handler = Callable[[Request], Awaitable[Response]]


class Workspace:
    """``calls`` counts what was asked; the one of number ``fails_at`` is answered with ``fault`` instead, once."""

    def __init__(self, secrets: dict[tuple[str, str], str]) -> None:
        self.volumes, self.catalog, self.resources = Volumes(), Catalog(), Resources(secrets)
        self.endpoints, self.search = Endpoints(self.catalog, secrets), Search()
        self.calls: list[str] = []
        self.fails_at: int | None = None
        self.fault = (500, "INTERNAL_ERROR")

    def clear(self) -> None:
        """As new."""
        self.volumes.clear()
        for part in (self.catalog, self.endpoints, self.search, self.resources):
            part.clear()
        self.calls.clear()
        self.fails_at, self.fault = None, (500, "INTERNAL_ERROR")

    def routes(self, let_in: Callable[[Handler], Any]) -> list[Route]:
        """All calls, each of which can fail."""

        def checked(handler: Handler) -> Any:  # a route's
            return let_in(self._faulty(handler))

        parts = (self.volumes, self.catalog, self.endpoints, self.search, self.resources)
        return [route for part in parts for route in part.routes(checked)]

    def _faulty(self, handler: Handler) -> Handler:
        async def answered(request: Request) -> Response:
            self.calls.append(f"{request.method} {request.url.path}")
            if self.fails_at == len(self.calls) - 1:
                self.fails_at = None
                status, code = self.fault
                return _refused(status, code, "scripted", {"retry-after": "1"} if status == 429 else {})
            try:
                return await handler(request)
            except CatalogError as error:
                return _refused(error.status, error.code, str(error), {})

        return answered


def _refused(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    """An error as Databricks says it."""
    return JSONResponse({"error_code": code, "message": message}, status, headers)
