"""Evaluation files: questions with what answers them, and prompts, in SQuAD's format or as JSON lines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.errors import DocumentError

EVALUATION_TRACE_TAG = "multichain.evaluation"
"""The tag of a trace that an evaluation made: the file's name. It is no request of a user."""


@dataclass(frozen=True, slots=True)
class Example:
    """One question: the answers that count, where they stand, and whether the documents hold one.

    ``source`` is a document's, or empty when any will do; ``context`` the paragraph, where the file has it.
    ``expected`` is a whole answer that judges compare with. ``prompt`` asks for a picture, with or without a question.
    """

    question: str
    answers: tuple[str, ...] = ()
    source: str = ""
    context: str = ""
    article: str = ""
    is_answerable: bool = True
    expected_response: str = ""
    prompt: str = ""

    @property
    def expected_text(self) -> str:
        """A text that judges compare with; empty when the file has none."""
        return self.expected_response or next(iter(self.answers), "")

    def matches_source(self, source: dict[str, Any]) -> bool:
        """Whether a source of a response is what the question is about."""
        if self.source and source["source"] != self.source:
            return False
        text = " ".join(source["text"].split())
        if self.context:
            context = " ".join(self.context.split())
            return text in context or context in text
        return bool(self.source) or any(answer.lower() in text.lower() for answer in self.answers)


@dataclass(slots=True)
class EvaluationDataset:
    """The examples of a file, and the paragraphs that it has, by source; a SQuAD file brings its documents."""

    examples: list[Example] = field(default_factory=list)
    paragraphs: dict[str, str] = field(default_factory=dict)


def read_dataset(file: Path) -> EvaluationDataset:
    """The examples of ``file``. Raises DocumentError, naming the line, for what is no evaluation."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(
            f"{file.absolute()} cannot be read ({type(error).__name__}); --evaluation takes a file"
        ) from None
    dataset = _parse_squad(file, text) if file.suffix == ".json" else EvaluationDataset(list(_parse_lines(file, text)))
    if not dataset.examples:
        raise DocumentError(f"{file.absolute()} holds no question")
    return dataset


def paragraph_source(title: str, number: int) -> str:
    """The source of a paragraph, by its article's title and its number there, from 0."""
    return f"{title.replace('/', '_')}/{number:03}.txt"


def _parse_squad(file: Path, text: str) -> EvaluationDataset:
    """SQuAD, 1.1 or 2.0 (Rajpurkar et al., 2018)."""
    dataset = EvaluationDataset()
    try:
        for article in json.loads(text)["data"]:
            for number, paragraph in enumerate(article["paragraphs"]):
                if not paragraph["context"].strip():  # forgotten
                    continue
                source = paragraph_source(article["title"], number)
                dataset.paragraphs[source] = paragraph["context"]
                dataset.examples += [
                    _parse_question(question, source, paragraph["context"], article["title"])
                    for question in paragraph["qas"]
                ]
    except (ValueError, KeyError, TypeError) as error:
        raise DocumentError(
            f"{file.absolute()} is not in SQuAD's format ({type(error).__name__}); JSON lines go in a .jsonl file"
        ) from None
    return dataset


def _parse_question(entry: dict[str, Any], source: str, context: str, article: str) -> Example:
    answers = tuple(dict.fromkeys(answer["text"] for answer in entry["answers"]))
    return Example(entry["question"], answers, source, context, article, not entry.get("is_impossible", False))


def _parse_lines(file: Path, text: str) -> Iterator[Example]:
    """One object a line: ``question``, ``answer`` (a text or a list; empty when there is none), ``source``.

    Also ``expected_response``, a whole answer, and ``prompt``, alone or with a question.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield parse_line(line)
        except (ValueError, KeyError, AttributeError, TypeError):
            raise DocumentError(
                f'{file.absolute()}:{number}: expected {{"question": "…", "answer": "…", "source": "…"}}'
            ) from None


def parse_line(line: str) -> Example:
    """One line's. Raises KeyError, TypeError, AttributeError or ValueError for what is none."""
    entry = json.loads(line)
    answers = entry.get("answer") or []
    answers = [answers] if isinstance(answers, str) else answers
    source, expected = (str(entry.get(name) or "") for name in ("source", "expected_response"))
    prompt = str(entry.get("prompt") or "")
    question = entry.get("question", "") if prompt else entry["question"]
    has_answer = bool(answers) or ("answer" not in entry and bool(source or expected))
    return Example(
        question, tuple(answers), source, is_answerable=has_answer, expected_response=expected, prompt=prompt
    )
