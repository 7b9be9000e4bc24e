"""Read files with a reader that the caller names, such as docling, or a class of the caller's own."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from model.config.import_paths import load_object
from model.config.settings import suggest
from model.errors import DocumentError, ProfileError

from ..decoding import remove_unwanted_characters
from ..document import Document
from .base import Loader, SourceFile
from .markdown import read_markdown

_MAX_REASON = 200
"""Characters of a reader's own message that are shown."""
READERS = {"docling": "training.documents.loaders.docling_reader:DoclingReader"}
"""Import path by the name of a reader. Any other import path names a reader of the caller's own."""


class Reader(Protocol):
    """Turns the bytes of a file into Markdown."""

    def __call__(self, name: str, content: bytes) -> Iterable[tuple[int, str]]:
        """Return the number and the Markdown of each page; 0 as the only number for a file without pages.

        Args:
            name: Name of the file, with its suffix.
            content: The bytes of the file.

        Raises:
            DocumentError: The file cannot be read. Other exceptions say that the file is damaged.
        """
        ...


class ReaderLoader(Loader):
    """Reads files as the Markdown that a reader makes of them.

    Args:
        name: Name of the reader, which is the kind in the summary of a build.
        reader: The reader.
    """

    suffixes = ()
    reads = "what the reader makes of the file, as Markdown"

    def __init__(self, name: str, reader: Reader) -> None:
        self.kind = name
        self._reader = reader

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each page.

        Raises:
            DocumentError: The reader failed. The message has the first line of the reader's own.
        """
        name = file.location.file.name if file.location.file else file.location.source
        try:
            pages = list(self._reader(name, file.content))
        except DocumentError:
            raise
        except Exception as error:  # noqa: BLE001 - a reader raises any class
            first_line = f"{type(error).__name__}: {error}".split("\n")[0][:_MAX_REASON]
            raise DocumentError(f"the reader {self.kind} cannot read the file ({first_line})") from None
        yield from file.make_pages(
            (number, read_markdown(remove_unwanted_characters(markdown))) for number, markdown in pages
        )


def make_reader_loaders(readers: Mapping[str, str]) -> dict[str, Loader]:
    """Return the loader of each suffix that has a named reader. Suffixes of the same reader share one.

    Args:
        readers: Name of the reader by suffix: a name in ``READERS``, or the import path of a reader, or of a class
            whose instances are readers.

    Raises:
        ProfileError: There is no such reader.
        DocumentError: The package of the reader is not installed.
    """
    loaders = {name: ReaderLoader(name, _make_reader(name)) for name in dict.fromkeys(readers.values())}
    return {suffix: loaders[name] for suffix, name in readers.items()}


def _make_reader(name: str) -> Reader:
    if ":" not in name and name not in READERS:
        raise ProfileError(f"there is no reader {name}; {suggest(name, READERS)}, or write package.module:name")
    reader: Any = load_object(READERS.get(name, name))
    return reader() if isinstance(reader, type) else reader  # type: ignore[no-any-return]
