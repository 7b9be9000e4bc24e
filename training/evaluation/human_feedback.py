"""Questions that people judged (``serving ask --good`` and ``--bad``, or MLflow's own page) become evaluation rows.

A good answer tells where the right passage stands, a good refusal that there is none; of a bad answer a row is made
when somebody said what was expected.
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
"""The names of assessments that ``serving ask`` keeps."""
_MASKED_TEXT = re.compile(r"\(\d+ characters\)")
_MAX_SHORT_ANSWER = 10  # words of an expected answer that every right answer can be asked to hold

DatasetLine = dict[str, Any]


@dataclass(slots=True)
class HumanFeedback:
    """Rows by question, the newest judgement of each; and how many traces gave none, by why."""

    lines: dict[str, DatasetLine] = field(default_factory=dict)
    masked_count: int = 0
    without_expectation: int = 0


def collect_feedback() -> HumanFeedback:
    """The rows of the judged traces in the experiment that is active."""
    feedback = HumanFeedback()
    for trace in _find_judged_traces():
        for stage, stage_input in (_root_span(trace).inputs or {}).items():
            question = stage_input.get("question", "") if isinstance(stage_input, dict) else ""
            if not question or question in feedback.lines:
                continue
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
    """Adds the rows whose question is not in ``file`` yet, JSON lines; gives how many. Raises CommandError."""
    if file.suffix != ".jsonl":
        raise CommandError(f"{file.name}: rows are added to JSON lines; name a .jsonl file")
    text = file.read_text("utf-8") if file.is_file() else ""
    existing_questions = {json.loads(line).get("question") for line in text.splitlines() if line.strip()}
    new = [
        json.dumps(line, ensure_ascii=False) + "\n"
        for question, line in lines.items()
        if question not in existing_questions
    ]
    if new:
        file.write_text(text + ("\n" if text and not text.endswith("\n") else "") + "".join(new), "utf-8")
    return len(new)


def _root_span(trace: Trace) -> Span:
    return next(span for span in trace.data.spans if span.parent_id is None)


def _find_judged_traces() -> Iterator[Trace]:
    """Those with a judgement, newest first."""
    for value in ("true", "false"):
        yield from mlflow.search_traces(filter_string=f"feedback.{GOOD_ASSESSMENT} = '{value}'", return_type="list")


def _make_line(trace: Trace, stage: str, question: str, stage_output: DatasetLine) -> DatasetLine | None:
    """The row of one judged answer; None when it does not say what is expected."""
    marks = {assessment.name: _assessment_value(assessment) for assessment in trace.info.assessments}
    expected = str(marks.get(EXPECTED_ASSESSMENT) or "")
    if expected:
        short = len(expected.split()) <= _MAX_SHORT_ANSWER
        return {"question": question, "expected_response": expected} | ({"answer": expected} if short else {})
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
    """The source that an answer cites first; empty when it cites none."""
    steps = {span.span_id for span in trace.data.spans if span.name == stage}
    searches = [
        retrieval_span
        for retrieval_span in trace.data.spans
        if retrieval_span.span_type == SpanType.RETRIEVER and retrieval_span.parent_id in steps
    ]
    documents = [document for span in searches for document in span.outputs or ()]
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", answer)]
    places = [documents[number - 1]["metadata"]["doc_uri"] for number in numbers if 0 < number <= len(documents)]
    return str(places[0]) if places else ""
