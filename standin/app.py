"""Serve the routes of the stand-in in the spellings of OpenAI, Azure and Databricks, and check the caller's key."""

import base64
import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .azure.resource_manager import ResourceManager
from .databricks.files import VolumeFiles
from .databricks.workspace import DatabricksWorkspace, Handler
from .faults import Fault, Script, apply_fault
from .openai import chat, embeddings, images, models
from .openai.batches import Batches
from .openai.errors import RefusedError

KEY = "sk-standin"
PATHS = ("chat/completions", "embeddings", "images/generations", "responses")
_LATER = 1_900_000_000
"""A time in the year 2030, in seconds since 1970."""


class StandIn:
    """The application of the stand-in. ``script`` sets its behaviour and records the calls that it receives."""

    def __init__(self, key: str = KEY, secrets: dict[tuple[str, str], str] | None = None) -> None:
        """Make a stand-in with an empty script.

        Args:
            key: API key that callers have to send.
            secrets: Values of Databricks secrets by scope and name.
        """
        self.key, self.secrets, self.script = key, {} if secrets is None else secrets, Script()
        self.workspace, self.azure = DatabricksWorkspace(self.secrets), ResourceManager()
        self.batches = Batches(lambda path, body: self._make_response(path, body, databricks=False))

    @property
    def volumes(self) -> VolumeFiles:
        """Return the contents of the workspace's files by path."""
        return self.workspace.volumes

    def app(self) -> Starlette:
        """Return the ASGI application with all routes."""
        routes = [
            Route("/v1/models", self._require_key(self._models)),
            Route("/openai/models", self._require_key(self._azure_models)),
        ]
        for path in PATHS:
            routes.append(Route(f"/v1/{path}", self._require_key(self._answer(path)), methods=["POST"]))
            # Azure names the model in the path, but that of responses in the body
            azure = path if path == "responses" else f"deployments/{{deployment}}/{path}"
            routes.append(Route(f"/openai/{azure}", self._require_key(self._answer(path)), methods=["POST"]))
            routes.append(Route(f"/serving-endpoints/{path}", self._require_key(self._answer(path)), methods=["POST"]))
        routes += [
            Route("/api/2.0/secrets/get", self._require_key(self._secret)),
            *self.batches.routes(self._require_key),
            *self.workspace.routes(self._require_key),
            *self.azure.routes(self._require_key),
            Route("/.well-known/databricks-config", self._workspace),
            Route("/standin/identity", self._identity),
            Route("/standin/script", self._set_script, methods=["POST"]),
            Route("/standin/calls", self._count_calls),
        ]
        return Starlette(routes=routes)

    def _require_key(self, handler: Handler) -> Handler:
        """Refuse a wrong key and, on Azure's paths, a missing ``api-version``; return errors in OpenAI's format."""

        async def check(request: Request) -> Response:
            sent_key = request.headers.get("authorization", "").removeprefix("Bearer ")
            azure = request.url.path.startswith("/openai/")
            sent_key = request.headers.get("api-key", sent_key) if azure else sent_key
            try:
                if sent_key != self.key:
                    raise RefusedError(401, "invalid_api_key", f"Incorrect API key provided: {sent_key}")  # noqa: TRY301
                if azure and "api-version" not in request.query_params:
                    raise RefusedError(404, "404", "Resource not found")  # noqa: TRY301
                return await handler(request)
            except RefusedError as error:
                return error.response()

        return check

    def _answer(self, path: str) -> Handler:
        async def handle(request: Request) -> Response:
            sent = (await request.body()).decode()
            body = json.loads(sent) | ({"model": name} if (name := request.path_params.get("deployment")) else {})
            script = self.script
            script.calls.append((path, body))
            script.running[path] += 1
            script.peak[path] = max(script.peak[path], script.running[path])
            try:
                fault = script.fault(path) or script.limit()
                if fault and fault.kind == "refuse":
                    return await apply_fault(fault, Response(), sent)
                await script.wait(path, body)
                answer = self._make_response(path, body, databricks=request.url.path.startswith("/serving-endpoints"))
                return await apply_fault(fault, answer, sent) if fault else answer
            finally:
                script.running[path] -= 1

        return handle

    def _make_response(self, path: str, body: dict[str, Any], *, databricks: bool) -> Response:
        if databricks and "stream_options" in body:
            raise RefusedError(400, "", 'json: unknown field "stream_options"')
        if path == "chat/completions":
            reply = self.script.replies.popleft() if self.script.replies else None
            return chat.complete(body, reply)
        if self.script.is_plain and "prompt" in body:
            body |= {"prompt": "A card"}
        handlers = {"embeddings": embeddings.embed, "images/generations": images.generate, "responses": images.respond}
        return handlers[path](body)

    async def _models(self, _: Request) -> Response:
        fault = self.script.fault("models")
        if fault:
            return await apply_fault(fault, Response(), "")
        entries = [
            {"id": entry.name, "object": "model", "created": 1, "owned_by": "stand-in", "shutdown_date": entry.end_date}
            for entry in models.MODELS.values()
            if not (entry.is_gone or entry.name.startswith("databricks-"))
        ]
        return JSONResponse({"object": "list", "data": entries})

    async def _azure_models(self, _: Request) -> Response:
        entries = [
            {
                "id": entry.name,
                "object": "model",
                "lifecycle_status": "generally-available",
                "deprecation": {"inference": _LATER},
            }
            for entry in models.MODELS.values()
            if not (entry.is_gone or entry.is_foreign)
        ]
        return JSONResponse({"object": "list", "data": entries})

    async def _workspace(self, request: Request) -> Response:
        return JSONResponse({"oidc_endpoint": f"{request.base_url}oidc", "workspace_id": "1"})

    async def _secret(self, request: Request) -> Response:
        scope, key = request.query_params["scope"], request.query_params["key"]
        if (scope, key) not in self.secrets:
            return _databricks_error(404, "RESOURCE_DOES_NOT_EXIST", "Secret does not exist.")
        value = base64.b64encode(self.secrets[scope, key].encode()).decode()
        return JSONResponse({"key": key, "value": value})

    async def _identity(self, request: Request) -> Response:
        """Answer as the managed identity of Azure App Service, which requires the header ``x-identity-header``."""
        if "x-identity-header" not in request.headers:
            return JSONResponse({"error": "unauthorized_client"}, 400)
        token = {"access_token": self.key, "expires_on": str(_LATER), "resource": "", "token_type": "Bearer"}
        return JSONResponse(token)

    async def _set_script(self, request: Request) -> Response:
        """Replace the script, by a body such as ``{"faults": [...], "latency": {...}, "per_text": 0.1, "rate": 9}``."""
        settings = await request.json()
        self.script.reset()
        self.script.faults.extend(Fault(**fault) for fault in settings.get("faults", ()))
        self.script.replies.extend(settings.get("replies", ()))
        self.script.latency.update(settings.get("latency", {}))
        self.script.per_text, self.script.rate = settings.get("per_text", 0.0), settings.get("rate", 0.0)
        self.script.failing_share, self.script.is_plain = settings.get("failing", 0.0), settings.get("plain", False)
        return Response(status_code=204)

    async def _count_calls(self, _: Request) -> Response:
        """Return the calls of each path since the script was set, and the highest number that ran at the same time."""
        counts = {path: sum(called_path == path for called_path, _ in self.script.calls) for path in PATHS}
        return JSONResponse({"calls": counts, "peak": dict(self.script.peak)})


def _databricks_error(status: int, code: str, message: str) -> Response:
    """Return an error in Databricks' format."""
    return JSONResponse({"error_code": code, "message": message}, status)
