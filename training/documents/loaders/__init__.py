"""Load each type of file as documents. ``LOADERS`` maps a suffix to its loader.

The packages of the extra ``documents`` are imported when a file needs them.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from model.errors import DocumentError
from model.text_analysis import collapse_space

from . import spark_tables
from .document import Document
from .locations import DocumentLocation

EXTRA = "pip install -e '.[documents]'"
"""Command that installs the packages which some file types need."""
_TEXT_COLUMNS = ("text", "content", "body", "document", "passage", "description", "answer")
"""Columns that hold a row's text, in order of preference. Without one of them the longest value is the text."""
_TITLE_COLUMNS = ("title", "name", "heading", "question")
_SPACES = re.compile(r"\s{2,}")
_MAX_UNPACKED_BYTES, _MAX_RATIO = 500_000_000, 200
"""Limits of an archive's unpacked size: in bytes, and as a multiple of the archive's size."""

Loader = Callable[[DocumentLocation], Iterable[Document]]
"""Reads a location and returns its documents: one, or one for each page, slide or row."""


def read_documents(location: DocumentLocation) -> Iterable[Document]:
    """Return the documents of a location: one, or one for each page, slide or row.

    Raises:
        DocumentError: The file type is not supported, or the document cannot be read.
    """
    loader = LOADERS.get(location.suffix)
    if loader is None:
        raise DocumentError(f"the file type is not supported; supported are {FILE_TYPES}")
    try:
        return list(loader(location))
    except (DocumentError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - the libraries raise many classes for a damaged file
        raise DocumentError(
            f"the document cannot be read ({type(error).__name__}); check that it is complete and not damaged"
        ) from None


def explain_empty(location: DocumentLocation) -> str:
    """Return the likely reason why the document at a location contains no text, as a message."""
    reasons = {
        ".pdf": "the PDF contains no text; if its pages are scanned, run text recognition (OCR) first",
        ".html": "the page contains no text without its scripts; save the page as a browser renders it",
        ".htm": "the page contains no text without its scripts; save the page as a browser renders it",
    }
    return reasons.get(location.suffix, "the document contains no text")


def _make_document(location: DocumentLocation, text: str, **fields: Any) -> Document:
    return Document(location.source, text.replace("\r\n", "\n"), **fields)


def _read_text(location: DocumentLocation) -> str:
    content = location.read()
    if b"\0" in content:
        raise DocumentError("the file is not text (it contains null bytes)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DocumentError(f"the text is not UTF-8 (line {line}); save it as UTF-8") from None


def _load_text(location: DocumentLocation) -> Iterator[Document]:
    yield _make_document(location, _read_text(location), has_markup=location.suffix in {".md", ".markdown"})


def _load_html(location: DocumentLocation) -> Iterator[Document]:
    """Yield a page as Markdown, without scripts, navigation and images.

    lxml parses the page, because html.parser takes quadratic time for tags and comments that do not end.
    """
    soup = _import_extra("bs4").BeautifulSoup(location.read(), "lxml")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    for unwanted in soup(["script", "style", "noscript", "template", "nav", "title"]):
        unwanted.decompose()
    for string in soup.find_all(string=_SPACES):
        if string.find_parent("pre") is None:  # markdownify takes quadratic time for a run of spaces
            string.replace_with(collapse_space(string))
    text = _import_extra("markdownify").MarkdownConverter(heading_style="ATX", strip=["img"]).convert_soup(soup)
    yield _make_document(location, text.strip(), title=title, has_markup=True)


def _load_pdf(location: DocumentLocation) -> Iterator[Document]:
    """Yield a document for each page."""
    reader = _import_extra("pypdf").PdfReader(io.BytesIO(location.read()))
    if reader.is_encrypted and not reader.decrypt(""):
        raise DocumentError("the PDF is protected by a password; save it without one")
    title = str((reader.metadata or {}).get("/Title") or "")
    for number, page in enumerate(reader.pages, 1):
        yield _make_document(location, page.extract_text().strip(), title=title, page=number, has_markup=False)


def _load_docx(location: DocumentLocation) -> Iterator[Document]:
    """Yield paragraphs and tables as one document, with Markdown headings."""
    _check_unpacked(location)
    document = _import_extra("docx").Document(io.BytesIO(location.read()))
    parts = []
    for part in document.iter_inner_content():
        if hasattr(part, "rows"):
            parts.append("\n".join(" | ".join(cell.text.strip() for cell in row.cells) for row in part.rows))
        elif part.text.strip():
            level = part.style.name.removeprefix("Heading ") if part.style is not None else ""
            parts.append(f"{'#' * int(level)} {part.text}" if level.isdigit() else part.text)
    yield _make_document(location, "\n\n".join(parts), title=document.core_properties.title or "", has_markup=True)


def _load_pptx(location: DocumentLocation) -> Iterator[Document]:
    """Yield a document for each slide, with the speaker's notes."""
    _check_unpacked(location)
    slides = _import_extra("pptx").Presentation(io.BytesIO(location.read())).slides
    for number, slide in enumerate(slides, 1):
        shown = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
        notes = [slide.notes_slide.notes_text_frame.text] if slide.has_notes_slide else []
        title = slide.shapes.title.text if slide.shapes.title is not None else ""
        yield _make_document(
            location, "\n\n".join(filter(str.strip, shown + notes)), title=title, page=number, has_markup=False
        )


def _load_csv(location: DocumentLocation) -> Iterator[Document]:
    delimiter = "\t" if location.suffix == ".tsv" else ","
    yield from _load_rows(location, csv.DictReader(io.StringIO(_read_text(location)), delimiter=delimiter))


def _load_json(location: DocumentLocation) -> Iterator[Document]:
    content = json.loads(_read_text(location))
    yield from _load_rows(location, content if isinstance(content, list) else [content])


def _load_json_lines(location: DocumentLocation) -> Iterator[Document]:
    yield from _load_rows(location, (json.loads(line) for line in _read_text(location).splitlines() if line.strip()))


def _load_parquet(location: DocumentLocation) -> Iterator[Document]:
    table = _import_extra("pyarrow.parquet").read_table(io.BytesIO(location.read()))
    yield from _load_rows(location, table.to_pylist())


def _load_spark_table(location: DocumentLocation) -> Iterator[Document]:
    yield from _load_rows(location, spark_tables.read_rows(location.source))


def _load_notebook(location: DocumentLocation) -> Iterator[Document]:
    cells = json.loads(_read_text(location))["cells"]
    sources = ["".join(cell["source"]) if isinstance(cell["source"], list) else cell["source"] for cell in cells]
    parts = [
        f"```\n{text}\n```" if cell["cell_type"] == "code" else text for cell, text in zip(cells, sources, strict=True)
    ]
    yield _make_document(
        location, "\n\n".join(part for part, text in zip(parts, sources, strict=True) if text.strip()), has_markup=True
    )


def _load_rows(location: DocumentLocation, rows: Iterable[object]) -> Iterator[Document]:
    """Yield a document for each row: one column is the text, one the title, the others become tags.

    Empty values are left out.
    """
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise DocumentError("the rows are not objects; expected a list of objects that have a text")
        values = {str(name): str(value) for name, value in row.items() if _is_simple(value) and value not in {None, ""}}
        text = next(
            (name for name in _TEXT_COLUMNS if name in row), max(values, key=lambda name: len(values[name]), default="")
        )
        title = next((name for name in _TITLE_COLUMNS if name in row and name != text), "")
        tags = tuple(f"{name}={value}" for name, value in values.items() if name not in {text, title})
        yield _make_document(
            location, values.get(text, ""), title=values.get(title, ""), page=number, tags=tags, has_markup=False
        )


def _is_simple(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _check_unpacked(location: DocumentLocation) -> None:
    """Raise DocumentError for an archive whose unpacked size exceeds the limits."""
    content = location.read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > _MAX_UNPACKED_BYTES or size > _MAX_RATIO * max(len(content), 10_000):
        raise DocumentError(f"the archive would unpack to {size:,} bytes, which exceeds the limit for its size")


def _import_extra(name: str) -> Any:  # a module
    """Return a module of the extra ``documents``.

    Raises:
        DocumentError: The module's package is not installed.
    """
    try:
        return import_module(name)
    except ImportError:
        raise DocumentError(
            f"the file type needs the package {name.partition('.')[0]}, which is not installed; {EXTRA}"
        ) from None


LOADERS: dict[str, Loader] = {
    ".txt": _load_text,
    ".md": _load_text,
    ".markdown": _load_text,
    ".rst": _load_text,
    ".html": _load_html,
    ".htm": _load_html,
    ".pdf": _load_pdf,
    ".docx": _load_docx,
    ".pptx": _load_pptx,
    ".csv": _load_csv,
    ".tsv": _load_csv,
    ".json": _load_json,
    ".jsonl": _load_json_lines,
    ".parquet": _load_parquet,
    ".ipynb": _load_notebook,
    spark_tables.SUFFIX: _load_spark_table,
}
"""Loader by suffix. Tables have the suffix ``spark_tables.SUFFIX``."""
FILE_TYPES = ", ".join(sorted(LOADERS.keys() - {spark_tables.SUFFIX}))
"""Suffixes of the supported files, for messages."""
