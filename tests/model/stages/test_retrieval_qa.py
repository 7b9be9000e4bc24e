"""Retrieval QA: the passages that reach the answerer, their order, and the fields of the response."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from model.contract.events import Emit
from model.contract.stage_contract import StageContract
from model.errors import InvalidRequestError
from model.interfaces import ConversationTurn, Reply
from model.passages import Chunk, Passage
from model.retrieval.retriever import Retriever
from model.runtime import usage
from model.stages.retrieval_qa import SOURCE_FIELDS, RetrievalQA


class ListRetriever(Retriever):
    """Retriever over numbered passages, which finds them in order and records its searches."""

    def __init__(self, count: int, prefix: str = "p") -> None:
        self.passages = [
            Passage(Chunk(f"{prefix}{n}.txt", "", "", n, 0, 4, f"{prefix}{n}"), 1 - n / 100, n / 10)
            for n in range(count)
        ]
        self.searches: list[tuple[str, int, Any]] = []

    def restrict_to(self, documents: str) -> "ListRetriever":
        return ListRetriever(2, documents.removesuffix("*"))

    async def _find(self, question: str, k: int, filter_values: dict[str, Any] | None) -> list[Passage]:
        self.searches.append((question, k, filter_values))
        return self.passages[:k]


class QuotingChat:
    """Answerer that quotes question and passages, cites the second passage, and completes questions by the history."""

    async def complete_question(self, question: str, history: Sequence[ConversationTurn]) -> str:
        return " | ".join([f"{turn.question}={turn.answer}" for turn in history if turn.question] + [question])

    async def answer(self, question: str, passages: Sequence[Passage], emit: Emit) -> Reply:
        emit("token", question)
        texts = " ".join(passage.text for passage in passages)
        return Reply(f"{question}: {texts}", "quoting:chat", frozenset({1}), not passages)


class ScoreReranker:
    """Reranker that gives scores in order, and records how many passages it read."""

    def __init__(self, *scores: float) -> None:
        self.scores = scores
        self.counts: list[int] = []

    async def rank(self, question: str, passages: Sequence[Passage]) -> Sequence[float]:
        assert question
        self.counts.append(len(passages))
        return self.scores[: len(passages)]


def run_stage(stage: RetrievalQA, **values: Any) -> tuple[dict[str, Any], list[tuple[str, Any]], list[str]]:
    """Return the stage's outputs, its events and its notes."""
    events: list[tuple[str, Any]] = []
    with usage.track_usage() as account:
        outputs = asyncio.run(stage.run({"question": "Why?"} | values, lambda *event: events.append(event)))
    return outputs, events, account.notes


def source_texts(outputs: dict[str, Any]) -> list[str]:
    """Return the texts of the sources, in order."""
    return [source["text"] for source in outputs["sources"]]


def test_outputs_describe_answer_and_sources() -> None:
    outputs, _, notes = run_stage(RetrievalQA(ListRetriever(3), QuotingChat()))
    assert {name: value for name, value in outputs.items() if name != "sources"} == {
        "answer": "Why?: p0 p1 p2",
        "support": 0.2,
        "abstained": False,
        "answered_by": "quoting:chat",
    }
    assert [source["cited"] for source in outputs["sources"]] == [False, True, False]
    assert outputs["sources"][1] == {
        "source": "p1.txt",
        "title": "",
        "heading": "",
        "page": 1,
        "start": 0,
        "end": 4,
        "text": "p1",
        "tags": [],
        "score": 0.99,
        "cited": True,
    }
    assert list(outputs["sources"][1]) == [field.name for field in SOURCE_FIELDS]
    assert notes == []


def test_sources_are_emitted_before_the_first_token() -> None:
    outputs, events, _ = run_stage(RetrievalQA(ListRetriever(2), QuotingChat()))
    assert [kind for kind, _ in events] == ["source", "source", "token"]
    assert [event | {"cited": n == 1} for n, (_, event) in enumerate(events[:2])] == outputs["sources"]


def test_answer_without_passages_has_no_support() -> None:
    reranker = ScoreReranker(1.0)
    outputs, events, _ = run_stage(RetrievalQA(ListRetriever(0), QuotingChat(), reranker=reranker))
    assert reranker.counts == []
    assert (outputs["support"], outputs["abstained"], outputs["sources"]) == (0.0, True, [])
    assert events == [("token", "Why?")]


@pytest.mark.parametrize(
    ("settings", "values", "search"),
    [
        ({}, {}, ("Why?", 4, None)),
        ({"passages": 7}, {}, ("Why?", 7, None)),
        ({"passages": 7}, {"k": 2}, ("Why?", 2, None)),
        ({}, {"filter": {"page": 3}}, ("Why?", 4, {"page": 3})),
        ({}, {"filter": {"page": 3, "source": None}}, ("Why?", 4, {"page": 3})),
        ({}, {"filter": {"page": [None, 3]}}, ("Why?", 4, {"page": [3]})),
        ({}, {"filter": {"page": None}}, ("Why?", 4, None)),
        ({}, {"filter": {"page": []}}, ("Why?", 4, {"page": []})),
        ({"reranker": ScoreReranker()}, {}, ("Why?", 20, None)),
        ({"reranker": ScoreReranker(), "reranked": 3}, {}, ("Why?", 4, None)),
        ({"reranker": ScoreReranker(), "reranked": 9}, {"k": 8, "filter": {"page": 3}}, ("Why?", 9, {"page": 3})),
        ({"reranker": ScoreReranker(), "reranked": 9}, {"k": 10}, ("Why?", 10, None)),
    ],
)
def test_search_receives_question_number_and_filter(
    settings: dict[str, Any], values: dict[str, Any], search: tuple[str, int, Any]
) -> None:
    retriever = ListRetriever(0)
    run_stage(RetrievalQA(retriever, QuotingChat(), **settings), **values)
    assert retriever.searches == [search]


def test_stage_with_documents_searches_those_alone() -> None:
    retriever = ListRetriever(3)
    assert source_texts(run_stage(RetrievalQA(retriever, QuotingChat(), documents="gpt*"))[0]) == ["gpt0", "gpt1"]
    assert source_texts(run_stage(RetrievalQA(retriever, QuotingChat()))[0]) == ["p0", "p1", "p2"]


@pytest.mark.parametrize(
    ("scores", "texts"),
    [
        ((0.1, 0.2, 0.3), ["p2", "p1"]),
        ((0.5, -1.0, 0.5), ["p0", "p2"]),
        ((0.0, 0.0, 0.0), ["p0", "p1"]),
        ((), ["p0", "p1"]),
    ],
)
def test_reranker_orders_passages_by_score_then_search(scores: tuple[float, ...], texts: list[str]) -> None:
    reranker = ScoreReranker(*scores)
    outputs, _, _ = run_stage(RetrievalQA(ListRetriever(3), QuotingChat(), 2, reranker=reranker))
    assert source_texts(outputs) == texts
    assert outputs["answer"] == f"Why?: {' '.join(texts)}"
    assert reranker.counts == [3]


def test_reranked_passages_have_the_scores_of_the_reranker() -> None:
    reranker = ScoreReranker(0.12345678, 2)
    outputs, _, _ = run_stage(RetrievalQA(ListRetriever(2), QuotingChat(), reranker=reranker))
    assert [source["score"] for source in outputs["sources"]] == [2, 0.123457]
    assert outputs["support"] == 0.1
    outputs, _, _ = run_stage(RetrievalQA(ListRetriever(2), QuotingChat(), reranker=ScoreReranker()))
    assert [source["score"] for source in outputs["sources"]] == [1.0, 0.99]


def test_follow_up_question_is_completed_before_search_and_answer() -> None:
    retriever = ListRetriever(1)
    history = [{"question": "What is X?", "answer": "A fox."}, {"question": "Where?"}, {"question": "", "answer": None}]
    outputs, _, notes = run_stage(RetrievalQA(retriever, QuotingChat()), history=history)
    question = "What is X?=A fox. | Where?= | Why?"
    assert retriever.searches == [(question, 4, None)]
    assert outputs["answer"] == f"{question}: p0"
    assert notes == [f"question_completed: the question was completed from the history: {question}"]


def test_completed_question_is_cut_in_its_note() -> None:
    history = [{"question": f"What is {'x' * 20} {'y' * 20} {'z' * 20}?", "answer": "A fox."}]
    _, _, notes = run_stage(RetrievalQA(ListRetriever(1), QuotingChat()), history=history)
    shown = f"What is {'x' * 20} {'y' * 20} {'z' * 9}…"
    assert notes == [f"question_completed: the question was completed from the history: {shown}"]


class SplittingChat(QuotingChat):
    """Answerer that makes two questions of one."""

    async def split_question(self, question: str) -> list[str]:
        return [f"{question} first", f"{question} second"]


def test_passages_of_the_parts_of_a_question_are_taken_in_turn() -> None:
    class PartRetriever(ListRetriever):
        async def _find(self, question: str, k: int, filter_values: Any) -> list[Passage]:
            await super()._find(question, k, filter_values)
            part = question.rpartition(" ")[2]
            shared = Passage(Chunk("shared.txt", "", "", 0, 0, 1, "s"), 0.9)
            return [shared, *(Passage(Chunk(f"{part}.txt", "", "", 0, n, n + 1, "p"), 0.5) for n in range(k))][:k]

    retriever = PartRetriever(4)
    outputs, _, _ = run_stage(RetrievalQA(retriever, SplittingChat()), k=4)
    assert [(source["source"], source["start"]) for source in outputs["sources"]] == [
        ("shared.txt", 0),
        ("first.txt", 0),
        ("second.txt", 0),
        ("first.txt", 1),
    ]
    assert [question.rpartition(" ")[2] for question, _, _ in retriever.searches] == ["first", "second"]


def test_filter_that_no_document_fits_is_noted() -> None:
    outputs, _, notes = run_stage(RetrievalQA(ListRetriever(0), QuotingChat()), filter={"source": "none.txt"})
    assert (outputs["sources"], notes) == ([], ["not_in_documents: no document fits the filter"])
    assert run_stage(RetrievalQA(ListRetriever(0), QuotingChat()))[2] == []


@pytest.mark.parametrize("history", [[], None, [{"question": ""}]])
def test_question_that_stands_alone_stays_without_a_note(history: Any) -> None:
    retriever = ListRetriever(0)
    _, _, notes = run_stage(RetrievalQA(retriever, QuotingChat()), history=history)
    assert retriever.searches == [("Why?", 4, None)]
    assert notes == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "qa.question: expected text of 1 to 10,000 characters"),
        ({"question": "a" * 10_001}, "qa.question: expected text of 1 to 10,000 characters"),
        ({"question": "a", "k": 0}, "qa.k: expected a whole number from 1 to 50"),
        ({"question": "a", "k": 51}, "qa.k: expected a whole number from 1 to 50"),
        (
            {"question": "a", "filter": {"text": "a"}},
            "qa.filter: expected an object with source, title, heading, page, tag",
        ),
        (
            {"question": "a", "history": [{"answer": "a"}]},
            "qa.history: expected a list of at most 100 objects with question",
        ),
    ],
)
def test_request_outside_the_declared_limits_is_refused(values: dict[str, Any], message: str) -> None:
    contract = StageContract("qa", RetrievalQA.inputs, RetrievalQA.outputs)
    with pytest.raises(InvalidRequestError) as error:
        contract.parse(values)
    assert str(error.value) == message
    limits = {"question": "a" * 10_000, "k": 50, "filter": {"tag": "a=b", "page": 1}, "history": [{"question": "b"}]}
    assert contract.parse(limits) == limits
    assert contract.example_values() == {"question": "Tell me about LangChain."}
