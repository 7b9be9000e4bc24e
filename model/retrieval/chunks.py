"""Chunks of documents, and the passages that a search finds among them."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


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
    def searched(self) -> str:
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
    def given(cls, text: str, source: str) -> "Passage":
        """A passage that did not come out of a search."""
        return cls(Chunk(source, "", "", 0, 0, len(text), text), 0.0)

    def fields(self) -> dict[str, Any]:
        """As the response carries it."""
        return asdict(self.chunk) | {"tags": list(self.chunk.tags), "score": self.score}


def write(chunks: Iterable[Chunk], file: Path) -> None:
    """Writes one JSON object a line."""
    with file.open("w", encoding="utf-8", newline="\n") as out:
        for chunk in chunks:
            out.write(json.dumps(asdict(chunk), ensure_ascii=False) + "\n")


def read(file: Path) -> list[Chunk]:
    """The chunks that ``write`` wrote, in order."""
    with file.open(encoding="utf-8") as lines:
        told = (json.loads(line) for line in lines)
        return [Chunk(**(one | {"tags": tuple(one["tags"])})) for one in told]
