"""Read plain text: paragraphs, lists, questions with their answers, and names with values."""

import re
from collections.abc import Iterator, Sequence

from model.blocks import Block, ListItem, make_list, make_paragraph, make_question

from ..document import Document
from .base import Loader, SourceFile

_PARAGRAPH_END = re.compile(r"\n[ \t]*\n\s*")
_MARKED_QUESTION = re.compile(r"(?:Q|F|Question|Frage)\s*\d*\s*[:.)]\s*(.*)", re.IGNORECASE | re.DOTALL)
_MARKED_ANSWER = re.compile(r"\n(?:A|Answer|Antwort)\s*\d*\s*[:.)]\s*", re.IGNORECASE)
_ITEM = re.compile(r"([ \t]*)([-*+•‣–]|\d{1,3}[.)]|[a-z][.)])[ \t]+(?=\S)")
_MAX_QUESTION = 200
_QUESTION_ENDS = ("?", "？", "؟")


class PlainTextLoader(Loader):
    """Reads text without markup."""

    kind = "text"
    suffixes = (".txt", ".text", ".log")
    reads = "paragraphs, lists, questions with their answers; any encoding, which the summary names when it is guessed"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the text as one document."""
        yield file.make_document(split_paragraphs(file.read_text()))


def split_paragraphs(text: str) -> Iterator[Block]:
    """Yield the blocks of plain text, which blank lines separate."""
    paragraphs = [paragraph for paragraph in _PARAGRAPH_END.split(text.strip()) if paragraph.strip()]
    position = 0
    while position < len(paragraphs):
        block, used = _read_block(paragraphs, position)
        yield block
        position += used


def is_question(text: str) -> bool:
    """Return whether a text is one short question."""
    return len(text) <= _MAX_QUESTION and "\n" not in text and text.rstrip().endswith(_QUESTION_ENDS)


def _read_block(paragraphs: Sequence[str], position: int) -> tuple[Block, int]:
    """Return the block that begins at a paragraph, and the number of paragraphs that it takes."""
    paragraph = paragraphs[position].rstrip()
    marked = _MARKED_QUESTION.match(paragraph)
    if marked:
        question, *answers = _MARKED_ANSWER.split(marked[1], maxsplit=1)
        if answers:
            return make_question(question, answers[0]), 1
        following = paragraphs[position + 1 : position + 2]
        if following and _MARKED_ANSWER.match("\n" + following[0]):
            return make_question(question, _MARKED_ANSWER.sub("", "\n" + following[0], count=1)), 2
    following = paragraphs[position + 1 : position + 2]
    if is_question(paragraph) and following and not is_question(following[0].rstrip()):
        return make_question(paragraph, following[0].rstrip()), 2
    return _read_list(paragraph) or make_paragraph(paragraph), 1


def _read_list(paragraph: str) -> Block | None:
    """Return the paragraph as a list, when at least two lines are items and all others continue one or come first."""
    introduction: list[str] = []
    items: list[ListItem] = []
    for line in paragraph.split("\n"):
        match = _ITEM.match(line)
        if match:
            marker = match[2] if match[2][0].isalnum() else "-"
            items.append(ListItem(marker, line[match.end() :], len(match[1].expandtabs(4)) // 2))
        elif not items:
            introduction.append(line)
        elif line[:1] in " \t":
            items[-1] = ListItem(items[-1].marker, f"{items[-1].text} {line.strip()}", items[-1].depth)
        else:
            return None
    return make_list(items, " ".join(introduction)) if len(items) > 1 else None
