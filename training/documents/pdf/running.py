"""Leave out running headers and footers: the lines that stand at the same place on most pages."""

import re
from collections import Counter
from collections.abc import Iterable

from .lines import Line, group_lines

_EDGE_ROWS = 4
"""Number of rows at the top and at the bottom of a page in which running lines are looked for."""
_MIN_PAGES = 3
_MIN_PART = 0.5
_PLACE_STEP = 4.0
"""Distance in points within which lines stand at the same position."""
_TABLE_PITCH = 1.8
"""Largest distance of a table's header to its first row, as a multiple of the font size."""
_DIGITS = re.compile(r"\d+")
_Row = list[Line]
RunningKey = tuple[str, int]
"""Text of a row without its digits, and its place on the page."""


def find_running_rows(pages: Iterable[list[Line]], page_count: int) -> frozenset[RunningKey]:
    """Return the keys of the rows that stand at the top or bottom of most pages."""
    counts: Counter[RunningKey] = Counter()
    for lines in pages:
        rows = group_lines(lines)
        edges = rows[:_EDGE_ROWS] + rows[_EDGE_ROWS:][-_EDGE_ROWS:]
        counts.update({key for row in edges for key in _list_keys(row)})
    limit = max(_MIN_PAGES, _MIN_PART * page_count)
    return frozenset(key for key, count in counts.items() if count >= limit)


def remove_running_rows(lines: list[Line], keys: frozenset[RunningKey]) -> list[Line]:
    """Return the lines of a page without its running headers and footers."""
    rows = group_lines(lines)
    start = _count_running(rows, keys)
    end = len(rows) - _count_running(rows[start:][::-1], keys)
    return [line for row in rows[start:end] for line in row]


def _count_running(rows: list[_Row], keys: frozenset[RunningKey]) -> int:
    """Return the number of running rows with which a page begins, without the header of a table after them."""
    count = 0
    while count < min(len(rows), _EDGE_ROWS) and not keys.isdisjoint(_list_keys(rows[count])):
        count += 1
    if 0 < count < len(rows) and _is_table_header(rows[count - 1], rows[count]):
        count -= 1
    return count


def _is_table_header(row: _Row, below: _Row) -> bool:
    pitch = below[0].base - row[0].base
    return len(row) > 1 and len(below) > 1 and 0 < pitch < _TABLE_PITCH * row[0].size


def _list_keys(row: _Row) -> list[RunningKey]:
    """Return the keys of a row. There are three, so that rows a little apart share one."""
    if row[0].cells is not None:
        return []
    text = _DIGITS.sub("0", " ".join(line.text for line in row))
    position = round(row[0].base / _PLACE_STEP)
    return [(text, position), (text, position + 1), (text, position - 1)]
