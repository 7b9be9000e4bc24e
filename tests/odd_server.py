"""A server that speaks OpenAI's protocol in its own way: a test writes the answers that differ from the usual ones."""

import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any
from unittest import mock

from PIL import Image

from .fixtures import run_site

Body = dict[str, Any]
Answer = Callable[[Body], tuple[int, Any] | None]
"""Returns the status and the JSON of an answer, or None for the usual answer to the request."""
EMBEDDINGS, CHAT, IMAGES, MODELS = "embeddings", "chat/completions", "images/generations", "models"
WIDTH = 8


def make_vector(text: str, width: int = WIDTH) -> list[float]:
    """Return the vector of a text: other texts have others."""
    digest = sha256(text.encode()).digest()
    return [math.sin(digest[n % 32] + n) for n in range(width)]


def make_picture(image_format: str = "PNG") -> bytes:
    """Return the file of a red square."""
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 30, 30)).save(file, image_format)
    return file.getvalue()


def embed_as_usual(body: Body, width: int = WIDTH) -> Body:
    """Return the usual answer to a request for embeddings."""
    texts: Sequence[str] = body["input"]
    rows = [{"index": n, "embedding": make_vector(text, body.get("dimensions", width))} for n, text in enumerate(texts)]
    return {"data": rows, "usage": {"prompt_tokens": 10, "total_tokens": 10}}


def chat_as_usual(content: str = "ok", finish_reason: str | None = "stop") -> Body:
    """Return the usual answer of a chat model that writes ``content``."""
    message = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": usage,
    }


def refuse(message: str, status: int = 400, **fields: Any) -> tuple[int, Body]:
    """Return a refusal in OpenAI's form."""
    return status, {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | fields
    }


class OddServer:
    """What a running server was asked.

    Attributes:
        address: Address of the server, up to its ``/v1``.
        requests: Path, below ``/v1/``, and body of each request; the body of a GET is empty.
    """

    def __init__(self) -> None:
        self.address = ""
        self.requests: list[tuple[str, Body]] = []

    def bodies(self, path: str) -> list[Body]:
        """Return the bodies of the requests of a path."""
        return [body for requested_path, body in self.requests if requested_path == path]


@contextmanager
def run_odd_server(answers: Mapping[str, Answer] | None = None) -> Iterator[OddServer]:
    """Run a server, to which the provider ``compatible`` is pointed, until the context ends.

    Args:
        answers: The answers that differ from the usual ones, by path below ``/v1/``.

    Yields:
        The server.
    """
    server = OddServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's
            """Log nothing."""

        def do_GET(self) -> None:
            """Answer a list of models."""
            self._answer({})

        def do_POST(self) -> None:
            """Answer a call."""
            self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _answer(self, body: Body) -> None:
            path = self.path.partition("/v1/")[2]
            server.requests.append((path, body))
            written = (answers or {}).get(path, lambda _: None)(body)
            status, content = written or (200, _answer_as_usual(path, body))
            self._send(status, content)

        def _send(self, status: int, content: Any) -> None:
            is_stream = isinstance(content, list)
            data = "".join(content).encode() if is_stream else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-type", "text/event-stream" if is_stream else "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with run_site(Handler) as address:
        server.address = f"{address}/v1"
        with mock.patch.dict(os.environ, {"COMPATIBLE_BASE_URL": server.address}):
            yield server


def _answer_as_usual(path: str, body: Body) -> Any:
    if path == MODELS:
        return {"object": "list", "data": [{"id": name, "object": "model"} for name in ("m", "e")]}
    if path == EMBEDDINGS:
        return embed_as_usual(body)
    return stream_as_usual(["ok"]) if body.get("stream") else chat_as_usual()


def stream_as_usual(pieces: Sequence[str], finish_reason: str | None = "stop") -> list[str]:
    """Return the events of a streamed reply."""
    chunks: list[Body] = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}]})
    return [f"data: {json.dumps({'id': 'c', 'model': 'm', **chunk})}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]
