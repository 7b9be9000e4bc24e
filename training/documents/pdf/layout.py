"""Read a PDF as pages of headings, paragraphs, lists, tables and form fields in reading order."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

import pypdfium2
import pypdfium2.raw as pdfium

from .characters import Word, read_words
from .columns import split_columns
from .fields import read_fields
from .grids import Grid, find_grids
from .items import Field, Item, PageContent, Paragraph, Table
from .lines import Line, make_line, split_lines
from .paragraphs import DocumentStyle, build_items, join_texts, measure_style
from .rules import Rule, read_graphics
from .running import find_running_rows, remove_running_rows
from .tables import find_tables

_CHUNK = 100
"""Number of pages that are held in memory, among which running headers are found."""
_SENTENCE_ENDS = (".", "!", "?", ":", ";", "…", '"', "”", "»", ")")


class PasswordError(Exception):
    """A PDF that cannot be read without its password."""


@dataclass(frozen=True, slots=True)
class _PageLines:
    """The lines of a page before they are joined.

    Attributes:
        number: Number of the page, from 1.
        lines: Upright lines, those of one row from left to right.
        turned: Lines in each other direction.
        rules: Horizontal rules.
        fields: Filled fields.
        has_images: Whether the page shows an image.
    """

    number: int
    lines: list[Line]
    turned: list[list[Line]]
    rules: list[Rule]
    fields: list[Field]
    has_images: bool


@contextmanager
def open_document(content: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """Yield an opened PDF with its form.

    Args:
        content: Content of the PDF file.

    Raises:
        PasswordError: The PDF is protected by a password.
        pypdfium2.PdfiumError: The PDF is damaged.
    """
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise PasswordError("the PDF is protected by a password") from None
        raise
    try:
        document.init_forms()
        yield document
    finally:
        document.close()


def read_pages(document: pypdfium2.PdfDocument) -> Iterator[PageContent]:
    """Yield the pages of a PDF, as ``open_document`` gives it."""
    yield from _join_pages(_lay_pages(_read_lines(document)))


def _read_lines(document: pypdfium2.PdfDocument) -> Iterator[_PageLines]:
    for index in range(len(document)):
        page = document[index]
        try:
            yield _read_page(document, page, index + 1)
        finally:
            page.close()


def _read_page(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage, number: int) -> _PageLines:
    words = read_words(page)
    turns = max(words, key=lambda turns: len(words[turns]), default=0)
    graphics = read_graphics(page, turns)
    lines = _place_grids(words.pop(turns, []), find_grids(graphics))
    turned = [split_lines(words[key]) for key in sorted(words)]
    fields = [] if document.formenv is None else list(read_fields(document.formenv, page, lines))
    return _PageLines(number, lines, turned, graphics.horizontal, fields, graphics.has_images)


def _place_grids(words: list[Word], grids: list[Grid]) -> list[Line]:
    """Return the lines of a page, with one line that has ``cells`` in the place of each table with rules."""
    lines = []
    for number, grid in enumerate(grids, 1):
        inside = [word for word in words if grid.contains(word)]
        if cells := grid.fill_cells(inside):
            words = [word for word in words if not grid.contains(word)]
            position = replace(make_line(inside, -number).style, left=grid.columns[0], right=grid.columns[-1])
            lines.append(Line([], replace(position, base=grid.rows[0]), -number, cells))
    return sorted(lines + split_lines(words), key=lambda line: line.base) if lines else split_lines(words)


def _lay_pages(pages: Iterator[_PageLines]) -> Iterator[PageContent]:
    """Yield the pages with their items. What the pages share is measured on a chunk of them at a time."""
    running: frozenset[tuple[str, int]] = frozenset()
    while chunk := list(islice(pages, _CHUNK)):
        running |= find_running_rows((page.lines for page in chunk), len(chunk))
        style = measure_style(line for page in chunk for line in page.lines)
        for page in chunk:
            yield PageContent(page.number, list(_list_items(page, running, style)), page.has_images)


def _list_items(page: _PageLines, running: frozenset[tuple[str, int]], style: DocumentStyle) -> Iterator[Item]:
    lines = remove_running_rows(page.lines, running)
    for flow in split_columns(lines):
        yield from build_items(list(find_tables(flow, page.rules)), style)
    for turned in page.turned:
        yield from build_items(turned, style)
    yield from page.fields


def _join_pages(pages: Iterable[PageContent]) -> Iterator[PageContent]:
    """Yield pages. A paragraph that goes over a page's end stands on the page that it begins on."""
    waiting: list[PageContent] = []
    for page in pages:
        is_joined = bool(waiting) and _join_page(waiting[0], page)
        if not (is_joined and not page.items):  # a paragraph may go over whole pages
            yield from waiting
            waiting = []
        waiting.append(page)
    yield from waiting


def _join_page(previous: PageContent, page: PageContent) -> bool:
    """Move the end of a paragraph to the page that it begins on. Return whether there was one."""
    if not previous.items or not page.items:
        return False
    last, first = previous.items[-1], page.items[0]
    if isinstance(last, Paragraph) and isinstance(first, Paragraph) and _is_continued(last.text, first.text):
        previous.items[-1] = Paragraph(join_texts([last.text, first.text], frozenset()))
        del page.items[0]
        return True
    if isinstance(last, Table) and isinstance(first, Table) and _lacks_header(last, first):
        page.items[0] = Table(last.header, [first.header, *first.rows])
    return False


def _is_continued(last: str, first: str) -> bool:
    return not last.endswith(_SENTENCE_ENDS) and (first[0].islower() or last.endswith((",", "-")) or first[0].isdigit())


def _lacks_header(last: Table, first: Table) -> bool:
    """Return whether a table continues the one of the page before without its header: its first row has a number."""
    has_values = any(character.isdigit() for cell in first.header for character in cell)
    return len(last.header) == len(first.header) and last.header != first.header and has_values
