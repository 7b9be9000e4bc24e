"""Connections without a request are closed, and the server ends whatever its clients and its model do."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
import sys, time
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from serving.local import connections

connections._HEADER_SECONDS = 0.5
def compute(request):  # a thread that nobody can stop
    time.sleep(60)
    return Response()
app = Starlette(routes=[Route("/compute", compute), Route("/ping", lambda _: Response("pong"))])
connections.make_server(app, "127.0.0.1", int(sys.argv[1]), grace=1, log_level="critical").run()
"""


def choose_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server() -> "subprocess.Popen[bytes]":
    """Start a server whose port is the last argument; the test ends it."""
    port = choose_port()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)], cwd=Path(__file__).parents[3])
    for _ in range(200):
        if process.poll() is not None:
            pytest.fail("the server ended")
        try:
            connect(process).close()
        except OSError:
            time.sleep(0.1)
        else:
            return process
    pytest.fail("the server did not start")


def connect(process: "subprocess.Popen[bytes]") -> socket.socket:
    port = int(process.args[-1])  # type: ignore[index, arg-type]  # the list above
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def test_connection_without_complete_headers_is_closed(server: "subprocess.Popen[bytes]") -> None:
    with connect(server) as silent, connect(server) as slow, connect(server) as working:
        slow.sendall(b"GET /ping HTTP/1.1\r\n")
        working.sendall(b"GET /compute HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert silent.recv(100) == b""
        assert slow.recv(100) == b""
        working.settimeout(1)
        with pytest.raises(TimeoutError):
            working.recv(100)  # a request under way is not cut off
    server.kill()
    server.wait()


def test_later_headers_on_a_connection_are_timed_too(server: "subprocess.Popen[bytes]") -> None:
    with connect(server) as client:
        client.sendall(b"GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.1)
        assert client.recv(1000).endswith(b"pong")
        client.sendall(b"GET /ping HT")
        assert client.recv(100) == b""
    server.kill()
    server.wait()


@pytest.mark.parametrize(
    "half_request", [b"POST /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab", b""]
)
def test_server_ends_within_its_grace(server: "subprocess.Popen[bytes]", half_request: bytes) -> None:
    with connect(server) as computing, connect(server) as client:
        computing.sendall(b"GET /compute HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.sendall(half_request)
        time.sleep(0.3)
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait(10) in {0, -signal.SIGTERM}  # killed by nobody else
