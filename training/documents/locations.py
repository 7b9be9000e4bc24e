"""Find the locations of documents in folders, files, patterns, addresses and tables."""

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

import requests

from model.errors import DocumentError

from . import spark_tables

_TIMEOUT_SECONDS, _MAX_BYTES, _MAX_REDIRECTS = 30, 50_000_000, 5
"""Limits of reading an address."""
_SUFFIX_OF_TYPE = {
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/json": ".json",
}


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
            yield _fetch(source, private=private)
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


def _fetch(address: str, *, private: bool) -> DocumentLocation:
    """Return the content of an address as a location, following redirects.

    Raises:
        DocumentError: The address cannot be fetched, or leads into a private network that is not allowed.
    """
    current_address = address
    try:
        for _ in range(_MAX_REDIRECTS):
            _check_address(current_address, private=private)
            reply = requests.get(current_address, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True)
            if not reply.is_redirect:
                break
            current_address = urljoin(current_address, reply.headers["location"])
        else:
            raise DocumentError(f"{address} redirects too often; use the final address")
        if not reply.ok:
            raise DocumentError(f"{address} answered HTTP {reply.status_code}; check the address")
        content = b"".join(_read_within_limit(reply, address))
    except requests.RequestException as error:
        raise DocumentError(f"{address} cannot be read ({type(error).__name__}); check the address") from None
    kind = reply.headers.get("content-type", "").partition(";")[0].strip()
    suffix = PurePosixPath(urlsplit(current_address).path).suffix.lower()
    return DocumentLocation(address, _SUFFIX_OF_TYPE.get(kind, suffix or ".html"), address, content=content)


def _read_within_limit(reply: requests.Response, address: str) -> Iterator[bytes]:
    size = 0
    for piece in reply.iter_content(1 << 16):
        size += len(piece)
        if size > _MAX_BYTES:
            raise DocumentError(f"{address} has more than {_MAX_BYTES:,} bytes; download it and name the file instead")
        yield piece


def _check_address(address: str, *, private: bool) -> None:
    """Raise DocumentError for an address whose host is not public, unless ``private`` allows it."""
    host = urlsplit(address).hostname or ""
    if private:
        return
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        raise DocumentError(f"{address} cannot be read: the host {host} was not found; check the address") from None
    if any(not ipaddress.ip_address(str(ip_address).partition("%")[0]).is_global for ip_address in addresses):
        raise DocumentError(
            f"{address} leads into a private network; allow this with --private if you trust the address"
        )
