"""How each kind of file is read: one table from suffix to loader; heavier packages are imported when needed."""

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
from .locations import Place

EXTRA = "pip install -e '.[documents]'"
_TEXTS = ("text", "content", "body", "document", "passage", "description", "answer")
"""Columns and fields that hold a row's text, the first one that is there; else the longest."""
_TITLES = ("title", "name", "heading", "question")
_SPACES = re.compile(r"\s{2,}")
_MOST_UNPACKED, _MOST_RATIO = 500_000_000, 200

Loader = Callable[[Place], Iterable[Document]]


def read(place: Place) -> Iterable[Document]:
    """The documents in ``place``: one, or one for each page or row. Raises DocumentError."""
    loader = LOADERS.get(place.suffix)
    if loader is None:
        raise DocumentError("it is of no kind that is read here")
    try:
        return list(loader(place))
    except (DocumentError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a library makes of a damaged file
        raise DocumentError(f"it cannot be read ({type(error).__name__}); is it whole?") from None


def empty(place: Place) -> str:
    """Why a place without text has none, as far as its kind tells."""
    reasons = {
        ".pdf": "it has no text; are its pages scanned? recognise them first",
        ".html": "it has no text without its scripts; save it as shown",
        ".htm": "it has no text without its scripts; save it as shown",
    }
    return reasons.get(place.suffix, "it is empty")


def _document(place: Place, text: str, **known: Any) -> Document:  # a Document's fields
    return Document(place.source, text.replace("\r\n", "\n"), **known)


def _text(place: Place) -> str:
    content = place.read()
    if b"\0" in content:
        raise DocumentError("it is not text (it holds zero bytes)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DocumentError(f"it is not UTF-8 (line {line}); save it as UTF-8") from None


def _plain(place: Place) -> Iterator[Document]:
    yield _document(place, _text(place), marked=place.suffix in {".md", ".markdown"})


def _html(place: Place) -> Iterator[Document]:
    """Without scripts and navigation, as Markdown.

    Read by lxml, since html.parser takes the square of the length of tags and comments that do not end.
    """
    soup = _module("bs4").BeautifulSoup(place.read(), "lxml")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    for unwanted in soup(["script", "style", "noscript", "template", "nav", "title"]):
        unwanted.decompose()
    for string in soup.find_all(string=_SPACES):
        if string.find_parent("pre") is None:  # markdownify takes the square of a run's length
            string.replace_with(collapse_space(string))
    text = _module("markdownify").MarkdownConverter(heading_style="ATX", strip=["img"]).convert_soup(soup)
    yield _document(place, text.strip(), title=title, marked=True)


def _pdf(place: Place) -> Iterator[Document]:
    """A document for each page."""
    reader = _module("pypdf").PdfReader(io.BytesIO(place.read()))
    if reader.is_encrypted and not reader.decrypt(""):
        raise DocumentError("it is locked with a password; save it without one")
    title = str((reader.metadata or {}).get("/Title") or "")
    for number, page in enumerate(reader.pages, 1):
        yield _document(place, page.extract_text().strip(), title=title, page=number, marked=False)


def _docx(place: Place) -> Iterator[Document]:
    """Paragraphs and tables, with headings marked."""
    _check_unpacked(place)
    made = _module("docx").Document(io.BytesIO(place.read()))
    parts = []
    for part in made.iter_inner_content():
        if hasattr(part, "rows"):
            parts.append("\n".join(" | ".join(cell.text.strip() for cell in row.cells) for row in part.rows))
        elif part.text.strip():
            level = part.style.name.removeprefix("Heading ") if part.style is not None else ""
            parts.append(f"{'#' * int(level)} {part.text}" if level.isdigit() else part.text)
    yield _document(place, "\n\n".join(parts), title=made.core_properties.title or "", marked=True)


def _pptx(place: Place) -> Iterator[Document]:
    """A document for each slide, with its notes."""
    _check_unpacked(place)
    slides = _module("pptx").Presentation(io.BytesIO(place.read())).slides
    for number, slide in enumerate(slides, 1):
        shown = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
        notes = [slide.notes_slide.notes_text_frame.text] if slide.has_notes_slide else []
        title = slide.shapes.title.text if slide.shapes.title is not None else ""
        yield _document(place, "\n\n".join(filter(str.strip, shown + notes)), title=title, page=number, marked=False)


def _table(place: Place) -> Iterator[Document]:
    delimiter = "\t" if place.suffix == ".tsv" else ","
    yield from _rows(place, csv.DictReader(io.StringIO(_text(place)), delimiter=delimiter))


def _json(place: Place) -> Iterator[Document]:
    told = json.loads(_text(place))
    yield from _rows(place, told if isinstance(told, list) else [told])


def _jsonl(place: Place) -> Iterator[Document]:
    yield from _rows(place, (json.loads(line) for line in _text(place).splitlines() if line.strip()))


def _parquet(place: Place) -> Iterator[Document]:
    table = _module("pyarrow.parquet").read_table(io.BytesIO(place.read()))
    yield from _rows(place, table.to_pylist())


def _spark(place: Place) -> Iterator[Document]:
    yield from _rows(place, spark_tables.rows(place.source))


def _ipynb(place: Place) -> Iterator[Document]:
    cells = json.loads(_text(place))["cells"]
    told = ["".join(cell["source"]) if isinstance(cell["source"], list) else cell["source"] for cell in cells]
    parts = [
        f"```\n{text}\n```" if cell["cell_type"] == "code" else text for cell, text in zip(cells, told, strict=True)
    ]
    yield _document(
        place, "\n\n".join(part for part, text in zip(parts, told, strict=True) if text.strip()), marked=True
    )


def _rows(place: Place, rows: Iterable[object]) -> Iterator[Document]:
    """A document for each row: one of its fields as text, one as title, the others as tags."""
    for number, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise DocumentError("its rows are no objects; give it as a list of objects with a text")
        told = {str(name): str(value) for name, value in row.items() if value not in {None, ""} and _simple(value)}
        text = next((name for name in _TEXTS if name in row), max(told, key=lambda name: len(told[name]), default=""))
        title = next((name for name in _TITLES if name in row and name != text), "")
        tags = tuple(f"{name}={value}" for name, value in told.items() if name not in {text, title})
        yield _document(place, told.get(text, ""), title=told.get(title, ""), page=number, tags=tags, marked=False)


def _simple(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _check_unpacked(place: Place) -> None:
    """Raises DocumentError for an archive that unpacks into far more than it is."""
    content = place.read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > _MOST_UNPACKED or size > _MOST_RATIO * max(len(content), 10_000):
        raise DocumentError(f"it would unpack into {size:,} bytes; it is not read")


def _module(name: str) -> Any:  # an extra's module
    try:
        return import_module(name)
    except ImportError:
        raise DocumentError(f"it needs the package {name.partition('.')[0]}, which is not installed; {EXTRA}") from None


LOADERS: dict[str, Loader] = {
    ".txt": _plain,
    ".md": _plain,
    ".markdown": _plain,
    ".rst": _plain,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
    ".docx": _docx,
    ".pptx": _pptx,
    ".csv": _table,
    ".tsv": _table,
    ".json": _json,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
    ".ipynb": _ipynb,
    spark_tables.SUFFIX: _spark,
}
"""Suffix → loader; a table has one of its own."""
