"""Documents read from wherever they are, and what was passed over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from model.errors import DocumentError

from ..progress import Progress
from . import loaders, locations, spark_tables
from .document import Document
from .locations import Place

__all__ = ["Document", "Loaded", "Skipped", "load"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was passed over, and why."""

    place: str
    why: str


@dataclass(slots=True)
class Loaded:
    """The documents found, in order of their sources and pages, and what was passed over."""

    documents: list[Document] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def digests(self) -> dict[str, str]:
        """Each source with the SHA-256 of all that was read of it: text, title, pages and tags."""
        told: dict[str, list[str]] = {}
        for document in self.documents:
            told.setdefault(document.source, []).append(repr(document))
        return {source: sha256("\f".join(parts).encode()).hexdigest() for source, parts in told.items()}


def load(
    given: Sequence[object],
    *,
    strict: bool = False,
    private: bool = False,
    reading: Progress | None = None,
    evaluation: Path | None = None,
) -> Loaded:
    """All documents of ``given``: folders, files, patterns, addresses, tables.

    ``private`` allows addresses of a network; ``reading`` is told how many of how many are read. A file that cannot be
    read is passed over, and told; with ``strict`` it stops all. Raises DocumentError then, for a place that is not
    there, for two documents of one source, when no document is found, and when the ``evaluation`` that is to follow
    lies among them.
    """
    found = list(locations.found([str(one) for one in given], private=private))
    if evaluation and any(place.file and place.file.samefile(evaluation) for place in found):
        raise DocumentError(
            f"{evaluation.absolute()} lies among the documents, where each question would find its own answer; "
            "keep it elsewhere"
        )
    loaded = _read(found, strict=strict, reading=reading)
    loaded.documents.sort(key=lambda document: (document.source, document.page))
    if not loaded.documents:
        why = f": {loaded.skipped[0].place}: {loaded.skipped[0].why}" if len(loaded.skipped) == 1 else ""
        raise DocumentError(
            f"found no document to read{why}; --documents takes tables, and folders, files, patterns and addresses of "
            f"{', '.join(sorted(loaders.LOADERS.keys() - {spark_tables.SUFFIX}))}"
        )
    return loaded


def _read(found: Sequence[Place], *, strict: bool, reading: Progress | None) -> Loaded:
    """What is at the places, in their order. Raises DocumentError for two of one source, and as ``strict`` says."""
    loaded = Loaded()
    sources: set[str] = set()
    for number, place in enumerate(found):
        if reading:
            reading(number + 1, len(found))
        if place.source in sources:
            raise DocumentError(f"two documents are called {place.source}; give the folder that holds both instead")
        try:
            loaded.documents += _parts(place)
        except DocumentError as error:
            if strict and (place.named or place.suffix in loaders.LOADERS):
                raise DocumentError(f"{place.told}: {error}") from None
            loaded.skipped.append(Skipped(place.told, str(error)))
        else:
            sources.add(place.source)
    return loaded


def _parts(place: Place) -> list[Document]:
    """What ``place`` holds, parts without text left out. Raises DocumentError when nothing is left."""
    parts = [part for part in loaders.read(place) if part.text.strip()]
    if not parts:
        raise DocumentError(loaders.empty(place))
    return parts
