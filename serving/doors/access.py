"""Who may call the server, how often, and for how much."""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256

from cachetools import TTLCache
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .calls import CURRENT_CALL, Call, CallRecorder
from .tokens import Token

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Paths that need no token."""
_DOORS = {
    "/invocations": "invocations",
    "/stream": "stream",
    "/mcp": "mcp",
    "/v1": "openai",
    "/api": "page",
    "/page": "page",
    "/metrics": "metrics",
}
_TRACKED_CLIENTS, _MINUTE = 10_000, 60


class _RefusedCallError(Exception):
    """A call that is refused before a door sees it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        error = {"message": message, "type": code.lower(), "code": code.lower(), "param": None}
        # both shapes: MLflow's, and OpenAI's
        body = {"error_code": code, "message": message, "error": error}
        self.response = JSONResponse(body, status, headers)


@dataclass(slots=True)
class AccessControl:
    """An ASGI application that passes calls on to another one: with a token, within limits, and noted.

    Attributes:
        app: The other application.
        recorder: Notes each call.
        tokens: Tokens of which a call needs one; without any, every call may pass.
        trusts_proxy: Whether a proxy in front has authenticated the caller and tells who it is, as that of Databricks
            Apps does.
        calls_per_minute: Most calls of a client within a minute where its token says nothing; 0 for no limit.
    """

    app: ASGIApp
    recorder: CallRecorder
    tokens: Sequence[Token] = ()
    trusts_proxy: bool = False
    calls_per_minute: int = 0
    _call_counts: "TTLCache[str, list[int]]" = field(
        init=False, default_factory=lambda: TTLCache(_TRACKED_CLIENTS, _MINUTE)
    )
    _spent: dict[tuple[str, date], float] = field(init=False, default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI 3.0)."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            _check_protocol(headers)
            token = self._find_token(headers)
            call = self._make_call(scope, headers, token)
            self._check_limits(call.client, token)
        except _RefusedCallError as refusal:
            await refusal.response(scope, receive, send)
            return
        await self._pass_on(call, scope, receive, send)

    async def _pass_on(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        status, started, context = 0, self.recorder.begin(), CURRENT_CALL.set(call)

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_noting_status)
        finally:
            CURRENT_CALL.reset(context)
            if self.tokens and call.dollars:
                self._spent[call.client, _today()] = self._spent.get((call.client, _today()), 0.0) + call.dollars
            self.recorder.end(call, status, started)

    def _find_token(self, headers: Headers) -> Token | None:
        """Return the token of a call; None where none is needed."""
        if not self.tokens:
            return None
        digest = sha256(_read_secret(headers.get("authorization", "")).encode()).hexdigest()
        # every token is compared, in constant time, so that the duration tells nothing
        matching = [token for token in self.tokens if hmac.compare_digest(token.digest, digest)]
        if not matching:
            raise _RefusedCallError(
                401,
                "UNAUTHENTICATED",
                "this server wants a token; send the header Authorization: Bearer TOKEN",
                {"WWW-Authenticate": 'Basic realm="multichain: any name, and the token as password", charset="UTF-8"'},
            )
        return matching[0]

    def _make_call(self, scope: Scope, headers: Headers, token: Token | None) -> Call:
        door = _DOORS.get("/" + scope["path"].split("/")[1], "page" if scope["path"] == "/" else "other")
        if self.trusts_proxy:
            client = headers.get("x-forwarded-email") or headers.get("x-forwarded-user") or "unknown"
            return Call(door, client, headers.get("x-forwarded-access-token", ""))
        address = (scope.get("client") or ("unknown",))[0]
        return Call(door, token.name if token else str(address))

    def _check_limits(self, client: str, token: Token | None) -> None:
        """Count the call; raise _RefusedCallError when the client calls too often or has spent its budget."""
        limit = (token.calls_per_minute if token else 0) or self.calls_per_minute
        count = self._call_counts.get(client)
        if count is None:
            count = self._call_counts[client] = [0]
        count[0] += 1
        if limit and count[0] > limit:
            raise _RefusedCallError(
                429,
                "REQUEST_LIMIT_EXCEEDED",
                f"more than {limit} calls within a minute; wait a minute",
                {"Retry-After": str(_MINUTE)},
            )
        for key in [key for key in self._spent if key[1] != _today()]:
            del self._spent[key]
        if token and token.dollars_per_day and self._spent.get((client, _today()), 0.0) >= token.dollars_per_day:
            raise _RefusedCallError(
                429,
                "BUDGET_EXCEEDED",
                f"the token's budget of {token.dollars_per_day:g} dollars a day is spent; it is renewed at 0:00 UTC",
            )


def _check_protocol(headers: Headers) -> None:
    """Raise _RefusedCallError for what wants to become a WebSocket."""
    if headers.get("upgrade", "").casefold() == "websocket":
        raise _RefusedCallError(400, "BAD_REQUEST", "this server has no WebSocket; POST /stream sends events")


def _read_secret(authorization: str) -> str:
    """Return the secret of an ``Authorization`` header: a bearer token, or the password of Basic; empty for none."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.casefold() == "bearer":
        return value.strip()
    if scheme.casefold() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _today() -> date:
    return datetime.now(UTC).date()
