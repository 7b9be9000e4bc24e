"""A Databricks workspace: files, models, endpoints, indexes, jobs, clusters, secrets; and faults at single calls."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .files import VolumeFiles
from .jobs_clusters_secrets import JobsClustersSecrets
from .serving_endpoints import ServingEndpoints
from .unity_catalog import CatalogError, UnityCatalog
from .vector_search import VectorSearch

Handler = Callable[[Request], Awaitable[Response]]


class DatabricksWorkspace:
    """``calls`` counts what was asked; the one of number ``fails_at`` is answered with ``fault`` instead, once."""

    def __init__(self, secrets: dict[tuple[str, str], str]) -> None:
        self.volumes, self.catalog, self.resources = VolumeFiles(), UnityCatalog(), JobsClustersSecrets(secrets)
        self.endpoints, self.search = ServingEndpoints(self.catalog, secrets), VectorSearch()
        self.calls: list[str] = []
        self.failing_call: int | None = None
        self.fault = (500, "INTERNAL_ERROR")

    def clear(self) -> None:
        """As new."""
        self.volumes.clear()
        for part in (self.catalog, self.endpoints, self.search, self.resources):
            part.clear()
        self.calls.clear()
        self.failing_call, self.fault = None, (500, "INTERNAL_ERROR")

    def routes(self, let_in: Callable[[Handler], Any]) -> list[Route]:
        """All calls, each of which can fail."""

        def check(handler: Handler) -> Any:  # a route's
            return let_in(self._count_and_fail(handler))

        parts = (self.volumes, self.catalog, self.endpoints, self.search, self.resources)
        return [route for part in parts for route in part.routes(check)]

    def _count_and_fail(self, handler: Handler) -> Handler:
        async def answer(request: Request) -> Response:
            self.calls.append(f"{request.method} {request.url.path}")
            if self.failing_call == len(self.calls) - 1:
                self.failing_call = None
                status, code = self.fault
                return _error_response(status, code, "scripted", {"retry-after": "1"} if status == 429 else {})
            try:
                return await handler(request)
            except CatalogError as error:
                return _error_response(error.status, error.code, str(error), {})

        return answer


def _error_response(status: int, code: str, message: str, headers: dict[str, str]) -> Response:
    """An error as Databricks says it."""
    return JSONResponse({"error_code": code, "message": message}, status, headers)
