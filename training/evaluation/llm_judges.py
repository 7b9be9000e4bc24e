"""MLflow's own judges: a chat model marks each answer. They cost, so they are asked only when they are named."""

from collections.abc import Sequence
from typing import Any

from mlflow.genai.judges import is_context_relevant, is_correct, is_grounded
from mlflow.genai.scorers import Scorer, scorer

from .runner import EvaluatedExample

JUDGED_METRICS = ("correctness", "groundedness", "relevance")
"""The measures that judges give."""

JudgeMark = Any
"""A mark, or a list without any; what MLflow gives has no type of its own."""


def make_judges(model: str, examples: Sequence[EvaluatedExample]) -> list[Scorer]:
    """Correctness, groundedness and relevance, by ``model`` in MLflow's spelling, such as ``openai:/gpt-4.1``.

    Each marks the rows that it can: an answer was given, and for correctness something is expected. They are what
    MLflow's scorers Correctness, RetrievalGroundedness and RelevanceToQuery ask, with the answer alone in place of the
    whole response.
    """
    example_by_trace = {row.response["meta"]["trace_id"]: row for row in examples}

    @scorer
    def correctness(trace: Any) -> JudgeMark:  # MLflow's trace
        row = example_by_trace[trace.info.trace_id]
        expected = row.example.expected_text
        if not (_has_answer(row) and expected):
            return []
        return is_correct(**_judge_arguments(row), expected_response=expected, name="correctness", model=model)

    @scorer
    def groundedness(trace: Any) -> JudgeMark:
        row = example_by_trace[trace.info.trace_id]
        if not _has_answer(row):
            return []
        passages = [source["text"] for source in row.answer_output["sources"]]
        return is_grounded(**_judge_arguments(row), context=passages, name="groundedness", model=model)

    @scorer
    def relevance(trace: Any) -> JudgeMark:
        row = example_by_trace[trace.info.trace_id]
        if not _has_answer(row):
            return []
        arguments = {"request": row.example.question, "context": row.answer_output["answer"]}
        return is_context_relevant(**arguments, name="relevance", model=model)

    return [correctness, groundedness, relevance]


def _has_answer(row: EvaluatedExample) -> bool:
    return bool(row.answer_output) and not row.answer_output["abstained"] and not row.answer_output["error"]


def _judge_arguments(row: EvaluatedExample) -> dict[str, Any]:
    return {"request": row.example.question, "response": row.answer_output["answer"]}
