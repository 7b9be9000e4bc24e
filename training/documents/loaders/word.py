"""Read documents of Word: body, tables, lists with their numbers, notes, comments, headers, footers and text boxes."""

import re
from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from model.blocks import Block, ListItem, flatten, make_heading, make_list, make_paragraph
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile
from .table_grid import MAX_COLUMNS, Cell, make_grid_table, parse_span
from .word_styles import Numbering, Styles
from .xml_tree import local_attribute, local_name, parse_xml, read_title

_SKIPPED = frozenset(
    {"del", "moveFrom", "instrText", "delText", "Fallback", "pPr", "rPr", "sectPr", "sdtPr", "tblPr", "trPr", "tcPr"}
)
"""Elements whose text is not shown: deletions, field codes, and what stands in another form."""
_PAGE_NUMBER = re.compile(r"(?:page|seite)?\s*\d*\s*(?:of|von|/)?\s*\d*", re.IGNORECASE)
_HEADER_PARTS = re.compile(r"word/(?:header|footer)\d*\.xml")
_ENCRYPTED = b"\xd0\xcf\x11\xe0"


class WordLoader(Loader):
    """Reads documents of Word."""

    kind = "Word"
    suffixes = (".docx", ".docm")
    reads = (
        "headings, paragraphs, tables, lists with their numbers as shown, footnotes, comments, headers, footers, text "
        "boxes, content controls; tracked insertions"
    )
    omits = "tracked deletions, pictures"
    packages = ("lxml",)

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield the body and its notes as one document."""
        if file.content.startswith(_ENCRYPTED):
            raise DocumentError("the document is protected by a password, or an old .doc; save it as .docx without one")
        with file.open_archive() as archive:
            names = set(archive.namelist())
            if "word/document.xml" not in names:
                raise DocumentError("the file is an archive, but no document of Word")
            reader = _WordReader(archive, names, self)
            title = reader.read_title()
            blocks = list(reader.read_blocks())
        yield file.make_document(blocks, title=title)


class _WordReader:
    """Reads the parts of one archive."""

    def __init__(self, archive: ZipFile, names: set[str], loader: Loader) -> None:
        self._archive, self._names, self._loader = archive, names, loader
        self._styles = Styles(self._parse("word/styles.xml"))
        self._numbering = Numbering(self._parse("word/numbering.xml"))
        self._notes = {kind: self._read_notes(f"word/{kind}s.xml", kind) for kind in ("footnote", "endnote", "comment")}
        self._items: list[ListItem] = []
        self._boxes: list[Any] = []
        self._pending_notes: list[str] = []

    def read_title(self) -> str:
        """Return the title among the properties; empty when there is none."""
        return read_title(self._parse("docProps/core.xml"))

    def read_blocks(self) -> Iterator[Block]:
        """Yield the texts of headers and footers, each once, and then the blocks of the body."""
        shown: set[str] = set()
        for name in sorted(filter(_HEADER_PARTS.fullmatch, self._names)):
            text = flatten(" ".join(self._paragraph_text(p) for p in self._parse(name).iter("{*}p")))
            if text not in shown and not _PAGE_NUMBER.fullmatch(text):
                shown.add(text)
                yield Block("note", text)
        self._boxes, self._pending_notes = [], []
        for body in self._parse("word/document.xml"):
            yield from self._read_container(body)
        yield from self._end_list()

    def _parse(self, name: str) -> Any:
        return parse_xml(self._archive.read(name), self._loader.import_package) if name in self._names else None

    def _read_notes(self, name: str, kind: str) -> dict[str, str]:
        root = self._parse(name)
        if root is None:
            return {}
        self._boxes, self._pending_notes = [], []
        return {
            local_attribute(note, "id"): flatten(" ".join(self._plain_text(p) for p in note.iter("{*}p")))
            for note in root
            if local_name(note) == kind and not local_attribute(note, "type")
        }

    def _plain_text(self, paragraph: Any) -> str:
        return "".join(part for part in _text_parts(paragraph) if isinstance(part, str))

    def _read_container(self, container: Any) -> Iterator[Block]:
        """Yield the blocks of a body, a content control or a text box."""
        for child in container:
            name = local_name(child)
            if name == "p":
                yield from self._read_paragraph(child)
            elif name == "tbl":
                yield from self._end_list()
                yield self._read_table(child)
                yield from self._end_notes()
            elif name in {"sdt", "sdtContent", "ins", "customXml", "moveTo", "AlternateContent", "Choice"}:
                yield from self._read_container(child)

    def _read_paragraph(self, paragraph: Any) -> Iterator[Block]:
        text = self._paragraph_text(paragraph).strip()
        style = self._styles.style_of(paragraph)
        marker, depth = self._numbering.next_marker(paragraph, style)
        if not text:
            yield from self._end_boxes()
            return
        level = self._styles.heading_level(paragraph)
        if level:
            yield from self._end_list()
            yield make_heading(f"{marker} {text}" if marker not in {"", "-"} else text, level)
        elif marker:
            self._items.append(ListItem(marker, text, depth))
        else:
            yield from self._end_list()
            yield make_paragraph(text)
        if self._pending_notes:
            yield from self._end_list()
            yield from self._end_notes()
        yield from self._end_boxes()

    def _end_list(self) -> Iterator[Block]:
        if self._items:
            yield make_list(self._items)
            self._items = []

    def _end_notes(self) -> Iterator[Block]:
        for note in self._pending_notes:
            yield Block("note", note)
        self._pending_notes = []

    def _end_boxes(self) -> Iterator[Block]:
        boxes, self._boxes = self._boxes, []
        for box in boxes:
            yield from self._end_list()
            yield from self._read_container(box)

    def _paragraph_text(self, paragraph: Any) -> str:
        """Return the text of a paragraph. Its text boxes and notes are kept for the blocks that follow."""
        texts: list[str] = []
        for part in _text_parts(paragraph):
            if isinstance(part, str):
                texts.append(part)
            elif local_name(part) == "txbxContent":
                self._boxes.append(part)
            else:
                kind = local_name(part).removesuffix("Reference")
                note = self._notes.get(kind, {}).get(local_attribute(part, "id"), "")
                if note:
                    self._pending_notes.append(f"Comment: {note}" if kind == "comment" else note)
        return "".join(texts)

    def _read_table(self, table: Any) -> Block:
        rows: list[list[Cell]] = []
        open_columns: dict[int, tuple[int, int]] = {}
        for row in table.iter("{*}tr"):
            if next(row.iterancestors("{*}tbl")) is not table:
                continue
            rows.append(self._read_row(row, rows, open_columns))
        return make_grid_table(rows)

    def _read_row(self, row: Any, rows: list[list[Cell]], open_columns: dict[int, tuple[int, int]]) -> list[Cell]:
        """Return the cells of a row; a cell that continues the one above makes that one taller.

        Args:
            row: The element of the row.
            rows: The rows above, in which cells are made taller.
            open_columns: Row and position of the cell that may continue downwards, by column.
        """
        cells: list[Cell] = []
        column = 0
        for element in row.iter("{*}tc"):
            if next(element.iterancestors("{*}tr")) is not row:
                continue
            width = min(_read_span(element), MAX_COLUMNS)
            merge = element.find("./{*}tcPr/{*}vMerge")
            continues = merge is not None and local_attribute(merge, "val") != "restart"
            if continues and column in open_columns:
                row_above, position = open_columns[column]
                above = rows[row_above][position]
                rows[row_above][position] = Cell(above.text, above.columns, above.rows + 1)
            else:
                open_columns[column] = (len(rows), len(cells))
                cells.append(Cell(self._cell_text(element), width))
            column += width
        return cells

    def _cell_text(self, cell: Any) -> str:
        return flatten(" ".join(self._paragraph_text(paragraph) for paragraph in cell.iter("{*}p")))


def _text_parts(element: Any) -> Iterator[Any]:
    """Yield the texts inside a paragraph, and the elements of its text boxes and references to notes."""
    for child in element:
        name = local_name(child)
        if name in _SKIPPED:
            continue
        if name == "t":
            yield child.text or ""
        elif name in {"tab", "ptab"}:
            yield "\t"
        elif name in {"br", "cr"}:
            yield "\n"
        elif name == "noBreakHyphen":
            yield "-"
        elif name in {"txbxContent", "footnoteReference", "endnoteReference", "commentReference"}:
            yield child
        else:
            yield from _text_parts(child)


def _read_span(cell: Any) -> int:
    span = cell.find("./{*}tcPr/{*}gridSpan")
    return parse_span(local_attribute(span, "val", "1")) if span is not None else 1
