"""What an index folder says of itself, and the check that it is still true."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ...errors import IndexFolderError

FORMAT = 3
"""Number of the index folder's format; another one is refused. 1 had no fit, 2 was not mapped."""
FILE = "manifest.json"


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
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Writes it into ``folder``."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest of ``folder``. Raises IndexFolderError when there is none that can be read."""
        try:
            told = json.loads((folder / FILE).read_text("utf-8"))
        except FileNotFoundError:
            raise IndexFolderError(
                f"{folder} holds no index (no {FILE}); build one with python -m training build"
            ) from None
        except ValueError:
            raise IndexFolderError(f"{folder / FILE} is damaged; build the index again") from None
        if not isinstance(told, dict) or not isinstance(told.get("format"), int):
            raise IndexFolderError(f"{folder / FILE} is not an index manifest; build the index again")
        if "kind" in told:
            raise IndexFolderError(f"{folder} describes an index that lies elsewhere; build this profile's own")
        if told["format"] != FORMAT:
            raise IndexFolderError(
                f"{folder} has index format {told['format']}, and this version reads {FORMAT}; "
                "build the index again, or use the multichain that it was built with"
            )
        try:
            return cls(**told)
        except TypeError:
            raise IndexFolderError(f"{folder / FILE} lacks entries; build the index again") from None

    def check(self, folder: Path) -> None:
        """Raises IndexFolderError, naming the file, when one is missing or not what was written."""
        for name, expected in self.files.items():
            if not (folder / name).is_file():
                raise IndexFolderError(f"{folder / name} is missing; build the index again")
            if checksum(folder / name) != expected:
                raise IndexFolderError(
                    f"{folder / name} is not what was built (its checksum differs); build the index again"
                )


def checksum(file: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def checksums(folder: Path) -> dict[str, str]:
    """Those of all files below ``folder``, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILE)
    return {path.relative_to(folder).as_posix(): checksum(path) for path in files}
