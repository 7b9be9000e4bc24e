"""Evaluation files: questions with what answers them, and prompts, in SQuAD's format or as JSON lines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.errors import DocumentError

OF = "multichain.evaluation"
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
    answerable: bool = True
    expected: str = ""
    prompt: str = ""

    @property
    def wanted(self) -> str:
        """A text that judges compare with; empty when the file has none."""
        return self.expected or next(iter(self.answers), "")

    def found_in(self, source: dict[str, Any]) -> bool:
        """Whether a source of a response is what the question is about."""
        if self.source and source["source"] != self.source:
            return False
        text = " ".join(source["text"].split())
        if self.context:
            context = " ".join(self.context.split())
            return text in context or context in text
        return bool(self.source) or any(answer.lower() in text.lower() for answer in self.answers)


@dataclass(slots=True)
class Evaluation:
    """The examples of a file, and the paragraphs that it has, by source; a SQuAD file brings its documents."""

    examples: list[Example] = field(default_factory=list)
    paragraphs: dict[str, str] = field(default_factory=dict)


def read(file: Path) -> Evaluation:
    """The examples of ``file``. Raises DocumentError, naming the line, for what is no evaluation."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(
            f"{file.absolute()} cannot be read ({type(error).__name__}); --evaluation takes a file"
        ) from None
    made = _squad(file, text) if file.suffix == ".json" else Evaluation(list(_lines(file, text)))
    if not made.examples:
        raise DocumentError(f"{file.absolute()} holds no question")
    return made


def source_of(title: str, number: int) -> str:
    """The source of a paragraph, by its article's title and its number there, from 0."""
    return f"{title.replace('/', '_')}/{number:03}.txt"


def _squad(file: Path, text: str) -> Evaluation:
    """SQuAD, 1.1 or 2.0 (Rajpurkar et al., 2018)."""
    made = Evaluation()
    try:
        for article in json.loads(text)["data"]:
            for number, paragraph in enumerate(article["paragraphs"]):
                if not paragraph["context"].strip():  # forgotten
                    continue
                source = source_of(article["title"], number)
                made.paragraphs[source] = paragraph["context"]
                made.examples += [
                    _asked(one, source, paragraph["context"], article["title"]) for one in paragraph["qas"]
                ]
    except (ValueError, KeyError, TypeError) as error:
        raise DocumentError(
            f"{file.absolute()} is not in SQuAD's format ({type(error).__name__}); JSON lines go in a .jsonl file"
        ) from None
    return made


def _asked(told: dict[str, Any], source: str, context: str, article: str) -> Example:
    answers = tuple(dict.fromkeys(answer["text"] for answer in told["answers"]))
    return Example(told["question"], answers, source, context, article, not told.get("is_impossible", False))


def _lines(file: Path, text: str) -> Iterator[Example]:
    """One object a line: ``question``, ``answer`` (a text or a list; empty when there is none), ``source``.

    Also ``expected_response``, a whole answer, and ``prompt``, alone or with a question.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield parsed(line)
        except (ValueError, KeyError, AttributeError, TypeError):
            raise DocumentError(
                f'{file.absolute()}:{number}: expected {{"question": "…", "answer": "…", "source": "…"}}'
            ) from None


def parsed(line: str) -> Example:
    """One line's. Raises KeyError, TypeError, AttributeError or ValueError for what is none."""
    told = json.loads(line)
    answers = told.get("answer") or []
    answers = [answers] if isinstance(answers, str) else answers
    source, expected = (str(told.get(name) or "") for name in ("source", "expected_response"))
    prompt = str(told.get("prompt") or "")
    question = told.get("question", "") if prompt else told["question"]
    known = bool(answers) or ("answer" not in told and bool(source or expected))
    return Example(question, tuple(answers), source, answerable=known, expected=expected, prompt=prompt)
