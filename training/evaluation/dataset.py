"""Read evaluation files: questions with their expected answers, and prompts for pictures.

A file whose name ends in ``.json`` has SQuAD's format; every other file is JSON lines.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.errors import DocumentError

EVALUATION_TRACE_TAG = "multichain.evaluation"
"""Tag of a trace that an evaluation made; its value is the name of the dataset. Such a trace is no user's request."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question, a prompt for a picture, or both, with the expected result.

    Attributes:
        question: Empty when the example requests a picture only.
        answers: Texts; a right answer contains one of them.
        source: Document that holds the answer; empty when any document may hold it.
        context: Paragraph that holds the answer, where the file has paragraphs.
        article: Title of the article that the paragraph belongs to.
        is_answerable: Whether the documents hold an answer.
        expected_response: A complete answer, which judges compare with.
        prompt: Prompt for a picture; empty when the example requests none.
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
        """The text that judges compare with; empty when the file has none."""
        return self.expected_response or next(iter(self.answers), "")

    def matches_source(self, source: dict[str, Any]) -> bool:
        """Return whether a source of a response is a right passage for the question.

        The document has to be the expected one, if any is expected. The texts of passage and paragraph have to overlap.
        Without an expected document or paragraph, the passage has to contain an answer.
        """
        if self.source and source["source"] != self.source:
            return False
        text = " ".join(source["text"].split())
        if self.context:
            context = " ".join(self.context.split())
            return text in context or context in text
        return bool(self.source) or any(answer.lower() in text.lower() for answer in self.answers)


@dataclass(slots=True)
class EvaluationDataset:
    """The examples of an evaluation file.

    ``paragraphs`` maps sources to texts. A SQuAD file contains its documents; JSON lines leave the map empty.
    """

    examples: list[Example] = field(default_factory=list)
    paragraphs: dict[str, str] = field(default_factory=dict)


def read_dataset(file: Path) -> EvaluationDataset:
    """Return the examples of an evaluation file.

    Raises:
        DocumentError: The file cannot be read, has another format, or contains no example. The message names the line.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(
            f"{file.absolute()} cannot be read ({type(error).__name__}); name a SQuAD file or JSON lines"
        ) from None
    dataset = _parse_squad(file, text) if file.suffix == ".json" else EvaluationDataset(list(_parse_lines(file, text)))
    if not dataset.examples:
        raise DocumentError(f"{file.absolute()} contains no example; add a question or a prompt")
    return dataset


def paragraph_source(title: str, number: int) -> str:
    """Return the source under which a paragraph of a SQuAD file is indexed.

    Args:
        title: Title of the paragraph's article.
        number: Position of the paragraph in the article, from 0.
    """
    return f"{title.replace('/', '_')}/{number:03}.txt"


def _parse_squad(file: Path, text: str) -> EvaluationDataset:
    """Parse a file in SQuAD's format, version 1.1 or 2.0 (Rajpurkar et al., 2018)."""
    dataset = EvaluationDataset()
    try:
        for article in json.loads(text)["data"]:
            for number, paragraph in enumerate(article["paragraphs"]):
                if not paragraph["context"].strip():  # emptied by training forget, which keeps the other numbers
                    continue
                source = paragraph_source(article["title"], number)
                dataset.paragraphs[source] = paragraph["context"]
                dataset.examples += [
                    _parse_question(question, source, paragraph["context"], article["title"])
                    for question in paragraph["qas"]
                ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DocumentError(
            f"{file.absolute()} is not in SQuAD's format ({type(error).__name__}); JSON lines belong in a .jsonl file"
        ) from None
    return dataset


def _parse_question(entry: dict[str, Any], source: str, context: str, article: str) -> Example:
    answers = tuple(dict.fromkeys(answer["text"] for answer in entry["answers"]))
    return Example(entry["question"], answers, source, context, article, not entry.get("is_impossible", False))


def _parse_lines(file: Path, text: str) -> Iterator[Example]:
    """Yield the example of each line that is not blank.

    A line is an object with ``question``, ``answer`` (a text or a list; empty when the documents hold none) and
    ``source``; also ``expected_response``, a complete answer, and ``prompt``, alone or beside a question.
    """
    for number, line in enumerate(text.split("\n"), 1):  # JSON may contain the other ends of a line
        if not line.strip():
            continue
        try:
            yield parse_line(line)
        except (ValueError, KeyError, AttributeError, TypeError):
            raise DocumentError(
                f'{file.absolute()}:{number}: expected {{"question": "…", "answer": "…", "source": "…"}}'
            ) from None


def parse_line(line: str) -> Example:
    """Return the example of one JSON line.

    Raises:
        ValueError: The line is no JSON.
        KeyError: The line has neither a question nor a prompt.
        AttributeError: The line is no object.
        TypeError: A value has the wrong type.
    """
    entry = json.loads(line)
    answers = entry.get("answer") or []
    answers = [answers] if isinstance(answers, str) else answers
    source, expected = (str(entry.get(name) or "") for name in ("source", "expected_response"))
    prompt = str(entry.get("prompt") or "")
    question = entry.get("question", "") if prompt else entry["question"]
    if not isinstance(question, str) or not all(isinstance(answer, str) for answer in answers):
        raise TypeError
    has_answer = bool(answers) or ("answer" not in entry and bool(source or expected))
    return Example(
        question, tuple(answers), source, is_answerable=has_answer, expected_response=expected, prompt=prompt
    )
