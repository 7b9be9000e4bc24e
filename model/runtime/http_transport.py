"""Carry the HTTP requests of providers' SDKs over aiohttp, which takes half of the CPU time of httpx's connections.

OpenAI's SDK has a transport of this kind, which calls a lost connection a time-out, gives up at a header of 8 kB, and
repeats words of the server in its errors (docs/decisions.md).
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from ssl import SSLContext

import aiohttp
import httpx2
from aiohttp import ClientResponse, ClientSession, ClientTimeout, TCPConnector
from openai import DefaultAsyncHttpxClient
from yarl import URL

from ..config import environment

_MAX_CONNECTIONS, _IDLE_SECONDS = 1000, 5.0
"""Connections of one event loop, and how long an idle one is kept: the limits of OpenAI's SDK."""
_MAX_HEADER_BYTES = 65_536
_ERRORS: Mapping[type[Exception], type[httpx2.TransportError]] = {
    aiohttp.ConnectionTimeoutError: httpx2.ConnectTimeout,
    aiohttp.ServerTimeoutError: httpx2.ReadTimeout,
    aiohttp.ClientConnectorError: httpx2.ConnectError,
    aiohttp.ClientConnectionError: httpx2.ReadError,
    aiohttp.ClientPayloadError: httpx2.RemoteProtocolError,
    aiohttp.InvalidURL: httpx2.UnsupportedProtocol,
    aiohttp.ClientError: httpx2.RemoteProtocolError,
}
"""The error of httpx for each error of aiohttp, special ones first."""


class HttpClient(DefaultAsyncHttpxClient):
    """A client of OpenAI's SDK whose connections are aiohttp's, but those through a proxy, which are httpx's."""

    def _init_transport(self, *_args: object, **_options: object) -> httpx2.AsyncBaseTransport:
        return AiohttpTransport()


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends requests over the connections of one event loop, which ``aclose`` closes. It knows no proxies."""

    def __init__(self) -> None:
        """Read the certificates that are trusted, by SSL_CERT_FILE and SSL_CERT_DIR where these are set.

        Raises:
            OSError: They cannot be read.
        """
        self._certificates = _read_certificates(*map(environment.read_text, environment.CERTIFICATES))
        self._session: ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the response to ``request``, whose body is read as it comes.

        Raises:
            TransportError: No response arrived.
        """
        timeouts = request.extensions.get("timeout", {})
        with _raising_httpx_errors():
            response = await self._open_session().request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=await request.aread() or None,
                allow_redirects=False,
                timeout=ClientTimeout(
                    connect=timeouts.get("pool"),
                    sock_connect=timeouts.get("connect"),
                    sock_read=timeouts.get("read"),
                ),
            )
        reason = (response.reason or "").encode("latin-1", "replace")
        return httpx2.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": reason},
        )

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> ClientSession:
        if self._session is None:  # made where the event loop runs
            connector = TCPConnector(limit=_MAX_CONNECTIONS, keepalive_timeout=_IDLE_SECONDS, ssl=self._certificates)
            self._session = ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),  # httpx has its own
                auto_decompress=False,  # httpx does it
                max_line_size=_MAX_HEADER_BYTES,
                max_field_size=_MAX_HEADER_BYTES,
            )
        return self._session


@lru_cache(maxsize=4)
def _read_certificates(_file: str, _folder: str) -> SSLContext:
    """Return what is trusted by these variables: 20 ms, which a worker of Spark would spend in each task."""
    return httpx2.create_ssl_context()


class _Body(httpx2.AsyncByteStream):
    """The body of a response, in pieces as they come."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _raising_httpx_errors():
            async for piece in self._response.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        self._response.release()


@contextmanager
def _raising_httpx_errors() -> Iterator[None]:
    """Raise errors of httpx for those of aiohttp, without their texts, which may be the server's."""
    try:
        yield
    except aiohttp.ClientError as error:
        kind = next(kind for cause, kind in _ERRORS.items() if isinstance(error, cause))
        raise kind(type(error).__name__) from error
