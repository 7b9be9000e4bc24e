"""Rows that AI Search answers with, as passages."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...passages import Chunk, Passage
from ...text_analysis import Analyser
from .columns import INTEGER_TYPES, ColumnMapping


class SupportMeasure:
    """How much of a question a text holds: the share of its telling words, by their stems.

    An index of one's own weighs words by how rare they are, and letters too; the words of this one are not known here.
    """

    def __init__(self, question: str, analyser: Analyser) -> None:
        self._analyser, self._question_stems = analyser, frozenset(analyser.stems(question))

    def measure(self, text: str) -> float:
        """From 0 to 1."""
        shared_stems = self._question_stems & frozenset(self._analyser.stems(text))
        return round(len(shared_stems) / len(self._question_stems), 6) if self._question_stems else 0.0


def parse_passages(
    response: Mapping[str, Any], layout: ColumnMapping, types: Mapping[str, str], support: SupportMeasure
) -> list[Passage]:
    """The passages of a response, best first; a row ends with its score.

    Raises LookupError, TypeError or ValueError for a response of another shape.
    """
    names = [column["name"] for column in response["manifest"]["columns"]]
    rows = (response.get("result") or {}).get("data_array") or []
    chunks = [_parse_chunk(dict(zip(names, row, strict=True)), layout, types) for row in rows]
    return [
        Passage(chunk, round(float(row[-1]), 6), support.measure(chunk.searchable_text))
        for chunk, row in zip(chunks, rows, strict=True)
    ]


def _parse_chunk(row: Mapping[str, Any], layout: ColumnMapping, types: Mapping[str, str]) -> Chunk:
    values = {field: row[column] for field, column in layout.columns.items()}
    source, title, heading, text = (str(values.get(name) or "") for name in ("source", "title", "heading", "text"))
    page, start, end = (
        _to_integer(values.get("page")),
        _to_integer(values.get("start")),
        _to_integer(values.get("end"), len(text)),
    )
    tags = tuple(_format_tags({tag: row[tag] for tag in layout.tags}, types))
    return Chunk(source, title, heading, page, start, end, text, tags)


def _to_integer(value: Any, default: int = 0) -> int:  # JSON's; a whole number may come as text, or as 3.0
    return default if value is None else int(float(value))


def _format_tags(row: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[str]:
    for name, value in row.items():
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else value
            yield f"{name}={_to_integer(value) if types.get(name) in INTEGER_TYPES else text}"
