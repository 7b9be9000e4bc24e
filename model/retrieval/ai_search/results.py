"""Rows that AI Search answers with, as passages."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...passages import Chunk, Passage
from ...text_analysis import Analyser
from .columns import WHOLE, Layout


class Support:
    """How much of a question a text holds: the share of its telling words, by their stems.

    An index of one's own weighs words by how rare they are, and letters too; the words of this one are not known here.
    """

    def __init__(self, question: str, analyser: Analyser) -> None:
        self._analyser, self._asked = analyser, frozenset(analyser.stems(question))

    def of(self, text: str) -> float:
        """From 0 to 1."""
        held = self._asked & frozenset(self._analyser.stems(text))
        return round(len(held) / len(self._asked), 6) if self._asked else 0.0


def passages(told: Mapping[str, Any], layout: Layout, types: Mapping[str, str], support: Support) -> list[Passage]:
    """The passages of a response, best first; a row ends with its score.

    Raises LookupError, TypeError or ValueError for a response of another shape.
    """
    names = [column["name"] for column in told["manifest"]["columns"]]
    rows = (told.get("result") or {}).get("data_array") or []
    chunks = [_chunk(dict(zip(names, row, strict=True)), layout, types) for row in rows]
    return [
        Passage(chunk, round(float(row[-1]), 6), support.of(chunk.searched))
        for chunk, row in zip(chunks, rows, strict=True)
    ]


def _chunk(row: Mapping[str, Any], layout: Layout, types: Mapping[str, str]) -> Chunk:
    told = {field: row[column] for field, column in layout.columns.items()}
    source, title, heading, text = (str(told.get(one) or "") for one in ("source", "title", "heading", "text"))
    page, start, end = _whole(told.get("page")), _whole(told.get("start")), _whole(told.get("end"), len(text))
    tags = tuple(_tags({tag: row[tag] for tag in layout.tags}, types))
    return Chunk(source, title, heading, page, start, end, text, tags)


def _whole(value: Any, otherwise: int = 0) -> int:  # JSON's; a whole number may come as text, or as 3.0
    return otherwise if value is None else int(float(value))


def _tags(row: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[str]:
    for name, value in row.items():
        if value is not None:
            whole = types.get(name) in WHOLE
            yield f"{name}={_whole(value) if whole else str(value).lower() if isinstance(value, bool) else value}"
