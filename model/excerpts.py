"""Cut a chunk into excerpts: the smallest parts that can be quoted, such as a sentence, a row or a list item."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

from .blocks import BlockKind, BlockSpan, parse_code, parse_fields, parse_list, parse_question, parse_table
from .passages import Chunk
from .text_analysis import split_sentences

MAX_EXCERPT = 400
"""Characters of an answer or a record that is quoted as a whole."""


RUNNING_KINDS = frozenset({"paragraph", "note", "picture"})
"""Kinds of block whose excerpts are sentences that follow each other."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a chunk that can be quoted by itself.

    Attributes:
        kind: Kind of the block that the excerpt comes from.
        text: The text to quote; a row has the names of its columns.
        start: Position in the chunk's text of the excerpt, or of its block.
        context: Text that says what the excerpt is about and is not quoted: the question of an answer, the
            introduction of a list, the caption of a table.
        whole_list: The whole list that an item belongs to, as it is quoted; empty for anything else.
    """

    kind: BlockKind
    text: str
    start: int
    context: str = ""
    whole_list: str = ""


def split_excerpts(chunk: Chunk) -> Iterator[Excerpt]:
    """Yield the excerpts of a chunk in the order of its text."""
    for span in chunk.blocks or (BlockSpan("paragraph", 0, len(chunk.text)),):
        yield from _split_block(span, chunk.text[span.start : span.end])


def _split_block(span: BlockSpan, text: str) -> Iterator[Excerpt]:
    match span.kind:
        case "table":
            yield from _split_table(text, span.start)
        case "list":
            yield from _split_list(text, span.start)
        case "fields":
            yield from _split_fields(text, span.start)
        case "question":
            question, answer = parse_question(text)
            yield from _split_text(span, answer, len(question) + 1, question)
        case "code":
            yield Excerpt("code", parse_code(text), span.start)
        case "heading":
            yield Excerpt("heading", text, span.start)
        case _:
            yield from _split_text(span, text, 0, "")


def _split_text(span: BlockSpan, text: str, offset: int, context: str) -> Iterator[Excerpt]:
    """Yield the sentences of a text; an answer of moderate length as a whole."""
    if context and len(text) <= MAX_EXCERPT:
        yield Excerpt(span.kind, text, span.start + offset, context)
        return
    for sentence in split_sentences(text):
        yield Excerpt(span.kind, sentence.text, span.start + offset + sentence.start, context)


def _split_table(text: str, start: int) -> Iterator[Excerpt]:
    table = parse_table(text)
    for number, row in enumerate(table.rows):
        pairs = [(name, cell) for name, cell in zip(table.header, row, strict=False) if cell]
        if pairs:
            yield Excerpt("table", show_record(pairs), start + number, table.caption)


def _split_list(text: str, start: int) -> Iterator[Excerpt]:
    """Yield the items of a list, each below its introduction and the items above it."""
    introduction, items = parse_list(text)
    above: dict[int, str] = {}
    whole_list = show_list(introduction, [f"{item.marker} {item.text}" for item in items])
    for number, item in enumerate(items):
        above[item.depth] = item.text
        parents = [above[depth] for depth in sorted(above) if depth < item.depth]
        is_clause = "." in item.marker.strip(".")
        shown = f"{item.marker} {item.text}" if is_clause else item.text
        context = " ".join([introduction, *parents]).strip()
        yield Excerpt("list", shown, start + number, context, "" if is_clause else whole_list)


def show_list(introduction: str, items: list[str]) -> str:
    """Return a list as it is quoted: as many items as fit, and how many more there are.

    Args:
        introduction: The sentence above the items; may be empty.
        items: The items with their markers; a hyphen is not shown.
    """
    shown = [item.removeprefix("- ") for item in items]
    shown[:-1] = [item.rstrip(".;:, ") for item in shown[:-1]]
    lengths = accumulate((len(item) + 2 for item in shown), initial=len(introduction))
    fitting = max(1, sum(length <= MAX_EXCERPT for length in islice(lengths, 1, None)))
    more = f"; and {len(shown) - fitting} more" if fitting < len(shown) else ""
    return f"{introduction} {'; '.join(shown[:fitting])}{more}".strip()


def _split_fields(text: str, start: int) -> Iterator[Excerpt]:
    """Yield a record as a whole, or each field with the first one where the record is long."""
    pairs = parse_fields(text)
    record = show_record(pairs)
    if len(record) <= MAX_EXCERPT:
        yield Excerpt("fields", record, start)
        return
    for number, pair in enumerate(pairs):
        yield Excerpt("fields", show_record([pair]), start + number, show_record(pairs[:1]))


def show_record(pairs: list[tuple[str, str]]) -> str:
    """Return the names and values of a record as they are quoted."""
    return "; ".join(f"{name}: {value}" if name else value for name, value in pairs)
