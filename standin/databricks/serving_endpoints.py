"""Imitate Databricks Model Serving.

The SDK's own classes check each body: a body with fields that they do not know is refused. A change takes a few polls,
as the real service takes minutes. A test supplies the models that answer invocations, by registered name and version.
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
from .bodies import require_known
from .unity_catalog import CatalogError, UnityCatalog

JsonObject = dict[str, Any]
Predictor = Callable[[JsonObject], Any]
"""Returns the predictions for the body of an invocation."""

_CLASSES: dict[str, Any] = {
    "ai_gateway": serving.AiGatewayConfig,
    "config": serving.EndpointCoreConfigInput,
    "telemetry_config": serving.TelemetryConfig,
}
_PLAIN_FIELDS = {"name", "budget_policy_id", "description", "route_optimized", "tags"}
_SIZES = {"Small", "Medium", "Large"}
_SECRET = re.compile(r"\{\{secrets/([^/{}]+)/([^/{}]+)\}\}")
_MAX_VARIABLES, _POLLS = 30, 2


@dataclass(slots=True)
class ServedEndpoint:
    """The state of one endpoint.

    Attributes:
        settings: The body of the endpoint's creation without ``config``.
        entities: Served entities that answer now.
        routes: Percentage of the traffic by served entity.
        pending: Entities and routes of a change in progress, or None.
        remaining_polls: Polls until that change ends.
        update: State of the latest change, as the API names it.
    """

    settings: JsonObject
    entities: list[JsonObject] = field(default_factory=list)
    routes: dict[str, int] = field(default_factory=dict)
    pending: tuple[list[JsonObject], dict[str, int]] | None = None
    remaining_polls: int = 0
    update: str = "NOT_UPDATING"


class ServingEndpoints:
    """The endpoints by name.

    Attributes:
        endpoints: Endpoints by name.
        models: Predictors by registered name and version.
        broken: Versions whose build fails.
        invocations: Endpoint and served entity of each invocation.
    """

    def __init__(self, catalog: UnityCatalog, secrets: dict[tuple[str, str], str]) -> None:
        self.endpoints: dict[str, ServedEndpoint] = {}
        self.models: dict[tuple[str, str], Predictor] = {}
        self.broken: set[str] = set()
        self.invocations: list[tuple[str, str]] = []
        self._catalog, self._secrets = catalog, secrets

    def clear(self) -> None:
        """Remove all endpoints, models and records."""
        for collection in (self.endpoints, self.models, self.broken, self.invocations):
            collection.clear()

    def routes(self, let_in: Callable[..., Any]) -> list[Route]:
        """Return the routes that the SDK calls, and those of invocations.

        Args:
            let_in: Wraps a handler with the check of the caller's key.
        """
        api_path, invocation_path = "/api/2.0/serving-endpoints/{name}", "/serving-endpoints/{name}"
        entity_path = f"{api_path}/served-models/{{entity}}"
        return [
            Route("/api/2.0/serving-endpoints", let_in(self._list), methods=["GET"]),
            Route("/api/2.0/serving-endpoints", let_in(self._create), methods=["POST"]),
            Route(api_path, let_in(self._get), methods=["GET"]),
            Route(api_path, let_in(self._delete), methods=["DELETE"]),
            Route(f"{api_path}/config", let_in(self._update), methods=["PUT"]),
            Route(f"{api_path}/tags", let_in(self._tags), methods=["PATCH"]),
            Route(f"{api_path}/telemetry-config", let_in(self._telemetry), methods=["PATCH"]),
            Route(f"{api_path}/ai-gateway", let_in(self._gateway), methods=["PUT"]),
            Route(f"{entity_path}/build-logs", let_in(self._build_logs), methods=["GET"]),
            Route(f"{entity_path}/logs", let_in(self._logs), methods=["GET"]),
            Route(f"{invocation_path}/invocations", let_in(self._invoke), methods=["POST"]),
            Route(f"{invocation_path}/served-models/{{entity}}/invocations", let_in(self._invoke), methods=["POST"]),
        ]

    async def _list(self, _: Request) -> Response:
        return JSONResponse({"endpoints": [_to_json(endpoint) for endpoint in self.endpoints.values()]})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        for name in body.keys() - _PLAIN_FIELDS - _CLASSES.keys():
            raise CatalogError("MALFORMED_REQUEST", f"unknown field {name}")
        for name in body.keys() & _CLASSES.keys():
            require_known(_CLASSES[name], body[name], name)
        if not re.fullmatch(r"[\w-]{1,63}", body.get("name", "")):
            raise CatalogError("INVALID_PARAMETER_VALUE", "name: expected 1 to 63 letters, digits, - or _")
        if body["name"] in self.endpoints:
            raise CatalogError("RESOURCE_ALREADY_EXISTS", f"Endpoint with name '{body['name']}' already exists", 409)
        endpoint = ServedEndpoint({name: value for name, value in body.items() if name != "config"} | {"creator": "me"})
        self._start_change(endpoint, body["config"])
        self.endpoints[body["name"]] = endpoint
        return JSONResponse(_to_json(endpoint))

    async def _get(self, request: Request) -> Response:
        shared = models.MODELS.get(request.path_params["name"])
        if shared and shared.is_foreign:  # a model of the stand-in, always ready
            state = {"ready": "READY", "config_update": "NOT_UPDATING"}
            return JSONResponse({"name": shared.name, "state": state, "task": "llm/v1/chat"})
        endpoint = self._find(request)
        if endpoint.pending and endpoint.remaining_polls:
            endpoint.remaining_polls -= 1
        elif endpoint.pending:
            self._finish_change(endpoint)
        return JSONResponse(_to_json(endpoint))

    async def _delete(self, request: Request) -> Response:
        self._find(request)
        del self.endpoints[request.path_params["name"]]
        return Response(status_code=200, content="{}", media_type="application/json")

    async def _update(self, request: Request) -> Response:
        body, endpoint = await request.json(), self._find(request)
        require_known(serving.EndpointCoreConfigInput, body, "config")
        if endpoint.pending:
            raise CatalogError("RESOURCE_CONFLICT", "Endpoint is already being updated", 409)
        self._start_change(endpoint, body)
        return JSONResponse(_to_json(endpoint))

    async def _tags(self, request: Request) -> Response:
        body, endpoint = await request.json(), self._find(request)
        added = {tag["key"]: tag for tag in [*endpoint.settings.get("tags", []), *body.get("add_tags", [])]}
        endpoint.settings["tags"] = [*added.values()]
        return JSONResponse({"tags": endpoint.settings["tags"]})

    async def _gateway(self, request: Request) -> Response:
        body = await request.json()
        require_known(serving.AiGatewayConfig, body, "ai_gateway")
        self._find(request).settings["ai_gateway"] = body
        return JSONResponse(body)

    async def _telemetry(self, request: Request) -> Response:
        body, endpoint = await request.json(), self._find(request)
        require_known(serving.TelemetryConfig, body.get("telemetry_config", body), "telemetry_config")
        endpoint.settings["telemetry_config"] = body.get("telemetry_config", body)
        return JSONResponse(_to_json(endpoint))

    async def _build_logs(self, request: Request) -> Response:
        self._find(request)
        return JSONResponse({"logs": "Collecting packages\nERROR: No matching distribution found for nosuch==1\n"})

    async def _logs(self, request: Request) -> Response:
        self._find(request)
        return JSONResponse({"logs": "[INFO] Booting worker\n[ERROR] a stage failed\n"})

    async def _invoke(self, request: Request) -> Response:
        endpoint, body = self._find(request), json.loads(await request.body())
        entity_name = request.path_params.get("entity") or max(
            endpoint.routes, key=lambda name: endpoint.routes[name], default=""
        )
        entity = next((served for served in endpoint.entities if served["name"] == entity_name), None)
        if entity is None:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"The served entity {entity_name} does not exist", 404)
        self.invocations.append((request.path_params["name"], entity_name))
        predict = self.models[entity["entity_name"], entity["entity_version"]]
        return JSONResponse({"predictions": predict(body)})

    def _find(self, request: Request) -> ServedEndpoint:
        name = request.path_params["name"]
        if name not in self.endpoints:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", f"Endpoint with name '{name}' does not exist", 404)
        return self.endpoints[name]

    def _start_change(self, endpoint: ServedEndpoint, config: JsonObject) -> None:
        """Start to change an endpoint to ``config``.

        Raises:
            CatalogError: The configuration is invalid.
        """
        entities = config.get("served_entities") or []
        for entity in entities:
            self._check_entity(entity)
        names = [entity["name"] for entity in entities]
        if len(set(names)) < len(names) or not names:
            raise CatalogError("INVALID_PARAMETER_VALUE", "each served entity needs a unique name")
        raw_routes = config.get("traffic_config", {}).get("routes") or [
            {"served_entity_name": names[0], "traffic_percentage": 100}
        ]
        routes = {route["served_entity_name"]: route["traffic_percentage"] for route in raw_routes}
        if sum(routes.values()) != 100 or routes.keys() - set(names):
            raise CatalogError(
                "INVALID_PARAMETER_VALUE",
                "routes have to name served entities, and their percentages have to add up to 100",
            )
        endpoint.pending, endpoint.remaining_polls, endpoint.update = (entities, routes), _POLLS, "IN_PROGRESS"

    def _check_entity(self, entity: JsonObject) -> None:
        versions = self._catalog.versions.get(entity.get("entity_name", ""), {})
        if entity.get("entity_version") not in versions:
            raise CatalogError("RESOURCE_DOES_NOT_EXIST", "The version of the registered model does not exist", 404)
        if entity.get("workload_size") not in _SIZES:
            sizes = ", ".join(sorted(_SIZES))
            raise CatalogError("INVALID_PARAMETER_VALUE", f"workload_size: expected one of {sizes}")
        variables = entity.get("environment_vars", {})
        if len(variables) > _MAX_VARIABLES:
            raise CatalogError("INVALID_PARAMETER_VALUE", f"at most {_MAX_VARIABLES} environment variables")
        for value in variables.values():
            if "{{" in value and not (match := _SECRET.fullmatch(value)):
                raise CatalogError("INVALID_PARAMETER_VALUE", "a secret has to be written as {{secrets/scope/key}}")
            if "{{" in value and match and match.groups() not in self._secrets:
                raise CatalogError("PERMISSION_DENIED", "the creator cannot read a secret that the endpoint names", 403)

    def _finish_change(self, endpoint: ServedEndpoint) -> None:
        """End a change: the new entities serve, or their build failed and the old ones stay."""
        if endpoint.pending is None:
            return
        entities, routes = endpoint.pending
        failed = any(entity["entity_version"] in self.broken for entity in entities)
        if not failed:
            endpoint.entities, endpoint.routes = entities, routes
        endpoint.pending, endpoint.update = None, "UPDATE_FAILED" if failed else "NOT_UPDATING"


def _to_json(endpoint: ServedEndpoint) -> JsonObject:
    """Return an endpoint as the API describes it."""
    ready = "READY" if endpoint.entities else "NOT_READY"
    values = endpoint.settings | {"state": {"ready": ready, "config_update": endpoint.update}}
    values["config"] = _config_json(endpoint.entities, endpoint.routes, "DEPLOYMENT_READY")
    if endpoint.pending:
        values["pending_config"] = _config_json(*endpoint.pending, "DEPLOYMENT_CREATING")
    return values


def _config_json(entities: list[JsonObject], routes: dict[str, int], state: str) -> JsonObject:
    entities_with_state = [
        entity | {"state": {"deployment": state, "deployment_state_message": ""}} for entity in entities
    ]
    traffic_routes = [{"served_entity_name": name, "traffic_percentage": share} for name, share in routes.items()]
    return {"served_entities": entities_with_state, "traffic_config": {"routes": traffic_routes}}
