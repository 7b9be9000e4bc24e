"""The transport of HTTP requests: responses as a server sends them, and errors of httpx without the server's words."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import httpx2
import pytest

from model.runtime.http_transport import AiohttpTransport, HttpClient

Piece = bytes | float
"""What a server sends, or how many seconds it waits before it goes on."""
_HANGS = 60.0


class RawServer:
    """A server that sends the same pieces to each request, then ends the connection unless it is to go on.

    Attributes:
        url: Its address.
        requests: The first line of each request.
        connections: Number of connections.
    """

    def __init__(self, pieces: Sequence[Piece], *, goes_on: bool) -> None:
        self._pieces, self._goes_on = pieces, goes_on
        self.url, self.connections = "", 0
        self.requests: list[str] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of a connection."""
        self.connections += 1
        self.writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head.split(b"\r\n")[0].decode())
                length = next(
                    (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b":0"
                )
                await reader.readexactly(int(length.split(b":")[1]))
                for piece in self._pieces:
                    if isinstance(piece, float):
                        await asyncio.sleep(piece)
                    else:
                        writer.write(piece)
                        await writer.drain()
                if not self._goes_on:
                    break
        writer.close()


@asynccontextmanager
async def run_raw_server(*pieces: Piece, goes_on: bool = False) -> AsyncIterator[RawServer]:
    """Run a server that sends these pieces to each request."""
    raw_server = RawServer(pieces, goes_on=goes_on)
    server = await asyncio.start_server(raw_server.answer, "127.0.0.1")
    raw_server.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield raw_server
    server.close()
    for writer in raw_server.writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def make_client() -> HttpClient:
    return HttpClient(timeout=httpx2.Timeout(5, read=0.3))


def make_answer(body: bytes, *headers: bytes) -> bytes:
    length = b"content-length: %d" % len(body)
    return b"\r\n".join([b"HTTP/1.1 200 Fine", length, *headers, b"", body])


async def test_response_has_status_reason_headers_and_body() -> None:
    long_header = b"x-policy: " + b"p" * 20_000
    answer = make_answer(gzip.compress(b"text"), b"content-encoding: gzip", b"x-twice: 1", b"x-twice: 2", long_header)
    async with run_raw_server(answer) as server, make_client() as client:
        response = await client.post(f"{server.url}/a%2Fb?sign=x%3Ay", json={"a": 1})
        assert (response.status_code, response.reason_phrase, response.text) == (200, "Fine", "text")
        assert response.headers.get_list("x-twice") == ["1", "2"]
        assert len(response.headers["x-policy"]) == 20_000
        assert server.requests == ["POST /a%2Fb?sign=x%3Ay HTTP/1.1"]


async def test_body_comes_in_pieces_as_they_are_sent() -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    async with (
        run_raw_server(head, b"3\r\none\r\n", 0.2, b"3\r\ntwo\r\n0\r\n\r\n") as server,
        make_client() as client,
        client.stream("GET", server.url) as response,
    ):
        assert [piece async for piece in response.aiter_bytes()] == [b"one", b"two"]


async def test_connection_is_used_again_when_its_body_was_read() -> None:
    async with run_raw_server(make_answer(b"text"), goes_on=True) as server, make_client() as client:
        for _ in range(3):
            await client.get(server.url)
        assert server.connections == 1
        assert server.requests == ["GET / HTTP/1.1"] * 3


async def test_connection_is_closed_when_its_body_was_not_read() -> None:
    async with run_raw_server(make_answer(b"text" * 100_000), goes_on=True) as server, make_client() as client:
        async with client.stream("GET", server.url):
            pass
        assert len((await client.get(server.url)).content) == 400_000
        assert server.connections == 2


@pytest.mark.parametrize(
    ("pieces", "error_class"),
    [
        pytest.param([], httpx2.ReadError, id="closes"),
        pytest.param([_HANGS], httpx2.ReadTimeout, id="silent"),
        pytest.param([b"HTTP/1.1 200 OK\r\n\r\nbegin", _HANGS], httpx2.ReadTimeout, id="stops"),
        pytest.param([make_answer(b"text")[:-2]], httpx2.RemoteProtocolError, id="cut"),
        pytest.param([b"secret words\r\n\r\n"], httpx2.RemoteProtocolError, id="no HTTP"),
        pytest.param([b"HTTP/1.1 200 OK\r\nx: " + b"secret" * 50_000], httpx2.RemoteProtocolError, id="header"),
    ],
)
async def test_failure_is_an_error_of_httpx_without_the_words_of_the_server(
    pieces: list[Piece], error_class: type[Exception]
) -> None:
    async with run_raw_server(*pieces) as server, make_client() as client:
        with pytest.raises(error_class) as raised:
            await client.get(server.url)
        assert type(raised.value) is error_class
        assert "secret" not in str(raised.value)


async def test_refused_connection_is_told_from_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    async with make_client() as client:
        with pytest.raises(httpx2.ConnectError):
            await client.get(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
async def test_calls_through_a_proxy_alone_go_by_the_connections_of_httpx(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_transport: AiohttpTransport, _request: httpx2.Request) -> httpx2.Response:
        raise httpx2.UnsupportedProtocol("aiohttp")

    monkeypatch.setattr(AiohttpTransport, "handle_async_request", fail)
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name)

    async with run_raw_server(make_answer(b"by the proxy")) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        async with make_client() as client:
            assert (await client.get("http://provider.example/v1")).text == "by the proxy"
            with pytest.raises(httpx2.UnsupportedProtocol, match="aiohttp"):
                await client.get("http://127.0.0.1/v1")  # which NO_PROXY names
        assert proxy.requests == ["GET http://provider.example/v1 HTTP/1.1"]
