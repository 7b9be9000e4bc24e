"""Define the blocks of a document, such as a table or a list, and the Markdown in which a chunk stores each.

A loader makes blocks with the functions ``make_…``. The text of a block is Markdown in a fixed form, which ``parse_…``
reads again, so that an answer can quote one row of a table or one item of a list.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "question", "fields", "note", "picture"]
"""Kinds of block. ``question`` is a question with its answer, ``fields`` are names with their values."""

_SPACE = re.compile(r"\s+")
_CELL_END = re.compile(r"(?<!\\)\|")
_ITEM = re.compile(r"( *)(-|\(?(?:[A-Za-z]|[ivxlcIVXLC]{1,6}|\d[\d.]*)[.)]|\d+(?:\.\d+)+) (.*)")
_RULE = re.compile(r"\|(?: --- \|)+")
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a document that belongs together.

    Attributes:
        kind: The kind of the block.
        text: Markdown of the block.
        level: Level of a heading, from 1; 0 for any other block.
    """

    kind: BlockKind
    text: str
    level: int = 0

    @property
    def markdown(self) -> str:
        """The block as it stands in the text of a document: its text, after number signs for a heading."""
        return f"{'#' * self.level} {self.text}" if self.kind == "heading" else self.text


@dataclass(frozen=True, slots=True)
class BlockSpan:
    """Where a block stands in the text of a chunk: the character positions of its start and its end."""

    kind: BlockKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ListItem:
    """An item of a list: its marker, such as ``-`` or ``2.``, its depth from 0, and its text."""

    marker: str
    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the line above it, the names of the columns, and the cells of each row."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def make_heading(text: str, level: int) -> Block:
    """Return a heading of a level from 1 to 6; a higher level becomes 6."""
    return Block("heading", flatten(text), min(max(level, 1), 6))


def nest_heading(headings: Sequence[Block], block: Block) -> list[Block]:
    """Return the headings that stand above what follows a block, outermost first; unchanged where it is no heading."""
    if block.kind != "heading":
        return list(headings)
    return [*(heading for heading in headings if heading.level < block.level), block]


def make_paragraph(text: str) -> Block:
    """Return a paragraph of plain text."""
    return Block("paragraph", text.strip())


def make_code(text: str) -> Block:
    """Return a block of source code or preformatted text."""
    code = text.strip("\n").rstrip()
    fence = _FENCE
    while fence in code:
        fence += "`"
    return Block("code", f"{fence}\n{code}\n{fence}")


def make_table(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> Block:
    """Return a table.

    Args:
        header: Names of the columns.
        rows: Cells of each row; a short row is filled with empty cells, and further cells get columns without a name.
        caption: Line above the table.
    """
    cells = [list(row) for row in rows]
    width = max([len(header), *map(len, cells)])
    lines = [_render_row(header, width), "|" + " --- |" * width, *(_render_row(row, width) for row in cells)]
    return Block("table", "\n".join([flatten(caption), *lines] if caption.strip() else lines))


def make_list(items: Iterable[ListItem], introduction: str = "") -> Block:
    """Return a list with the sentence that introduces it."""
    lines = [f"{'  ' * item.depth}{item.marker}{'.' * item.marker.isalnum()} {flatten(item.text)}" for item in items]
    return Block("list", "\n".join([flatten(introduction), *lines] if introduction.strip() else lines))


def make_fields(pairs: Iterable[tuple[str, str]]) -> Block:
    """Return names with their values, one a line."""
    return Block("fields", "\n".join(f"{flatten(name)}: {flatten(value)}" for name, value in pairs))


def make_question(question: str, answer: str) -> Block:
    """Return a question, on the first line, with its answer."""
    return Block("question", f"{flatten(question)}\n{answer.strip()}")


def parse_table(text: str) -> Table:
    """Return the table that ``make_table`` wrote."""
    lines = text.split("\n")
    first = next((number for number, line in enumerate(lines) if line.startswith("|")), len(lines))
    rows = [parse_row(line) for line in lines[first:] if not _RULE.fullmatch(line)]
    return Table("\n".join(lines[:first]), rows[0] if rows else (), tuple(rows[1:]))


def parse_row(line: str) -> tuple[str, ...]:
    """Return the cells of a line of a table."""
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELL_END.split(line)[1:-1])


def parse_list(text: str) -> tuple[str, list[ListItem]]:
    """Return the introduction and the items of a list that ``make_list`` wrote."""
    introduction, items = [], []
    for line in text.split("\n"):
        match = _ITEM.fullmatch(line)
        if match:
            items.append(ListItem(match[2], match[3], len(match[1]) // 2))
        elif not items:
            introduction.append(line)
    return " ".join(introduction), items


def parse_fields(text: str) -> list[tuple[str, str]]:
    """Return the names and values that ``make_fields`` wrote."""
    return [(name, value) for name, _, value in (line.partition(": ") for line in text.split("\n"))]


def parse_question(text: str) -> tuple[str, str]:
    """Return the question and the answer that ``make_question`` wrote."""
    question, _, answer = text.partition("\n")
    return question, answer


def parse_code(text: str) -> str:
    """Return the code without the lines that enclose it."""
    return "\n".join(text.split("\n")[1:-1])


def split_block(block: Block, size: int) -> Iterator[tuple[int, int, str]]:
    """Cut a block of lines that is longer than ``size`` between its lines.

    The lines above the first row or item are repeated at the start of each part: the header of a table, the
    introduction of a list.

    Args:
        block: The block; a table, list, code or fields.
        size: Largest number of characters of a part. A single line may exceed it.

    Yields:
        The range of the lines in the block's text, and the text of the part.
    """
    lines = block.text.split("\n")
    head_length = _count_head_lines(block, lines)
    tail = [lines[-1]] if block.kind == "code" else []
    head = lines[:head_length]
    body = lines[head_length : len(lines) - len(tail)]
    reserved = sum(len(line) + 1 for line in [*head, *tail])
    start = position = sum(len(line) + 1 for line in head)
    part: list[str] = []
    part_length = 0
    for line in body:
        if part and reserved + part_length + len(line) > size:
            yield start, position - 1, "\n".join([*head, *part, *tail])
            start, part, part_length = position, [], 0
        part.append(line)
        part_length += len(line) + 1
        position += len(line) + 1
    yield start, position - 1, "\n".join([*head, *part, *tail])


def flatten(text: str) -> str:
    """Return ``text`` as one line, with each run of white space as one space."""
    return _SPACE.sub(" ", text).strip()


def _count_head_lines(block: Block, lines: Sequence[str]) -> int:
    if block.kind == "table":
        return next((number + 1 for number, line in enumerate(lines) if _RULE.fullmatch(line)), 0)
    if block.kind == "list":
        return next((number for number, line in enumerate(lines) if _ITEM.fullmatch(line)), 0)
    return 1 if block.kind == "code" else 0


def _render_row(cells: Sequence[str], width: int) -> str:
    filled = [*cells, *[""] * (width - len(cells))]
    return "| " + " | ".join(flatten(cell).replace("|", "\\|") for cell in filled) + " |"
