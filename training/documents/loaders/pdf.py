"""Read PDFs: paragraphs, headings, lists, tables and form fields of each page."""

import io
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from model.blocks import Block, ListItem, flatten, make_fields, make_heading, make_list, make_paragraph, make_table
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile
from .pictures import recognise_text
from .plain_text import split_paragraphs

if TYPE_CHECKING:
    from ..pdf.items import Item

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
        from ..pdf.layout import PasswordError, read_pages

        title = self._read_title(file)
        headings: list[Block] = []
        scanned: list[int] = []
        try:
            for page in read_pages(file.content):
                blocks = list(_make_blocks(page.items))
                if not blocks and page.has_images:
                    scanned.append(page.number)
                    blocks = self._recognise_page(file, page.number) if file.ocr_languages else []
                above = [heading for heading in headings if not blocks or blocks[0].level == 0]
                yield file.make_document([*above, *blocks] if blocks else [], title=title, page=page.number)
                headings = _follow_headings(headings, blocks)
        except PasswordError:
            raise DocumentError("the PDF is protected by a password; save it without one") from None
        if scanned and not file.ocr_languages:
            pages = ", ".join(map(str, scanned[:_SHOWN_PAGES])) + " and more" * (len(scanned) > _SHOWN_PAGES)
            file.notes.append(f"scanned pages without text were passed over: {pages}; --ocr LANGUAGES recognises them")

    def _read_title(self, file: SourceFile) -> str:
        """Return the title among the properties; empty where a program filled it in."""
        document = self._open(file)
        try:
            title = flatten(document.get_metadata_dict().get("Title", ""))
        finally:
            document.close()
        return "" if _EMPTY_TITLE.fullmatch(title) else title

    def _open(self, file: SourceFile) -> Any:
        pypdfium2 = self.import_package("pypdfium2")
        try:
            return pypdfium2.PdfDocument(file.content)
        except pypdfium2.PdfiumError as error:
            if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
                raise DocumentError("the PDF is protected by a password; save it without one") from None
            raise

    def _recognise_page(self, file: SourceFile, number: int) -> list[Block]:
        document = self._open(file)
        try:
            page = document[number - 1]
            width, height = page.get_size()
            scale = min(_OCR_SCALE, (_MAX_OCR_PIXELS / max(1.0, width * height)) ** 0.5)
            picture = io.BytesIO()
            page.render(scale=scale).to_pil().save(picture, "PNG")
        finally:
            document.close()
        text = recognise_text(picture.getvalue(), file.ocr_languages)
        return [Block("picture", block.text) for block in split_paragraphs(text)]


def _make_blocks(items: "Iterable[Item]") -> Iterator[Block]:
    from ..pdf import items as kinds

    for kind, group in groupby(items, type):
        if kind is kinds.ListItem:
            yield make_list(ListItem(item.marker, item.text) for item in group if isinstance(item, kinds.ListItem))
        elif kind is kinds.Field:
            yield make_fields((item.name, item.value) for item in group if isinstance(item, kinds.Field))
        else:
            yield from (_make_block(item) for item in group)


def _make_block(item: "Item") -> Block:
    from ..pdf import items as kinds

    if isinstance(item, kinds.Heading):
        return make_heading(item.text, item.level)
    if isinstance(item, kinds.Table):
        return make_table(item.header, item.rows)
    return make_paragraph(item.value if isinstance(item, kinds.Field) else item.text)


def _follow_headings(headings: list[Block], blocks: Iterable[Block]) -> list[Block]:
    """Return the headings that hold at the end of a page, outermost first, as the next page begins below them."""
    for block in blocks:
        if block.kind == "heading":
            headings = [*(heading for heading in headings if heading.level < block.level), block]
    return headings
