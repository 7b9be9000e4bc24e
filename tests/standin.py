"""A strict stand-in for OpenAI's API on this machine: it refuses what the real one refuses.

Written from the public API reference. What it does can be scripted: ``plan`` holds status codes to answer with
before it answers.
"""

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "sk-stand-in-5f0c1e"
CHAT = {"gpt-6-luna", "gpt-4.1-mini"}
_CHAT_FIELDS = {"model", "messages", "temperature", "stream", "stream_options", "max_completion_tokens"}
_IMAGE_FIELDS = {"model", "prompt", "n", "size", "quality", "output_format", "output_compression", "background"}


class StandIn:
    """What it was asked, and what it shall answer with first."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.plan: list[tuple[int, str]] = []

    def app(self) -> Starlette:
        """The server."""
        routes = {"chat/completions": self._chat, "embeddings": self._embeddings, "images/generations": self._images}
        return Starlette(
            routes=[Route(f"/v1/{path}", self._checked(path, made), methods=["POST"]) for path, made in routes.items()]
        )

    def _checked(self, path: str, made: Any) -> Any:
        async def answer(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {KEY}":
                given = request.headers.get("authorization", "")
                return refused(401, "invalid_api_key", f"Incorrect API key provided: {given}")
            body = await request.json()
            self.asked.append((path, body))
            if self.plan:
                status, code = self.plan.pop(0)
                return refused(status, code, f"scripted; you sent {json.dumps(body)[:200]}", {"retry-after-ms": "10"})
            return made(body)  # type: ignore[no-any-return]

        return answer

    def _chat(self, body: dict[str, Any]) -> Response:
        if body.keys() - _CHAT_FIELDS:
            return refused(400, "unknown_parameter", "unknown parameter")
        if body["model"] not in CHAT:
            return refused(404, "model_not_found", f"The model {body['model']} does not exist")
        question = body["messages"][-1]["content"].rpartition("Question: ")[2].strip()
        text = f"About {question} [1] [9]"
        usage = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
        common = {"id": "c", "created": 1, "model": body["model"]}
        if body.get("stream"):
            return StreamingResponse(_streamed(text, common, usage), media_type="text/event-stream")
        message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        return JSONResponse(common | {"object": "chat.completion", "choices": [message], "usage": usage})

    def _embeddings(self, body: dict[str, Any]) -> Response:
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        if not texts or not all(isinstance(text, str) and text for text in texts) or len(texts) > 2048:
            return refused(400, "invalid_request_error", "input: expected 1 to 2048 texts that are not empty")
        data = []
        for number, text in enumerate(texts):
            vector = np.zeros(64, dtype=np.float32)
            for word in text.lower().split():
                vector[sum(word.strip(".,?!").encode()) % 64] += 1
            coded = base64.b64encode(vector.tobytes()).decode()
            encoded = coded if body.get("encoding_format") == "base64" else vector.tolist()
            data.append({"object": "embedding", "index": number, "embedding": encoded})
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return JSONResponse({"object": "list", "model": body["model"], "data": data, "usage": usage})

    def _images(self, body: dict[str, Any]) -> Response:
        if "response_format" in body or body.keys() - _IMAGE_FIELDS:
            return refused(400, "unknown_parameter", "Unknown parameter: 'response_format'.")
        if body["model"] != "gpt-image-2":
            return refused(404, "model_not_found", "no such model")
        if "weapon" in body["prompt"]:
            return refused(400, "moderation_blocked", "Your request was rejected by the safety system.")
        out = io.BytesIO()
        Image.new("RGB", (64, 64), "teal").save(out, body.get("output_format", "png"))
        usage = {
            "input_tokens": 9,
            "output_tokens": 272,
            "total_tokens": 281,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 9},
        }
        return JSONResponse(
            {"created": 1, "data": [{"b64_json": base64.b64encode(out.getvalue()).decode()}], "usage": usage}
        )


def refused(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error as the API says it."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return JSONResponse({"error": error}, status, headers)


def _streamed(text: str, common: dict[str, Any], usage: dict[str, int]) -> Iterator[str]:
    chunk = common | {"object": "chat.completion.chunk", "usage": None}
    for word in text.split(" "):
        delta = {"role": "assistant", "content": word if word == "About" else f" {word}"}
        yield _event(chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event(chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    yield _event(chunk | {"choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk)}\n\n"


@contextmanager
def serving() -> Iterator[tuple[StandIn, str]]:
    """A stand-in and its address."""
    stand_in = StandIn()
    server = uvicorn.Server(uvicorn.Config(stand_in.app(), host="127.0.0.1", port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield stand_in, f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join()
