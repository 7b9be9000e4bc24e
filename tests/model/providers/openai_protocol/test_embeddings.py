"""Embeddings from a server: which texts are sent, what is cached and counted, and which vectors are refused."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import ProviderUnavailableError, RejectedCallError
from model.providers.compatible import CompatibleProvider
from model.providers.openai import OpenAIProvider
from model.providers.openai_protocol.embeddings import OpenAIEmbeddings
from model.runtime import usage
from model.runtime.event_loop import Engine
from model.transport import retry
from model.transport.rate_limiter import Operation, RateLimits
from model.transport.response_cache import ResponseCache
from standin.app import StandIn

MODEL = "text-embedding-3-small"
openai = OpenAIProvider()


class FakeClient:
    """A client of OpenAI's SDK that embeds a text as its length and 1, and records the requests."""

    def __init__(self, tokens: int | None = None) -> None:
        self.requests: list[dict[str, Any]] = []
        self.usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens}}

    async def connect(self) -> "FakeClient":
        """Return the client itself."""
        return self

    async def post(self, path: str, *, cast_to: type, body: dict[str, Any]) -> Any:
        """Return a vector for each text, the last one first."""
        assert (path, cast_to) == ("/embeddings", object)
        self.requests.append(body)
        rows = [{"index": n, "embedding": [float(len(text)), 1.0]} for n, text in enumerate(body["input"])]
        return {"data": rows[::-1], **self.usage}


class FixedClient:
    """A client of OpenAI's SDK with one response."""

    def __init__(self, response: Any) -> None:
        self.response = response

    async def connect(self) -> "FixedClient":
        """Return the client itself."""
        return self

    async def post(self, path: str, **_: Any) -> Any:
        """Return the response."""
        return self.response


def make_embeddings(client: Any, cache: int = 0, **options: Any) -> OpenAIEmbeddings:
    operation = Operation("embeddings", "openai")
    cache_of_vectors = ResponseCache(operation, cache)
    return OpenAIEmbeddings(operation, cache_of_vectors, MODEL, client.connect, options)


def embed(embeddings: OpenAIEmbeddings, engine: Engine, *texts: str, question: bool = False) -> Any:
    return engine.run(embeddings.embed(texts, question=question))


def expected_vectors(texts: Sequence[str]) -> Any:
    lengths = np.array([[len(text), 1.0] for text in texts])
    return lengths / np.linalg.norm(lengths, axis=1, keepdims=True)


def test_embeddings_name_provider_and_model_and_batch_by_the_limit() -> None:
    embeddings = make_embeddings(FakeClient())
    assert (embeddings.provider, embeddings.model, embeddings.semantic) == ("openai", MODEL, True)
    assert (embeddings.batch_size, embeddings.batch_window) == (2048, 0.001)


@pytest.mark.parametrize("question", [False, True])
def test_request_has_model_texts_and_options(question: bool, engine: Engine) -> None:
    client = FakeClient()
    vectors = embed(make_embeddings(client, dimensions=2), engine, "fox", "cats", question=question)
    assert client.requests == [{"input": ["fox", "cats"], "model": MODEL, "dimensions": 2}]
    assert vectors == pytest.approx(expected_vectors(["fox", "cats"]))
    assert vectors.dtype == np.float32


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(alphabet="ab", min_size=1, max_size=9), min_size=1, max_size=9), st.booleans())
def test_each_text_gets_its_own_vector_in_its_place(texts: list[str], question: bool) -> None:
    vectors = embed(make_embeddings(FakeClient(), cache=60), Engine(), *texts, question=question)
    assert vectors == pytest.approx(expected_vectors(texts), abs=1e-6)


def test_only_questions_that_are_not_cached_are_sent(engine: Engine) -> None:
    client = FakeClient()
    embeddings = make_embeddings(client, cache=60)
    embed(embeddings, engine, "fox", "cat's", question=True)
    vectors = embed(embeddings, engine, "birds", "fox", "a", "cat's", question=True)
    assert [request["input"] for request in client.requests] == [["fox", "cat's"], ["birds", "a"]]
    assert vectors == pytest.approx(expected_vectors(["birds", "fox", "a", "cat's"]))
    assert embed(embeddings, engine, "fox", question=True).dtype == np.float32
    assert len(client.requests) == 2


def test_question_that_is_asked_twice_is_sent_once(engine: Engine) -> None:
    client = FakeClient()
    vectors = embed(make_embeddings(client), engine, "fox", "cats", "fox", question=True)
    assert [request["input"] for request in client.requests] == [["fox", "cats"]]
    assert vectors == pytest.approx(expected_vectors(["fox", "cats", "fox"]))


@pytest.mark.parametrize(("cache", "question", "calls"), [(0, True, 2), (60, True, 1), (60, False, 2)])
def test_vectors_are_cached_for_questions_where_the_cache_is_on(
    cache: int, question: bool, calls: int, engine: Engine
) -> None:
    client = FakeClient()
    embeddings = make_embeddings(client, cache)
    vectors = [embed(embeddings, engine, "fox", question=question) for _ in range(2)]
    assert (vectors[0] == vectors[1]).all()
    assert len(client.requests) == calls


def test_cached_vector_is_not_that_of_other_dimensions(engine: Engine) -> None:
    client = FakeClient()
    for dimensions in (2, 3, 2):
        embed(make_embeddings(client, cache=60, dimensions=dimensions), engine, "fox", question=True)
    assert [request["dimensions"] for request in client.requests] == [2, 3]


def test_tokens_are_those_that_the_server_counted(engine: Engine) -> None:
    with usage.track_usage() as account:
        embed(make_embeddings(FakeClient(tokens=500)), engine, "fox")
    assert account.usage == usage.Usage(input_tokens=500, cost=pytest.approx(500 * 0.02 / 1e6))


def test_response_without_usage_counts_no_tokens(engine: Engine) -> None:
    with usage.track_usage() as account:
        embed(make_embeddings(FakeClient()), engine, "fox")
    assert account.usage.input_tokens == 0


def test_long_text_is_cut_with_a_note_before_it_is_sent(stand_in: StandIn, engine: Engine) -> None:
    with usage.track_usage() as account:
        embed(openai.embeddings(MODEL, 8), engine, "a" * 32_769, "b" * 32_768)
    assert [len(text) for text in stand_in.script.calls[0][1]["input"]] == [32_768, 32_768]
    assert account.notes == ["input_cut: a text was cut to 8,192 tokens before the embedding"]


@pytest.mark.parametrize("extra_tokens", [0, 1])
def test_batch_has_at_most_300_000_tokens(extra_tokens: int, engine: Engine) -> None:
    client = FakeClient()
    texts = ["a" * 32_000] * 37 + ["a" * (16_000 + 4 * extra_tokens)]
    assert embed(make_embeddings(client), engine, *texts).shape == (38, 2)
    assert [len(request["input"]) for request in client.requests] == ([38] if not extra_tokens else [37, 1])


def make_response(*rows: tuple[int, list[float]]) -> Any:
    return {"data": [{"index": n, "embedding": vector} for n, vector in rows], "usage": None}


UNMATCHED = "returned vectors that do not match the texts one to one; try again, or use another model"
NOT_FINITE = "returned vectors that are not finite numbers; try again, or use another model"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (make_response(), UNMATCHED),
        (make_response((0, [1.0])), UNMATCHED),
        (make_response((1, [1.0]), (2, [1.0])), UNMATCHED),
        (make_response((0, [1.0]), (0, [1.0])), UNMATCHED),
        (make_response((0, [1.0]), (1, [1.0]), (2, [1.0])), UNMATCHED),
        (make_response((0, [1.0]), (1, [float("inf")])), NOT_FINITE),
        (make_response((0, [float("nan")]), (1, [1.0])), NOT_FINITE),
    ],
)
def test_unusable_vectors_raise_error_with_what_to_do(response: Any, message: str, engine: Engine) -> None:
    with pytest.raises(RejectedCallError) as error:
        embed(make_embeddings(FixedClient(response)), engine, "fox", "cats")
    assert str(error.value) == f"openai:{MODEL} {message}"


def test_vector_of_zeros_stays_zero(engine: Engine) -> None:
    embeddings = make_embeddings(FixedClient(make_response((0, [0.0, 0.0]), (1, [3.0, 4.0]))))
    assert embed(embeddings, engine, "fox", "cats").tolist() == [[0.0, 0.0], pytest.approx([0.6, 0.8])]


@pytest.mark.parametrize("response", ["<html>It works!</html>", {"data": None}])
def test_response_that_is_no_embedding_raises_error(
    response: Any, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_BACK_OFF", lambda _: 0.0)
    with pytest.raises(ProviderUnavailableError, match=rf"^openai:{MODEL} returned an invalid response"):
        embed(make_embeddings(FixedClient(response)), engine, "fox")


def test_failed_call_caches_no_vector(engine: Engine) -> None:
    with pytest.raises(RejectedCallError):
        embed(make_embeddings(FixedClient(make_response()), cache=60), engine, "fox", question=True)
    client = FakeClient()
    embed(make_embeddings(client, cache=60), engine, "fox", question=True)
    assert len(client.requests) == 1


def test_batches_of_one_pace_are_sent_one_after_the_other(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.latency["embeddings"] = 0.02
    embeddings = openai.embeddings(MODEL, 8, pace=RateLimits(concurrency=1))

    async def embed_together() -> None:
        await asyncio.gather(*(embeddings.embed([f"text {n}"]) for n in range(3)))

    engine.run(embed_together())
    assert stand_in.script.peak["embeddings"] == 1


def test_vectors_in_base64_and_in_lists_are_equal(stand_in: StandIn, engine: Engine) -> None:
    encoded = embed(openai.embeddings(MODEL, 8), engine, "a red fox")
    listed = embed(CompatibleProvider().embeddings(MODEL, 8), engine, "a red fox")
    assert encoded == pytest.approx(listed)
