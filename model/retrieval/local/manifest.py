"""Describe an index folder, and check that its files are those that were written."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from ...errors import IndexFolderError

INDEX_FORMAT = 4
"""Number of the index folder's format. 1 had no fit, 2 was not memory-mapped, 3 had no blocks."""
MANIFEST_FILE = "manifest.json"
_REMEMBERED_FILES = 256


@dataclass(frozen=True, slots=True)
class Manifest:
    """Counts, settings and checksums of an index folder.

    Attributes:
        documents: SHA-256 of what was read of each document, by source.
        chunks: Number of chunks.
        dimension: Components of a vector.
        embedding: Provider, model and ``fingerprint``: the vector of a fixed text, which tells apart two models of one
            name.
        chunking: Settings by which documents were cut.
        language: Setting of the language of the chunks (index.py).
        files: SHA-256 of each file's content, by relative path.
        search: How vectors are searched, with the measured recall (vector_index.py).
        metric: How vectors are compared.
        format: Number of the folder's format.
    """

    documents: dict[str, str]
    chunks: int
    dimension: int
    embedding: dict[str, Any]
    chunking: dict[str, Any]
    language: str
    files: dict[str, str]
    search: dict[str, Any]
    metric: str = "inner_product"
    format: int = INDEX_FORMAT

    def write(self, folder: Path) -> None:
        """Write the manifest into ``folder``."""
        (folder / MANIFEST_FILE).write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the manifest of ``folder``.

        Raises:
            IndexFolderError: There is none, it is damaged, or has another format.
        """
        try:
            entries = json.loads((folder / MANIFEST_FILE).read_text("utf-8"))
        except FileNotFoundError:
            raise IndexFolderError(
                f"{folder} holds no index (no {MANIFEST_FILE}); build one with python -m training build"
            ) from None
        except ValueError:
            raise IndexFolderError(f"{folder / MANIFEST_FILE} is damaged; build the index again") from None
        if not isinstance(entries, dict) or not isinstance(entries.get("format"), int):
            raise IndexFolderError(f"{folder / MANIFEST_FILE} is not an index manifest; build the index again")
        if "kind" in entries:
            raise IndexFolderError(f"{folder} describes an index that lies elsewhere; build this profile's own")
        if entries["format"] != INDEX_FORMAT:
            raise IndexFolderError(
                f"{folder} has index format {entries['format']}, and this version reads {INDEX_FORMAT}; "
                "build the index again, or use the multichain that it was built with"
            )
        try:
            return cls(**entries)
        except TypeError:
            raise IndexFolderError(f"{folder / MANIFEST_FILE} lacks entries; build the index again") from None

    def verify_files(self, folder: Path) -> None:
        """Check every file against its checksum; what was read in this process and did not change is not read again.

        Raises:
            IndexFolderError: A file is missing or has changed. The message names it.
        """
        for name, expected in self.files.items():
            if not (folder / name).is_file():
                raise IndexFolderError(f"{folder / name} is missing; build the index again")
            status = (folder / name).stat()
            if _read_checksum(folder / name, status.st_ino, status.st_size, status.st_mtime_ns) != expected:
                raise IndexFolderError(
                    f"{folder / name} is not what was built (its checksum differs); build the index again"
                )


def compute_checksum(file: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@lru_cache(_REMEMBERED_FILES)
def _read_checksum(file: Path, _inode: int, _size: int, _changed_at: int) -> str:
    """Return the checksum of a file as long as it is the same: a worker of Spark opens an index for each task."""
    return compute_checksum(file)


def compute_checksums(folder: Path) -> dict[str, str]:
    """Return the checksums of all files below ``folder``, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_FILE)
    return {path.relative_to(folder).as_posix(): compute_checksum(path) for path in files}
