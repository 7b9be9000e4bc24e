"""Define chunks of documents, the file that stores them, and the passages that a search returns."""

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
"""Fields of a chunk that a request's ``filter`` can name."""


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
        text: The document's text from ``start`` to ``end``.
        tags: Metadata of the document, each as ``name=value``.
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
        return asdict(self.chunk) | {"tags": list(self.chunk.tags), "score": self.score}


def write_chunks(chunks: Iterable[Chunk], file: Path) -> None:
    """Write ``chunks`` to ``file``, one JSON object a line."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for chunk in chunks:
            out.write(json.dumps(asdict(chunk), ensure_ascii=False) + "\n")


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
        entries = json.loads(self._lines[start:end])
        return Chunk(**(entries | {"tags": tuple(entries["tags"])}))

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


def _filter_values(chunk: Chunk) -> Iterator[tuple[str, object]]:
    """Yield the pairs of field and value by which ``chunk`` can be filtered."""
    yield from ((field, getattr(chunk, field)) for field in FILTER_FIELDS if field != "tag")
    yield from (("tag", tag) for tag in chunk.tags)
