"""Where documents are: folders, files, patterns, addresses and tables become places to read from."""

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

_SECONDS, _MAX_BYTES, _MAX_REDIRECTS = 30, 50_000_000, 5
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
    """A document's source, its kind as a suffix, how it is told to a person, and its content."""

    source: str
    suffix: str
    label: str
    file: Path | None = None
    content: bytes = b""
    is_explicit: bool = True
    """Whether it was given itself, and not found in a folder."""

    def read(self) -> bytes:
        """The whole content."""
        return self.content if self.file is None else self.file.read_bytes()


def find_locations(sources: Sequence[str], *, private: bool) -> Iterator[DocumentLocation]:
    """The places of ``given``, in order. Raises DocumentError for one that is not there."""
    for source in sources:
        if not source.strip():
            raise DocumentError("--documents is empty; it takes a folder, file, pattern, address or table")
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
    """The files that fit a pattern; their sources are relative to its part without wildcards."""
    files = [Path(name) for name in sorted(glob(pattern, recursive=True)) if Path(name).is_file()]  # noqa: PTH207
    if not files:
        raise DocumentError(f"there is no file or folder {Path(pattern).absolute()}; --documents takes either")
    plain = [part for part in Path(pattern).parts if not set(part) & set("*?[")]
    fixed = Path(*plain) if len(plain) < len(Path(pattern).parts) else Path(pattern).parent
    for file in files:
        relative_path = file.relative_to(fixed) if file.is_relative_to(fixed) else Path(file.name)
        yield _locate_file(file, relative_path.as_posix(), named=True)


def _locate_file(file: Path, source: str, *, named: bool) -> DocumentLocation:
    return DocumentLocation(source, file.suffix.lower(), str(file.absolute()), file, is_explicit=named)


def _fetch(address: str, *, private: bool) -> DocumentLocation:
    """What an address holds. Raises DocumentError, also when it leads into a private network."""
    current_address = address
    try:
        for _ in range(_MAX_REDIRECTS):
            _check_address(current_address, private=private)
            reply = requests.get(current_address, timeout=_SECONDS, allow_redirects=False, stream=True)
            if not reply.is_redirect:
                break
            current_address = urljoin(current_address, reply.headers["location"])
        else:
            raise DocumentError(f"{address} leads elsewhere too often; give the address where it is")
        if not reply.ok:
            raise DocumentError(f"{address} answers HTTP {reply.status_code}; check it")
        content = b"".join(_read_within_limit(reply, address))
    except requests.RequestException as error:
        raise DocumentError(f"{address} cannot be read ({type(error).__name__}); check it") from None
    kind = reply.headers.get("content-type", "").partition(";")[0].strip()
    suffix = PurePosixPath(urlsplit(current_address).path).suffix.lower()
    return DocumentLocation(address, _SUFFIX_OF_TYPE.get(kind, suffix or ".html"), address, content=content)


def _read_within_limit(reply: requests.Response, address: str) -> Iterator[bytes]:
    size = 0
    for piece in reply.iter_content(1 << 16):
        size += len(piece)
        if size > _MAX_BYTES:
            raise DocumentError(f"{address} has over {_MAX_BYTES:,} bytes; save it, and give the file")
        yield piece


def _check_address(address: str, *, private: bool) -> None:
    """Raises DocumentError for an address inside a network, unless that is allowed."""
    host = urlsplit(address).hostname or ""
    if private:
        return
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        raise DocumentError(f"{address} cannot be read: there is no host {host}") from None
    if any(not ipaddress.ip_address(str(ip_address).partition("%")[0]).is_global for ip_address in addresses):
        raise DocumentError(
            f"{address} leads into a private network; allow that with --private, if you trust where it comes from"
        )
