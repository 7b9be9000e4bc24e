"""OpenAI's protocol against a strict stand-in: what is asked, what falls through, what becomes of failures."""

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import standin
from standin import StandIn

from model.engine import Engine
from model.errors import CredentialError
from model.events import silent
from model.providers import compatible, openai
from model.retrieval.chunks import Passage
from places import EXERCISE

REQUEST = {
    "qa": {"question": "What is Azure Databricks?"},
    "image_generation": {"prompt": "A futuristic city with flying cars"},
}
PASSAGES = [Passage.given("Azure Databricks is a platform.", "a.txt")]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[StandIn, str]]:
    with standin.serving() as served:
        yield served


@pytest.fixture
def stand_in(server: tuple[StandIn, str], monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setenv("OPENAI_API_KEY", standin.KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", server[1])
    server[0].asked.clear()
    server[0].plan.clear()
    return server[0]


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def test_an_answer_cites_only_passages_that_are_there(stand_in: StandIn, engine: Engine) -> None:
    reply = engine.run(openai.chat(["gpt-6-luna"]).answer("What is it?", PASSAGES, silent))
    assert (reply.text, reply.answered_by) == ("About What is it? [1]", "openai:gpt-6-luna")
    assert (reply.cited, reply.abstained) == (frozenset({0}), False)
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.cost_known) == (12, 5, False)
    prompt = stand_in.asked[0][1]["messages"][0]["content"]
    assert "[1] Azure Databricks is a platform." in prompt


def test_an_answer_is_streamed(stand_in: StandIn, engine: Engine) -> None:
    told: list[Any] = []
    reply = engine.run(openai.chat(["gpt-6-luna"]).complete("Hi", "Be brief.", lambda *event: told.append(event)))
    assert told == [("token", "About"), ("token", " Hi"), ("token", " [1]"), ("token", " [9]")]
    assert (reply.text, reply.usage.output_tokens) == ("About Hi [1] [9]", 5)
    assert [message["role"] for message in stand_in.asked[0][1]["messages"]] == ["system", "user"]


def test_a_model_that_is_gone_falls_through_to_the_next(stand_in: StandIn, engine: Engine) -> None:
    reply = engine.run(openai.chat(["gpt-4", "gpt-6-luna"]).complete("Hi", "", silent))
    assert reply.answered_by == "openai:gpt-6-luna"
    assert [body["model"] for _, body in stand_in.asked] == ["gpt-4", "gpt-6-luna"]


@pytest.mark.parametrize(("status", "code"), [(403, "forbidden"), (429, "insufficient_quota")])
def test_not_permitted_or_out_of_quota_falls_through(status: int, code: str, stand_in: StandIn, engine: Engine) -> None:
    stand_in.plan = [(status, code)] * (5 if status == 429 else 1)
    reply = engine.run(openai.chat(["gpt-4.1-mini", "gpt-6-luna"]).complete("Hi", "", silent))
    assert reply.answered_by == "openai:gpt-6-luna"


def test_without_fallback_the_first_alone_is_asked(stand_in: StandIn, engine: Engine) -> None:
    with pytest.raises(Exception, match=r"^openai:gpt-4 is not there, or no longer; name another model$"):
        engine.run(openai.chat(["gpt-4", "gpt-6-luna"], fallback=False).complete("Hi", "", silent))
    assert len(stand_in.asked) == 1


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_passes_is_tried_again(status: int, stand_in: StandIn, engine: Engine) -> None:
    stand_in.plan = [(status, "")] * 2
    assert engine.run(openai.chat(["gpt-6-luna"]).complete("Hi", "", silent)).text.startswith("About Hi")
    assert len(stand_in.asked) == 3


@pytest.mark.parametrize(
    ("plan", "calls", "error"),
    [
        ([(503, "")] * 9, 5, "provider_busy: openai:gpt-6-luna is overloaded or failed (HTTP 503); try again later"),
        ([(400, "x")], 1, "provider: openai:gpt-6-luna did not take the request (HTTP 400); check the profile's set"),
        ([(401, "x")], 1, "credential: openai:gpt-6-luna does not take this key; check the key, and that it is of "),
        ([(400, "content_filter")], 1, "refused: openai:gpt-6-luna refused this (content_filter); put it in other w"),
    ],
)
def test_what_fails_is_an_error_of_one_family_without_the_callers_data(
    plan: list[tuple[int, str]], calls: int, error: str, stand_in: StandIn, engine: Engine
) -> None:
    stand_in.plan = plan
    with pytest.raises(Exception, match="gpt-6-luna") as told:
        engine.run(openai.chat(["gpt-6-luna"]).complete("my secret question", "", silent))
    assert told.value.field.startswith(error)  # type: ignore[attr-defined]
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None
    assert len(stand_in.asked) == calls


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(CredentialError, match=r"^OPENAI_API_KEY is not set; set it to your key for OpenAI$"):
        engine.run(openai.chat(["gpt-6-luna"]).complete("Hi", "", silent))
    monkeypatch.delenv("COMPATIBLE_BASE_URL", raising=False)
    with pytest.raises(CredentialError, match=r"^COMPATIBLE_BASE_URL is not set; "):
        engine.run(compatible.embeddings("any").embed(["a"]))


def test_a_server_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setenv("COMPATIBLE_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(Exception, match="did not answer in time, or cannot be reached"):
        engine.run(compatible.embeddings("any").embed(["a"]))


def test_embeddings_have_norm_one_and_the_order_of_the_texts(stand_in: StandIn, engine: Engine) -> None:
    vectors = engine.run(openai.embeddings().embed(["one two", "", "one two"]))
    assert vectors.shape == (3, 64)
    assert np.linalg.norm(vectors[0]) == pytest.approx(1.0)
    assert (vectors[0] == vectors[2]).all()
    assert [len(body["input"]) for _, body in stand_in.asked] == [3]


def test_the_limits_of_an_embeddings_request_are_kept() -> None:
    assert [len(batch) for batch in openai.batches(["a"] * 5000)] == [2048, 2048, 904]
    assert [len(batch) for batch in openai.batches(["a" * 16_384] * 80)] == [36, 36, 8]
    (longest,) = next(openai.batches(["水" * 9000]))
    assert len(longest.encode()) == 16_383
    assert list(openai.batches([])) == []


def test_a_picture(stand_in: StandIn, engine: Engine) -> None:
    draw = openai.images(["gpt-image-1", "gpt-image-2"]).draw
    picture = engine.run(draw("A city", PASSAGES, style="", size="1024x1024", sample=1))
    assert (picture.mime_type, picture.answered_by, picture.content[8:12]) == (
        "image/webp",
        "openai:gpt-image-2",
        b"WEBP",
    )
    assert (picture.usage.images, picture.usage.output_tokens) == (1, 272)
    assert stand_in.asked[1][1]["size"] == "1024x1024"
    with pytest.raises(Exception, match=r"openai:gpt-image-2 refused this \(moderation_blocked\)"):
        engine.run(openai.images(["gpt-image-2"]).draw("a weapon", [], style="", size="", sample=1))


def test_the_whole_job_and_no_key_in_what_it_wrote(
    server: tuple[StandIn, str], run: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = {"OPENAI_API_KEY": standin.KEY, "OPENAI_BASE_URL": server[1]}
    with caplog.at_level(logging.DEBUG):
        trained = run("training", "run", "--profile", "openai", "--documents", str(EXERCISE), **keys)
        assert trained.returncode == 0, trained.stderr
        asked = run("serving", "ask", json.dumps(REQUEST), "--out", "city.webp", **keys)
    assert asked.returncode == 0, asked.stderr
    assert "qa (openai:gpt-6-luna" in asked.stdout
    assert "About What is Azure Databricks? [1]" in asked.stdout
    assert (tmp_path / "city.webp").read_bytes()[8:12] == b"WEBP"
    bad = run("serving", "ask", "--question", "What?", **keys | {"OPENAI_API_KEY": "sk-planted-91b2"})
    assert "credential: openai:" in bad.stdout
    found = [path for path in tmp_path.rglob("*") if path.is_file() and b"sk-" in _without_code(path)]
    assert found == []
    told = caplog.text + "".join(one.stdout + one.stderr for one in (trained, asked, bad))
    assert standin.KEY not in told
    assert "sk-planted" not in told
    assert base64.b64encode(standin.KEY.encode()).decode() not in told


def _without_code(path: Path) -> bytes:
    content = path.read_bytes()
    return b"" if standin.KEY.encode() not in content and b"sk-planted" not in content else content
