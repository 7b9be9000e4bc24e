"""Imitate Databricks' Files API: the files of volumes, and those of models in Unity Catalog."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_FILES, _FOLDERS = "/api/2.0/fs/files/{path:path}", "/api/2.0/fs/directories/{path:path}"


class VolumeFiles(dict[str, bytes]):
    """The contents of files by path. A folder exists while a file lies below it."""

    def routes(self, let_in: Callable[[Callable[[Request], Awaitable[Response]]], Any]) -> list[Route]:
        """Return the routes of the Files API that the SDK calls.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """
        return [
            Route(_FILES, let_in(self._put), methods=["PUT"]),
            Route(_FILES, let_in(self._get), methods=["GET", "HEAD"]),
            Route(_FOLDERS, let_in(self._list_folder), methods=["GET", "HEAD"]),
        ]

    async def _put(self, request: Request) -> Response:
        self[_path(request)] = await request.body()
        return Response(status_code=204)

    async def _get(self, request: Request) -> Response:
        content = self.get(_path(request))
        return _not_found() if content is None else Response(content, media_type="application/octet-stream")

    async def _list_folder(self, request: Request) -> Response:
        above = _path(request).rstrip("/") + "/"
        below = {path: content for path, content in self.items() if path.startswith(above)}
        if not below:
            return _not_found()
        entries: dict[str, dict[str, Any]] = {}
        for path, content in below.items():
            name, _, deeper = path.removeprefix(above).partition("/")
            size = {} if deeper else {"file_size": len(content)}
            entries[name] = {"path": above + name, "name": name, "is_directory": bool(deeper)} | size
        return JSONResponse({"contents": [*entries.values()]})


def _path(request: Request) -> str:
    return "/" + str(request.path_params["path"]).lstrip("/")


def _not_found() -> Response:
    return JSONResponse({"error_code": "NOT_FOUND", "message": "The file does not exist."}, 404)
