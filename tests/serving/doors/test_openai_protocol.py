"""OpenAI's protocol, by OpenAI's own SDK, by LangChain, and by raw bodies."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
import requests
from langchain_openai import ChatOpenAI

from serving.errors import RefusedError, ServingError
from tests.door_server import ANSWER, PIXEL, ScriptedTarget

QUESTION = [{"role": "user", "content": "What does a night cost?"}]


@pytest.fixture
def address(server: str) -> str:
    return f"{server}/v1"


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=address, api_key="any", max_retries=0) as client:
        yield client


def post(address: str, **body: Any) -> requests.Response:
    return requests.post(f"{address}/chat/completions", json=body, timeout=30)


def test_each_stage_with_a_text_is_a_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["multichain/qa", "multichain/image_generation"]
    assert client.models.retrieve("multichain/qa").owned_by == "multichain"


@pytest.mark.parametrize("model", ["multichain/qa", "qa"])
def test_completion_is_the_answer_with_citations_and_usage(client: openai.OpenAI, model: str) -> None:
    completion = client.chat.completions.create(model=model, messages=QUESTION)  # type: ignore[arg-type]
    message = completion.choices[0].message
    assert (message.content, completion.choices[0].finish_reason) == (ANSWER, "stop")
    assert completion.usage
    assert completion.usage.total_tokens == 10
    assert message.annotations
    citation = message.annotations[0].url_citation
    assert (citation.url, citation.title) == ("https://example.com/travel", "Handbook > Handbook > Travel expenses")
    assert ANSWER[citation.start_index : citation.end_index] == "[1]"


def test_conversation_becomes_the_history_of_the_last_question(client: openai.OpenAI, target: ScriptedTarget) -> None:
    messages: Any = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "A night?"}]},
        {"role": "assistant", "content": "120 euros."},
        {"role": "user", "content": "And a meal?"},
    ]
    client.chat.completions.create(
        model="multichain/qa", messages=messages, temperature=0.2, extra_body={"k": 2, "filter": {"page": 3}}
    )
    history = [{"question": "A night?", "answer": "120 euros."}]
    assert target.requests == [{"qa": {"question": "And a meal?", "k": 2, "filter": {"page": 3}, "history": history}}]


@pytest.mark.parametrize("streams_text", [True, False])
def test_stream_gives_the_answer_its_citations_and_the_usage(
    client: openai.OpenAI, target: ScriptedTarget, streams_text: bool
) -> None:
    target.streams_text = streams_text
    stream = client.chat.completions.create(
        model="multichain/qa",
        messages=QUESTION,  # type: ignore[arg-type]
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == ANSWER
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (deltas[-1].model_extra or {})["annotations"][0]["url_citation"]["url"] == "https://example.com/travel"
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 3
    assert target.streams[0].is_closed.wait(5)


def test_langchain_talks_to_a_stage(address: str) -> None:
    model = ChatOpenAI(model="multichain/qa", base_url=address, api_key="any", max_retries=0)  # type: ignore[arg-type]
    assert model.invoke("What does a night cost?").content == ANSWER
    assert "".join(str(chunk.content) for chunk in model.stream("What does a night cost?")) == ANSWER


def test_pictures_come_in_base64_and_as_many_as_asked(client: openai.OpenAI, target: ScriptedTarget) -> None:
    images = client.images.generate(model="multichain/image_generation", prompt="A pixel", n=2, size="1024x1024")
    assert images.data
    assert [image.b64_json for image in images.data] == [PIXEL] * 2
    assert sorted(request["image_generation"]["sample"] for request in target.requests) == [1, 2]
    assert target.requests[0]["image_generation"]["size"] == "1024x1024"


def test_stored_picture_comes_by_its_address(client: openai.OpenAI, target: ScriptedTarget) -> None:
    target.fields["image_generation"] |= {"image": "", "url": "https://example.com/a.png"}
    images = client.images.generate(prompt="A pixel", model="image_generation")
    assert images.data
    assert (images.data[0].url, images.data[0].b64_json) == ("https://example.com/a.png", None)


@pytest.mark.parametrize(
    ("body", "status", "code", "words"),
    [
        ({"model": "gpt-4.1"}, 404, "model_not_found", "the models are multichain/qa, multichain/image_generation"),
        ({"model": None}, 404, "model_not_found", "there is no such model"),
        ({"model": "multichain/image_generation"}, 400, "invalid_request", "POST /v1/images/generations"),
        ({"tools": [{"type": "function"}]}, 400, "unsupported_parameter", "calls no tools"),
        ({"n": 2}, 400, "unsupported_parameter", "one answer"),
        ({"response_format": {"type": "json_object"}}, 400, "unsupported_parameter", "answers with text"),
        ({"messages": []}, 400, "invalid_request", "expected a list of messages"),
        ({"messages": "Hi"}, 400, "invalid_request", "expected a list of messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "invalid_request", "roles"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "invalid_request", "the user's"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]},
            400,
            "invalid_request",
            "no pictures",
        ),
    ],
)
def test_unsupported_request_is_refused_in_words(
    address: str, target: ScriptedTarget, body: dict[str, Any], status: int, code: str, words: str
) -> None:
    reply = post(address, **({"model": "multichain/qa", "messages": QUESTION} | body))
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (status, code)
    assert words in error["message"]
    assert target.requests == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("invalid_request: qa: expected text", 400),
        ("deadline: qa: the time is up", 504),
        ("provider_busy: busy", 503),
        ("provider: it failed", 502),
        ("internal: it broke", 500),
    ],
)
def test_error_of_a_stage_has_its_http_status(
    client: openai.OpenAI, target: ScriptedTarget, error: str, status: int
) -> None:
    target.fields["qa"]["error"] = error
    with pytest.raises(openai.APIStatusError) as refusal:
        client.chat.completions.create(model="multichain/qa", messages=QUESTION)  # type: ignore[arg-type]
    assert (refusal.value.status_code, refusal.value.code) == (status, error.partition(":")[0])


def test_error_in_a_stream_is_an_error_of_the_sdk(client: openai.OpenAI, target: ScriptedTarget) -> None:
    target.fields["qa"] |= {"error": "provider: it failed", "answer": "x"}
    stream = client.chat.completions.create(model="qa", messages=QUESTION, stream=True)  # type: ignore[arg-type]
    with pytest.raises(openai.APIError, match="it failed"):
        list(stream)


@pytest.mark.parametrize(("error", "status"), [(RefusedError("invalid_request: x"), 400), (ServingError("gone"), 502)])
def test_refusal_of_the_target_is_told(address: str, target: ScriptedTarget, error: Exception, status: int) -> None:
    assert post(address, model="qa", messages=QUESTION).ok  # the description is known from now on
    target.error = error
    reply = post(address, model="qa", messages=QUESTION)
    assert (reply.status_code, reply.json()["error"]["message"]) == (status, str(error))


def test_cut_answer_has_the_reason_length(client: openai.OpenAI, target: ScriptedTarget) -> None:
    target.fields["qa"]["notes"] = ["cut: the answer ends early"]
    completion = client.chat.completions.create(model="qa", messages=QUESTION)  # type: ignore[arg-type]
    assert completion.choices[0].finish_reason == "length"


@pytest.mark.parametrize("body", [b"{", b"[1]", b"[" * 100_000])
def test_body_that_is_no_object_is_refused(address: str, body: bytes) -> None:
    reply = requests.post(f"{address}/chat/completions", data=body, timeout=30)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


def test_other_routes_are_refused_in_openai_s_shape(address: str) -> None:
    reply = requests.post(f"{address}/embeddings", json={"input": "a"}, timeout=30)
    assert reply.status_code == 404
    assert json.loads(reply.content)["error"]["code"] == "not_found"
