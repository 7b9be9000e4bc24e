"""Read presentations of PowerPoint. Each slide becomes a document."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from model.blocks import Block, ListItem, flatten, make_heading, make_list, make_paragraph, make_table
from model.errors import DocumentError

from ..document import Document
from .base import Loader, SourceFile
from .table_grid import Cell, make_grid_table

_NOT_LISTED = frozenset({"TITLE", "CENTER_TITLE", "SUBTITLE"})
_PAGE_PARTS = frozenset({"SLIDE_NUMBER", "DATE", "FOOTER", "HEADER"})


class SlidesLoader(Loader):
    """Reads presentations of PowerPoint."""

    kind = "PowerPoint"
    suffixes = (".pptx", ".pptm")
    reads = "titles, text, lists, tables, groups, charts with categories and values, alternative texts, notes"
    omits = "slide numbers, dates and footers; pictures"
    packages = ("python-pptx",)

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each slide."""
        file.open_archive().close()
        try:
            presentation = self.import_package("pptx").Presentation(io.BytesIO(file.content))
        except ValueError:
            raise DocumentError("the file is an archive, but no presentation of PowerPoint") from None
        for number, slide in enumerate(presentation.slides, 1):
            title_shape = slide.shapes.title
            title = flatten(title_shape.text_frame.text) if title_shape is not None else ""
            blocks = [make_heading(title, 1)] if title else []
            blocks += _read_shapes(shape for shape in slide.shapes if shape != title_shape)
            if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
                blocks.append(Block("note", slide.notes_slide.notes_text_frame.text.strip()))
            yield file.make_document(blocks, title=title, page=number)


def _read_shapes(shapes: Iterable[Any]) -> Iterator[Block]:
    for shape in shapes:
        if shape.shape_type is not None and shape.shape_type.name == "GROUP":
            yield from _read_shapes(shape.shapes)
        elif getattr(shape, "has_table", False) and shape.has_table:
            yield make_grid_table([_read_cells(row) for row in shape.table.rows])
        elif getattr(shape, "has_chart", False) and shape.has_chart:
            yield from _read_chart(shape.chart)
        elif shape.has_text_frame:
            yield from _read_text(shape)
        else:
            text = shape._element.xpath(".//p:cNvPr/@descr")  # noqa: SLF001 - python-pptx has no other way to it
            yield from [Block("picture", flatten(text[0]))] if text and text[0].strip() else []


def _read_cells(row: Any) -> list[Cell]:
    return [Cell(flatten(cell.text), cell.span_width, cell.span_height) for cell in row.cells if not cell.is_spanned]


def _read_chart(chart: Any) -> Iterator[Block]:
    """Yield a chart as a table: a row for each category, a column for each series."""
    title = chart.chart_title.text_frame.text if chart.has_title and chart.chart_title.has_text_frame else ""
    plots = list(chart.plots)
    if plots:
        series = list(plots[0].series)
        rows = [
            [str(category), *(_show_value(values.values, position) for values in series)]
            for position, category in enumerate(plots[0].categories)
        ]
        yield make_table(["", *(str(values.name) for values in series)], rows, title)


def _show_value(values: Any, position: int) -> str:
    value = values[position] if position < len(values) else None
    return "" if value is None else f"{value:g}"


def _read_text(shape: Any) -> Iterator[Block]:
    """Yield the text of a shape: a list where a placeholder holds several paragraphs, else paragraphs."""
    kind = shape.placeholder_format.type.name if shape.is_placeholder else ""
    if kind in _PAGE_PARTS:
        return
    paragraphs = [paragraph for paragraph in shape.text_frame.paragraphs if paragraph.text.strip()]
    if len(paragraphs) > 1 and shape.is_placeholder and kind not in _NOT_LISTED:
        yield make_list(ListItem("-", paragraph.text, paragraph.level) for paragraph in paragraphs)
    else:
        yield from (make_paragraph(flatten(paragraph.text)) for paragraph in paragraphs)
