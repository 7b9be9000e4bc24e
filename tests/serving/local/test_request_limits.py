"""Names by which the server may be called, size and duration of bodies, what waits, and memory that is given back."""

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from serving.local import request_limits
from serving.local.request_limits import MAX_BODY_BYTES, RequestLimits


async def measure(request: Request) -> Response:
    """Answer with the length of the body."""
    return JSONResponse(len(await request.body()))


APP = Starlette(routes=[Route("/measure", measure, methods=["POST"]), Route("/ping", lambda _: Response("pong"))])


def make_client(*names: str) -> TestClient:
    return TestClient(RequestLimits(APP, names), base_url="http://localhost:5000")


def call(limits: RequestLimits, messages: list[Message | float], path: str = "/measure") -> tuple[int, dict[str, str]]:
    """Send a request whose body comes as ``messages``, with pauses in seconds; return status and headers."""
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    sent: list[Message] = []

    async def receive() -> Message:
        message = messages.pop(0)
        if isinstance(message, float):
            await asyncio.sleep(message)
            return await receive()
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(limits(scope, receive, send))
    return sent[0]["status"], {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:5000"}, 200),
        ({"host": "127.0.0.1"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "LOCALHOST."}, 200),
        ({"host": "models.example:443"}, 200),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "https://models.example"}, 200),
        ({"host": "evil.example"}, 421),
        ({"host": "localhost.evil.example"}, 421),
        ({"host": "evil@localhost"}, 421),
        ({"host": "localhost:5000:1"}, 421),
        ({"host": "127.0.0.1.nip.io"}, 421),
        ({"host": ""}, 421),
        ({"origin": "http://evil.example"}, 421),
        ({"origin": "http://localhost@evil.example"}, 421),
        ({"origin": "null"}, 421),
        ({"origin": "file://localhost"}, 421),
        ({"origin": "http://["}, 421),
    ],
)
@pytest.mark.parametrize("path", ["/measure", "/ping"])
def test_server_is_called_by_its_own_names_alone(headers: dict[str, str], status: int, path: str) -> None:
    client = make_client("Models.Example")
    reply = client.get(path, headers=headers) if path == "/ping" else client.post(path, content=b"abc", headers=headers)
    assert reply.status_code == status
    if status != 200:
        assert "--allow-host NAME" in reply.json()["message"]


def test_any_name_may_be_allowed() -> None:
    assert make_client("*").get("/ping", headers={"host": "x.example", "origin": "http://y.example"}).text == "pong"


def test_body_arrives_in_one_piece_up_to_its_largest_size() -> None:
    client = make_client()
    assert client.post("/measure", content=b"a" * MAX_BODY_BYTES).json() == MAX_BODY_BYTES
    reply = client.post("/measure", content=b"a" * (MAX_BODY_BYTES + 1))
    assert (reply.status_code, reply.headers["connection"]) == (413, "close")
    assert reply.json()["message"] == "the body is larger than 16,777,216 bytes; send fewer requests in one call"


def test_body_without_a_declared_length_is_bounded() -> None:
    def send_pieces() -> Iterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 2**20 + 1):
            yield b"a" * 2**20

    assert make_client().post("/measure", content=send_pieces()).status_code == 413


def test_body_that_comes_too_slowly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "_BODY_SECONDS", 0.05)
    limits = RequestLimits(APP)
    status, _ = call(limits, [{"type": "http.request", "body": b"a", "more_body": True}, 5.0])
    assert status == 408
    assert call(limits, [{"type": "http.request", "body": b"a"}])[0] == 200


def test_client_that_goes_before_its_body_is_complete_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "_MAX_REQUESTS", 1)
    monkeypatch.setattr(request_limits, "_MAX_BUFFERED_BYTES", 3)
    limits = RequestLimits(APP)
    pieces: list[Message | float] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert call(limits, pieces)[0] == 400
    assert call(limits, [{"type": "http.request", "body": b"abc"}])[0] == 200


def test_what_would_wait_too_long_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "_MAX_REQUESTS", 0)
    status, headers = call(RequestLimits(APP), [{"type": "http.request"}])
    assert (status, headers["retry-after"]) == (503, "1")
    assert make_client().get("/ping").status_code == 200  # a health check never waits


def test_bodies_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "_MAX_BUFFERED_BYTES", 3)
    limits = RequestLimits(APP)
    assert call(limits, [{"type": "http.request", "body": b"abcd"}])[0] == 503
    assert call(limits, [{"type": "http.request", "body": b"abc"}])[0] == 200
    assert call(limits, [{"type": "http.request", "body": b"abc"}])[0] == 200


def test_requests_are_counted_while_they_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "_MAX_REQUESTS", 1)
    is_inside, may_end = threading.Event(), threading.Event()

    async def wait(_: Request) -> Response:
        is_inside.set()
        await asyncio.to_thread(may_end.wait, 20)
        return Response()

    limits = RequestLimits(Starlette(routes=[Route("/measure", wait, methods=["POST"])]))
    first = threading.Thread(target=call, args=[limits, [{"type": "http.request"}]])
    first.start()
    assert is_inside.wait(20)
    assert call(limits, [{"type": "http.request"}])[0] == 503
    may_end.set()
    first.join()
    assert call(limits, [{"type": "http.request"}])[0] == 200


def resident_bytes() -> int:
    status = Path("/proc/self/status").read_text("utf-8")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_memory_is_given_back_after_large_bodies() -> None:
    async def parse(request: Request) -> Response:
        return JSONResponse(len(json.loads(await request.body())))

    client = TestClient(
        RequestLimits(Starlette(routes=[Route("/measure", parse, methods=["POST"])])), base_url="http://localhost"
    )
    body = json.dumps([{"text": str(number)} for number in range(400_000)]).encode()
    client.post("/measure", content=b"[]")
    before = resident_bytes()
    for _ in range(3):
        assert client.post("/measure", content=body).json() == 400_000
    assert resident_bytes() - before < 60 * 2**20  # one parsed body takes more than 100 MB
