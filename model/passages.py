"""Chunks of documents, and the passages that a search finds among them."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

FILTER_FIELDS = ("source", "title", "heading", "page", "tag")
"""The fields of a chunk that a search can be narrowed by."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document that keeps its place: ``text`` is the document's text from start to end.

    ``tags`` are what is known of it, as "name=value".
    """

    source: str
    title: str
    heading: str
    page: int
    start: int
    end: int
    text: str
    tags: tuple[str, ...] = ()

    @property
    def searchable_text(self) -> str:
        """What is embedded and searched: title and headings tell what the text itself may leave out."""
        above = dict.fromkeys([self.title, *self.heading.split(" > ")])
        return "\n".join([*filter(None, above), self.text])


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that a search found: its score (larger is nearer), and how much of the question it holds, 0 to 1."""

    chunk: Chunk
    score: float
    support: float = 0.0

    @property
    def text(self) -> str:
        """The chunk's text."""
        return self.chunk.text

    @classmethod
    def from_text(cls, text: str, source: str) -> "Passage":
        """A passage that did not come out of a search."""
        return cls(Chunk(source, "", "", 0, 0, len(text), text), 0.0)

    def to_fields(self) -> dict[str, Any]:
        """As the response carries it."""
        return asdict(self.chunk) | {"tags": list(self.chunk.tags), "score": self.score}


def write_chunks(chunks: Iterable[Chunk], file: Path) -> None:
    """Writes one JSON object a line."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for chunk in chunks:
            out.write(json.dumps(asdict(chunk), ensure_ascii=False) + "\n")


class Chunks(Sequence[Chunk]):
    """The chunks that ``write`` wrote, in order, each read when it is asked for; safe to share between threads."""

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
        entries = json.loads(self._lines[start:end])
        return Chunk(**(entries | {"tags": tuple(entries["tags"])}))

    def positions_with(self, field: str, value: object) -> frozenset[int]:
        """The positions of the chunks whose ``field`` is ``value``, or, for a tag, among whose tags it is."""
        return self._positions_by_value.get((field, value), frozenset())

    @cached_property
    def _positions_by_value(self) -> dict[tuple[str, object], frozenset[int]]:
        positions_by_value: dict[tuple[str, object], set[int]] = {}
        for position, chunk in enumerate(self):
            for pair in _filter_values(chunk):
                positions_by_value.setdefault(pair, set()).add(position)
        return {pair: frozenset(positions) for pair, positions in positions_by_value.items()}


def _filter_values(chunk: Chunk) -> Iterator[tuple[str, object]]:
    """What a search can be narrowed by."""
    yield from ((field, getattr(chunk, field)) for field in FILTER_FIELDS if field != "tag")
    yield from (("tag", tag) for tag in chunk.tags)
