"""PDFs are read with their layout. reportlab makes the files."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import ListFlowable, ListItem, Paragraph, SimpleDocTemplate, Table, TableStyle

from model.blocks import parse_fields, parse_table
from model.errors import DocumentError
from training.documents.document import Document

from .conftest import ReadContent

STYLES = getSampleStyleSheet()
SALES = [["Region", "2023", "2024"], ["North", "310", "388"], ["West", "", "455"], ["South", "120", "97"]]


def draw(draw_pages: Callable[[Canvas], None], **settings: Any) -> bytes:
    content = io.BytesIO()
    canvas = Canvas(content, pagesize=A4, **settings)
    draw_pages(canvas)
    canvas.save()
    return content.getvalue()


def lay_out(*flowables: Any) -> bytes:
    content = io.BytesIO()
    SimpleDocTemplate(content, pagesize=A4).build(list(flowables))
    return content.getvalue()


def find_tables(documents: list[Document]) -> list[tuple[tuple[str, ...], ...]]:
    tables = [parse_table(block.text) for document in documents for block in document.blocks if block.kind == "table"]
    return [(table.header, *table.rows) for table in tables]


def test_table_with_rules_keeps_its_empty_cell(read_content: ReadContent) -> None:
    table = Table(SALES, style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.black)]))
    documents, _ = read_content("a.pdf", lay_out(Paragraph("Sales by region.", STYLES["BodyText"]), table))
    assert find_tables(documents) == [tuple(map(tuple, SALES))]


def test_table_without_rules_keeps_its_empty_cell(read_content: ReadContent) -> None:
    table = Table(SALES, colWidths=[120, 90, 90])
    documents, _ = read_content("a.pdf", lay_out(Paragraph("Sales by region.", STYLES["BodyText"]), table))
    assert find_tables(documents) == [tuple(map(tuple, SALES))]


def test_headings_are_told_by_their_size(read_content: ReadContent) -> None:
    text = Paragraph("The pump needs oil once a year, and the valve needs a new ring. " * 3, STYLES["BodyText"])
    documents, _ = read_content(
        "a.pdf", lay_out(Paragraph("Care", STYLES["Heading1"]), text, Paragraph("Valve", STYLES["Heading2"]), text)
    )
    headings = [(block.text, block.level) for block in documents[0].blocks if block.kind == "heading"]
    assert headings == [("Care", 1), ("Valve", 2)]


def test_list_items_are_a_list(read_content: ReadContent) -> None:
    items = [ListItem(Paragraph(text, STYLES["BodyText"])) for text in ("Open the lid.", "Press start.")]
    listed = ListFlowable(items, bulletFormat="%s.")
    documents, _ = read_content("a.pdf", lay_out(Paragraph("To reset it:", STYLES["BodyText"]), listed))
    assert documents[0].text == "To reset it:\n1. Open the lid.\n2. Press start."


def test_two_columns_are_read_one_after_the_other(read_content: ReadContent) -> None:
    def draw_columns(canvas: Canvas) -> None:
        for number in range(12):
            canvas.drawString(60, 780 - 14 * number, f"left line {number} of the first column")
            canvas.drawString(320, 780 - 14 * number, f"right line {number} of the second column")

    (document,), _ = read_content("a.pdf", draw(draw_columns))
    assert document.text.index("left line 11") < document.text.index("right line 0")


def test_running_headers_and_footers_are_left_out_and_sentences_go_over_pages(read_content: ReadContent) -> None:
    sentences = ["The wells were cleaned, and three wells will be", "closed in the autumn of 2026.", "Last page text."]

    def draw_pages(canvas: Canvas) -> None:
        for number, sentence in enumerate(["First page text.", *sentences], 1):
            canvas.drawString(60, 810, "Water report of the town")
            canvas.drawString(60, 500, sentence)
            canvas.drawString(280, 30, f"Page {number} of 4")
            canvas.showPage()

    documents, _ = read_content("a.pdf", draw(draw_pages))
    text = "\n".join(document.text for document in documents)
    assert "Water report" not in text
    assert "of 4" not in text
    assert "three wells will be closed in the autumn of 2026." in documents[1].text
    assert [document.page for document in documents] == [1, 2, 4]


def test_broken_words_are_joined(read_content: ReadContent) -> None:
    def draw_lines(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "The house has a new centri-")
        canvas.drawString(60, 686, "fugal pump in the cellar.")

    (document,), _ = read_content("a.pdf", draw(draw_lines))
    assert document.text == "The house has a new centrifugal pump in the cellar."


def test_form_values_are_fields(read_content: ReadContent) -> None:
    def draw_form(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "Name of the keeper:")
        canvas.acroForm.textfield(name="keeper", value="Livia Marchetti", x=200, y=690, width=200, height=20)

    (document,), _ = read_content("a.pdf", draw(draw_form))
    (fields,) = [parse_fields(block.text) for block in document.blocks if block.kind == "fields"]
    assert [value for _, value in fields] == ["Livia Marchetti"]


def test_scanned_page_is_noted(read_content: ReadContent) -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    def draw_pages(canvas: Canvas) -> None:
        canvas.drawString(60, 700, "The list begins on this page.")
        canvas.showPage()
        canvas.drawImage(ImageReader(Image.new("RGB", (200, 100), "grey")), 60, 400, 400, 200)

    documents, notes = read_content("a.pdf", draw(draw_pages))
    assert [document.page for document in documents] == [1]
    assert notes == ["scanned pages without text were passed over: 2; --ocr LANGUAGES recognises them"]


@pytest.mark.parametrize(
    ("title", "shown"),
    [("Care of pumps", "Care of pumps"), ("untitled", ""), ("Microsoft Word - Draft_v3.doc", ""), ("a.docx", "")],
)
def test_title_that_a_program_filled_in_is_none(title: str, shown: str, read_content: ReadContent) -> None:
    def draw_page(canvas: Canvas) -> None:
        canvas.setTitle(title)
        canvas.drawString(60, 700, "Text of the page.")

    (document,), _ = read_content("a.pdf", draw(draw_page))
    assert document.title == shown


def test_locked_pdf_is_refused(read_content: ReadContent) -> None:
    with pytest.raises(DocumentError, match="the PDF is protected by a password; save it without one"):
        read_content("a.pdf", draw(lambda canvas: canvas.drawString(60, 700, "Secret."), encrypt="word"))
