"""A spreadsheet of 300,000 rows and a PDF of 2,000 pages are read. These tests take minutes: ``make long``."""

import io
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from training.documents.load import load_documents

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def test_spreadsheet_of_300_000_rows_is_read(tmp_path: Path) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(tmp_path / "a.xlsx", {"constant_memory": True}) as workbook:
        sheet = workbook.add_worksheet("Stock")
        sheet.write_row(0, 0, ["code", "name", "count"])
        for number in range(300_000):
            sheet.write_row(number + 1, 0, [f"C-{number}", "Ring", number])
    documents = load_documents([tmp_path / "a.xlsx"]).documents
    assert len(documents) == 300_000
    assert documents[-1].text == "# Stock\n\ncode: C-299999\nname: Ring\ncount: 299999"


def spell(number: int) -> str:
    """Return a number in letters, a for 0."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def test_pdf_of_2_000_pages_is_read(tmp_path: Path) -> None:
    content = io.BytesIO()
    canvas = Canvas(content, pagesize=A4)
    for number in range(2_000):
        for line in range(40):
            word = spell(number * 40 + line)  # lines that repeat on all pages would be running headers
            canvas.drawString(60, 780 - 18 * line, f"The line {word} tells what happens to the pump {word}.")
        canvas.showPage()
    canvas.save()
    (tmp_path / "a.pdf").write_bytes(content.getvalue())
    documents = load_documents([tmp_path / "a.pdf"]).documents
    assert [document.page for document in documents] == list(range(1, 2_001))
    assert f"The line {spell(1_999 * 40 + 39)} tells" in documents[-1].text
