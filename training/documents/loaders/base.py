"""What every loader is given and gives: an opened location, options, and documents."""

import io
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar
from urllib.parse import quote

from model.blocks import Block, nest_heading
from model.errors import DocumentError
from model.retrieval.local.settings import ColumnRoles

from ..decoding import decode, remove_unwanted_characters
from ..document import Document
from ..locations import DocumentLocation
from ..spark_tables import SUFFIX
from .structure import join_introductions

EXTRA = "pip install -e '.[documents]'"
"""Command that installs the packages which some file types need."""
_PACKAGE_OF_MODULE = {"pptx": "python-pptx", "python_calamine": "python-calamine"}
"""Package of a module that has another name."""
MAX_FILE_BYTES = 500_000_000
_SHOWN_NUMBERS = 5
MAX_UNPACKED_BYTES, _MAX_RATIO = 500_000_000, 200
"""Limits of an archive's unpacked size: in bytes, and as a multiple of the archive's size."""


@dataclass
class SourceFile:
    """A location that is being read.

    Attributes:
        location: The location.
        columns: Roles of columns that the caller named.
        ocr_languages: Languages of the text recognition, such as ``eng+deu``; empty to recognise nothing.
        base_url: Address to which the path of a file is added, as the tag ``url``; empty for none.
        named_loaders: Loaders by suffix that go before this project's own.
        notes: Sentences about what was passed over or guessed. A loader adds to them.
        scanned_pages: Number of pages without text that hold a picture. A loader counts them.
    """

    location: DocumentLocation
    columns: ColumnRoles = field(default_factory=ColumnRoles)
    ocr_languages: str = ""
    base_url: str = ""
    named_loaders: Mapping[str, "Loader"] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    scanned_pages: int = 0

    @cached_property
    def content(self) -> bytes:
        """The bytes of the file.

        Raises:
            DocumentError: The file is too large.
        """
        file = self.location.file
        if file is not None and file.stat().st_size > MAX_FILE_BYTES:
            raise DocumentError(f"the file has more than {MAX_FILE_BYTES:,} bytes; split it")
        return self.location.read()

    @property
    def is_empty(self) -> bool:
        """Whether a file or a fetched page has no bytes but white space."""
        return self.location.suffix != SUFFIX and not self.content.strip()

    def read_text(self) -> str:
        """Return the text of the file with clean line ends; a guessed encoding is noted.

        Raises:
            DocumentError: The file is not text.
        """
        decoded = decode(self.content)
        if decoded.guessed_encoding:
            self.notes.append(f"is not UTF-8 and was read as {decoded.guessed_encoding}")
        text = remove_unwanted_characters(decoded.text)
        if "\ufffd" in text:
            self.notes.append("contains characters that cannot be read; they are shown as U+FFFD")
        return text

    def open_archive(self) -> zipfile.ZipFile:
        """Return the file as a zip archive.

        Raises:
            DocumentError: The unpacked size exceeds the limits.
        """
        archive = zipfile.ZipFile(io.BytesIO(self.content))
        size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_UNPACKED_BYTES or size > _MAX_RATIO * max(len(self.content), 10_000):
            raise DocumentError(f"the archive would unpack to {size:,} bytes, which exceeds the limit for its size")
        return archive

    def make_document(
        self, blocks: Iterable[Block], *, title: str = "", page: int = 0, tags: Iterable[str] = ()
    ) -> Document:
        """Return a document of this location.

        Args:
            blocks: The blocks in reading order.
            title: Title; empty for none.
            page: Page, slide or row, from 1; 0 for none.
            tags: Metadata, each as ``name=value``.
        """
        filled = tuple(join_introductions(block for block in blocks if block.text.strip()))
        all_tags = tuple(tags)
        if self.base_url and self.location.file and not any(tag.startswith("url=") for tag in all_tags):
            all_tags += (f"url={self.base_url.rstrip('/')}/{quote(self.location.source)}",)
        return Document(self.location.source, filled, " ".join(title.split()), page, all_tags)

    def make_pages(self, pages: Iterable[tuple[int, Iterable[Block]]], *, title: str = "") -> Iterator[Document]:
        """Yield a document for each page, with the headings that stand above its first block on earlier pages.

        Args:
            pages: Number and blocks of each page.
            title: Title of the whole.
        """
        headings: list[Block] = []
        for number, page_blocks in pages:
            blocks = list(page_blocks)
            above = headings if blocks and blocks[0].kind != "heading" else []
            yield self.make_document([*above, *blocks], title=title, page=number)
            for block in blocks:
                headings = nest_heading(headings, block)


def show_numbers(numbers: Sequence[int]) -> str:
    """Return the first numbers of rows or lines for a note, and how many more there are."""
    more = f" and {len(numbers) - _SHOWN_NUMBERS} more" if len(numbers) > _SHOWN_NUMBERS else ""
    return ", ".join(map(str, numbers[:_SHOWN_NUMBERS])) + more


class Loader(ABC):
    """Reads one kind of file.

    Attributes:
        kind: Name of the kind, as the summary of a build and docs/documents.md show it.
        suffixes: Suffixes of the files, in lower case.
        reads: What becomes part of the index.
        omits: What does not.
        packages: Packages of the extra ``documents`` that the loader imports.
        empty_reason: Why a file of the kind has no text.
    """

    kind: str
    suffixes: tuple[str, ...]
    reads: ClassVar[str]
    omits: ClassVar[str] = ""
    packages: ClassVar[tuple[str, ...]] = ()
    empty_reason: ClassVar[str] = "the document contains no text"

    @abstractmethod
    def load(self, file: SourceFile) -> Iterable[Document]:
        """Return the documents of a file: one, or one for each page, slide or row.

        Args:
            file: The opened location. The loader adds sentences about what it passed over to ``file.notes``.

        Raises:
            DocumentError: The file cannot be read. Other exceptions say that the file is damaged.
        """

    def import_package(self, module: str) -> Any:  # a module
        """Return a module of the extra ``documents``.

        Raises:
            DocumentError: The module's package is not installed.
        """
        try:
            return import_module(module)
        except ImportError:
            package = _PACKAGE_OF_MODULE.get(module.partition(".")[0], module.partition(".")[0])
            raise DocumentError(f"the file type needs the package {package}, which is not installed; {EXTRA}") from None
