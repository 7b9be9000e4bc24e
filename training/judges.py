"""MLflow's own judges: a chat model marks each answer. They cost, so they are asked only when they are named."""

from collections.abc import Sequence
from typing import Any

from mlflow.entities import Feedback
from mlflow.genai.scorers import Correctness, RelevanceToQuery, RetrievalGroundedness, Scorer, scorer

from .rows import Row


def judges(model: str, asked: Sequence[Row]) -> list[Scorer]:
    """Correctness, groundedness and relevance, by ``model`` in MLflow's spelling, such as ``openai:/gpt-4.1``.

    Each marks the rows that it can: an answer was given, and for correctness something is expected.
    """
    known = {row.response["meta"]["trace_id"]: row for row in asked}

    @scorer
    def correctness(trace: Any) -> Feedback | list[Feedback]:  # noqa: ANN401 - MLflow's trace
        row = known[trace.info.trace_id]
        expected = row.example.expected or (row.example.answers[0] if row.example.answers else "")
        if not (_answered(row) and expected):
            return []
        judge = Correctness(name="correctness", model=model)
        return judge(**_asked(row), expectations={"expected_response": expected})

    @scorer
    def relevance(trace: Any) -> Feedback | list[Feedback]:  # noqa: ANN401 - likewise
        row = known[trace.info.trace_id]
        return RelevanceToQuery(name="relevance", model=model)(**_asked(row)) if _answered(row) else []

    @scorer
    def groundedness(trace: Any) -> list[Feedback]:  # noqa: ANN401 - likewise
        if not _answered(known[trace.info.trace_id]):
            return []
        return RetrievalGroundedness(name="groundedness", model=model)(trace=trace)

    return [correctness, relevance, groundedness]


def _answered(row: Row) -> bool:
    return bool(row.told) and not row.told["abstained"] and not row.told["error"]


def _asked(row: Row) -> dict[str, Any]:
    return {"inputs": {"question": row.example.question}, "outputs": row.told["answer"]}
