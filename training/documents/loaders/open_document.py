"""Read text documents and presentations of LibreOffice."""

from collections.abc import Iterator
from typing import Any

from model.blocks import Block, ListItem, flatten, make_heading, make_list, make_paragraph
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile
from .table_grid import MAX_COLUMNS, Cell, make_grid_table
from .xml_tree import local_attribute, local_name, parse_xml, read_title

_SKIPPED = frozenset({"tracked-changes", "sequence-decls", "forms", "note-citation", "creator", "date"})
_CONTAINERS = frozenset(
    {"text", "section", "presentation", "frame", "text-box", "page", "index-body", "body", "g", "custom-shape"}
)


class OpenDocumentLoader(Loader):
    """Reads text documents and presentations of LibreOffice."""

    kind = "OpenDocument"
    suffixes = (".odt", ".odp")
    reads = "headings, paragraphs, lists, tables, footnotes, comments, text boxes"
    omits = "tracked deletions, headers and footers, pictures"
    packages = ("lxml",)

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the body as one document, or a document for each slide."""
        with file.open_archive() as archive:
            names = archive.namelist()
            if "content.xml" not in names:
                raise DocumentError("the file is an archive, but no document of LibreOffice")
            if b"encryption-data" in (
                archive.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in names else b""
            ):
                raise DocumentError("the document is protected by a password; save it without one")
            root = parse_xml(archive.read("content.xml"), self.import_package)
            meta = parse_xml(archive.read("meta.xml"), self.import_package) if "meta.xml" in names else None
        title = read_title(meta)
        slides = root.xpath("//*[local-name()='presentation']/*[local-name()='page']")
        if slides:
            for number, slide in enumerate(slides, 1):
                yield file.make_document(_read_container(slide), title=title, page=number)
        else:
            for body in root.xpath("//*[local-name()='body']"):
                yield file.make_document(_read_container(body), title=title)


def _read_container(container: Any) -> Iterator[Block]:
    for child in container:
        name = local_name(child)
        if name == "h":
            yield make_heading(_text_of(child), int(local_attribute(child, "outline-level", "1")))
        elif name == "p":
            yield make_paragraph(_text_of(child))
            yield from _read_inner(child)
        elif name == "list":
            yield make_list(_read_items(child, 0))
        elif name == "table":
            yield make_grid_table(list(_read_rows(child)))
        elif name == "notes":
            yield Block("note", flatten(" ".join(_text_of(part) for part in child.iter("{*}p"))))
        elif name in _CONTAINERS:
            yield from _read_container(child)


def _read_inner(paragraph: Any) -> Iterator[Block]:
    """Yield the footnotes, comments and text boxes that are anchored in a paragraph."""
    for element in paragraph.iter("{*}note-body", "{*}annotation", "{*}text-box"):
        text = flatten(" ".join(_text_of(part) for part in element.iter("{*}p")))
        is_note = local_name(element) != "text-box"
        yield Block("note", text) if is_note else make_paragraph(text)


def _read_items(element: Any, depth: int) -> Iterator[ListItem]:
    for item in element:
        if local_name(item) not in {"list-item", "list-header"}:
            continue
        text = " ".join(_text_of(child) for child in item if local_name(child) in {"p", "h"})
        if text:
            yield ListItem("-", text, depth)
        for child in item:
            if local_name(child) == "list":
                yield from _read_items(child, depth + 1)


def _read_rows(table: Any) -> Iterator[list[Cell]]:
    for row in table.iter("{*}table-row"):
        if next(row.iterancestors("{*}table")) is table:
            cells: list[Cell] = []
            for cell in row:
                if local_name(cell) == "table-cell":
                    text = flatten(" ".join(_text_of(part) for part in cell.iter("{*}p")))
                    repeated = _read_count(cell, "number-columns-repeated") if text else 1
                    span = Cell(
                        text, _read_count(cell, "number-columns-spanned"), _read_count(cell, "number-rows-spanned")
                    )
                    cells += [span] * repeated
            yield cells


def _read_count(cell: Any, name: str) -> int:
    value = local_attribute(cell, name, "1")
    return min(int(value), MAX_COLUMNS) if value.isascii() and value.isdigit() else 1


def _text_of(element: Any) -> str:
    return flatten("".join(_text_parts(element)))


def _text_parts(element: Any) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        name = local_name(child)
        if name in {"s", "tab", "line-break"}:
            yield " "
        elif name not in _SKIPPED | {"note", "annotation", "frame"}:
            yield from _text_parts(child)
        yield child.tail or ""
