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

_SECONDS, _MOST_BYTES, _MOST_MOVES = 30, 50_000_000, 5
_KINDS = {
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/json": ".json",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A document's source, its kind as a suffix, how it is told to a person, and its content."""

    source: str
    suffix: str
    told: str
    file: Path | None = None
    content: bytes = b""
    named: bool = True
    """Whether it was given itself, and not found in a folder."""

    def read(self) -> bytes:
        """The whole content."""
        return self.content if self.file is None else self.file.read_bytes()


def found(given: Sequence[str], *, private: bool) -> Iterator[Place]:
    """The places of ``given``, in order. Raises DocumentError for one that is not there."""
    for one in given:
        if not one.strip():
            raise DocumentError("--documents is empty; it takes a folder, file, pattern, address or table")
        if one.startswith(("http://", "https://")):
            yield _fetched(one, private=private)
        elif Path(one).is_dir():
            yield from _inside(Path(one))
        elif Path(one).is_file():
            yield _file(Path(one), Path(one).name, named=True)
        elif table := spark_tables.named(one):
            yield Place(table, spark_tables.SUFFIX, f"the table {table}")
        else:
            yield from _matching(one)


def _inside(folder: Path) -> Iterator[Place]:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        inside = file.relative_to(folder)
        if not any(part.startswith(".") for part in inside.parts):
            yield _file(file, inside.as_posix(), named=False)


def _matching(pattern: str) -> Iterator[Place]:
    """The files that fit a pattern; their sources are relative to its part without wildcards."""
    files = [Path(name) for name in sorted(glob(pattern, recursive=True)) if Path(name).is_file()]  # noqa: PTH207
    if not files:
        raise DocumentError(f"there is no file or folder {Path(pattern).absolute()}; --documents takes either")
    plain = [part for part in Path(pattern).parts if not set(part) & set("*?[")]
    fixed = Path(*plain) if len(plain) < len(Path(pattern).parts) else Path(pattern).parent
    for file in files:
        inside = file.relative_to(fixed) if file.is_relative_to(fixed) else Path(file.name)
        yield _file(file, inside.as_posix(), named=True)


def _file(file: Path, source: str, *, named: bool) -> Place:
    return Place(source, file.suffix.lower(), str(file.absolute()), file, named=named)


def _fetched(address: str, *, private: bool) -> Place:
    """What an address holds. Raises DocumentError, also when it leads into a private network."""
    moved = address
    try:
        for _ in range(_MOST_MOVES):
            _check(moved, private=private)
            reply = requests.get(moved, timeout=_SECONDS, allow_redirects=False, stream=True)
            if not reply.is_redirect:
                break
            moved = urljoin(moved, reply.headers["location"])
        else:
            raise DocumentError(f"{address} leads elsewhere too often; give the address where it is")
        if not reply.ok:
            raise DocumentError(f"{address} answers HTTP {reply.status_code}; check it")
        content = b"".join(_within(reply, address))
    except requests.RequestException as error:
        raise DocumentError(f"{address} cannot be read ({type(error).__name__}); check it") from None
    kind = reply.headers.get("content-type", "").partition(";")[0].strip()
    suffix = PurePosixPath(urlsplit(moved).path).suffix.lower()
    return Place(address, _KINDS.get(kind, suffix or ".html"), address, content=content)


def _within(reply: requests.Response, address: str) -> Iterator[bytes]:
    size = 0
    for piece in reply.iter_content(1 << 16):
        size += len(piece)
        if size > _MOST_BYTES:
            raise DocumentError(f"{address} has over {_MOST_BYTES:,} bytes; save it, and give the file")
        yield piece


def _check(address: str, *, private: bool) -> None:
    """Raises DocumentError for an address inside a network, unless that is allowed."""
    host = urlsplit(address).hostname or ""
    if private:
        return
    try:
        told = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        raise DocumentError(f"{address} cannot be read: there is no host {host}") from None
    if any(not ipaddress.ip_address(str(one).partition("%")[0]).is_global for one in told):
        raise DocumentError(
            f"{address} leads into a private network; allow that with --private, if you trust where it comes from"
        )
