"""Limits of the server: names by which it may be called, size and duration of a body, and how many requests wait."""

import asyncio
import ctypes
import gc
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of this machine that always may be called."""
ANY_NAME = "*"
MAX_BODY_BYTES = 16 * 2**20
"""Size of the largest body, which is also the largest that Databricks Model Serving accepts."""
_MAX_BUFFERED_BYTES = 16 * MAX_BODY_BYTES
"""Size of all bodies that the server holds at the same time."""
_BODY_SECONDS = 30.0
"""Seconds within which a client must have sent its body."""
_MAX_REQUESTS = 256
"""Number of requests that are answered or wait, besides health checks."""
_RETRY_AFTER_SECONDS = 1
_RELEASED_BYTES = 2**20
"""Size of a body after which memory is given back to the operating system."""
_HEALTH_PATHS = frozenset({"/ping", "/health", "/version"})
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[^\[\]:@/\s]+)(?::\d{1,5})?")


class _RefusedRequestError(Exception):
    """A request that is refused before the application sees it."""

    def __init__(
        self, status: int, message: str, code: str = "BAD_REQUEST", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.response = JSONResponse(
            {"error_code": code, "message": message}, status, {"Connection": "close", **(headers or {})}
        )


@dataclass(slots=True)
class RequestLimits:
    """An ASGI application that passes requests to another one, and refuses those beyond the limits.

    A request whose ``Host`` or ``Origin`` is no name of this server is refused with 421: a web page that a browser on
    this machine shows must not be able to ask the server by a name that points here (DNS rebinding). A body that is
    too large is refused with 413, one that comes too slowly with 408, and what would wait too long with 503 and
    ``Retry-After`` (RFC 9110).

    Attributes:
        app: The other application. It receives each body in one piece.
        allowed_names: Names besides those of this machine by which the server may be called; ``*`` for any name.
    """

    app: ASGIApp
    allowed_names: Iterable[str] = ()
    _request_count: int = field(init=False, default=0)
    _buffered_bytes: int = field(init=False, default=0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI 3.0)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._check_names(Headers(scope=scope))
            if scope["path"] in _HEALTH_PATHS:
                await self.app(scope, receive, send)
            else:
                await self._answer(scope, receive, send)
        except _RefusedRequestError as refusal:
            await refusal.response(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body and pass the request on, while there is room for it."""
        if self._request_count >= _MAX_REQUESTS:
            raise _unavailable()
        self._request_count += 1
        body = bytearray()
        try:
            await self._read_body(body, Headers(scope=scope), receive)
            is_large = len(body) > _RELEASED_BYTES
            await self.app(scope, _replay(bytes(body), receive), send)
        finally:
            self._request_count -= 1
            self._buffered_bytes -= len(body)
        if is_large:
            body.clear()
            await asyncio.to_thread(_release_memory)

    async def _read_body(self, body: bytearray, headers: Headers, receive: Receive) -> None:
        """Append the request's body to ``body``, within its size and duration."""
        if int(headers.get("content-length") or 0) > MAX_BODY_BYTES:
            raise _too_large()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                has_more = True
                while has_more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _RefusedRequestError(400, "the client went before its body was complete")
                    piece = message.get("body", b"")
                    body += piece
                    self._buffered_bytes += len(piece)
                    if len(body) > MAX_BODY_BYTES:
                        raise _too_large()
                    if self._buffered_bytes > _MAX_BUFFERED_BYTES:
                        raise _unavailable()
                    has_more = message.get("more_body", False)
        except TimeoutError:
            raise _RefusedRequestError(
                408, f"the body was not complete after {_BODY_SECONDS:g} s; send it faster"
            ) from None

    def _check_names(self, headers: Headers) -> None:
        """Raise _RefusedRequestError unless ``Host`` and ``Origin`` name this server."""
        names = {*LOOPBACK_NAMES, *(name.casefold() for name in self.allowed_names)}
        if ANY_NAME in names:
            return
        origin = headers.get("origin")
        hosts = [headers.get("host", "")] + ([] if origin is None else [_host_of(origin)])
        for host in hosts:
            match = _HOST.fullmatch(host.strip())
            if not match or match["name"].strip("[]").rstrip(".").casefold() not in names:
                raise _RefusedRequestError(
                    421,
                    "this server is not called by this name; start it with --allow-host NAME, which may be repeated",
                )


def _host_of(origin: str) -> str:
    """Return host and port of an origin; empty for ``null`` and what is no address of the web."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in {"http", "https"} else ""


def _too_large() -> _RefusedRequestError:
    return _RefusedRequestError(
        413, f"the body is larger than {MAX_BODY_BYTES:,} bytes; send fewer requests in one call"
    )


def _unavailable() -> _RefusedRequestError:
    return _RefusedRequestError(
        503,
        f"too many requests wait; try again after {_RETRY_AFTER_SECONDS} s",
        "REQUEST_LIMIT_EXCEEDED",
        {"Retry-After": str(_RETRY_AFTER_SECONDS)},
    )


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a function that gives the body first, and then what the client sends, such as that it went."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_next() -> Message:
        return messages.pop() if messages else await receive()

    return receive_next


def _release_memory() -> None:
    """Give memory that is free back to the operating system, where glibc keeps it."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
