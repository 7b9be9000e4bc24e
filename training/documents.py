"""Documents read from folders and files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from model.errors import DocumentError

SUFFIXES = {".txt", ".md", ".markdown"}


@dataclass(frozen=True, slots=True)
class Document:
    """A document's text and the name it is cited by: its path relative to the folder given."""

    source: str
    text: str

    @property
    def is_markdown(self) -> bool:
        """Whether its headings are marked up."""
        return not self.source.lower().endswith(".txt")

    @property
    def digest(self) -> str:
        """The SHA-256 of its text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(slots=True)
class Loaded:
    """The documents found, in order of their sources, and the files that were passed over."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)


def load(paths: Iterable[Path]) -> Loaded:
    """All text and Markdown files in ``paths``, which are folders or files.

    Raises DocumentError for a path that is not there, a file that is not UTF-8 text, two documents of one
    source, and when no document is found.
    """
    loaded = Loaded()
    for file, source in _files(paths):
        if file.suffix.lower() not in SUFFIXES:
            loaded.skipped.append(file)
            continue
        document = Document(source, _text(file))
        if document.text.strip():
            loaded.documents.append(document)
        else:
            loaded.skipped.append(file)
    loaded.documents.sort(key=lambda document: document.source)
    _check(loaded)
    return loaded


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            yield from ((file, file.relative_to(path).as_posix()) for file in files if not _hidden(file, path))
        elif path.is_file():
            yield path, path.name
        else:
            raise DocumentError(f"there is no file or folder {path.absolute()}; --documents takes either")


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _text(file: Path) -> str:
    content = file.read_bytes()
    if b"\0" in content:
        raise DocumentError(f"{file.absolute()} is not text (it holds zero bytes); take it out of the documents")
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DocumentError(
            f"{file.absolute()} is not UTF-8 (line {line}); save it as UTF-8, or take it out of the documents"
        ) from None


def _check(loaded: Loaded) -> None:
    if not loaded.documents:
        raise DocumentError(
            f"found no document to read; --documents takes {', '.join(sorted(SUFFIXES))} files with text, "
            "or folders that hold some"
        )
    sources = [document.source for document in loaded.documents]
    twice = next((source for source in sources if sources.count(source) > 1), None)
    if twice:
        raise DocumentError(f"two documents are called {twice}; give the folder that holds both instead")
