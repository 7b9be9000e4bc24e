"""What an index folder says of itself, and the check that it is still true."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ...errors import IndexFolderError

INDEX_FORMAT = 3
"""Number of the index folder's format; another one is refused. 1 had no fit, 2 was not mapped."""
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Counts, settings and checksums of an index folder.

    ``embedding`` holds provider, model and the ``fingerprint``: the vector of a fixed text, which tells two
    models of one name apart. ``documents`` maps each source to the SHA-256 of what was read of it, ``files`` each file
    to its content's. ``search`` tells how vectors are compared, with the recall that was measured (nearest.py).
    """

    documents: dict[str, str]
    chunks: int
    dimension: int
    embedding: dict[str, Any]
    chunking: dict[str, Any]
    language: str
    files: dict[str, str]
    support: dict[str, float]
    search: dict[str, Any]
    metric: str = "inner_product"
    format: int = INDEX_FORMAT

    def write(self, folder: Path) -> None:
        """Writes it into ``folder``."""
        (folder / MANIFEST_FILE).write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest of ``folder``. Raises IndexFolderError when there is none that can be read."""
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
        """Raises IndexFolderError, naming the file, when one is missing or not what was written."""
        for name, expected in self.files.items():
            if not (folder / name).is_file():
                raise IndexFolderError(f"{folder / name} is missing; build the index again")
            if compute_checksum(folder / name) != expected:
                raise IndexFolderError(
                    f"{folder / name} is not what was built (its checksum differs); build the index again"
                )


def compute_checksum(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def compute_checksums(folder: Path) -> dict[str, str]:
    """Those of all files below ``folder``, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST_FILE)
    return {path.relative_to(folder).as_posix(): compute_checksum(path) for path in files}
