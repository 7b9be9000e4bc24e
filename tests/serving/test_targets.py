"""Replies of targets: responses of a version, and errors for other models and servers."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from serving.endpoint.invocation import extract_response
from serving.errors import ServingError
from serving.targets import RestTarget

ANSWER = {"qa": {"answer": "42"}, "meta": {}}
NO_RESPONSE = "the target did not return exactly one response; check that the target is a version of multichain"


class Server(HTTPServer):
    """Server with one reply to every request."""

    reply: tuple[int, Any] = (200, {"predictions": [ANSWER]})


class Handler(BaseHTTPRequestHandler):
    """Handler that sends the reply of its server."""

    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        status, body = self.server.reply
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_args: object) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("predictions", [ANSWER, [ANSWER]])
def test_response_is_read_from_an_object_or_a_list_of_one(predictions: Any) -> None:
    assert extract_response({"predictions": predictions}) == ANSWER


@pytest.mark.parametrize(
    "body",
    [
        [1],
        "text",
        None,
        {"choices": []},
        {"predictions": []},
        {"predictions": [ANSWER] * 2},
        {"predictions": ["x"]},
        {"predictions": {"qa": {"answer": "of another model"}}},
    ],
)
def test_body_without_exactly_one_response_is_rejected(body: Any) -> None:
    with pytest.raises(ServingError) as caught:
        extract_response(body)
    assert caught.value.message == NO_RESPONSE


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"choices": []}, NO_RESPONSE),
        (200, [1], NO_RESPONSE),
        (404, {"message": "MlflowException: data: x Error: invalid_request: qa: too long"}, "invalid_request: qa: too"),
        (404, {"detail": "Not Found"}, "/invocations returned HTTP 404"),
        (500, ["failed"], "/invocations returned HTTP 500"),
    ],
)
def test_error_or_reply_of_another_server_is_reported(status: int, body: Any, expected: str, server: Server) -> None:
    server.reply = status, body
    with pytest.raises(ServingError) as caught:
        RestTarget(f"http://127.0.0.1:{server.server_port}").ask({})
    assert expected in caught.value.message


def test_rest_target_returns_the_response_of_its_server(server: Server) -> None:
    assert RestTarget(f"http://127.0.0.1:{server.server_port}/").ask({}) == ANSWER
