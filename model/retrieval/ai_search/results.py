"""Convert the rows of an AI Search response into passages."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...passages import Chunk, Passage
from ...text_analysis import Analyser
from .columns import INTEGER_TYPES, ColumnMapping


class SupportMeasure:
    """Measure how much of a question a text contains: the share of its content words, by their stems.

    A local index weighs words by their rarity, and n-grams, too; how rare a word is in a remote index is unknown.
    """

    def __init__(self, question: str, analyser: Analyser) -> None:
        self._analyser, self._question_stems = analyser, frozenset(analyser.stems(question))

    def measure(self, text: str) -> float:
        """Return the share of the question's stems in ``text``, from 0 to 1."""
        shared_stems = self._question_stems & frozenset(self._analyser.stems(text))
        return round(len(shared_stems) / len(self._question_stems), 6) if self._question_stems else 0.0


def parse_passages(
    response: Mapping[str, Any], layout: ColumnMapping, types: Mapping[str, str], support: SupportMeasure
) -> list[Passage]:
    """Return the passages of a response, best first.

    Args:
        response: The response's JSON; a row ends with its score.
        layout: Columns of the index.
        types: SQL type of each column.
        support: Measures the support of each passage.

    Returns:
        The passages.

    Raises:
        LookupError, TypeError, ValueError: The response has another shape.
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
