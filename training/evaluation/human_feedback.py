"""Turn answers that people judged into lines of an evaluation file.

People judge with ``serving ask --good`` and ``--bad``, or on MLflow's own page. A good answer shows which document is
right, and a good refusal that no document is. A bad answer gives a line when the judge stated the expected response.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Assessment, Span, SpanType, Trace

from model.errors import CommandError

GOOD_ASSESSMENT, EXPECTED_ASSESSMENT = "good", "expected_response"
"""Names of the assessments that ``serving ask`` records."""
_MASKED_TEXT = re.compile(r"\(\d+ characters\)")  # as MULTICHAIN_TRACES_MASKED writes a text
_MAX_SHORT_ANSWER = 10  # words; no right answer repeats a longer text word for word

DatasetLine = dict[str, Any]
"""One object of an evaluation file in JSON lines."""


@dataclass(slots=True)
class HumanFeedback:
    """Lines for an evaluation file, and the number of judged answers that give none.

    Attributes:
        lines: Lines by question; the newest judged answer to a question counts.
        masked_count: Answers whose question is masked in the trace.
        without_expectation: Bad answers without an expected response.
    """

    lines: dict[str, DatasetLine] = field(default_factory=dict)
    masked_count: int = 0
    without_expectation: int = 0


def collect_feedback() -> HumanFeedback:
    """Return the feedback on the traces of the active experiment."""
    feedback, questions = HumanFeedback(), set[str]()
    for trace in _find_judged_traces():
        for stage, stage_input in (_root_span(trace).inputs or {}).items():
            question = stage_input.get("question", "") if isinstance(stage_input, dict) else ""
            if not question or question in questions:
                continue
            if not _MASKED_TEXT.fullmatch(question):  # masked questions look alike
                questions.add(question)
            _add_line(feedback, trace, stage, question)
    return feedback


def _add_line(feedback: HumanFeedback, trace: Trace, stage: str, question: str) -> None:
    stage_output = (_root_span(trace).outputs or {}).get(stage) or {}
    line = None if _MASKED_TEXT.fullmatch(question) else _make_line(trace, stage, question, stage_output)
    if line:
        feedback.lines[question] = line
    elif _MASKED_TEXT.fullmatch(question):
        feedback.masked_count += 1
    else:
        feedback.without_expectation += 1


def append_lines(file: Path, lines: dict[str, DatasetLine]) -> int:
    """Append the lines whose question is not in ``file`` yet.

    Args:
        file: Evaluation file in JSON lines; created when there is none.
        lines: Lines by question.

    Returns:
        Number of lines appended.

    Raises:
        CommandError: The name of the file does not end in ``.jsonl``.
    """
    if file.suffix != ".jsonl":
        raise CommandError(f"{file.name}: examples are added to JSON lines only; name a .jsonl file")
    text = file.read_text("utf-8") if file.is_file() else ""
    existing_questions = {json.loads(line).get("question") for line in text.splitlines() if line.strip()}
    new_lines = [
        json.dumps(line, ensure_ascii=False) + "\n"
        for question, line in lines.items()
        if question not in existing_questions
    ]
    if new_lines:
        file.write_text(text + ("\n" if text and not text.endswith("\n") else "") + "".join(new_lines), "utf-8")
    return len(new_lines)


def _root_span(trace: Trace) -> Span:
    return next(span for span in trace.data.spans if span.parent_id is None)


def _find_judged_traces() -> Iterator[Trace]:
    """Yield the traces that are judged good or bad, newest first."""
    filters = (f"feedback.{GOOD_ASSESSMENT} = '{value}'" for value in ("true", "false"))
    traces = [trace for text in filters for trace in mlflow.search_traces(filter_string=text, return_type="list")]
    yield from sorted(traces, key=lambda trace: -trace.info.timestamp_ms)


def _make_line(trace: Trace, stage: str, question: str, stage_output: DatasetLine) -> DatasetLine | None:
    """Return the line of one judged answer, or None when the judgement implies no expected result."""
    marks = {assessment.name: _assessment_value(assessment) for assessment in trace.info.assessments}
    expected = str(marks.get(EXPECTED_ASSESSMENT) or "")
    if expected:
        is_short = len(expected.split()) <= _MAX_SHORT_ANSWER
        return {"question": question, "expected_response": expected} | ({"answer": expected} if is_short else {})
    if not marks.get(GOOD_ASSESSMENT):
        return None
    if stage_output.get("abstained"):
        return {"question": question, "answer": ""}
    source = _cited_source(trace, stage, str(stage_output.get("answer", "")))
    return {"question": question, "source": source, "expected_response": stage_output.get("answer", "")}


def _assessment_value(assessment: Assessment) -> object:
    assessment_value = assessment.feedback or assessment.expectation
    return assessment_value.value if assessment_value else None


def _cited_source(trace: Trace, stage: str, answer: str) -> str:
    """Return the source that an answer cites first; empty when the answer cites none."""
    steps = {span.span_id for span in trace.data.spans if span.name == stage}
    searches = [
        retrieval_span
        for retrieval_span in trace.data.spans
        if retrieval_span.span_type == SpanType.RETRIEVER and retrieval_span.parent_id in steps
    ]
    documents = [document for span in searches for document in span.outputs or ()]
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", answer)]
    sources = [documents[number - 1]["metadata"]["doc_uri"] for number in numbers if 0 < number <= len(documents)]
    return str(sources[0]) if sources else ""
