"""The tokens of the documents are counted by each server of a small window, and the prompt is filled by that count."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.contract.events import discard
from model.passages import Passage
from model.profile import Profile
from model.providers import make_provider, token_limits
from model.providers.server_facts import ServerFacts
from model.retrieval.local.index import Index
from model.runtime.event_loop import Engine
from tests.odd_server import CHAT, Answer, Body, chat_as_usual, refuse, run_odd_server
from training.verification.token_measure import measure_tokens

PROFILE = """
embeddings: {provider: offline}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa: {kind: retrieval_qa, chat: {provider: compatible, models: [m], window: 2000}}
"""


@pytest.fixture
def index(index_folder: Path) -> Index:
    return Index.open(index_folder)


def read_profile(folder: Path, text: str = PROFILE) -> Profile:
    (folder / "profile.yaml").write_text(text, "utf-8")
    return Profile.read(str(folder / "profile.yaml"))


def count(tokens: int) -> Body:
    """Return the answer of a server that counts so many tokens of the prompt."""
    body = chat_as_usual()
    body["usage"] = {"prompt_tokens": tokens, "completion_tokens": 1, "total_tokens": tokens + 1}
    return body


def estimate_of(body: Body) -> int:
    return token_limits.count_tokens(body["messages"][-1]["content"])


def test_factor_is_what_the_server_counts_and_a_margin(index: Index, tmp_path: Path) -> None:
    profile = read_profile(tmp_path)
    with run_odd_server({CHAT: lambda body: (200, count(40 + estimate_of(body) // 2))}) as server:
        (measured,) = measure_tokens(profile, index)
    assert (measured.model, measured.reason) == ("compatible:m", "")
    assert measured.factor == pytest.approx(0.55, abs=0.01)
    letter, body = server.bodies(CHAT)
    assert letter["messages"][-1]["content"] == "a"
    assert [each.get("max_tokens", each.get("max_completion_tokens")) for each in (letter, body)] == [1, 1]
    assert 0 < estimate_of(body) <= 1_010
    assert index.chunks[0].text in body["messages"][-1]["content"]


@pytest.mark.parametrize(("factor", "quoted"), [(0.0, 2), (0.5, 5), (2.0, 1)])
def test_prompt_has_as_many_passages_as_the_tokenizer_leaves_room_for(
    factor: float, quoted: int, engine: Engine, tmp_path: Path
) -> None:
    profile = read_profile(tmp_path)
    profile.facts.limits_of("compatible", "m").token_factor = factor
    (tmp_path / "facts.json").write_text(json.dumps(profile.facts.to_json() or {"limits": {}}), "utf-8")
    as_served = replace(profile, facts=ServerFacts.read(tmp_path / "facts.json"))
    (_, _, entry) = as_served.entries[-1]
    passages = [Passage.from_text(f"Foxes eat {'berries ' * 250}", f"{n}.txt") for n in range(6)]
    with run_odd_server() as server:
        engine.run(make_provider(entry, "chat", as_served.facts).answer("What do foxes eat?", passages, discard))
    (body,) = server.bodies(CHAT)
    assert body["messages"][-1]["content"].count("<passage n=") - 1 == quoted  # the instructions name the tag


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _: refuse("No such model", 404), "compatible:m"),
        (lambda _: (200, count(0)), "the server counted 0 tokens of about "),
        (lambda body: (200, count(10 * estimate_of(body))), " tokens of about "),
    ],
)
def test_server_that_does_not_tell_leaves_the_estimate(
    answer: Answer, reason: str, index: Index, tmp_path: Path
) -> None:
    profile = read_profile(tmp_path)
    with run_odd_server({CHAT: answer}):
        (measured,) = measure_tokens(profile, index)
    assert (measured.model, measured.factor) == ("compatible:m", 0.0)
    assert reason in measured.reason
    assert profile.facts.to_json() == {}


@pytest.mark.parametrize(
    "text",
    [
        PROFILE.replace("window: 2000", "window: 100000"),
        PROFILE.replace("provider: compatible, models: [m], window: 2000", "provider: offline"),
    ],
)
def test_model_with_a_large_window_or_on_this_machine_is_not_asked(text: str, index: Index, tmp_path: Path) -> None:
    with run_odd_server() as server:
        assert list(measure_tokens(read_profile(tmp_path, text), index)) == []
    assert server.requests == []


def test_measurement_is_one_of_the_facts_that_are_told() -> None:
    facts = ServerFacts()
    facts.limits_of("compatible", "m").token_factor = 0.79
    assert facts.describe() == ["compatible:m counts up to 0.79 tokens of the documents for each estimated one"]
