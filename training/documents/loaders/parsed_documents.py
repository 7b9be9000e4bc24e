"""Read a column that Databricks' function ``ai_parse_document`` filled: a document in each row.

The format is that of https://docs.databricks.com/sql/language-manual/functions/ai_parse_document: version 2.0 lists
the elements of a document, version 1.0 the Markdown of its pages.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from model.blocks import Block, make_heading, make_paragraph

from ..decoding import remove_unwanted_characters
from ..document import Document
from .base import SourceFile, show_numbers
from .html import read_html
from .markdown import read_markdown
from .plain_text import split_paragraphs
from .records import flatten_record, make_tags

_HEADING_LEVELS = {"title": 1, "section_header": 2}
_LEFT_OUT = frozenset({"page_header", "page_footer", "page_number"})
_NAME_COLUMNS = ("path", "source", "file", "name", "doc_uri", "url")
"""Columns that hold the name of a document, in order of preference."""
_SCHEME = "dbfs:"

ImportPackage = Callable[[str], Any]
"""Returns a module of the extra ``documents``."""


def find_parsed_column(row: Mapping[str, Any]) -> str:
    """Return the column of a row that ``ai_parse_document`` filled; empty for none."""
    return next((name for name, value in row.items() if _parse(value) is not None), "")


def read_parsed_rows(
    file: SourceFile, rows: Iterable[Mapping[str, Any]], column: str, import_package: ImportPackage
) -> Iterator[Document]:
    """Yield the pages of the document in each row.

    The source of a document is its path, without ``dbfs:``, or the table's name and the row's number. Short values of
    other columns are tags.

    Args:
        file: The table.
        rows: The rows by column.
        column: The column that ``ai_parse_document`` filled.
        import_package: Returns a module of the extra ``documents``.
    """
    empty_rows: list[int] = []
    for number, row in enumerate(rows, 1):
        parsed = _parse(row[column])
        if parsed is None:
            empty_rows.append(number)
            continue
        name = next((str(row[name]) for name in _NAME_COLUMNS if isinstance(row.get(name), str)), "")
        source = name.removeprefix(_SCHEME) or f"{file.location.source}/{number}"
        if bad_pages := [error.get("page_id", 0) + 1 for error in parsed.get("error_status") or []]:
            file.notes.append(f"pages of {source} that ai_parse_document could not read: {show_numbers(bad_pages)}")
        own = replace(file, location=replace(file.location, source=source, file=None))
        others = {name: value for name, value in row.items() if name != column and value != source}
        tags = make_tags(flatten_record(others, splits_lists=True))
        for document in own.make_pages(_read_pages(parsed["document"], import_package), title=_find_title(parsed)):
            yield document.with_metadata(document.title, (*document.tags, *tags))
    if empty_rows:
        file.notes.append(f"rows without a parsed document were passed over: {show_numbers(empty_rows)}")


def _parse(value: Any) -> Mapping[str, Any] | None:
    """Return the value of ``ai_parse_document``, also from its JSON; None for any other value."""
    if isinstance(value, str) and value.startswith("{") and '"document"' in value:
        try:
            value = json.loads(value)
        except ValueError:
            return None
    document = value.get("document") if isinstance(value, Mapping) else None
    is_parsed = isinstance(document, Mapping) and ("elements" in document or "pages" in document)
    return value if is_parsed else None


def _find_title(parsed: Mapping[str, Any]) -> str:
    elements = parsed["document"].get("elements") or []
    return next((str(element["content"]) for element in elements if element.get("type") == "title"), "")


def _read_pages(document: Mapping[str, Any], import_package: ImportPackage) -> Iterator[tuple[int, list[Block]]]:
    """Yield the number and the blocks of each page; an element that names no page stands on that before it."""
    pages: dict[int, list[Block]] = {}
    number = 1
    for element in document.get("elements") or []:
        number = _find_page(element.get("bbox") or []) or number
        pages.setdefault(number, []).extend(_read_element(element, import_package))
    if not pages:
        for position, page in enumerate(document.get("pages") or [], 1):
            pages[position] = list(read_markdown(remove_unwanted_characters(str(page.get("content") or ""))))
    yield from sorted(pages.items())


def _find_page(boxes: Sequence[Mapping[str, Any]]) -> int:
    """Return the number, from 1, of the page on which an element begins; 0 when no box names a page."""
    return min((int(box["page_id"]) + 1 for box in boxes if box.get("page_id") is not None), default=0)


def _read_element(element: Mapping[str, Any], import_package: ImportPackage) -> Iterator[Block]:
    kind = element.get("type")
    text = remove_unwanted_characters(str(element.get("content") or element.get("description") or "")).strip()
    if kind in _LEFT_OUT or not text:
        return
    if kind in _HEADING_LEVELS:
        yield make_heading(text, _HEADING_LEVELS[kind])
    elif kind == "table":
        yield from read_html(text, import_package)[1]
    elif kind == "figure":
        yield Block("picture", text)
    elif kind == "footnote":
        yield Block("note", text)
    elif kind == "caption":
        yield make_paragraph(text)
    else:
        yield from split_paragraphs(text)
