"""Documents read from wherever they are, and what was passed over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from model.errors import DocumentError

from ..progress import Progress
from . import loaders, locations, spark_tables
from .document import Document
from .locations import DocumentLocation

__all__ = ["Document", "LoadResult", "SkippedDocument", "load_documents"]


@dataclass(frozen=True, slots=True)
class SkippedDocument:
    """What was passed over, and why."""

    location: str
    reason: str


@dataclass(slots=True)
class LoadResult:
    """The documents found, in order of their sources and pages, and what was passed over."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[SkippedDocument] = field(default_factory=list)

    @property
    def digests(self) -> dict[str, str]:
        """Each source with the SHA-256 of all that was read of it: text, title, pages and tags."""
        parts_by_source: dict[str, list[str]] = {}
        for document in self.documents:
            parts_by_source.setdefault(document.source, []).append(repr(document))
        return {source: sha256("\f".join(parts).encode()).hexdigest() for source, parts in parts_by_source.items()}


def load_documents(
    sources: Sequence[object],
    *,
    strict: bool = False,
    private: bool = False,
    reading_progress: Progress | None = None,
    evaluation: Path | None = None,
) -> LoadResult:
    """All documents of ``given``: folders, files, patterns, addresses, tables.

    ``private`` allows addresses of a network; ``reading`` is told how many of how many are read. A file that cannot be
    read is passed over, and told; with ``strict`` it stops all. Raises DocumentError then, for a place that is not
    there, for two documents of one source, when no document is found, and when the ``evaluation`` that is to follow
    lies among them.
    """
    locations_found = list(locations.find_locations([str(source) for source in sources], private=private))
    if evaluation and any(location.file and location.file.samefile(evaluation) for location in locations_found):
        raise DocumentError(
            f"{evaluation.absolute()} lies among the documents, where each question would find its own answer; "
            "keep it elsewhere"
        )
    loaded = _read_locations(locations_found, strict=strict, reading_progress=reading_progress)
    loaded.documents.sort(key=lambda document: (document.source, document.page))
    if not loaded.documents:
        why = f": {loaded.skipped[0].location}: {loaded.skipped[0].reason}" if len(loaded.skipped) == 1 else ""
        raise DocumentError(
            f"found no document to read{why}; --documents takes tables, and folders, files, patterns and addresses of "
            f"{', '.join(sorted(loaders.LOADERS.keys() - {spark_tables.SUFFIX}))}"
        )
    return loaded


def _read_locations(
    locations_found: Sequence[DocumentLocation], *, strict: bool, reading_progress: Progress | None
) -> LoadResult:
    """What is at the places, in their order. Raises DocumentError for two of one source, and as ``strict`` says."""
    loaded = LoadResult()
    sources: set[str] = set()
    for number, location in enumerate(locations_found):
        if reading_progress:
            reading_progress(number + 1, len(locations_found))
        if location.source in sources:
            raise DocumentError(f"two documents are called {location.source}; give the folder that holds both instead")
        try:
            loaded.documents += _read_parts(location)
        except DocumentError as error:
            if strict and (location.is_explicit or location.suffix in loaders.LOADERS):
                raise DocumentError(f"{location.label}: {error}") from None
            loaded.skipped.append(SkippedDocument(location.label, str(error)))
        else:
            sources.add(location.source)
    return loaded


def _read_parts(location: DocumentLocation) -> list[Document]:
    """What ``place`` holds, parts without text left out. Raises DocumentError when nothing is left."""
    parts = [part for part in loaders.read_documents(location) if part.text.strip()]
    if not parts:
        raise DocumentError(loaders.explain_empty(location))
    return parts
