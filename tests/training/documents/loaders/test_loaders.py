"""Loaders of every kind of file, and files that are damaged, empty, hostile or missing."""

import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from model.errors import DocumentError
from tests.fixtures import run_site
from training.documents import loaders
from training.documents.document import Document
from training.documents.load import LoadOptions, load_documents
from training.documents.loaders import base
from training.documents.locations import find_locations

HTML = """<html><head><title>The pump</title><style>p {}</style><script>alert("no")</script></head>
<body><nav>Home</nav><h1>Care</h1><p>Oil it <b>once</b> a year.</p><ul><li>first</li></ul></body></html>"""


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


def read_documents(file: Path) -> list[Document]:
    return load_documents([file]).documents


def write_damaged_files(folder: Path) -> dict[str, str]:
    """Write files that cannot be read; return the reason for each by its name."""
    write_pdf(folder / "empty-pages.pdf", "", "")
    (folder / "script.html").write_text("<html><script>document.write('all')</script></html>", "utf-8")
    for name in ("cut.pdf", "cut.docx", "cut.pptx", "cut.xlsx", "cut.odt", "cut.epub"):
        (folder / name).write_bytes(b"PK\x03\x04 and no more")
    with zipfile.ZipFile(folder / "other.docx", "w") as archive:
        archive.writestr("readme.txt", "no document")
    (folder / "other.epub").write_bytes((folder / "other.docx").read_bytes())
    (folder / "other.odt").write_bytes((folder / "other.docx").read_bytes())
    (folder / "locked.docx").write_bytes(b"\xd0\xcf\x11\xe0 and more")
    (folder / "cut.json").write_text('{"a": ', "utf-8")
    (folder / "cut.yaml").write_text("a: [", "utf-8")
    (folder / "cut.ipynb").write_text('{"a": 1}', "utf-8")
    (folder / "entity.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "utf-8")
    (folder / "no.rtf").write_text("Text.", "utf-8")
    (folder / "no.eml").write_text("no message at all", "utf-8")
    (folder / "no.mbox").write_text("no message at all", "utf-8")
    (folder / "empty.md").write_text("\n", "utf-8")
    (folder / "picture.bmp").write_bytes(b"BM")
    (folder / "picture.png").write_bytes(b"PNG")
    (folder / "header.csv").write_text("a,b\n", "utf-8")
    with zipfile.ZipFile(folder / "bomb.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 30_000_000)
    damaged = "the document cannot be read ({}); check that it is complete and not damaged"
    return {
        "empty-pages.pdf": "the PDF contains no text; if its pages are scanned, --ocr with their "
        "languages recognises it",
        "script.html": "the page contains no text without its scripts; save the page as a browser renders it",
        "cut.pdf": damaged.format("PdfiumError"),
        "cut.docx": damaged.format("BadZipFile"),
        "cut.pptx": damaged.format("BadZipFile"),
        "cut.xlsx": damaged.format("BadZipFile"),
        "cut.odt": damaged.format("BadZipFile"),
        "cut.epub": damaged.format("BadZipFile"),
        "other.docx": "the file is an archive, but no document of Word",
        "other.epub": "the file is an archive, but no EPUB",
        "other.odt": "the file is an archive, but no document of LibreOffice",
        "locked.docx": "the document is protected by a password, or an old .doc; save it as .docx without one",
        "cut.json": "the file is not JSON (line 1); check that it is complete",
        "cut.yaml": "the file is not YAML",
        "cut.ipynb": "the file is not a notebook of Jupyter",
        "entity.xml": "the file declares XML entities, which are not read; save it without them",
        "no.rtf": "the file is not RTF",
        "no.eml": "the file contains no message",
        "no.mbox": "the file contains no message",
        "empty.md": "the file is empty",
        "picture.bmp": f"the file type is not supported; supported are {loaders.FILE_TYPES}",
        "picture.png": "a picture; --ocr with its languages, such as eng+deu, recognises its text",
        "header.csv": "the table contains no row below its header",
        "bomb.docx": "the archive would unpack to 30,000,000 bytes, which exceeds the limit for its size",
    }


def test_unreadable_file_is_skipped_with_its_reason(tmp_path: Path) -> None:
    expected = write_damaged_files(tmp_path)
    (tmp_path / "good.txt").write_text("The pump needs oil.", "utf-8")
    loaded = load_documents([tmp_path])
    assert [document.source for document in loaded.documents] == ["good.txt"]
    assert {Path(document.location).name: document.reason for document in loaded.skipped} == expected


@pytest.mark.parametrize("name", ["empty-pages.pdf", "cut.docx", "cut.json", "bomb.docx"])
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
    assert len(document.text) == 9_599_999  # without the last space


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_import_error(name: str) -> Any:
        raise ImportError(name)

    write_pdf(tmp_path / "a.pdf", "x")
    monkeypatch.setattr(base, "import_module", raise_import_error)
    with pytest.raises(DocumentError, match=r"needs the package pypdfium2, which is not installed; pip install -e"):
        load_documents([tmp_path / "a.pdf"])


def test_suffix_belongs_to_one_loader_and_each_loader_says_what_it_reads() -> None:
    suffixes = [suffix for loader in loaders.LOADERS for suffix in loader.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in suffixes)
    assert all(loader.kind and loader.reads for loader in loaders.LOADERS)
    assert len({loader.kind for loader in loaders.LOADERS}) == len(loaders.LOADERS)


def test_file_that_changes_while_it_is_read_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first", "utf-8")
    (location,) = find_locations([str(tmp_path / "a.txt")], private=False).locations
    file = base.SourceFile(location)
    assert file.content == b"first"
    (tmp_path / "a.txt").write_text("second", "utf-8")
    assert loaders.read_documents(file)[0].text == "first"


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

    (tmp_path / "a.csv").write_text("name,text,town\nPump,It needs oil.,Graz\nBoiler,It heats.,Linz\n", "utf-8")
    profile = Profile.read("offline")
    index = Index.open(
        build_index(profile, [tmp_path / "a.csv"], tmp_path / "index", lambda _done, _total: None).folder
    )
    for town, title in (("Graz", "Pump"), ("Linz", "Boiler")):
        (passage,) = asyncio.run(profile.make_retriever(index).search("What is it?", 4, {"tag": [f"town={town}"]}))
        assert (passage.chunk.title, passage.to_fields()["tags"][1]) == (title, f"town={town}")
