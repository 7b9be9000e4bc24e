"""Find the locations of documents in folders, files, patterns, addresses and tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from model.errors import DocumentError

from . import spark_tables
from .web import fetch_page


@dataclass(frozen=True, slots=True)
class DocumentLocation:
    """A file, a fetched address or a table that documents are read from.

    Attributes:
        source: Name by which the documents are cited.
        suffix: Type of the content as a lower-case file suffix, such as ``.pdf``.
        label: Absolute path, address or table, for messages.
        file: File to read; None for an address or a table.
        content: Fetched content of an address.
        is_explicit: Whether the caller named the location. False for a file that was found in a folder.
    """

    source: str
    suffix: str
    label: str
    file: Path | None = None
    content: bytes = b""
    is_explicit: bool = True

    def read(self) -> bytes:
        """Return the whole content; empty for a table."""
        return self.content if self.file is None else self.file.read_bytes()


def find_locations(sources: Sequence[str], *, private: bool) -> Iterator[DocumentLocation]:
    """Yield the locations of ``sources`` in order, the files of a folder or pattern sorted by path.

    Hidden files, and files in hidden folders, are left out of a folder. Addresses are fetched.

    Args:
        sources: Folders, files, patterns, addresses and tables.
        private: Allow addresses that lead into a private network.

    Raises:
        DocumentError: A source is empty or matches nothing, an address cannot be fetched, or an address leads into a
            private network and ``private`` is false.
    """
    for source in sources:
        if not source.strip():
            raise DocumentError("--documents is empty; expected a folder, file, pattern, address or table")
        if source.startswith(("http://", "https://")):
            page = fetch_page(source, private=private)
            yield DocumentLocation(page.source, page.suffix, page.source, content=page.content)
        elif Path(source).is_dir():
            yield from _list_folder(Path(source))
        elif Path(source).is_file():
            yield _locate_file(Path(source), Path(source).name, named=True)
        elif table := spark_tables.table_name(source):
            yield DocumentLocation(table, spark_tables.SUFFIX, f"the table {table}")
        else:
            yield from _match_pattern(source)


def _list_folder(folder: Path) -> Iterator[DocumentLocation]:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        relative_path = file.relative_to(folder)
        if not any(part.startswith(".") for part in relative_path.parts):
            yield _locate_file(file, relative_path.as_posix(), named=False)


def _match_pattern(pattern: str) -> Iterator[DocumentLocation]:
    """Yield the files that match a pattern. Their sources are relative to the pattern's part without wildcards."""
    files = [Path(name) for name in sorted(glob(pattern, recursive=True)) if Path(name).is_file()]  # noqa: PTH207
    if not files:
        raise DocumentError(
            f"no file or folder matches {Path(pattern).absolute()}; check the path, or name a table as table:NAME"
        )
    plain = [part for part in Path(pattern).parts if not set(part) & set("*?[")]
    fixed = Path(*plain) if len(plain) < len(Path(pattern).parts) else Path(pattern).parent
    for file in files:
        relative_path = file.relative_to(fixed) if file.is_relative_to(fixed) else Path(file.name)
        yield _locate_file(file, relative_path.as_posix(), named=True)


def _locate_file(file: Path, source: str, *, named: bool) -> DocumentLocation:
    return DocumentLocation(source, file.suffix.lower(), str(file.absolute()), file, is_explicit=named)
