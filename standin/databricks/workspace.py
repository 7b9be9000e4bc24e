"""Imitate a Databricks workspace: its services on one set of routes, with a fault at a chosen call."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .apps import Apps
from .files import VolumeFiles
from .jobs_clusters_secrets import JobsClustersSecrets
from .serving_endpoints import ServingEndpoints
from .unity_catalog import CatalogError, UnityCatalog
from .vector_search import VectorSearch

Handler = Callable[[Request], Awaitable[Response]]


class DatabricksWorkspace:
    """The services of one workspace.

    Attributes:
        volumes: Contents of files by path.
        catalog: Registered models.
        resources: Jobs, clusters and secret scopes.
        endpoints: Serving endpoints.
        search: Search indexes.
        apps: Apps, and the files of the workspace.
        calls: Method and path of each call.
        failing_call: Position in ``calls`` of the call that is refused with ``fault``, once; None for none.
        fault: HTTP status and error code of that refusal.
    """

    def __init__(self, secrets: dict[tuple[str, str], str]) -> None:
        self.volumes, self.catalog, self.resources = VolumeFiles(), UnityCatalog(), JobsClustersSecrets(secrets)
        self.endpoints, self.search = ServingEndpoints(self.catalog, secrets), VectorSearch()
        self.apps = Apps()
        self.calls: list[str] = []
        self.failing_call: int | None = None
        self.fault = (500, "INTERNAL_ERROR")

    def clear(self) -> None:
        """Restore the initial state of all services."""
        self.volumes.clear()
        for part in (self.catalog, self.endpoints, self.search, self.resources, self.apps):
            part.clear()
        self.calls.clear()
        self.failing_call, self.fault = None, (500, "INTERNAL_ERROR")

    def routes(self, let_in: Callable[[Handler], Any]) -> list[Route]:
        """Return the routes of all services, each of which can fail.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """

        def check(handler: Handler) -> Any:
            return let_in(self._count_and_fail(handler))

        parts = (self.volumes, self.catalog, self.endpoints, self.search, self.resources, self.apps)
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
    """Return an error in Databricks' format."""
    return JSONResponse({"error_code": code, "message": message}, status, headers)
