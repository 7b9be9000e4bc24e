"""Text of pictures and scanned pages, recognised by Tesseract where it is installed."""

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from training.documents.load import LoadOptions, LoadResult, load_documents

FONT = Path(__file__).parents[4] / "model" / "fonts" / "NotoSans-Regular.ttf"
LINES = ("The pump P-17 stands in hall 4.", "The filter is changed every 6 weeks.")
needs_tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")


def draw_lines() -> Image.Image:
    picture = Image.new("RGB", (1000, 220), "white")
    font = ImageFont.truetype(str(FONT), 40)
    for number, line in enumerate(LINES):
        ImageDraw.Draw(picture).text((40, 40 + 70 * number), line, "black", font)
    return picture


def write_picture(folder: Path) -> None:
    draw_lines().save(folder / "pump.png")


def write_pdf(folder: Path) -> None:
    """Write a PDF whose first page has text, and whose second page is a scan."""
    content = io.BytesIO()
    canvas = Canvas(content, pagesize=A4)
    canvas.drawString(60, 780, "The first page has text that a program wrote.")
    canvas.showPage()
    canvas.drawImage(ImageReader(draw_lines()), 60, 600, 480, 105)
    canvas.showPage()
    canvas.save()
    (folder / "pump.pdf").write_bytes(content.getvalue())


def load(folder: Path, languages: str = "") -> LoadResult:
    return load_documents([folder], LoadOptions(ocr_languages=languages))


@needs_tesseract
def test_text_of_a_picture_is_recognised(tmp_path: Path) -> None:
    write_picture(tmp_path)
    (document,) = load(tmp_path, "eng").documents
    assert " ".join(document.text.split()) == " ".join(LINES)
    assert {block.kind for block in document.blocks} == {"picture"}


@needs_tesseract
def test_scanned_page_is_recognised_between_pages_with_text(tmp_path: Path) -> None:
    write_pdf(tmp_path)
    loaded = load(tmp_path, "eng")
    assert [(document.page, " ".join(document.text.split())) for document in loaded.documents] == [
        (1, "The first page has text that a program wrote."),
        (2, " ".join(LINES)),
    ]
    assert (loaded.scanned_pages, loaded.notes) == (1, [])


@needs_tesseract
def test_language_that_is_not_installed_is_named(tmp_path: Path) -> None:
    write_picture(tmp_path)
    (tmp_path / "a.txt").write_text("Text.", "utf-8")
    (skipped,) = load(tmp_path, "xyz").skipped
    assert skipped.reason == "Tesseract cannot read the picture in xyz; check that the languages are installed"


def test_picture_and_scanned_page_without_ocr_are_told(tmp_path: Path) -> None:
    write_picture(tmp_path)
    write_pdf(tmp_path)
    loaded = load(tmp_path)
    assert [document.page for document in loaded.documents] == [1]
    assert [skipped.reason for skipped in loaded.skipped] == [
        "a picture; --ocr with its languages, such as eng+deu, recognises its text"
    ]
    assert [note.sentence for note in loaded.notes] == [
        "scanned pages without text were passed over: 2; --ocr LANGUAGES recognises them"
    ]
    assert loaded.scanned_pages == 1


def test_missing_tesseract_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write_picture(tmp_path)
    (tmp_path / "a.txt").write_text("Text.", "utf-8")
    (skipped,) = load(tmp_path, "eng").skipped
    assert skipped.reason == "text recognition needs Tesseract, which is not installed; apt-get install tesseract-ocr"
