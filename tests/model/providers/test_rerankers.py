"""Rerankers: chat models of OpenAI's protocol, and cross-encoder classes of LangChain."""

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
from model.providers.langchain import LangChainProvider
from model.providers.openai import OpenAIProvider
from model.retrieval.local.index import Index
from model.runtime import usage
from model.runtime.event_loop import Engine
from standin.app import StandIn
from training.verification.preflight import check_models

langchain, openai = LangChainProvider(), OpenAIProvider()

PASSAGES = [
    Passage.from_text(text, f"{n}.txt") for n, text in enumerate(["A fox runs.", "The pump leaks oil.", "Oil."])
]
QUESTION = "Which pump leaks oil?"


class LengthCrossEncoder(BaseCrossEncoder):
    """Cross-encoder whose score is the length of the passage."""

    def score(self, text_pairs: list[tuple[str, str]]) -> Any:
        return [float(len(text)) for _, text in text_pairs]


class Broken(BaseCrossEncoder):
    """Cross-encoder that returns preset scores."""

    def __init__(self, scores: Sequence[float]) -> None:
        self._scores = scores

    def score(self, text_pairs: list[tuple[str, str]]) -> Any:
        assert text_pairs
        return self._scores


def rank_passages(engine: Engine, reranker: Any) -> tuple[list[float], usage.Account]:
    with usage.track_usage() as account:
        return list(engine.run(reranker.rank(QUESTION, PASSAGES))), account


def test_chat_model_reranker_scores_each_passage(stand_in: StandIn, engine: Engine) -> None:
    scores, account = rank_passages(engine, openai.reranker(["gpt-4.1"]))
    assert scores == pytest.approx([0.0, 0.9, 0.3])
    prompt = stand_in.script.calls[0][1]["messages"][0]["content"]
    assert '<passage n="2">\nThe pump leaks oil.\n</passage>' in prompt
    assert "one JSON list of 3 numbers" in prompt
    assert account.usage.input_tokens > 100


@pytest.mark.parametrize("reply", ["", "I do not know.", "[1, 2]", "[1, 2, 30]", '[1, 2, "x"]', "[1, 2, null]", "{}"])
def test_invalid_scores_leave_the_order_and_add_a_note(reply: str, stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.extend([reply or " "] * 2)  # a blank reply is asked for once more
    scores, account = rank_passages(engine, openai.reranker(["gpt-4.1"]))
    assert scores == []
    assert [note.partition(":")[0] for note in account.notes] == ["not_reranked"]


def test_scores_are_read_from_surrounding_text(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.replies.append("The marks [of course] are:\n```json\n[0, 10, 5.5]\n```")
    assert rank_passages(engine, openai.reranker(["gpt-4.1"]))[0] == [0.0, 1.0, 0.55]


def test_passages_beyond_window_come_last_with_a_note(stand_in: StandIn, engine: Engine) -> None:
    scores, account = rank_passages(engine, openai.reranker(["gpt-4.1"], window=230))
    assert scores[-1] == 0.0
    assert [note.partition(":")[0] for note in account.notes] == ["passages_left_out"]
    assert "one JSON list of 2 numbers" in stand_in.script.calls[0][1]["messages"][0]["content"]


def test_unused_fallback_with_small_window_leaves_no_passage_unscored(stand_in: StandIn, engine: Engine) -> None:
    passages = [Passage.from_text(f"Passage {n}. " + "word " * 400, "a.txt") for n in range(9)]
    stand_in.script.replies.append("[1, 2, 3, 4, 5, 6, 7, 8, 9]")
    with usage.track_usage() as account:
        scores = engine.run(openai.reranker(["gpt-4.1", "llama3.3"]).rank(QUESTION, passages))
    assert scores == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert account.notes == []


def test_cross_encoder_scores_each_passage(engine: Engine) -> None:
    reranker = langchain.reranker(f"{__name__}:LengthCrossEncoder")
    assert rank_passages(engine, reranker)[0] == [11.0, 19.0, 4.0]


@pytest.mark.parametrize("scores", [[1.0], [1.0, 2.0, float("nan")]])
def test_cross_encoder_with_invalid_scores_is_rejected(scores: list[float], engine: Engine) -> None:
    reranker = langchain.reranker(f"{__name__}:Broken", {"scores": scores})
    with pytest.raises(RejectedCallError, match="langchain:Broken did not return a number for each passage"):
        rank_passages(engine, reranker)


@pytest.mark.parametrize("path", ["pathlib:Path", "langchain_core.embeddings:DeterministicFakeEmbedding"])
def test_invalid_reranker_class_raises_profile_error(path: str) -> None:
    with pytest.raises(ProfileError, match="is not a LangChain chat model class"):
        langchain.check_settings("reranker", {"model": path})


def test_profile_with_reranker_orders_sources_by_its_scores(
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
    answer = response["qa"]
    assert answer["error"] == ""
    assert [source["score"] for source in answer["sources"]] == [0.9, 0.4]
    assert answer["sources"][0]["source"] != "langchain.txt"
    assert answer["usage"]["cost"] > 0
    stand_in.script.replies.append("nothing")
    (response,) = pipeline.answer_requests([Request({"qa": {"question": "What is LangChain?"}})])
    assert response["qa"]["sources"][0]["source"] == "langchain.txt"
    assert [note.partition(":")[0] for note in response["qa"]["notes"]] == ["not_reranked"]
