"""A reranker orders what a search put forward: a chat model of any spelling, or a cross-encoder's class."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.cross_encoders import BaseCrossEncoder

from model.contract.requests import Request
from model.errors import ProfileError, RejectedCallError
from model.passages import Passage
from model.profile import Profile
from model.profile_validation import validate_profile
from model.providers import langchain, openai
from model.retrieval.local.index import Index
from model.runtime import usage
from model.runtime.event_loop import Engine
from standin.app import StandIn
from training.verification.preflight import check_models

PASSAGES = [
    Passage.from_text(text, f"{n}.txt") for n, text in enumerate(["A fox runs.", "The pump leaks oil.", "Oil."])
]
QUESTION = "Which pump leaks oil?"


class Longest(BaseCrossEncoder):
    """The longer the text, the better."""

    def score(self, text_pairs: list[tuple[str, str]]) -> Any:
        return [float(len(text)) for _, text in text_pairs]


class Broken(BaseCrossEncoder):
    """Says what it is told to."""

    def __init__(self, scores: Sequence[float]) -> None:
        self._scores = scores

    def score(self, text_pairs: list[tuple[str, str]]) -> Any:
        assert text_pairs
        return self._scores


def ranked(engine: Engine, reranker: Any) -> tuple[list[float], usage.Account]:
    with usage.track_usage() as used:
        return list(engine.run(reranker.rank(QUESTION, PASSAGES))), used


def test_a_chat_model_marks_each_passage(stand_in: StandIn, engine: Engine) -> None:
    scores, used = ranked(engine, openai.reranker(["gpt-4.1"]))
    assert scores == pytest.approx([0.0, 0.9, 0.3])
    asked = stand_in.script.calls[0][1]["messages"][0]["content"]
    assert '<passage n="2">\nThe pump leaks oil.\n</passage>' in asked
    assert "one JSON list of 3 numbers" in asked
    assert used.usage.input_tokens > 100


@pytest.mark.parametrize("reply", ["", "I do not know.", "[1, 2]", "[1, 2, 30]", '[1, 2, "x"]', "[1, 2, null]", "{}"])
def test_marks_that_are_none_are_told_and_leave_the_order(reply: str, stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.append(reply or " ")
    scores, used = ranked(engine, openai.reranker(["gpt-4.1"]))
    assert scores == []
    assert [note.partition(":")[0] for note in used.notes] == ["not_reranked"]


def test_marks_may_stand_in_words(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.append("The marks [of course] are:\n```json\n[0, 10, 5.5]\n```")
    assert ranked(engine, openai.reranker(["gpt-4.1"]))[0] == [0.0, 1.0, 0.55]


def test_passages_without_room_come_last(stand_in: StandIn, engine: Engine) -> None:
    around = 190 + 19 + 23
    scores, used = ranked(engine, openai.reranker(["gpt-4.1"], window=512 + around))
    assert scores[-1] == 0.0
    assert [note.partition(":")[0] for note in used.notes] == ["passages_left_out"]
    assert "one JSON list of 2 numbers" in stand_in.script.calls[0][1]["messages"][0]["content"]


def test_a_small_fallback_model_that_is_not_asked_leaves_no_passage_unmarked(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text(f"Passage {n}. " + "word " * 400, "a.txt") for n in range(9)]
    stand_in.script.replies.append("[1, 2, 3, 4, 5, 6, 7, 8, 9]")
    with usage.track_usage() as used:
        scores = engine.run(openai.reranker(["gpt-4.1", "llama3.3"]).rank(QUESTION, passages))
    assert scores == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert used.notes == []


def test_a_cross_encoder(engine: Engine) -> None:
    made = langchain.reranker(f"{__name__}:Longest")
    assert ranked(engine, made)[0] == [11.0, 19.0, 4.0]


@pytest.mark.parametrize("scores", [[1.0], [1.0, 2.0, float("nan")]])
def test_a_cross_encoder_that_does_not_score_each(scores: list[float], engine: Engine) -> None:
    made = langchain.reranker(f"{__name__}:Broken", {"scores": scores})
    with pytest.raises(RejectedCallError, match="langchain:Broken did not return a number for each passage"):
        ranked(engine, made)


@pytest.mark.parametrize("path", ["pathlib:Path", "langchain_core.embeddings:DeterministicFakeEmbedding"])
def test_what_is_no_reranker(path: str) -> None:
    with pytest.raises(ProfileError, match="is not a LangChain chat model class"):
        langchain.check("reranker", {"model": path})


def test_in_a_profile_its_order_and_scores_are_the_sources(
    stand_in: StandIn, index_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.yaml").write_text(
        "embeddings: {provider: offline}\n"
        "index: {chunk_size: 1200, overlap: 120, language: english}\n"
        "stages:\n"
        "  qa:\n"
        "    kind: retrieval_qa\n"
        "    chat: {provider: offline}\n"
        "    reranked: 3\n"
        "    passages: 2\n"
        "    reranker: {provider: openai, models: [gpt-4.1]}\n",
        "utf-8",
    )
    profile = Profile.read(str(tmp_path / "mine.yaml"))
    validate_profile(profile)
    stand_in.script.replies.extend(["pong", "[2, 9, 4]"])
    assert "openai:gpt-4.1 answers (qa)" in [finding.message for finding in check_models(profile).findings]
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))
    (response,) = pipeline.answer_requests([Request({"qa": {"question": "What is LangChain?"}})])
    told = response["qa"]
    assert told["error"] == ""
    assert [source["score"] for source in told["sources"]] == [0.9, 0.4]
    assert told["sources"][0]["source"] != "langchain.txt"
    assert told["usage"]["cost"] > 0
    stand_in.script.replies.append("nothing")
    (response,) = pipeline.answer_requests([Request({"qa": {"question": "What is LangChain?"}})])
    assert response["qa"]["sources"][0]["source"] == "langchain.txt"
    assert [note.partition(":")[0] for note in response["qa"]["notes"]] == ["not_reranked"]
