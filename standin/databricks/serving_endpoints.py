"""Databricks Model Serving, as its API is told by the SDK's own classes: a body that they do not know is refused.

A change takes a few looks until it is there, as the real one takes minutes. What an endpoint answers with is a model
that the test gives, by registered name and version.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from databricks.sdk.service import serving
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..openai import models
from .unity_catalog import Catalog, CatalogError

Values = dict[str, Any]
Model = Callable[[Values], Any]
"""Takes the body of an invocation, gives its predictions."""

_CREATED: dict[str, Any] = {
    "ai_gateway": serving.AiGatewayConfig,
    "config": serving.EndpointCoreConfigInput,
    "telemetry_config": serving.TelemetryConfig,
}
_PLAIN = {"name", "budget_policy_id", "description", "route_optimized", "tags"}
_SIZES = {"Small", "Medium", "Large"}
_SECRET = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")
_VARIABLES, _LOOKS = 30, 2


@dataclass(slots=True)
class Endpoint:
    """What is there, what is to come and after how many looks, and what the last change came to."""

    told: Values
    entities: list[Values] = field(default_factory=list)
    routes: dict[str, int] = field(default_factory=dict)
    pending: tuple[list[Values], dict[str, int]] | None = None
    looks: int = 0
    update: str = "NOT_UPDATING"


class Endpoints:
    """All endpoints; ``models`` by registered name and version. ``broken`` versions fail to build."""

    def __init__(self, catalog: Catalog, secrets: dict[tuple[str, str], str]) -> None:
        self.all: dict[str, Endpoint] = {}
        self.models: dict[tuple[str, str], Model] = {}
        self.broken: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._catalog, self._secrets = catalog, secrets

    def clear(self) -> None:
        """As new."""
        for one in (self.all, self.models, self.broken, self.asked):
            one.clear()

    def routes(self, let_in: Callable[..., Any]) -> list[Route]:
        """The calls of the SDK, and those of whoever asks a question."""
        one, asked = "/api/2.0/serving-endpoints/{name}", "/serving-endpoints/{name}"
        served = f"{one}/served-models/{{entity}}"
        return [
            Route("/api/2.0/serving-endpoints", let_in(self._list), methods=["GET"]),
            Route("/api/2.0/serving-endpoints", let_in(self._create), methods=["POST"]),
            Route(one, let_in(self._get), methods=["GET"]),
            Route(one, let_in(self._delete), methods=["DELETE"]),
            Route(f"{one}/config", let_in(self._update), methods=["PUT"]),
            Route(f"{one}/tags", let_in(self._tags), methods=["PATCH"]),
            Route(f"{one}/telemetry-config", let_in(self._telemetry), methods=["PATCH"]),
            Route(f"{one}/ai-gateway", let_in(self._gateway), methods=["PUT"]),
            Route(f"{served}/build-logs", let_in(self._build_logs), methods=["GET"]),
            Route(f"{served}/logs", let_in(self._logs), methods=["GET"]),
            Route(f"{asked}/invocations", let_in(self._invoked), methods=["POST"]),
            Route(f"{asked}/served-models/{{entity}}/invocations", let_in(self._invoked), methods=["POST"]),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"endpoints": [_told(one) for one in self.all.values()]})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        for name in body.keys() - _PLAIN - _CREATED.keys():
            raise CatalogError("MALFORMED_REQUEST", f"unknown field {name}")
        for name in body.keys() & _CREATED.keys():
            _known(_CREATED[name], body[name], name)
        if not re.fullmatch(r"[\w-]{1,63}", body.get("name", "")):
            raise CatalogError("INVALID_PARAMETER_VALUE", "name: letters, digits, - and _ alone, 63 at most")
        if body["name"] in self.all:
            raise CatalogError("RESOURCE_ALREADY_EXISTS", f"Endpoint with name '{body['name']}' already exists", 409)
        made = Endpoint({name: value for name, value in body.items() if name != "config"} | {"creator": "me"})
        self._change(made, body["config"])
        self.all[body["name"]] = made
        return JSONResponse(_told(made))

    async def _get(self, request: Request) -> Response:
        shared = models.ENTRIES.get(request.path_params["name"])
        if shared and shared.own:
            state = {"ready": "READY", "config_update": "NOT_UPDATING"}
            return JSONResponse({"name": shared.name, "state": state, "task": "llm/v1/chat"})
        made = self._one(request)
        if made.pending and made.looks:
            made.looks -= 1
        elif made.pending:
            self._done(made)
        return JSONResponse(_told(made))

    async def _delete(self, request: Request) -> Response:
        self._one(request)
        del self.all[request.path_params["name"]]
        return Response(status_code=200, content="{}", media_type="application/json")

    async def _update(self, request: Request) -> Response:
        body, made = await request.json(), self._one(request)
        _known(serving.EndpointCoreConfigInput, body, "config")
        if made.pending:
            raise CatalogError("RESOURCE_CONFLICT", "Endpoint is already being updated", 409)
        self._change(made, body)
        return JSONResponse(_told(made))

    async def _tags(self, request: Request) -> Response:
        body, made = await request.json(), self._one(request)
        added = {one["key"]: one for one in [*made.told.get("tags", []), *body.get("add_tags", [])]}
        made.told["tags"] = [*added.values()]
        return JSONResponse({"tags": made.told["tags"]})

    async def _gateway(self, request: Request) -> Response:
        body = await request.json()
        _known(serving.AiGatewayConfig, body, "ai_gateway")
        self._one(request).told["ai_gateway"] = body
        return JSONResponse(body)

    async def _telemetry(self, request: Request) -> Response:
        body, made = await request.json(), self._one(request)
        _known(serving.TelemetryConfig, body.get("telemetry_config", body), "telemetry_config")
        made.told["telemetry_config"] = body.get("telemetry_config", body)
        return JSONResponse(_told(made))

    async def _build_logs(self, request: Request) -> Response:
        self._one(request)
        return JSONResponse({"logs": "Collecting packages\nERROR: No matching distribution found for nosuch==1\n"})

    async def _logs(self, request: Request) -> Response:
        self._one(request)
        return JSONResponse({"logs": "[INFO] Booting worker\n[ERROR] a stage failed\n"})

    async def _invoked(self, request: Request) -> Response:
        made, body = self._one(request), json.loads(await request.body())
        wanted = request.path_params.get("entity") or max(made.routes, key=lambda name: made.routes[name], default="")
        entity = next((one for one in made.entities if one["name"] == wanted), None)
        if entity is None:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"There is no served entity {wanted}", 404)
        self.asked.append((request.path_params["name"], wanted))
        answer = self.models[entity["entity_name"], entity["entity_version"]]
        return JSONResponse({"predictions": answer(body)})

    def _one(self, request: Request) -> Endpoint:
        name = request.path_params["name"]
        if name not in self.all:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Endpoint with name '{name}' does not exist", 404)
        return self.all[name]

    def _change(self, made: Endpoint, config: Values) -> None:
        """Begins a change. Raises CatalogError for one that cannot be."""
        entities = config.get("served_entities") or []
        for entity in entities:
            self._entity(entity)
        names = [entity["name"] for entity in entities]
        if len(set(names)) < len(names) or not names:
            raise CatalogError("INVALID_PARAMETER_VALUE", "served entities need names, each its own")
        told = config.get("traffic_config", {}).get("routes") or [
            {"served_entity_name": names[0], "traffic_percentage": 100}
        ]
        routes = {one["served_entity_name"]: one["traffic_percentage"] for one in told}
        if sum(routes.values()) != 100 or routes.keys() - set(names):
            raise CatalogError("INVALID_PARAMETER_VALUE", "routes name served entities, and come to 100")
        made.pending, made.looks, made.update = (entities, routes), _LOOKS, "IN_PROGRESS"

    def _entity(self, entity: Values) -> None:
        versions = self._catalog.versions.get(entity.get("entity_name", ""), {})
        if entity.get("entity_version") not in versions:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", "There is no such version of a registered model", 404)
        if entity.get("workload_size") not in _SIZES:
            raise CatalogError("INVALID_PARAMETER_VALUE", f"workload_size: one of {', '.join(sorted(_SIZES))}")
        variables = entity.get("environment_vars", {})
        if len(variables) > _VARIABLES:
            raise CatalogError("INVALID_PARAMETER_VALUE", f"at most {_VARIABLES} environment variables")
        for value in variables.values():
            if "{{" in value and not (found := _SECRET.fullmatch(value)):
                raise CatalogError("INVALID_PARAMETER_VALUE", "a secret is written {{secrets/scope/key}}")
            if "{{" in value and found and found.groups() not in self._secrets:
                raise CatalogError("PERMISSION_DENIED", "the creator cannot read a secret that the endpoint names", 403)

    def _done(self, made: Endpoint) -> None:
        """Ends a change: it is there, or its build failed and what was there stays."""
        if made.pending is None:
            return
        entities, routes = made.pending
        failed = any(entity["entity_version"] in self.broken for entity in entities)
        if not failed:
            made.entities, made.routes = entities, routes
        made.pending, made.update = None, "UPDATE_FAILED" if failed else "NOT_UPDATING"


def _known(kind: Any, body: Values, where: str) -> None:  # a class of the SDK's
    """Refuses what the SDK's class does not keep of ``body``."""
    try:
        kept = kind.from_dict(body).as_dict()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CatalogError("MALFORMED_REQUEST", f"{where}: {type(error).__name__}") from None
    if kept != body:
        raise CatalogError("MALFORMED_REQUEST", f"{where}: unknown or misspelt fields")


def _told(made: Endpoint) -> Values:
    """An endpoint as the API tells it, without the values of its variables."""
    ready = "READY" if made.entities else "NOT_READY"
    told = made.told | {"state": {"ready": ready, "config_update": made.update}}
    told["config"] = _config(made.entities, made.routes, "DEPLOYMENT_READY")
    if made.pending:
        told["pending_config"] = _config(*made.pending, "DEPLOYMENT_CREATING")
    return told


def _config(entities: list[Values], routes: dict[str, int], state: str) -> Values:
    served = [one | {"state": {"deployment": state, "deployment_state_message": ""}} for one in entities]
    told = [{"served_entity_name": name, "traffic_percentage": share} for name, share in routes.items()]
    return {"served_entities": served, "traffic_config": {"routes": told}}
