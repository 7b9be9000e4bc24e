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

GOOD, EXPECTED = "good", "expected_response"
"""The names of assessments that ``serving ask`` keeps."""
_MASKED = re.compile(r"\(\d+ characters\)")
_SHORT = 10  # words of an expected answer that every right answer can be asked to hold

Line = dict[str, Any]


@dataclass(slots=True)
class Judged:
    """Rows by question, the newest judgement of each; and how many traces gave none, by why."""

    lines: dict[str, Line] = field(default_factory=dict)
    masked: int = 0
    unexpected: int = 0


def judged() -> Judged:
    """The rows of the judged traces in the experiment that is active."""
    made = Judged()
    for trace in _traces():
        for stage, asked in (_root(trace).inputs or {}).items():
            question = asked.get("question", "") if isinstance(asked, dict) else ""
            if not question or question in made.lines:
                continue
            _add(made, trace, stage, question)
    return made


def _add(made: Judged, trace: Trace, stage: str, question: str) -> None:
    told = (_root(trace).outputs or {}).get(stage) or {}
    line = None if _MASKED.fullmatch(question) else _line(trace, stage, question, told)
    if line:
        made.lines[question] = line
    elif _MASKED.fullmatch(question):
        made.masked += 1
    else:
        made.unexpected += 1


def added(file: Path, lines: dict[str, Line]) -> int:
    """Adds the rows whose question is not in ``file`` yet, JSON lines; gives how many. Raises CommandError."""
    if file.suffix != ".jsonl":
        raise CommandError(f"{file.name}: rows are added to JSON lines; name a .jsonl file")
    text = file.read_text("utf-8") if file.is_file() else ""
    there = {json.loads(line).get("question") for line in text.splitlines() if line.strip()}
    new = [json.dumps(line, ensure_ascii=False) + "\n" for question, line in lines.items() if question not in there]
    if new:
        file.write_text(text + ("\n" if text and not text.endswith("\n") else "") + "".join(new), "utf-8")
    return len(new)


def _root(trace: Trace) -> Span:
    return next(span for span in trace.data.spans if span.parent_id is None)


def _traces() -> Iterator[Trace]:
    """Those with a judgement, newest first."""
    for value in ("true", "false"):
        yield from mlflow.search_traces(filter_string=f"feedback.{GOOD} = '{value}'", return_type="list")


def _line(trace: Trace, stage: str, question: str, told: Line) -> Line | None:
    """The row of one judged answer; None when it does not say what is expected."""
    marks = {one.name: _value(one) for one in trace.info.assessments}
    expected = str(marks.get(EXPECTED) or "")
    if expected:
        short = len(expected.split()) <= _SHORT
        return {"question": question, "expected_response": expected} | ({"answer": expected} if short else {})
    if not marks.get(GOOD):
        return None
    if told.get("abstained"):
        return {"question": question, "answer": ""}
    source = _cited(trace, stage, str(told.get("answer", "")))
    return {"question": question, "source": source, "expected_response": told.get("answer", "")}


def _value(mark: Assessment) -> object:
    told = mark.feedback or mark.expectation
    return told.value if told else None


def _cited(trace: Trace, stage: str, answer: str) -> str:
    """The source that an answer cites first; empty when it cites none."""
    steps = {span.span_id for span in trace.data.spans if span.name == stage}
    searches = [one for one in trace.data.spans if one.span_type == SpanType.RETRIEVER and one.parent_id in steps]
    found = [document for span in searches for document in span.outputs or ()]
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", answer)]
    places = [found[number - 1]["metadata"]["doc_uri"] for number in numbers if 0 < number <= len(found)]
    return str(places[0]) if places else ""
