"""OpenAI's protocol: each stage of the version is a model, ``multichain/qa`` or ``multichain/image_generation``.

The shapes are those of OpenAI's reference for ``/v1/models``, ``/v1/chat/completions`` and ``/v1/images/generations``.
The last message is the question; earlier ones are its history. Instructions of a system message, sampling parameters
and penalties are accepted and have no effect, since chat clients send them unasked; what would change the kind of
answer (tools, pictures in a message, several choices, JSON) is refused.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import RefusedError, ServingError
from ..targets import Event
from .async_target import AsyncTarget
from .described_stage import DescribedStage
from .links import find_link

PREFIX = "multichain/"
_MAX_IMAGES = 10
_CITATION = re.compile(r"\[(\d+)\]")
_STATUS_OF_CODES = {
    "invalid_request": 400,
    "bad_reference": 400,
    "refused": 400,
    "deadline": 504,
    "provider_busy": 503,
    "internal": 500,
}
"""HTTP status of a stage's error by its code; 502 for others, which come from a provider."""
_UNSUPPORTED = {
    "tools": "this model calls no tools; leave out tools",
    "functions": "this model calls no functions; leave out functions",
    "audio": "this model makes no audio; leave out audio",
}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _ProtocolError(Exception):
    """An error in OpenAI's shape."""

    def __init__(self, status: int, message: str, code: str = "invalid_request", param: str | None = None) -> None:
        super().__init__(message)
        kind = "invalid_request_error" if status < 500 else "server_error"  # noqa: PLR2004 - the server's errors of HTTP
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def make_routes(target: AsyncTarget) -> list[Route]:
    """Return the routes of OpenAI's protocol.

    Args:
        target: Where requests go.
    """

    async def list_models(_: Request) -> Response:
        models = [_describe_model(stage) for stage in await target.list_stages() if stage.main_input]
        return JSONResponse({"object": "list", "data": models})

    async def retrieve_model(request: Request) -> Response:
        return JSONResponse(_describe_model(_find_stage(await target.list_stages(), request.path_params["model"])))

    async def complete(request: Request) -> Response:
        body = await _read_body(request)
        stage = _find_stage(await target.list_stages(), body.get("model"))
        if not stage.text_output:
            raise _ProtocolError(
                400, f"{PREFIX}{stage.name} makes pictures; POST /v1/images/generations", param="model"
            )
        values = _read_messages(body, stage)
        if body.get("stream"):
            options = body.get("stream_options")
            with_usage = isinstance(options, dict) and bool(options.get("include_usage"))
            events = await target.stream({stage.name: values})
            return EventSourceResponse(_stream_chunks(events, stage, with_usage=with_usage), sep="\n")
        fields = (await target.ask({stage.name: values}))[stage.name]
        _check_fields(fields)
        return JSONResponse(_make_completion(stage, fields))

    async def generate_images(request: Request) -> Response:
        body = await _read_body(request)
        stages = await target.list_stages()
        first = next((stage.name for stage in stages if stage.image_output), "")
        stage = _find_stage(stages, body.get("model") or first)
        if not stage.image_output:
            raise _ProtocolError(400, f"{PREFIX}{stage.name} makes no pictures", param="model")
        requests = _read_image_request(body, stage)
        responses = await asyncio.gather(*(target.ask({stage.name: values}) for values in requests))
        return JSONResponse(_make_images([response[stage.name] for response in responses], stage))

    async def refuse(request: Request) -> Response:
        raise _ProtocolError(404, f"there is no {request.url.path}; docs/doors.md lists the routes", "not_found")

    return [
        Route("/v1/models", _translate_errors(list_models)),
        Route("/v1/models/{model:path}", _translate_errors(retrieve_model)),
        Route("/v1/chat/completions", _translate_errors(complete), methods=["POST"]),
        Route("/v1/images/generations", _translate_errors(generate_images), methods=["POST"]),
        Route("/v1/{path:path}", _translate_errors(refuse), methods=["GET", "POST"]),
    ]


def _translate_errors(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except _ProtocolError as error:
            return JSONResponse(error.body, error.status)
        except ServingError as error:
            refusal = _translate(error)
            return JSONResponse(refusal.body, refusal.status)

    return handle


def _translate(error: ServingError) -> _ProtocolError:
    """Return the error of a target in OpenAI's shape."""
    if isinstance(error, RefusedError):
        return _ProtocolError(400, error.message)
    return _ProtocolError(502, error.message, "target")


def _describe_model(stage: DescribedStage) -> dict[str, Any]:
    return {
        "id": f"{PREFIX}{stage.name}",
        "object": "model",
        "created": 0,
        "owned_by": "multichain",
        "description": stage.summary,
    }


def _find_stage(stages: Sequence[DescribedStage], model: Any) -> DescribedStage:  # any JSON
    """Return the stage that a request names, with or without the prefix.

    Raises:
        _ProtocolError: There is none.
    """
    usable = [stage for stage in stages if stage.main_input]
    for stage in usable:
        if model in {stage.name, f"{PREFIX}{stage.name}"}:
            return stage
    names = ", ".join(f"{PREFIX}{stage.name}" for stage in usable)
    raise _ProtocolError(404, f"there is no such model; the models are {names}", "model_not_found", "model")


async def _read_body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise _ProtocolError(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise _ProtocolError(400, "the body is not a JSON object")
    return body


def _read_messages(body: Mapping[str, Any], stage: DescribedStage) -> dict[str, Any]:
    """Return the stage's input fields from a chat request.

    Raises:
        _ProtocolError: The request asks for what no stage does, or its messages cannot be read.
    """
    for name, message in _UNSUPPORTED.items():
        if body.get(name):
            raise _ProtocolError(400, message, "unsupported_parameter", name)
    if body.get("n") not in {None, 1}:
        raise _ProtocolError(400, "this model gives one answer; leave out n", "unsupported_parameter", "n")
    response_format = body.get("response_format")
    if response_format is not None and response_format != {"type": "text"}:
        raise _ProtocolError(400, "this model answers with text", "unsupported_parameter", "response_format")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _ProtocolError(400, "messages: expected a list of messages", param="messages")
    turns = [(_read_role(message), _read_text(message)) for message in messages]
    turns = [(role, text) for role, text in turns if role in {"user", "assistant"}]
    if not turns or turns[-1][0] != "user":
        raise _ProtocolError(400, "messages: the last one must be the user's", param="messages")
    values = _read_own_fields(body, stage) | {stage.main_input: turns[-1][1]}
    if stage.takes_history and "history" not in values:
        values |= {"history": history} if (history := _pair_turns(turns[:-1])) else {}
    return values


def _read_own_fields(body: Mapping[str, Any], stage: DescribedStage) -> dict[str, Any]:
    """Return the fields of the stage that stand in a body beside OpenAI's, such as ``k`` and ``filter``."""
    own = {str(field["name"]) for field in stage.inputs} - {stage.main_input, "size"}
    return {name: value for name, value in body.items() if name in own and value is not None}


def _read_role(message: Any) -> str:  # any JSON
    role = message.get("role") if isinstance(message, dict) else None
    if role not in {"system", "developer", "user", "assistant"}:
        raise _ProtocolError(400, "messages: expected the roles system, user and assistant", param="messages")
    return str(role)


def _read_text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str) or content is None:
        return content or ""
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise _ProtocolError(
            400, "messages: this model reads text alone, no pictures, audio or files", param="messages"
        )
    return "\n".join(map(str, texts))


def _pair_turns(turns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Return earlier messages as questions with their answers."""
    history: list[dict[str, str]] = []
    for role, text in turns:
        if role == "user" and text.strip():
            history.append({"question": text, "answer": ""})
        elif role == "assistant" and history:
            history[-1]["answer"] = "\n".join(filter(None, [history[-1]["answer"], text]))
    return history


def _check_fields(fields: Mapping[str, Any]) -> None:
    """Raise _ProtocolError when the stage failed."""
    if fields["error"]:
        raise _stage_error(fields["error"])


def _stage_error(error: str) -> _ProtocolError:
    code, _, message = error.partition(": ")
    return _ProtocolError(_STATUS_OF_CODES.get(code, 502), message or error, code)


def _make_completion(stage: DescribedStage, fields: Mapping[str, Any]) -> dict[str, Any]:
    text = str(fields[stage.text_output])
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": _make_annotations(text, fields)}
    return {
        "id": _make_id(),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": f"{PREFIX}{stage.name}",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(fields)}],
        "usage": _make_usage(fields),
        "multichain": {name: value for name, value in fields.items() if name != stage.text_output},
    }


async def _stream_chunks(
    events: AsyncGenerator[Event], stage: DescribedStage, *, with_usage: bool
) -> AsyncIterator[ServerSentEvent]:
    """Yield the chunks of a streamed completion, and ``[DONE]``."""
    head = {
        "id": _make_id(),
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": f"{PREFIX}{stage.name}",
    }

    def make_chunk(delta: Mapping[str, Any], finish: str | None = None) -> ServerSentEvent:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return _to_event(head | {"choices": [choice]} | ({"usage": None} if with_usage else {}))

    has_text = False
    yield make_chunk({"role": "assistant", "content": ""})
    try:
        async with aclosing(events):
            async for event in events:
                if event["stage"] != stage.name:
                    continue
                if event["kind"] == "token":
                    has_text = True
                    yield make_chunk({"content": event["text"]})
                elif event["kind"] == "error":
                    yield _to_event(_stage_error(event["error"]).body)
                elif event["kind"] == "done":
                    fields = event["fields"]
                    text = str(fields[stage.text_output])
                    citations = {"annotations": _make_annotations(text, fields)}
                    yield make_chunk(citations | ({} if has_text else {"content": text}), _finish_reason(fields))
                    if with_usage:
                        yield _to_event(head | {"choices": [], "usage": _make_usage(fields)})
    except ServingError as error:
        yield _to_event(_translate(error).body)
    yield ServerSentEvent("[DONE]", sep="\n")


def _to_event(chunk: Mapping[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(chunk, ensure_ascii=False), sep="\n")


def _make_annotations(text: str, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a citation of the document's address, or its name, for each ``[n]`` in the text."""
    sources = fields.get("sources", [])
    annotations = []
    for match in _CITATION.finditer(text):
        number = int(match[1])
        if not 1 <= number <= len(sources):
            continue
        source = sources[number - 1]
        title = " > ".join(filter(None, [source["title"] or source["source"], source["heading"]]))
        citation = {
            "start_index": match.start(),
            "end_index": match.end(),
            "title": title,
            "url": find_link(source) or source["source"],
        }
        annotations.append({"type": "url_citation", "url_citation": citation})
    return annotations


def _finish_reason(fields: Mapping[str, Any]) -> str:
    return "length" if any(note.startswith("cut:") for note in fields["notes"]) else "stop"


def _make_usage(fields: Mapping[str, Any]) -> dict[str, int]:
    usage = fields["usage"]
    prompt, completion = int(usage["input_tokens"]), int(usage["output_tokens"])
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _make_id() -> str:
    return f"chatcmpl-{uuid4().hex}"


def _read_image_request(body: Mapping[str, Any], stage: DescribedStage) -> list[dict[str, Any]]:
    """Return the stage's input fields for each picture that a request asks for.

    Raises:
        _ProtocolError: The request asks for what the stage does not do.
    """
    count = body.get("n", 1)
    if not isinstance(count, int) or not 1 <= count <= _MAX_IMAGES:
        raise _ProtocolError(400, f"n: expected a whole number from 1 to {_MAX_IMAGES}", param="n")
    if body.get("stream"):
        raise _ProtocolError(400, "pictures are not streamed; leave out stream", "unsupported_parameter", "stream")
    names = {field["name"] for field in stage.inputs}
    values = _read_own_fields(body, stage) | {stage.main_input: body.get("prompt")}
    if "size" in names and body.get("size") not in {None, "auto"}:
        values["size"] = body["size"]
    if count > 1 and "sample" not in names:
        raise _ProtocolError(400, "this model makes one picture; leave out n", "unsupported_parameter", "n")
    return [values | ({"sample": number} if count > 1 else {}) for number in range(1, count + 1)]


def _make_images(pictures: Sequence[Mapping[str, Any]], stage: DescribedStage) -> dict[str, Any]:
    """Return the response with pictures, each in base64, or by its address where the version stores pictures."""
    for fields in pictures:
        _check_fields(fields)
    data = [
        {"url": fields["url"]} if fields.get("url") else {"b64_json": fields[stage.image_output]} for fields in pictures
    ]
    for entry, fields in zip(data, pictures, strict=True):
        entry["revised_prompt"] = fields.get("alt_text", "")
    usages = [_make_usage(fields) for fields in pictures]
    prompt, completion = (sum(usage[key] for usage in usages) for key in ("prompt_tokens", "completion_tokens"))
    usage = {"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion}
    return {"created": int(time.time()), "data": data, "usage": usage}
