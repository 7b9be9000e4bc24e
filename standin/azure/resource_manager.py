"""Imitate Azure Resource Manager for resource groups and Databricks workspaces: long-running operations and refusals.

The fields of a workspace's body are checked with the classes of azure-mgmt-databricks.
"""

from collections.abc import Callable
from typing import Any

from azure.mgmt.databricks import models
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..databricks.serving_endpoints import JsonObject

_GROUP_PATH = "/subscriptions/{subscription}/resourcegroups/{group}"
_WORKSPACE_PATH = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Databricks/workspaces/{name}"
)
_POLLS = 2


class ResourceManager:
    """The resource groups and workspaces of one subscription.

    Attributes:
        groups: Resource groups by name.
        workspaces: Workspaces by group and name.
        operations: Long-running operations by number: remaining polls, the function that ends the operation, and
            whether the operation fails.
        calls: Method and path of each call.
        other_resources: Names of resources that a group lists beside its workspaces.
        failing_call: Position in ``calls`` of the call that is refused with ``fault``, once; None for none.
        fault: HTTP status and error code of that refusal.
        is_failing: Whether the creation of a workspace fails.
    """

    def __init__(self) -> None:
        self.groups: dict[str, JsonObject] = {}
        self.workspaces: dict[tuple[str, str], JsonObject] = {}
        self.operations: dict[str, list[Any]] = {}
        self.calls: list[str] = []
        self.other_resources: list[str] = []
        self._creations: dict[tuple[str, str], str] = {}
        self.failing_call: int | None = None
        self.fault = (500, "InternalServerError")
        self.is_failing = False

    def clear(self) -> None:
        """Restore the initial state."""
        for collection in (self.groups, self.workspaces, self.operations, self.calls, self.other_resources):
            collection.clear()
        self.failing_call, self.fault, self.is_failing = None, (500, "InternalServerError"), False

    def routes(self, let_in: Callable[..., Any]) -> list[Route]:
        """Return the routes that the SDKs call.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """
        handlers: list[tuple[str, str, Any]] = [
            (_GROUP_PATH, "PUT", self._put_group),
            (_GROUP_PATH, "GET", self._get_group),
            (_GROUP_PATH, "DELETE", self._delete_group),
            (_WORKSPACE_PATH, "PUT", self._put),
            (_WORKSPACE_PATH, "GET", self._get),
            (_WORKSPACE_PATH, "DELETE", self._delete),
            (f"{_GROUP_PATH}/resources", "GET", self._resources),
            ("/subscriptions/{subscription}/operations/{number}", "GET", self._operation),
        ]
        return [
            Route(path, let_in(self._count_and_fail(handler)), methods=[method]) for path, method, handler in handlers
        ]

    def _count_and_fail(self, handler: Any) -> Any:  # handlers of Starlette routes
        async def answer(request: Request) -> Response:
            self.calls.append(f"{request.method} {request.url.path}")
            if self.failing_call == len(self.calls) - 1:
                self.failing_call = None
                return _error_response(*self.fault)
            return await handler(request)  # type: ignore[no-any-return]

        return answer

    async def _put_group(self, request: Request) -> Response:
        name, body = request.path_params["group"], await request.json()
        if body.keys() - {"location", "tags"}:
            return _error_response(400, "InvalidRequestContent")
        self.groups[name] = body | {"name": name, "properties": {"provisioningState": "Succeeded"}}
        return JSONResponse(self.groups[name], 201)

    async def _get_group(self, request: Request) -> Response:
        group = self.groups.get(request.path_params["group"])
        return JSONResponse(group) if group else _error_response(404, "ResourceGroupNotFound")

    async def _delete_group(self, request: Request) -> Response:
        name = request.path_params["group"]
        if name not in self.groups:
            return _error_response(404, "ResourceGroupNotFound")
        return self._start_operation(request, lambda: self._remove_group(name))

    async def _put(self, request: Request) -> Response:
        group, name, body = request.path_params["group"], request.path_params["name"], await request.json()
        problem = _find_problem(body)
        if group not in self.groups or problem:
            return _error_response(400 if problem else 404, problem or "ResourceGroupNotFound")
        existing = self.workspaces.get((group, name))
        if existing and existing["properties"]["provisioningState"] not in {"Succeeded", "Failed"}:
            return _error_response(409, "ApplianceBeingCreated")
        host = str(request.base_url).rstrip("/")
        properties = body["properties"] | {"provisioningState": "Accepted", "workspaceUrl": host}
        workspace = body | {"name": name, "properties": properties}
        self.workspaces[group, name] = workspace
        self._creations[group, name] = str(len(self.operations) + 1)
        state = "Failed" if self.is_failing else "Succeeded"
        return self._start_operation(
            request, lambda: properties.update(provisioningState=state), workspace, failed=self.is_failing
        )

    async def _resources(self, request: Request) -> Response:
        group = request.path_params["group"]
        names = [name for workspace_group, name in self.workspaces if workspace_group == group] + self.other_resources
        return JSONResponse({"value": [{"name": name, "type": "a/b"} for name in names]})

    async def _get(self, request: Request) -> Response:
        key = (request.path_params["group"], request.path_params["name"])
        workspace = self.workspaces.get(key)
        if (
            workspace and workspace["properties"]["provisioningState"] == "Accepted"
        ):  # to read the workspace is to poll its operation
            self._advance(self.operations[self._creations[key]])
        return JSONResponse(workspace) if workspace else _error_response(404, "ResourceNotFound")

    async def _delete(self, request: Request) -> Response:
        key = (request.path_params["group"], request.path_params["name"])
        if key not in self.workspaces:
            return Response(status_code=204)
        return self._start_operation(request, lambda: self.workspaces.pop(key, None))

    async def _operation(self, request: Request) -> Response:
        operation = self.operations[request.path_params["number"]]
        if not self._advance(operation):
            return JSONResponse({"status": "InProgress"}, headers={"Retry-After": "0"})
        if operation[2]:
            return JSONResponse({"status": "Failed", "error": {"code": "QuotaExceeded", "message": "no quota is left"}})
        return JSONResponse({"status": "Succeeded"})

    def _advance(self, operation: list[Any]) -> bool:
        """Count one poll of an operation, end the operation when none remains, and return whether it has ended."""
        operation[0] -= 1
        if operation[0] <= 0:
            operation[1]()
        return bool(operation[0] <= 0)

    def _start_operation(
        self, request: Request, end: Any, body: JsonObject | None = None, *, failed: bool = False
    ) -> Response:
        """Start an operation that ends after ``_POLLS`` polls, and return the response that refers to it."""
        number = str(len(self.operations) + 1)
        self.operations[number] = [_POLLS, end, failed]
        location = f"{request.base_url}subscriptions/{request.path_params['subscription']}/operations/{number}"
        headers = {"Azure-AsyncOperation": location, "Location": location, "Retry-After": "0"}
        return JSONResponse(body or {}, 201 if body else 202, headers=headers)

    def _remove_group(self, group: str) -> None:
        self.groups.pop(group, None)
        for key in [workspace_group for workspace_group in self.workspaces if workspace_group[0] == group]:
            del self.workspaces[key]


def _find_problem(body: JsonObject) -> str:
    """Return the error code for a workspace's body that is refused; empty for a valid body."""
    fields = {_to_camel_case(name) for name in models.WorkspaceProperties.__annotations__}
    properties = body.get("properties", {})
    if body.keys() - {"location", "tags", "sku", "properties"} or properties.keys() - fields:
        return "InvalidRequestContent"
    if body.get("sku", {}).get("name") != "premium":
        return "SkuNotAvailable"  # Azure offers no standard tier since 2026
    return "" if properties.get("computeMode") and properties.get("managedResourceGroupId") else "MissingProperty"


def _to_camel_case(name: str) -> str:
    head, *others = name.split("_")
    return head + "".join(word.capitalize() for word in others)


def _error_response(status: int, code: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": f"the stand-in refused this call: {code}"}}, status)
