"""Loaders of every kind of file, and files that are damaged, empty, hostile or missing."""

import csv
import json
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from model.errors import DocumentError
from tests.fixtures import run_site
from training.documents import loaders
from training.documents.chunking import split_document
from training.documents.document import Document
from training.documents.load import LoadOptions, load_documents

HTML = """<html><head><title>The pump</title><style>p {}</style><script>alert("no")</script></head>
<body><nav>Home</nav><h1>Care</h1><p>Oil it <b>once</b> a year.</p><ul><li>first</li></ul></body></html>"""
ROWS = [
    {"name": "Pump", "text": "It needs oil once a year.", "town": "Graz", "year": 1987},
    {"name": "Boiler", "text": "It heats water.", "town": "Linz", "year": None},
]
ROW_DOCUMENTS = [
    Document("a.x", "It needs oil once a year.", "Pump", 1, ("town=Graz", "year=1987"), has_markup=False),
    Document("a.x", "It heats water.", "Boiler", 2, ("town=Linz",), has_markup=False),
]


def write_docx(file: Path) -> None:
    import docx

    document = docx.Document()
    document.core_properties.title = "Manual"
    document.add_heading("Care", 1)
    document.add_paragraph("Oil it once a year.")
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Part", "Valve"
    document.save(str(file))


def write_pptx(file: Path) -> None:
    import pptx

    presentation = pptx.Presentation()
    for title in ("Care", "Repair"):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, f"{title} once a year."
        slide.notes_slide.notes_text_frame.text = f"Notes of {title}."
    presentation.save(str(file))


def write_pdf(file: Path, *texts: str) -> None:
    """Write a PDF with a page for each text, without a library."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for text in texts:
        stream = f"BT /F1 12 Tf 72 700 Td ({text}) Tj ET" if text else ""
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        page = f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(objects)} 0 R /Resources {font} >>"
        objects.append(page)
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    start, trailer = len(out), f"trailer\n<< /Size {size} /Root 1 0 R >>"
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}\nstartxref\n{start}\n%%EOF"
    file.write_text(out, "latin-1")


def write_table(file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(ROWS[0]), delimiter="\t" if file.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(ROWS)


def write_parquet(file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(ROWS), file)


def read_documents(file: Path) -> list[Document]:
    return load_documents([file]).documents


def test_html_becomes_markdown_without_scripts(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(HTML, "utf-8")
    (document,) = read_documents(tmp_path / "a.html")
    assert (document.title, document.is_markdown) == ("The pump", True)
    assert document.text.split("\n") == ["# Care", "", "Oil it **once** a year.", "", "* first"]
    assert [(chunk.title, chunk.heading) for chunk in split_document(document, 800, 80)] == [("The pump", "Care")]


def test_docx_keeps_headings_and_tables(tmp_path: Path) -> None:
    write_docx(tmp_path / "a.docx")
    assert read_documents(tmp_path / "a.docx") == [
        Document("a.docx", "# Care\n\nOil it once a year.\n\nPart | Valve", "Manual", has_markup=True)
    ]


def test_pptx_gives_a_document_for_each_slide(tmp_path: Path) -> None:
    write_pptx(tmp_path / "a.pptx")
    first, second = read_documents(tmp_path / "a.pptx")
    assert (first.title, first.page, second.page) == ("Care", 1, 2)
    assert first.text == "Care\n\nCare once a year.\n\nNotes of Care."


def test_pdf_gives_a_document_for_each_page_and_chunks_keep_it(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", "The pump needs oil.", "", "The boiler heats water.")
    documents = read_documents(tmp_path / "a.pdf")
    assert [(document.text, document.page) for document in documents] == [
        ("The pump needs oil.", 1),
        ("The boiler heats water.", 3),
    ]
    assert [
        (chunk.page, chunk.start, chunk.end) for document in documents for chunk in split_document(document, 800, 80)
    ] == [(1, 0, 19), (3, 0, 23)]


@pytest.mark.parametrize(
    ("suffix", "write_file"),
    [
        ("csv", write_table),
        ("tsv", write_table),
        ("json", lambda file: file.write_text(json.dumps(ROWS), "utf-8")),
        ("jsonl", lambda file: file.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")),
        ("parquet", write_parquet),
    ],
)
def test_table_rows_become_documents_with_title_and_tags(
    suffix: str, write_file: Callable[[Path], Any], tmp_path: Path
) -> None:
    file = tmp_path / f"a.{suffix}"
    write_file(file)
    expected = [
        Document(file.name, document.text, document.title, document.page, document.tags, has_markup=False)
        for document in ROW_DOCUMENTS
    ]
    assert read_documents(file) == expected
    assert split_document(expected[0], 800, 80)[0].tags == ("town=Graz", "year=1987")


def test_notebook_cells_become_markdown(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Text."]},
        {"cell_type": "code", "source": "x = 1"},
        {"cell_type": "code", "source": []},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}), "utf-8")
    (document,) = read_documents(tmp_path / "a.ipynb")
    assert document.text == "# Title\nText.\n\n```\nx = 1\n```"


def write_damaged_files(folder: Path) -> dict[str, str]:
    """Write files that cannot be read; return the reason for each by its name."""
    write_pdf(folder / "scan.pdf", "", "")
    (folder / "script.html").write_text("<html><script>document.write('all')</script></html>", "utf-8")
    (folder / "cut.pdf").write_bytes(b"%PDF-1.4 and no more")
    (folder / "cut.docx").write_bytes(b"PK\x03\x04 and no more")
    (folder / "cut.json").write_text('{"a": ', "utf-8")
    (folder / "numbers.json").write_text("[1, 2]", "utf-8")
    (folder / "latin.txt").write_bytes("Größe".encode("latin-1"))
    (folder / "empty.md").write_text("\n", "utf-8")
    (folder / "picture.bmp").write_bytes(b"BM")
    with zipfile.ZipFile(folder / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 30_000_000)
    return {
        "scan.pdf": "the PDF contains no text; if its pages are scanned, run text recognition (OCR) first",
        "script.html": "the page contains no text without its scripts; save the page as a browser renders it",
        "cut.pdf": "the document cannot be read (PdfStreamError); check that it is complete and not damaged",
        "cut.docx": "the document cannot be read (BadZipFile); check that it is complete and not damaged",
        "cut.json": "the document cannot be read (JSONDecodeError); check that it is complete and not damaged",
        "numbers.json": "the rows are not objects; expected a list of objects that have a text",
        "latin.txt": "the text is not UTF-8 (line 1); save it as UTF-8",
        "empty.md": "the document contains no text",
        "picture.bmp": "the file type is not supported; supported are .csv, .docx, .htm, .html, .ipynb, .json, .jsonl, "
        ".markdown, .md, .parquet, .pdf, .pptx, .rst, .tsv, .txt",
        "bomb.docx": "the archive would unpack to 30,000,000 bytes, which exceeds the limit for its size",
    }


def test_unreadable_file_is_skipped_with_its_reason(tmp_path: Path) -> None:
    expected = write_damaged_files(tmp_path)
    (tmp_path / "good.txt").write_text("The pump needs oil.", "utf-8")
    loaded = load_documents([tmp_path])
    assert [document.source for document in loaded.documents] == ["good.txt"]
    assert {Path(document.location).name: document.reason for document in loaded.skipped} == expected


@pytest.mark.parametrize("name", ["scan.pdf", "cut.docx", "latin.txt", "bomb.docx"])
def test_strict_load_refuses_an_unreadable_file(name: str, tmp_path: Path) -> None:
    expected = write_damaged_files(tmp_path)
    for file_name in expected.keys() - {name, "picture.bmp"}:
        (tmp_path / file_name).unlink()
    (tmp_path / "good.txt").write_text("The pump needs oil.", "utf-8")
    with pytest.raises(DocumentError) as error:
        load_documents([tmp_path], LoadOptions(is_strict=True))
    assert str(error.value) == f"{tmp_path / name}: {expected[name]}"


def test_large_text_is_read_completely(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The pump needs oil once a year. " * 300_000, "utf-8")
    (document,) = read_documents(tmp_path / "a.txt")
    assert len(document.text) == 9_600_000


def test_row_with_a_list_or_an_object_is_loaded_without_it(tmp_path: Path) -> None:
    rows = [{"text": "The pump stops.", "parts": ["a", "b"], "maker": {"name": "x"}, "year": 2026}]
    (tmp_path / "a.json").write_text(json.dumps(rows), "utf-8")
    (document,) = load_documents([tmp_path / "a.json"]).documents
    assert (document.text, document.tags) == ("The pump stops.", ("year=2026",))


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_import_error(name: str) -> Any:
        raise ImportError(name)

    write_pdf(tmp_path / "a.pdf", "x")
    monkeypatch.setattr(loaders, "import_module", raise_import_error)
    with pytest.raises(DocumentError, match=r"needs the package pypdf, which is not installed; pip install -e"):
        load_documents([tmp_path / "a.pdf"])


def test_pattern_gives_the_matching_files(tmp_path: Path) -> None:
    for name in ("a/x.md", "a/b/y.md", "a/b/z.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Text.", "utf-8")
    assert [document.source for document in load_documents([f"{tmp_path}/a/**/*.md"]).documents] == ["b/y.md", "x.md"]
    assert [document.source for document in load_documents([f"{tmp_path}/a/b/*"]).documents] == ["y.md", "z.txt"]
    with pytest.raises(DocumentError, match="no file or folder matches"):
        load_documents([f"{tmp_path}/*.pdf"])


class Site(BaseHTTPRequestHandler):
    """Site with an HTML page, a redirect to the page, and a Markdown file."""

    def do_GET(self) -> None:
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/page")
            self.end_headers()
            return
        self.send_response(200 if self.path in {"/page", "/notes.md"} else 404)
        self.send_header("content-type", "text/html" if self.path == "/page" else "application/octet-stream")
        self.end_headers()
        self.wfile.write(HTML.encode() if self.path == "/page" else b"# Notes\n\nText.")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site() -> Iterator[str]:
    with run_site(Site) as address:
        yield address


def test_address_is_read_after_redirects_and_refused_on_404(site: str) -> None:
    documents = load_documents([f"{site}/moved", f"{site}/notes.md"], LoadOptions(allows_private=True)).documents
    assert [(document.source, document.title) for document in documents] == [
        (f"{site}/moved", "The pump"),
        (f"{site}/notes.md", ""),
    ]
    with pytest.raises(DocumentError, match="/none answered HTTP 404; check the address"):
        load_documents([f"{site}/none"], LoadOptions(allows_private=True))


def test_address_in_a_private_network_is_refused(site: str) -> None:
    with pytest.raises(DocumentError, match="leads into a private network; allow this with --private"):
        load_documents([f"{site}/page"])


def test_search_with_a_tag_filter_finds_the_tagged_row(tmp_path: Path) -> None:
    import asyncio

    from model.profile import Profile
    from model.retrieval.local.index import Index
    from training.indexing.build import build_index

    write_table(tmp_path / "a.csv")
    profile = Profile.read("offline")
    index = Index.open(
        build_index(profile, [tmp_path / "a.csv"], tmp_path / "index", lambda _done, _total: None).folder
    )
    for town, title in (("Graz", "Pump"), ("Linz", "Boiler")):
        (passage,) = asyncio.run(profile.make_retriever(index).search("What is it?", 4, {"tag": [f"town={town}"]}))
        assert (passage.chunk.title, passage.to_fields()["tags"][0]) == (title, f"town={town}")
