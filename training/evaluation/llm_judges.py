"""MLflow's own judges: a chat model marks each answer. They cost, so they are asked only when they are named."""

from collections.abc import Sequence
from typing import Any

from mlflow.genai.judges import is_context_relevant, is_correct, is_grounded
from mlflow.genai.scorers import Scorer, scorer

from .runner import Row

JUDGED = ("correctness", "groundedness", "relevance")
"""The measures that judges give."""

Marks = Any
"""A mark, or a list without any; what MLflow gives has no type of its own."""


def judges(model: str, asked: Sequence[Row]) -> list[Scorer]:
    """Correctness, groundedness and relevance, by ``model`` in MLflow's spelling, such as ``openai:/gpt-4.1``.

    Each marks the rows that it can: an answer was given, and for correctness something is expected. They are what
    MLflow's scorers Correctness, RetrievalGroundedness and RelevanceToQuery ask, with the answer alone in place of the
    whole response.
    """
    known = {row.response["meta"]["trace_id"]: row for row in asked}

    @scorer
    def correctness(trace: Any) -> Marks:  # MLflow's trace
        row = known[trace.info.trace_id]
        expected = row.example.wanted
        if not (_answered(row) and expected):
            return []
        return is_correct(**_asked(row), expected_response=expected, name="correctness", model=model)

    @scorer
    def groundedness(trace: Any) -> Marks:
        row = known[trace.info.trace_id]
        if not _answered(row):
            return []
        passages = [source["text"] for source in row.told["sources"]]
        return is_grounded(**_asked(row), context=passages, name="groundedness", model=model)

    @scorer
    def relevance(trace: Any) -> Marks:
        row = known[trace.info.trace_id]
        if not _answered(row):
            return []
        told = {"request": row.example.question, "context": row.told["answer"]}
        return is_context_relevant(**told, name="relevance", model=model)

    return [correctness, groundedness, relevance]


def _answered(row: Row) -> bool:
    return bool(row.told) and not row.told["abstained"] and not row.told["error"]


def _asked(row: Row) -> dict[str, Any]:
    return {"request": row.example.question, "response": row.told["answer"]}
