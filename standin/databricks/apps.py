"""Imitate Databricks Apps and the files of a workspace: create, update, start, deploy, delete.

The SDK's own classes check each body. Creating and deploying take a poll each. A deployment fails unless its folder
contains an ``app.yaml`` with a command, as on the platform.
"""

from collections.abc import Callable
from typing import Any

import yaml
from databricks.sdk.service import apps
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .bodies import require_known
from .unity_catalog import CatalogError

JsonObject = dict[str, Any]
USER_NAME = "me@example.com"


class Apps:
    """The Apps by name, and the files of the workspace.

    Attributes:
        apps: Apps by name, as the API shows them.
        files: Contents of the workspace's files by path.
        deployments: Bodies of the deployments, in order.
    """

    def __init__(self) -> None:
        self.apps: dict[str, JsonObject] = {}
        self.files: dict[str, bytes] = {}
        self.deployments: list[JsonObject] = []
        self._folders: set[str] = set()

    def clear(self) -> None:
        """Remove all Apps and files."""
        for collection in (self.apps, self.files, self.deployments, self._folders):
            collection.clear()

    def routes(self, let_in: Callable[..., Any]) -> list[Route]:
        """Return the routes that the SDK calls.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """
        path = "/api/2.0/apps/{name}"
        return [
            Route("/api/2.0/apps", let_in(self._list), methods=["GET"]),
            Route("/api/2.0/apps", let_in(self._create), methods=["POST"]),
            Route(path, let_in(self._get), methods=["GET"]),
            Route(path, let_in(self._update), methods=["PATCH"]),
            Route(path, let_in(self._delete), methods=["DELETE"]),
            Route(f"{path}/start", let_in(self._start), methods=["POST"]),
            Route(f"{path}/deployments", let_in(self._deploy), methods=["POST"]),
            Route(f"{path}/deployments/{{id}}", let_in(self._get_deployment), methods=["GET"]),
            Route("/api/2.0/workspace/mkdirs", let_in(self._make_folder), methods=["POST"]),
            Route("/api/2.0/workspace/import", let_in(self._import), methods=["POST"]),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"apps": list(self.apps.values())})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        require_known(apps.App, body, "app")
        if body["name"] in self.apps:
            raise CatalogError("RESOURCE_ALREADY_EXISTS", f"App {body['name']} already exists", 409)
        self.apps[body["name"]] = body | {
            "url": f"https://{body['name']}-1.example.databricksapps.com",
            "compute_status": {"state": "STARTING", "message": "starting"},
            "app_status": {"state": "UNAVAILABLE", "message": "no deployment"},
        }
        return JSONResponse(self.apps[body["name"]])

    async def _get(self, request: Request) -> Response:
        app = self._find(request)
        shown = dict(app)
        if app["compute_status"]["state"] == "STARTING":
            app["compute_status"] = {"state": "ACTIVE", "message": "running"}
        return JSONResponse(shown)

    async def _update(self, request: Request) -> Response:
        body, app = await request.json(), self._find(request)
        require_known(apps.App, body, "app")
        app |= body
        return JSONResponse(app)

    async def _delete(self, request: Request) -> Response:
        return JSONResponse(self.apps.pop(str(self._find(request)["name"])))

    async def _start(self, request: Request) -> Response:
        app = self._find(request)
        app["compute_status"] = {"state": "STARTING", "message": "starting"}
        return JSONResponse(app)

    async def _deploy(self, request: Request) -> Response:
        body, app = await request.json(), self._find(request)
        require_known(apps.AppDeployment, body, "deployment")
        if app["compute_status"]["state"] != "ACTIVE":
            raise CatalogError("BAD_REQUEST", "The App's compute is not active")
        self.deployments.append(body)
        command = yaml.safe_load(self.files.get(f"{body['source_code_path']}/app.yaml", b"{}")).get("command")
        state = "SUCCEEDED" if command else "FAILED"
        app["app_status"] = {"state": "RUNNING" if command else "CRASHED", "message": state}
        app["active_deployment"] = body | {
            "deployment_id": str(len(self.deployments)),
            "status": {"state": state, "message": state},
        }
        return JSONResponse(app["active_deployment"])

    async def _get_deployment(self, request: Request) -> Response:
        return JSONResponse(self._find(request)["active_deployment"])

    async def _make_folder(self, request: Request) -> Response:
        self._folders.add((await request.json())["path"])
        return JSONResponse({})

    async def _import(self, request: Request) -> Response:
        """Keep a file, in a folder that exists; a body has at most 10 MB."""
        async with request.form() as form:
            path, content = str(form["path"]), form["content"]
            data = content.encode() if isinstance(content, str) else await content.read()
        if path.rpartition("/")[0] not in self._folders:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"The parent folder of {path} does not exist", 404)
        if len(data) > 10 * 2**20:
            raise CatalogError("MAX_NOTEBOOK_SIZE_EXCEEDED", "The file is larger than 10 MB")
        if path in self.files and form.get("overwrite") != "true":
            raise CatalogError("RESOURCE_ALREADY_EXISTS", f"{path} already exists")
        self.files[path] = data
        return JSONResponse({})

    def _find(self, request: Request) -> JsonObject:
        name = request.path_params["name"]
        if name not in self.apps:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"App {name} does not exist or is deleted", 404)
        return self.apps[name]
