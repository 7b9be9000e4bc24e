"""Every kind of file that is read, and what becomes of those that are damaged, empty, hostile, or not there."""

import csv
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from model.errors import DocumentError
from training.documents import loaders
from training.documents.chunking import split_document
from training.documents.document import Document
from training.documents.load import load_documents

HTML = """<html><head><title>The pump</title><style>p {}</style><script>alert("no")</script></head>
<body><nav>Home</nav><h1>Care</h1><p>Oil it <b>once</b> a year.</p><ul><li>first</li></ul></body></html>"""
ROWS = [
    {"name": "Pump", "text": "It needs oil once a year.", "town": "Graz", "year": 1987},
    {"name": "Boiler", "text": "It heats water.", "town": "Linz", "year": None},
]
AS_ROWS = [
    Document("a.x", "It needs oil once a year.", "Pump", 1, ("town=Graz", "year=1987"), has_markup=False),
    Document("a.x", "It heats water.", "Boiler", 2, ("town=Linz",), has_markup=False),
]


def made_docx(file: Path) -> None:
    import docx

    made = docx.Document()
    made.core_properties.title = "Manual"
    made.add_heading("Care", 1)
    made.add_paragraph("Oil it once a year.")
    table = made.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Part", "Valve"
    made.save(str(file))


def made_pptx(file: Path) -> None:
    import pptx

    made = pptx.Presentation()
    for title in ("Care", "Repair"):
        slide = made.slides.add_slide(made.slide_layouts[1])
        slide.shapes.title.text, slide.placeholders[1].text = title, f"{title} once a year."
        slide.notes_slide.notes_text_frame.text = f"Notes of {title}."
    made.save(str(file))


def made_pdf(file: Path, *texts: str) -> None:
    """A PDF by hand: a page for each text."""
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
    out, places = "%PDF-1.4\n", []
    for number, told in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{told}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    start, trailer = len(out), f"trailer\n<< /Size {size} /Root 1 0 R >>"
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}\nstartxref\n{start}\n%%EOF"
    file.write_text(out, "latin-1")


def made_table(file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(ROWS[0]), delimiter="\t" if file.suffix == ".tsv" else ",")
        writer.writeheader()
        writer.writerows(ROWS)


def made_parquet(file: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(ROWS), file)


def documents(file: Path) -> list[Document]:
    return load_documents([file]).documents


def test_html_as_markdown_without_scripts(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(HTML, "utf-8")
    (told,) = documents(tmp_path / "a.html")
    assert (told.title, told.is_markdown) == ("The pump", True)
    assert told.text.split("\n") == ["# Care", "", "Oil it **once** a year.", "", "* first"]
    assert [(chunk.title, chunk.heading) for chunk in split_document(told, 800, 80)] == [("The pump", "Care")]


def test_docx_with_headings_and_tables(tmp_path: Path) -> None:
    made_docx(tmp_path / "a.docx")
    assert documents(tmp_path / "a.docx") == [
        Document("a.docx", "# Care\n\nOil it once a year.\n\nPart | Valve", "Manual", has_markup=True)
    ]


def test_pptx_by_slides(tmp_path: Path) -> None:
    made_pptx(tmp_path / "a.pptx")
    one, two = documents(tmp_path / "a.pptx")
    assert (one.title, one.page, two.page) == ("Care", 1, 2)
    assert one.text == "Care\n\nCare once a year.\n\nNotes of Care."


def test_pdf_by_pages_which_chunks_keep(tmp_path: Path) -> None:
    made_pdf(tmp_path / "a.pdf", "The pump needs oil.", "", "The boiler heats water.")
    told = documents(tmp_path / "a.pdf")
    assert [(one.text, one.page) for one in told] == [("The pump needs oil.", 1), ("The boiler heats water.", 3)]
    assert [(c.page, c.start, c.end) for one in told for c in split_document(one, 800, 80)] == [(1, 0, 19), (3, 0, 23)]


@pytest.mark.parametrize(
    ("suffix", "make"),
    [
        ("csv", made_table),
        ("tsv", made_table),
        ("json", lambda file: file.write_text(json.dumps(ROWS), "utf-8")),
        ("jsonl", lambda file: file.write_text("\n".join(map(json.dumps, ROWS)), "utf-8")),
        ("parquet", made_parquet),
    ],
)
def test_rows_with_a_text_a_title_and_tags(suffix: str, make: Callable[[Path], Any], tmp_path: Path) -> None:
    file = tmp_path / f"a.{suffix}"
    make(file)
    expected = [Document(file.name, d.text, d.title, d.page, d.tags, has_markup=False) for d in AS_ROWS]
    assert documents(file) == expected
    assert split_document(expected[0], 800, 80)[0].tags == ("town=Graz", "year=1987")


def test_a_notebook(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "Text."]},
        {"cell_type": "code", "source": "x = 1"},
        {"cell_type": "code", "source": []},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}), "utf-8")
    (told,) = documents(tmp_path / "a.ipynb")
    assert told.text == "# Title\nText.\n\n```\nx = 1\n```"


def damaged(folder: Path) -> dict[str, str]:
    """Files that cannot be read, with what is said of each."""
    made_pdf(folder / "scan.pdf", "", "")
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


def test_what_cannot_be_read_is_told_and_passed_over(tmp_path: Path) -> None:
    expected = damaged(tmp_path)
    (tmp_path / "good.txt").write_text("The pump needs oil.", "utf-8")
    loaded = load_documents([tmp_path])
    assert [document.source for document in loaded.documents] == ["good.txt"]
    assert {Path(one.location).name: one.reason for one in loaded.skipped} == expected


@pytest.mark.parametrize("name", ["scan.pdf", "cut.docx", "latin.txt", "bomb.docx"])
def test_strict_stops_at_what_cannot_be_read(name: str, tmp_path: Path) -> None:
    expected = damaged(tmp_path)
    for other in expected.keys() - {name, "picture.bmp"}:
        (tmp_path / other).unlink()
    (tmp_path / "good.txt").write_text("The pump needs oil.", "utf-8")
    with pytest.raises(DocumentError) as told:
        load_documents([tmp_path], strict=True)
    assert str(told.value) == f"{tmp_path / name}: {expected[name]}"


def test_a_large_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The pump needs oil once a year. " * 300_000, "utf-8")
    (told,) = documents(tmp_path / "a.txt")
    assert len(told.text) == 9_600_000


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    made_pdf(tmp_path / "a.pdf", "x")
    monkeypatch.setattr(loaders, "import_module", missing)
    with pytest.raises(DocumentError, match=r"needs the package pypdf, which is not installed; pip install -e"):
        load_documents([tmp_path / "a.pdf"])


def test_patterns(tmp_path: Path) -> None:
    for name in ("a/x.md", "a/b/y.md", "a/b/z.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Text.", "utf-8")
    assert [one.source for one in load_documents([f"{tmp_path}/a/**/*.md"]).documents] == ["b/y.md", "x.md"]
    assert [one.source for one in load_documents([f"{tmp_path}/a/b/*"]).documents] == ["y.md", "z.txt"]
    with pytest.raises(DocumentError, match="no file or folder matches"):
        load_documents([f"{tmp_path}/*.pdf"])


class Site(BaseHTTPRequestHandler):
    """A page, a redirect to it, and one to nowhere."""

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
    server = HTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_addresses(site: str) -> None:
    told = load_documents([f"{site}/moved", f"{site}/notes.md"], private=True).documents
    assert [(one.source, one.title) for one in told] == [(f"{site}/moved", "The pump"), (f"{site}/notes.md", "")]
    with pytest.raises(DocumentError, match="/none answered HTTP 404; check the address"):
        load_documents([f"{site}/none"], private=True)


def test_an_address_of_a_private_network_is_refused(site: str) -> None:
    with pytest.raises(DocumentError, match="leads into a private network; allow this with --private"):
        load_documents([f"{site}/page"])


def test_a_filter_by_tag(tmp_path: Path) -> None:
    import asyncio

    from model.profile import Profile
    from model.retrieval.local.index import Index
    from training.indexing.build import build_index

    made_table(tmp_path / "a.csv")
    profile = Profile.read("offline")
    index = Index.open(
        build_index(profile, [tmp_path / "a.csv"], tmp_path / "index", lambda _done, _total: None).folder
    )
    for town, title in (("Graz", "Pump"), ("Linz", "Boiler")):
        (found,) = asyncio.run(profile.make_retriever(index).search("What is it?", 4, {"tag": [f"town={town}"]}))
        assert (found.chunk.title, found.to_fields()["tags"][0]) == (title, f"town={town}")
