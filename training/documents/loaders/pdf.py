"""Read PDFs: paragraphs, headings, lists, tables and form fields of each page."""

import io
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from model.blocks import (
    Block,
    ListItem,
    flatten,
    make_fields,
    make_heading,
    make_list,
    make_paragraph,
    make_table,
)
from model.errors import DocumentError

from ..document import Document
from ..pdf import items
from .base import Loader, SourceFile
from .pictures import recognise_text
from .plain_text import split_paragraphs

_EMPTY_TITLE = re.compile(
    r"untitled.*|microsoft (?:word|powerpoint|excel) - .*|.*\.(?:docx?|pptx?|xlsx?|odt|pdf|indd|tex)|"
    r"(?:slide|document) ?\d*",
    re.IGNORECASE,
)
"""Titles that the program which made the PDF filled in."""
_OCR_SCALE = 300 / 72
"""Pixels of a picture for text recognition per point of the page: 300 dots per inch."""
_MAX_OCR_PIXELS = 40_000_000
_SHOWN_PAGES = 10


class PdfLoader(Loader):
    """Reads PDFs."""

    kind = "PDF"
    suffixes = (".pdf",)
    reads = (
        "headings by size, paragraphs also over columns and pages, lists, tables with and without rules, form values; "
        "scanned pages with --ocr LANGUAGES"
    )
    omits = "running headers and footers, pictures, annotations"
    packages = ("pypdfium2",)
    empty_reason = "the PDF contains no text; if its pages are scanned, --ocr with their languages recognises it"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each page."""
        self.import_package("pypdfium2")
        from ..pdf.layout import PasswordError, open_document, read_pages

        try:
            with open_document(file.content) as pdf:
                yield from file.make_pages(self._read_pages(file, pdf, read_pages(pdf)), title=_read_title(pdf))
        except PasswordError:
            raise DocumentError("the PDF is protected by a password; save it without one") from None

    def _read_pages(
        self, file: SourceFile, pdf: Any, pages: Iterable[items.PageContent]
    ) -> Iterator[tuple[int, list[Block]]]:
        """Yield the number and the blocks of each page; pages without text that hold a picture are counted."""
        scanned: list[int] = []
        for page in pages:
            blocks = list(_make_blocks(page.items))
            if not blocks and page.has_images:
                scanned.append(page.number)
                blocks = _recognise_page(pdf[page.number - 1], file.ocr_languages) if file.ocr_languages else []
            yield page.number, blocks
        file.scanned_pages += len(scanned)
        if scanned and not file.ocr_languages:
            shown = ", ".join(map(str, scanned[:_SHOWN_PAGES])) + " and more" * (len(scanned) > _SHOWN_PAGES)
            file.notes.append(f"scanned pages without text were passed over: {shown}; --ocr LANGUAGES recognises them")


def _read_title(pdf: Any) -> str:
    """Return the title among the properties; empty where a program filled it in."""
    title = flatten(pdf.get_metadata_dict().get("Title", ""))
    return "" if _EMPTY_TITLE.fullmatch(title) else title


def _recognise_page(page: Any, languages: str) -> list[Block]:
    width, height = page.get_size()
    scale = min(_OCR_SCALE, (_MAX_OCR_PIXELS / max(1.0, width * height)) ** 0.5)
    picture = io.BytesIO()
    page.render(scale=scale).to_pil().save(picture, "PNG")
    return [Block("picture", block.text) for block in split_paragraphs(recognise_text(picture.getvalue(), languages))]


def _make_blocks(page_items: Iterable[items.Item]) -> Iterator[Block]:
    """Yield the blocks of a page: list items that follow each other are a list, and so are fields."""
    listed: list[ListItem] = []
    fields: list[tuple[str, str]] = []
    for kind, group in groupby(page_items, type):
        for item in group:
            match item:
                case items.Heading(text, level):
                    yield make_heading(text, level)
                case items.Table(header, rows):
                    yield make_table(header, rows)
                case items.Paragraph(text):
                    yield make_paragraph(text)
                case items.Field(name, value):
                    fields.append((name, value))
                case ListItem():
                    listed.append(item)
        if kind is ListItem:
            yield make_list(listed)
            listed = []
        elif kind is items.Field:
            yield make_fields(fields)
            fields = []
