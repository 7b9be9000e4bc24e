"""Define chunks of documents, the file that stores them, and the passages that a search returns."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from .blocks import BlockSpan

FILTER_FIELDS = ("source", "title", "heading", "page", "tag")
"""Fields of a chunk that a request's ``filter`` can name."""


ALSO_TAG = "also"
"""Tag of a passage that names another document with the same text."""


@dataclass(frozen=True, slots=True)
class ChunkCopy:
    """Another place that holds the text of a chunk: its source, title, page and position."""

    source: str
    title: str
    page: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a document that is embedded and searched as a whole.

    Attributes:
        source: Path relative to the folder given, or address.
        title: The document's title.
        heading: Headings above the chunk, outermost first, joined by `` > ``.
        page: Page, slide or row, from 1; 0 when the document has none.
        start: Position of the chunk's first character in the document's text.
        end: Position after the chunk's last character.
        text: The document's text from ``start`` to ``end``; a further part of a long table begins with its header.
        tags: Metadata of the document, each as ``name=value``.
        blocks: The blocks of the text, in order; empty for a text of one paragraph.
        copies: The other places that hold the same text.
        language: English name of the document's language; empty when the index has one language for all.
        group: Number of the chunks whose text is nearly the same, from 1; 0 for a chunk unlike all others.
    """

    source: str
    title: str
    heading: str
    page: int
    start: int
    end: int
    text: str
    tags: tuple[str, ...] = ()
    blocks: tuple[BlockSpan, ...] = ()
    copies: tuple["ChunkCopy", ...] = ()
    language: str = ""
    group: int = 0

    def at_place(self, sources: frozenset[str]) -> "Chunk":
        """Return the chunk as it stands in the first of its places whose source is among ``sources``."""
        copy = next((copy for copy in self.copies if copy.source in sources), None)
        if self.source in sources or copy is None:
            return self
        own = ChunkCopy(self.source, self.title, self.page, self.start, self.end)
        others = (own, *(remaining for remaining in self.copies if remaining != copy))
        return replace(
            self,
            source=copy.source,
            title=copy.title,
            page=copy.page,
            start=copy.start,
            end=copy.end,
            copies=others,
        )

    def without(self, sources: frozenset[str]) -> "Chunk | None":
        """Return the chunk without its places in ``sources``; None when no place is left."""
        copies = tuple(copy for copy in self.copies if copy.source not in sources)
        if self.source not in sources:
            return replace(self, copies=copies) if len(copies) < len(self.copies) else self
        return replace(self.at_place(frozenset({copies[0].source})), copies=copies[1:]) if copies else None

    @property
    def searchable_text(self) -> str:
        """The text that is embedded and searched: title and headings, then the chunk's text."""
        above = dict.fromkeys([self.title, *self.heading.split(" > ")])
        return "\n".join([*filter(None, above), self.text])


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that a search found.

    Attributes:
        chunk: The chunk.
        score: How near the chunk is to the query; larger is nearer.
        support: How much of the question the chunk contains, from 0 to 1.
    """

    chunk: Chunk
    score: float
    support: float = 0.0

    @property
    def text(self) -> str:
        """The chunk's text."""
        return self.chunk.text

    @classmethod
    def from_text(cls, text: str, source: str) -> "Passage":
        """Return a passage that no search found, such as one that a request brings along."""
        return cls(Chunk(source, "", "", 0, 0, len(text), text), 0.0)

    def to_fields(self) -> dict[str, Any]:
        """Return the fields of the passage as a response's ``sources`` carries them."""
        chunk = self.chunk
        also = (f"{ALSO_TAG}={source}" for source in dict.fromkeys(copy.source for copy in chunk.copies))
        return {
            "source": chunk.source,
            "title": chunk.title,
            "heading": chunk.heading,
            "page": chunk.page,
            "start": chunk.start,
            "end": chunk.end,
            "text": chunk.text,
            "tags": [*chunk.tags, *also],
            "score": self.score,
        }


def write_chunks(chunks: Iterable[Chunk], file: Path) -> None:
    """Write ``chunks`` to ``file``, one JSON object a line."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for chunk in chunks:
            out.write(json.dumps(_to_entries(chunk), ensure_ascii=False) + "\n")


class Chunks(Sequence[Chunk]):
    """The chunks that ``write_chunks`` stored, in order.

    The file is memory-mapped and a chunk is parsed when it is accessed. Safe to share between threads.
    """

    def __init__(self, file: Path) -> None:
        with file.open("rb") as lines:
            self._lines = mmap(lines.fileno(), 0, access=ACCESS_READ) if file.stat().st_size else b""
        ends = np.flatnonzero(np.frombuffer(self._lines, np.uint8) == ord("\n")) + 1
        self._starts: npt.NDArray[np.int64] = np.concatenate([[0], ends])

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, position: int) -> Chunk: ...
    @overload
    def __getitem__(self, position: slice) -> list[Chunk]: ...
    def __getitem__(self, position: int | slice) -> Chunk | list[Chunk]:
        if isinstance(position, slice):
            return [self[index] for index in range(*position.indices(len(self)))]
        if not -len(self) <= position < len(self):
            raise IndexError(position)
        start, end = self._starts[position % len(self)], self._starts[position % len(self) + 1]
        return _from_entries(json.loads(self._lines[start:end]))

    def positions_with(self, field: str, value: object) -> frozenset[int]:
        """Return the positions of the chunks whose ``field`` equals ``value``, or that have the tag ``value``."""
        return self._positions_by_value.get((field, value), frozenset())

    @cached_property
    def _positions_by_value(self) -> dict[tuple[str, object], frozenset[int]]:
        positions_by_value: dict[tuple[str, object], set[int]] = {}
        for position, chunk in enumerate(self):
            for pair in _filter_values(chunk):
                positions_by_value.setdefault(pair, set()).add(position)
        return {pair: frozenset(positions) for pair, positions in positions_by_value.items()}


def _to_entries(chunk: Chunk) -> dict[str, Any]:
    """Return what the file stores of a chunk: lists in place of dataclasses, and nothing empty."""
    entries = {name: getattr(chunk, name) for name in ("source", "title", "heading", "page", "start", "end", "text")}
    optional = {
        "tags": list(chunk.tags),
        "blocks": [[block.kind, block.start, block.end] for block in chunk.blocks],
        "language": chunk.language,
        "group": chunk.group,
        "copies": [[copy.source, copy.title, copy.page, copy.start, copy.end] for copy in chunk.copies],
    }
    return {**entries, **{name: value for name, value in optional.items() if value}}


def _from_entries(entries: dict[str, Any]) -> Chunk:
    blocks = tuple(BlockSpan(*block) for block in entries.pop("blocks", ()))
    copies = tuple(ChunkCopy(*copy) for copy in entries.pop("copies", ()))
    return Chunk(**(entries | {"tags": tuple(entries.get("tags", ()))}), blocks=blocks, copies=copies)


def _filter_values(chunk: Chunk) -> Iterator[tuple[str, object]]:
    """Yield the pairs of field and value by which ``chunk`` can be filtered."""
    yield from ((field, getattr(chunk, field)) for field in FILTER_FIELDS if field != "tag")
    yield from (("tag", tag) for tag in chunk.tags)
    for copy in chunk.copies:
        yield from (("source", copy.source), ("title", copy.title), ("page", copy.page))
