"""Find the locations of documents in folders, files, patterns, addresses and tables."""

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path

from model.errors import DocumentError

from . import spark_tables
from .web import fetch_page

SIDECAR_SUFFIX = ".metadata.json"
"""What the name of a file with metadata has after the name of the file that it describes."""
_ESCAPE = 0xDC00
"""What Python adds to a byte of a file name that is not UTF-8 (PEP 383)."""
_LEADS_OUT = "the link leads out of the folder; name its target as well"
_LEFT_OUT = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "Thumbs.db", "desktop.ini"})
"""Names of folders and files that no person writes."""


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


@dataclass(slots=True)
class FoundLocations:
    """The locations of documents in order, and those that were left out, each with the reason."""

    locations: list[DocumentLocation] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def find_locations(sources: Sequence[str], *, private: bool, exclude: Sequence[str] = ()) -> FoundLocations:
    """Return the locations of ``sources`` in order, the files of a folder or pattern sorted by path.

    Hidden files, folders of installed packages and lock files of office programs are left out of a folder. A link that
    leads out of its folder is skipped, and each folder is entered once, so that a link to a folder above ends.
    Addresses are fetched. Where two of several folders hold the same relative path, these sources begin with their
    folder's name.

    Args:
        sources: Folders, files, patterns, addresses and tables.
        private: Allow addresses that lead into a private network.
        exclude: Patterns of file names and relative paths that are left out of folders and patterns.

    Raises:
        DocumentError: A source is empty or matches nothing, an address cannot be fetched, or an address leads into a
            private network and ``private`` is false.
    """
    places = FoundLocations()
    roots: list[str] = []
    for source in sources:
        before = len(places.locations)
        if not source.strip():
            raise DocumentError("--documents is empty; expected a folder, file, pattern, address or table")
        if source.startswith(("http://", "https://")):
            page = fetch_page(source, private=private)
            places.locations.append(DocumentLocation(page.source, page.suffix, page.source, content=page.content))
        elif Path(source).is_dir():
            _list_folder(Path(source), exclude, places)
        elif Path(source).is_file():
            places.locations.append(_locate_file(Path(source), Path(source).name, named=True))
        elif table := spark_tables.table_name(source):
            places.locations.append(DocumentLocation(table, spark_tables.SUFFIX, f"the table {table}"))
        else:
            _match_pattern(source, exclude, places)
        name = Path(source).resolve().name if Path(source).is_dir() else ""
        roots += [name] * (len(places.locations) - before)
    pairs = [pair for pair in zip(places.locations, roots, strict=True) if not _is_sidecar(pair[0])]
    places.locations = _tell_apart(pairs)
    return places


def _is_sidecar(location: DocumentLocation) -> bool:
    """Return whether a location is the metadata of a file beside it."""
    file = location.file
    return bool(
        file and file.name.endswith(SIDECAR_SUFFIX) and file.with_name(file.name.removesuffix(SIDECAR_SUFFIX)).is_file()
    )


def _tell_apart(pairs: Sequence[tuple[DocumentLocation, str]]) -> list[DocumentLocation]:
    """Return the locations of pairs with the folder's name, which comes before equal sources of different folders."""
    counts = Counter(location.source for location, _ in pairs)
    return [
        replace(location, source=f"{root}/{location.source}") if root and counts[location.source] > 1 else location
        for location, root in pairs
    ]


def _list_folder(folder: Path, exclude: Sequence[str], places: FoundLocations) -> None:
    root = folder.resolve()
    entered = {root}
    first = len(places.locations)
    for path, names, files in os.walk(folder, followlinks=True):
        relative_folder = Path(path).relative_to(folder)
        names[:] = sorted(
            name for name in names if _enters(Path(path) / name, relative_folder / name, root, entered, exclude, places)
        )
        for name in files:
            relative_path = relative_folder / name
            if not _is_left_out(relative_path, exclude):
                _add_file(Path(path) / name, relative_path, root, places)
    places.locations[first:] = sorted(places.locations[first:], key=lambda location: Path(location.label).parts)


def _enters(
    path: Path, relative_path: Path, root: Path, entered: set[Path], exclude: Sequence[str], places: FoundLocations
) -> bool:
    """Return whether a folder is entered: once, and a link only where it stays in the root."""
    target = path.resolve()
    if _is_left_out(relative_path, exclude) or target in entered:
        return False
    if not target.is_relative_to(root):
        places.skipped.append((str(path.absolute()), _LEADS_OUT))
        return False
    entered.add(target)
    return True


def _add_file(file: Path, relative_path: Path, root: Path, places: FoundLocations) -> None:
    target = file.resolve()
    if not target.exists():
        places.skipped.append((str(file.absolute()), "the link leads to no file"))
    elif not target.is_relative_to(root):
        places.skipped.append((str(file.absolute()), _LEADS_OUT))
    elif target.is_file():
        places.locations.append(_locate_file(file, relative_path.as_posix(), named=False))


def _is_left_out(relative_path: Path, exclude: Sequence[str]) -> bool:
    name = relative_path.name
    return (
        name.startswith((".", "~$"))
        or name in _LEFT_OUT
        or any(fnmatchcase(name, pattern) or fnmatchcase(relative_path.as_posix(), pattern) for pattern in exclude)
    )


def _match_pattern(pattern: str, exclude: Sequence[str], places: FoundLocations) -> None:
    """Add the files that match a pattern, each once. Their sources are relative to the part without wildcards."""
    files = [Path(name) for name in sorted(glob(pattern, recursive=True)) if Path(name).is_file()]  # noqa: PTH207
    if not files:
        raise DocumentError(
            f"no file or folder matches {Path(pattern).absolute()}; check the path, or name a table as table:NAME"
        )
    plain = [part for part in Path(pattern).parts if not set(part) & set("*?[")]
    fixed = Path(*plain) if len(plain) < len(Path(pattern).parts) else Path(pattern).parent
    targets: set[Path] = set()
    chosen: list[DocumentLocation] = []
    for file in sorted(files, key=lambda file: (len(file.parts), file)):
        relative_path = file.relative_to(fixed) if file.is_relative_to(fixed) else Path(file.name)
        if file.resolve() not in targets and not any(_is_left_out(Path(part), ()) for part in relative_path.parts):
            targets.add(file.resolve())
            if not _is_left_out(relative_path, exclude):
                chosen.append(_locate_file(file, relative_path.as_posix(), named=True))
    places.locations += sorted(chosen, key=lambda location: location.label)


def _locate_file(file: Path, source: str, *, named: bool) -> DocumentLocation:
    return DocumentLocation(_show_name(source), file.suffix.lower(), str(file.absolute()), file, is_explicit=named)


def _show_name(name: str) -> str:
    """Return a file name in composed form, with each byte that is not UTF-8 as %XX."""
    shown = "".join(
        f"%{ord(character) - _ESCAPE:02X}" if "\udc80" <= character <= "\udcff" else character for character in name
    )
    return unicodedata.normalize("NFC", shown)
