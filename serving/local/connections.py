"""The server's connections: none stays open without a request, and none keeps the server from ending."""

import asyncio
import os
import resource
import threading
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 1024
"""Number of connections above which requests are answered with 503."""
_HEADER_SECONDS = 20.0
"""Seconds within which a client must have sent the headers of its next request."""
_END_SECONDS = 1.0
"""Seconds after the grace in which uvicorn may end in order."""
_FILES_BESIDE_CONNECTIONS = 256


class TimedConnection(H11Protocol):
    """A connection that closes when a request's headers do not come in time.

    uvicorn closes connections that are silent after a response, but not those whose first headers never end.
    """

    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Start to wait for headers."""
        super().connection_made(transport)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, and wait for headers only while no request is under way."""
        super().data_received(data)
        if self._has_request():
            self._stop_timer()
        elif self._header_timer is None:
            self._await_headers()

    def _has_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_headers(self) -> None:
        self._header_timer = self.loop.call_later(_HEADER_SECONDS, self._close_without_request)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _close_without_request(self) -> None:
        self._header_timer = None
        if not self._has_request():
            self.transport.close()


class EndingServer(uvicorn.Server):
    """A server that has ended ``grace`` seconds after a signal, whatever its clients and its model do."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, and end at once when the grace is over: a thread that computes cannot be stopped."""
        timer = threading.Timer((self.config.timeout_graceful_shutdown or 0) + _END_SECONDS, os._exit, [0])
        timer.daemon = True
        timer.start()
        super().handle_exit(sig, frame)


def make_server(app: ASGIApp, host: str, port: int, *, grace: int, log_level: str) -> uvicorn.Server:
    """Return the server of an application.

    Args:
        app: The ASGI application.
        host: Address to listen on.
        port: Port to listen on.
        grace: Seconds after a signal within which requests under way may still be answered.
        log_level: Level of uvicorn's log.
    """
    _allow_open_files(MAX_CONNECTIONS + _FILES_BESIDE_CONNECTIONS)
    return EndingServer(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            http=TimedConnection,
            ws="none",
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=grace,
            log_level=log_level,
            server_header=False,
        )
    )


def _allow_open_files(count: int) -> None:
    """Raise this process's limit of open files, where the system permits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (count if hard == resource.RLIM_INFINITY else min(count, hard), hard)
        )
