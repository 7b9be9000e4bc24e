"""Let a chat model mark answers, with MLflow's own judges.

Judges cost money, so they run only when a model is named.
"""

from collections.abc import Sequence
from typing import Any

from mlflow.genai.judges import is_context_relevant, is_correct, is_grounded
from mlflow.genai.scorers import Scorer, scorer

from .runner import EvaluatedExample

JUDGED_METRICS = ("correctness", "groundedness", "relevance")
"""Names of the metrics that judges give."""

JudgeMark = Any
"""A judge's feedback, or an empty list where the judge does not apply. MLflow's result has no type of its own."""


def make_judges(model: str, examples: Sequence[EvaluatedExample]) -> list[Scorer]:
    """Return MLflow scorers for correctness, groundedness and relevance.

    A judge marks the examples to which it applies: those with an answer, and for correctness those with an expected
    text. The judges ask what MLflow's scorers Correctness, RetrievalGroundedness and RelevanceToQuery ask, but they
    show the answer alone in place of the whole response.

    Args:
        model: Chat model in MLflow's spelling, such as ``openai:/gpt-4.1``.
        examples: Evaluated examples, each with a trace.
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
