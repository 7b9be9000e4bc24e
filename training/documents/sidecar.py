"""Read the metadata of a file from a JSON file beside it, such as ``plan.pdf.metadata.json``.

The name and the optional member ``metadataAttributes`` are those of Amazon Bedrock's knowledge bases, so that folders
which were prepared for one are read as they are.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import DocumentError

from .document import Document
from .loaders.records import flatten_record
from .locations import SIDECAR_SUFFIX

_ATTRIBUTES = "metadataAttributes"
_MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata of a file: a title, which may be empty, and tags as ``name=value``."""

    title: str
    tags: tuple[str, ...]

    def add_to(self, documents: Sequence[Document]) -> list[Document]:
        """Return documents with this metadata; a tag of the same name in the document itself is replaced."""
        names = {tag.partition("=")[0] for tag in self.tags}
        return [
            document.with_metadata(
                self.title or document.title,
                (*(tag for tag in document.tags if tag.partition("=")[0] not in names), *self.tags),
            )
            for document in documents
        ]


def read_sidecar(file: Path) -> Metadata | None:
    """Return the metadata beside ``file``; None when there is none.

    Raises:
        DocumentError: The file beside it is no JSON object, or too large.
    """
    sidecar = file.with_name(file.name + SIDECAR_SUFFIX)
    if not sidecar.is_file():
        return None
    try:
        attributes = _parse(sidecar.read_bytes())
    except ValueError:
        raise DocumentError(f"{sidecar.name} is no JSON object of at most {_MAX_BYTES:,} bytes") from None
    pairs = flatten_record(attributes, splits_lists=True)
    title = next((value for name, value in pairs if name.lower() == "title"), "")
    return Metadata(title, tuple(f"{name}={value}" for name, value in pairs if name.lower() != "title"))


def _parse(content: bytes) -> dict[str, Any]:
    """Return the attributes; raises ValueError when the content is no JSON object, or too large."""
    contents = json.loads(content) if len(content) <= _MAX_BYTES else None
    if isinstance(contents, dict):
        contents = contents.get(_ATTRIBUTES, contents)
    if not isinstance(contents, dict):
        raise ValueError  # noqa: TRY004 - one error for all that is no object
    return contents
