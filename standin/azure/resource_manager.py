"""Azure Resource Manager, as far as resource groups and Databricks workspaces go: long-running operations and refusals.

A workspace's body is checked with the fields of azure-mgmt-databricks' own classes.
"""

from collections.abc import Callable
from typing import Any

from azure.mgmt.databricks import models
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Values = dict[str, Any]
_ABOVE = "/subscriptions/{subscription}/resourcegroups/{group}"
_WORKSPACE = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Databricks/workspaces/{name}"
_LOOKS = 2


class ResourceManager:
    """Groups and workspaces by name; the call of number ``fails_at`` is refused with ``fault``, once."""

    def __init__(self) -> None:
        self.groups: dict[str, Values] = {}
        self.workspaces: dict[tuple[str, str], Values] = {}
        self.operations: dict[str, list[Any]] = {}
        self.calls: list[str] = []
        self.others: list[str] = []
        self._making: dict[tuple[str, str], str] = {}
        self.fails_at: int | None = None
        self.fault = (500, "InternalServerError")
        self.breaks = False

    def clear(self) -> None:
        """As new."""
        for one in (self.groups, self.workspaces, self.operations, self.calls, self.others):
            one.clear()
        self.fails_at, self.fault, self.breaks = None, (500, "InternalServerError"), False

    def routes(self, let_in: Callable[..., Any]) -> list[Route]:
        """The calls that the SDKs make."""
        told: list[tuple[str, str, Any]] = [
            (_ABOVE, "PUT", self._put_group),
            (_ABOVE, "GET", self._get_group),
            (_ABOVE, "DELETE", self._delete_group),
            (_WORKSPACE, "PUT", self._put),
            (_WORKSPACE, "GET", self._get),
            (_WORKSPACE, "DELETE", self._delete),
            (f"{_ABOVE}/resources", "GET", self._resources),
            ("/subscriptions/{subscription}/operations/{number}", "GET", self._operation),
        ]
        return [Route(path, let_in(self._checked(handler)), methods=[method]) for path, method, handler in told]

    def _checked(self, handler: Any) -> Any:  # a route's
        async def answered(request: Request) -> Response:
            self.calls.append(f"{request.method} {request.url.path}")
            if self.fails_at == len(self.calls) - 1:
                self.fails_at = None
                return _refused(*self.fault)
            return await handler(request)  # type: ignore[no-any-return]

        return answered

    async def _put_group(self, request: Request) -> Response:
        name, body = request.path_params["group"], await request.json()
        if body.keys() - {"location", "tags"}:
            return _refused(400, "InvalidRequestContent")
        self.groups[name] = body | {"name": name, "properties": {"provisioningState": "Succeeded"}}
        return JSONResponse(self.groups[name], 201)

    async def _get_group(self, request: Request) -> Response:
        found = self.groups.get(request.path_params["group"])
        return JSONResponse(found) if found else _refused(404, "ResourceGroupNotFound")

    async def _delete_group(self, request: Request) -> Response:
        name = request.path_params["group"]
        if name not in self.groups:
            return _refused(404, "ResourceGroupNotFound")
        return self._begun(request, lambda: self._without(name))

    async def _put(self, request: Request) -> Response:
        group, name, body = request.path_params["group"], request.path_params["name"], await request.json()
        wrong = _wrong(body)
        if group not in self.groups or wrong:
            return _refused(400 if wrong else 404, wrong or "ResourceGroupNotFound")
        told = self.workspaces.get((group, name))
        if told and told["properties"]["provisioningState"] not in {"Succeeded", "Failed"}:
            return _refused(409, "ApplianceBeingCreated")
        host = str(request.base_url).rstrip("/")
        properties = body["properties"] | {"provisioningState": "Accepted", "workspaceUrl": host}
        made = body | {"name": name, "properties": properties}
        self.workspaces[group, name] = made
        self._making[group, name] = str(len(self.operations) + 1)
        state = "Failed" if self.breaks else "Succeeded"
        return self._begun(request, lambda: properties.update(provisioningState=state), made, failed=self.breaks)

    async def _resources(self, request: Request) -> Response:
        group = request.path_params["group"]
        named = [name for one, name in self.workspaces if one == group] + self.others
        return JSONResponse({"value": [{"name": name, "type": "a/b"} for name in named]})

    async def _get(self, request: Request) -> Response:
        place = (request.path_params["group"], request.path_params["name"])
        found = self.workspaces.get(place)
        if found and found["properties"]["provisioningState"] == "Accepted":
            self._looked(self.operations[self._making[place]])
        return JSONResponse(found) if found else _refused(404, "ResourceNotFound")

    async def _delete(self, request: Request) -> Response:
        place = (request.path_params["group"], request.path_params["name"])
        if place not in self.workspaces:
            return Response(status_code=204)
        return self._begun(request, lambda: self.workspaces.pop(place, None))

    async def _operation(self, request: Request) -> Response:
        told = self.operations[request.path_params["number"]]
        if not self._looked(told):
            return JSONResponse({"status": "InProgress"}, headers={"Retry-After": "0"})
        if told[2]:
            return JSONResponse({"status": "Failed", "error": {"code": "QuotaExceeded", "message": "no quota is left"}})
        return JSONResponse({"status": "Succeeded"})

    def _looked(self, operation: list[Any]) -> bool:
        """Whether an operation is done at this look."""
        operation[0] -= 1
        if operation[0] <= 0:
            operation[1]()
        return bool(operation[0] <= 0)

    def _begun(self, request: Request, end: Any, body: Values | None = None, *, failed: bool = False) -> Response:
        """A long-running operation, which ends after a few looks."""
        number = str(len(self.operations) + 1)
        self.operations[number] = [_LOOKS, end, failed]
        place = f"{request.base_url}subscriptions/{request.path_params['subscription']}/operations/{number}"
        headers = {"Azure-AsyncOperation": place, "Location": place, "Retry-After": "0"}
        return JSONResponse(body or {}, 201 if body else 202, headers=headers)

    def _without(self, group: str) -> None:
        self.groups.pop(group, None)
        for place in [one for one in self.workspaces if one[0] == group]:
            del self.workspaces[place]


def _wrong(body: Values) -> str:
    """The code with which a workspace's body is refused; empty when it is right."""
    known = {_camel(name) for name in models.WorkspaceProperties.__annotations__}
    properties = body.get("properties", {})
    if body.keys() - {"location", "tags", "sku", "properties"} or properties.keys() - known:
        return "InvalidRequestContent"
    if body.get("sku", {}).get("name") != "premium":
        return "SkuNotAvailable"  # standard is gone since 2026
    return "" if properties.get("computeMode") and properties.get("managedResourceGroupId") else "MissingProperty"


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(one.capitalize() for one in others)


def _refused(status: int, code: str) -> Response:
    return JSONResponse({"error": {"code": code, "message": f"{code}, says the stand-in"}}, status)
