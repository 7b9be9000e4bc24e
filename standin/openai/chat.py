"""Answer ``chat/completions``: quote the passage that shares most words with the question, or write a small diagram."""

import json
import re
from collections.abc import Iterator
from textwrap import shorten
from typing import Any

from starlette.responses import JSONResponse, Response, StreamingResponse

from . import models
from .errors import invalid_request, require_parameters

_ROLES = {"system", "developer", "user", "assistant", "tool"}
_PASSAGE = re.compile(r'^<passage n="(\d+)">\n(.*?)\n</passage>$', re.MULTILINE | re.DOTALL)
_DIAGRAM_REQUEST = "Reply with one JSON object"
_MAX_WORDS = 9
_SMALL_WORDS = {"with", "this", "that", "from", "into", "using", "and", "diagram"}


def complete(body: dict[str, Any], scripted_reply: str | None = None) -> Response:
    """Return the completion of a request, streamed where the request says so.

    Args:
        body: Body of the request.
        scripted_reply: Text of the reply; None lets the stand-in write one.

    Returns:
        The API's response.

    Raises:
        RefusedError: The API does not accept the request.
    """
    entry = check_body(body)
    if scripted_reply is None:
        scripted_reply = _follow_schema(body) if _asks_for_schema(body) else make_reply(body["messages"])
    text = scripted_reply
    input_tokens = sum(models.count_tokens(_message_text(message)) for message in body["messages"])
    output_tokens = models.count_tokens(text)
    usage = {
        "prompt_tokens": input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    common = {"id": "chatcmpl-standin", "created": 1_790_000_000, "model": entry.name}
    if body.get("stream"):
        with_usage = bool(body.get("stream_options", {}).get("include_usage"))
        return StreamingResponse(_stream(text, common, usage if with_usage else None), media_type="text/event-stream")
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "message": message, "logprobs": None}
    return JSONResponse(common | {"object": "chat.completion", "choices": [choice], "usage": usage})


def check_body(body: dict[str, Any]) -> models.ModelEntry:
    """Check a request and return the model that the request names.

    Raises:
        RefusedError: The API does not accept the request.
    """
    require_parameters(body, "chat", {"model", "messages"})
    entry = models.find_model(body["model"], "chat")
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        raise invalid_request("Invalid 'messages': expected an array with at least one message.", "messages")
    for number, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in _ROLES or "content" not in message:
            raise invalid_request(f"Invalid 'messages[{number}]'.", f"messages[{number}]", "invalid_value")
    temperature = body.get("temperature", 1)
    if temperature != 1 and not entry.temperature:
        raise invalid_request(
            "Unsupported value: this model supports only the default 'temperature' of 1.",
            "temperature",
            "unsupported_value",
        )
    if not isinstance(temperature, int | float) or not 0 <= temperature <= 2:
        raise invalid_request("Invalid 'temperature': expected 0 to 2.", "temperature", "decimal_above_max_value")
    if "max_tokens" in body and not (entry.temperature or entry.is_foreign):
        raise invalid_request(
            "Unsupported parameter: use 'max_completion_tokens'.", "max_tokens", "unsupported_parameter"
        )
    if "stream_options" in body and not body.get("stream"):
        raise invalid_request("'stream_options' is only allowed when 'stream' is enabled.", "stream_options")
    if sum(models.count_tokens(_message_text(message)) for message in messages) > entry.window:
        raise invalid_request(
            "Your input exceeds the context window of this model.", "messages", "context_length_exceeded"
        )
    return entry


def _asks_for_schema(body: dict[str, Any]) -> bool:
    """Return whether a reply in JSON is asked for that is no diagram."""
    return "response_format" in body and _DIAGRAM_REQUEST not in _message_text(body["messages"][-1])


def _follow_schema(body: dict[str, Any]) -> str:
    """Return the JSON object for the schema in ``response_format``: an answer with its flag, or a judgement.

    As a judge, the stand-in always says yes.

    Raises:
        RefusedError: The schema is not strict.
    """
    response_format = body["response_format"]
    is_schema = response_format.get("type") == "json_schema"
    schema = response_format.get("json_schema", {}).get("schema", {}) if is_schema else {}
    if not schema.get("properties") or schema.get("additionalProperties") is not False:
        raise invalid_request(
            "Invalid schema for response_format: 'additionalProperties' is required.", "response_format"
        )
    if response_format["json_schema"].get("strict") and schema.get("required") != list(schema["properties"]):
        raise invalid_request("Invalid schema for response_format: 'required' has to list each key.", "response_format")
    if "abstains" in schema["properties"]:
        reply = make_reply(body["messages"])
        return json.dumps({"abstains": reply == _find_abstention(body["messages"]), "answer": reply})
    words = {"result": "yes", "rationale": "The stand-in says yes to everything."}
    return json.dumps({name: words.get(name, "") for name in schema["properties"]})


def make_reply(messages: list[dict[str, Any]]) -> str:
    """Return the stand-in's reply to the last message: a diagram, scores of passages, a quotation, or its length."""
    last_message = _message_text(messages[-1])
    if _DIAGRAM_REQUEST in last_message.partition("<passage ")[0]:
        return json.dumps(_make_diagram(last_message.rpartition("Asked: ")[2].partition("\n")[0]))
    passages = _PASSAGE.findall(last_message)
    if not passages:
        return f"This is the stand-in; it was sent {len(last_message)} characters."
    question = last_message.rpartition("Question: ")[2]
    if "Reply with one JSON list" in last_message.partition("\n<passage ")[0]:
        return json.dumps([min(10, 3 * len(split_words(text) & split_words(question))) for _, text in passages])
    number, text, shared = max(
        ((number, text, len(split_words(text) & split_words(question))) for number, text in passages),
        key=lambda entry: entry[2],
    )
    if not shared:
        return _find_abstention(messages)
    return f"{_best_sentence(text, question)} [{number}]"


def _find_abstention(messages: list[dict[str, Any]]) -> str:
    """Return the sentence with which a prompt lets a model abstain."""
    return _message_text(messages[-1]).partition("reply with exactly: ")[2].partition("\n")[0]


def _best_sentence(passage: str, question: str) -> str:
    """Return the sentence of a passage that shares most words with the question, without headings, page and dates."""
    sentences = re.split(r"(?<=[.!?])\s+|\n", passage.strip())
    running = [sentence for sentence in sentences if not sentence.startswith(("#", "(page ", "(date: "))]
    return max(running or sentences, key=lambda sentence: len(split_words(sentence) & split_words(question)))


def split_words(text: str) -> set[str]:
    """Return the lower-case words of a text, without words under three characters and words common in questions."""
    return set(re.findall(r"\w{3,}", text.lower())) - {"what", "the", "and", "who", "how", "tell", "about"}


def _make_diagram(prompt: str) -> dict[str, Any]:
    """Return a diagram of the prompt's longer words, each joined to the first."""
    labels = list(dict.fromkeys(re.findall(r"\w{4,}", prompt.partition(" of")[2] or prompt)))
    labels = [word for word in labels if word.lower() not in _SMALL_WORDS][:_MAX_WORDS] or ["stand-in"]
    labels += ["stand-in"] * (len(labels) == 1)
    nodes = [{"id": f"n{n}", "label": word, "main": n == 0} for n, word in enumerate(labels)]
    edges = [{"from": "n0", "to": node["id"], "label": "with"} for node in nodes[1:]]
    return {"title": shorten(prompt, 60, placeholder=" …") or "Stand-in", "groups": [], "nodes": nodes, "edges": edges}


def _message_text(message: dict[str, Any]) -> str:
    content = message["content"] or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _stream(text: str, common: dict[str, Any], usage: dict[str, Any] | None) -> Iterator[str]:
    # as in the API, chunks before the one with the usage have a null there
    chunk = common | {"object": "chat.completion.chunk"} | ({"usage": None} if usage else {})
    for number, word in enumerate(text.split(" ")):
        delta = {"content": " " * bool(number) + word} | ({} if number else {"role": "assistant"})
        yield _format_event(chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _format_event(chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    if usage:
        yield _format_event(chunk | {"choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _format_event(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk)}\n\n"
