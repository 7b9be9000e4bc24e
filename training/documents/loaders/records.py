"""Turn records (rows of a table, objects of JSON) into documents, one for each record."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.blocks import Block, make_fields, make_heading, make_question
from model.retrieval.local.settings import ColumnRoles

from ..document import Document
from .base import SourceFile
from .plain_text import split_paragraphs

_TEXT_COLUMNS = ("text", "content", "body", "document", "passage", "description", "answer")
"""Columns that hold a record's text, in order of preference."""
_TITLE_COLUMNS = ("title", "name", "heading", "question", "subject")
_HEADLINE_COLUMNS = frozenset({"title", "heading", "subject"})
"""Columns that say what a record is about, and are the title alone; a name is a value, too."""
MAX_TAG = 80
"""Characters of a value that is also a tag, by which a request can filter."""
_LONG_TEXT = 100
"""Mean characters of a column that is text rather than a value."""
_MAX_DEPTH = 20

Record = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of records by role, decided once for a whole file.

    Attributes:
        text: Column of the text; empty when every column is a value.
        title: Column of the title; empty when there is none.
        tags: Columns that become tags whatever the length of their values.
    """

    text: str
    title: str
    tags: frozenset[str]


def read_records(
    file: SourceFile, records: Iterable[Record], *, sheet: str = "", first_number: int = 1
) -> Iterator[Document]:
    """Yield a document for each record: its title, its text, and its other values by name.

    Short values are also tags. Empty values are left out.

    Args:
        file: The file that the records come from.
        records: The records, each by column.
        sheet: Name of the sheet, which becomes the outermost heading.
        first_number: Number of the first record.
    """
    rows = [(flatten_record(record), _flatten_lists(record)) for record in records]
    columns = choose_columns([pairs for pairs, _ in rows], file.columns)
    headings = [make_heading(sheet, 1)] if sheet else []
    for number, (pairs, split_pairs) in enumerate(rows, first_number):
        values = dict(pairs)
        title = values.get(columns.title, "")
        yield file.make_document(
            [*headings, *_make_blocks(pairs, columns)],
            title=title,
            page=number,
            tags=make_tags(
                ((name, value) for name, value in split_pairs or pairs if name != columns.text), columns.tags
            ),
        )


def choose_columns(rows: Sequence[Sequence[tuple[str, str]]], roles: ColumnRoles) -> Columns:
    """Return the columns of a table by role.

    A column is the text by the caller's word, by its name, or because it is the longest and has sentences.

    Args:
        rows: The names and values of each row.
        roles: The roles that the caller named.
    """
    lengths: dict[str, int] = {}
    for pairs in rows:
        for name, value in pairs:
            lengths[name] = lengths.get(name, 0) + len(value)
    by_lower_name = {name.lower(): name for name in reversed(lengths)}
    longest = max(lengths, key=lambda name: lengths[name], default="")
    known_text = next((by_lower_name[name] for name in _TEXT_COLUMNS if name in by_lower_name), "")
    text = roles.text or known_text or (longest if lengths.get(longest, 0) > _LONG_TEXT * len(rows) else "")
    known_title = next((by_lower_name[name] for name in _TITLE_COLUMNS if by_lower_name.get(name, text) != text), "")
    return Columns(text, roles.title or known_title, frozenset(roles.tags))


def flatten_record(
    value: object, prefix: str = "", depth: int = 0, *, splits_lists: bool = False
) -> list[tuple[str, str]]:
    """Return the names and values of nested objects: ``{"a": {"b": 1}}`` gives ``a.b``.

    Empty values are left out.

    Args:
        value: The record.
        prefix: Name that stands before those of ``value``; empty for none.
        depth: Number of objects and lists around ``value``.
        splits_lists: Whether each text of a list is a value of its own, as tags need it, or they are joined to one.
    """
    if isinstance(value, Mapping) and depth < _MAX_DEPTH:
        return [
            pair
            for name, inner in value.items()
            for pair in flatten_record(
                inner, f"{prefix}.{name}" if prefix else str(name), depth + 1, splits_lists=splits_lists
            )
        ]
    if isinstance(value, list | tuple) and depth < _MAX_DEPTH:
        if all(not isinstance(item, Mapping | list | tuple) for item in value):
            texts = [format_value(item) for item in value if item is not None]
            return [
                pair for text in (texts if splits_lists else [", ".join(texts)]) for pair in _make_pair(prefix, text)
            ]
        return [
            pair
            for number, item in enumerate(value, 1)
            for pair in flatten_record(
                item, f"{prefix}.{number}" if prefix else str(number), depth + 1, splits_lists=splits_lists
            )
        ]
    return _make_pair(prefix, format_value(value))


def format_value(value: object) -> str:
    """Return a cell's value as it is shown: a whole number without ``.0``, a date without midnight.

    Null and bytes are shown as nothing.
    """
    if value is None or isinstance(value, bytes | bytearray):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:  # noqa: PLR2004 - the exact ones
        return str(int(value))
    return str(value).removesuffix(" 00:00:00").strip()


def make_tags(pairs: Iterable[tuple[str, str]], tag_columns: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the tags of names and values: the short values, and those of the columns in ``tag_columns``."""
    return tuple(
        f"{name}={value}"
        for name, value in pairs
        if name in tag_columns or name.lower() == "url" or (len(value) <= MAX_TAG and "\n" not in value)
    )


def _flatten_lists(record: Record) -> list[tuple[str, str]]:
    """Return the names and values with each text of a list by itself; nothing for a record of simple values."""
    is_nested = any(isinstance(value, Mapping | list | tuple) for value in record.values())
    return flatten_record(record, splits_lists=True) if is_nested else []


def _make_pair(name: str, text: str) -> list[tuple[str, str]]:
    return [(name or "value", text)] if text else []


def _make_blocks(pairs: Sequence[tuple[str, str]], columns: Columns) -> Iterator[Block]:
    values = dict(pairs)
    text, title = values.get(columns.text, ""), values.get(columns.title, "")
    is_asked = bool(text and title) and columns.title.lower() == "question"
    if is_asked:
        yield make_question(title, text)
    else:
        yield from split_paragraphs(text)
    is_shown_above = is_asked or columns.title.lower() in _HEADLINE_COLUMNS
    shown_columns = {columns.text, columns.title} if is_shown_above else {columns.text}
    others = [(name, value) for name, value in pairs if name not in shown_columns]
    if others:
        yield make_fields(others)
