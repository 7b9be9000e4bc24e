"""Readers that the caller names: the Markdown of their pages, and what is said when one fails."""

import io
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest

from model.errors import DocumentError, ProfileError
from training.documents.load import LoadOptions, load_documents

PATH = f"{__name__}:read_upper"


def read_upper(name: str, content: bytes) -> Iterator[tuple[int, str]]:
    """Read a file of two pages, whose names are in the text."""
    text = content.decode()
    if text == "damaged":
        raise ValueError("line one\nline two")
    yield 1, f"# {name}\n\n| code | price |\n| --- | --- |\n| {text.upper()} | 12 |"
    yield 2, "It continues."


class CountingReader:
    """Counts the files that one instance reads."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, _name: str, _content: bytes) -> Iterator[tuple[int, str]]:
        self._count += 1
        yield 0, f"file {self._count}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.own").write_text("px-200", "utf-8")
    (tmp_path / "b.txt").write_text("Plain text.", "utf-8")
    return tmp_path


def test_reader_gives_the_pages_of_files_of_its_suffix(folder: Path) -> None:
    loaded = load_documents([folder], LoadOptions(readers={".own": PATH}))
    assert [(document.source, document.page, document.text) for document in loaded.documents] == [
        ("a.own", 1, "# a.own\n\n| code | price |\n| --- | --- |\n| PX-200 | 12 |"),
        ("a.own", 2, "# a.own\n\nIt continues."),
        ("b.txt", 0, "Plain text."),
    ]
    assert loaded.kinds == {PATH: 1, "text": 1}


def test_reader_goes_before_the_own_loader_and_its_class_is_made_once(folder: Path) -> None:
    (folder / "c.txt").write_text("More text.", "utf-8")
    loaded = load_documents([folder], LoadOptions(readers={".txt": f"{__name__}:CountingReader"}))
    assert [document.text for document in loaded.documents] == ["file 1", "file 2"]


def test_file_that_a_reader_cannot_read_is_skipped_with_the_first_line_of_its_reason(folder: Path) -> None:
    (folder / "c.own").write_text("damaged", "utf-8")
    (skipped,) = load_documents([folder], LoadOptions(readers={".own": PATH})).skipped
    assert skipped.reason == f"the reader {PATH} cannot read the file (ValueError: line one)"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dockling", "there is no reader dockling; did you mean docling"),
        ("no_such_package:read", "no_such_package:read cannot be imported"),
        (f"{__name__}:nothing", "has no nothing"),
    ],
)
def test_unknown_reader_is_refused(name: str, message: str, folder: Path) -> None:
    with pytest.raises(ProfileError, match=message):
        load_documents([folder], LoadOptions(readers={".own": name}))


def test_docling_that_is_not_installed_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "docling", None)
    with pytest.raises(DocumentError, match=r"the reader docling needs the package docling .*; pip install docling"):
        load_documents([folder], LoadOptions(readers={".own": "docling"}))


@pytest.mark.long
def test_docling_reads_a_word_document(tmp_path: Path) -> None:
    pytest.importorskip("docling.document_converter", reason="docling is not installed", exc_type=ImportError)
    document = docx.Document()
    document.add_heading("Tariffs", 1)
    table = document.add_table(2, 2)
    for position, text in enumerate(["zone", "price", "A", "2.80"]):
        table.cell(position // 2, position % 2).text = text
    content = io.BytesIO()
    document.save(content)
    (tmp_path / "a.docx").write_bytes(content.getvalue())
    (loaded,) = load_documents([tmp_path], LoadOptions(readers={".docx": "docling"})).documents
    assert [block.kind for block in loaded.blocks] == ["heading", "table"]
    assert "| A | 2.80 |" in loaded.text
