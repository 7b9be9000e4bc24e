"""Split a page into flows: the columns of running text in reading order."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .lines import Line, group_lines

_MAX_DEPTH = 6
_MAX_GUTTERS = 6
"""Largest number of places at which a gutter is looked for."""
_MIN_LINES = 3
"""Fewest lines in a column."""
_MIN_WORDS = 2.5
"""Fewest words in a line of running text, on average. Cells of a table have fewer."""
_LONG_LINE = 30
"""Length in characters, on average, from which on lines are running text without other signs."""
_CONTINUED_PART = 0.2
"""Part of the lines that begin with a lower-case letter from which on lines are running text."""
_GUTTER_WIDTH = 0.5
"""Smallest width of a gutter, as a part of the font size."""
_MAX_PAUSE = 3.5
"""Largest distance of two lines in the right column, as a multiple of the font size."""
_MAX_PITCH = 1.8
"""Largest distance of two lines of one column below the end of the other, as a multiple of the font size."""
_EDGE_WIDTH = 3.0
"""Distance in points between lines that begin at one position."""

_Rows = list[list[Line]]


@dataclass(frozen=True, slots=True)
class _Gutter:
    """A vertical gap between columns, in the rows from ``start`` to before ``end``."""

    position: float
    start: int
    end: int


def split_columns(lines: list[Line], depth: int = 0) -> Iterator[list[Line]]:
    """Yield the flows of a page in reading order. The lines are sorted by row."""
    rows = group_lines(lines)
    gutter = _find_gutter(rows) if depth < _MAX_DEPTH else None
    if gutter is None:
        if lines:
            yield lines
        return
    inside = _flatten(rows[gutter.start : gutter.end])
    yield from split_columns(_flatten(rows[: gutter.start]), depth + 1)
    yield from split_columns([line for line in inside if line.left < gutter.position], depth + 1)
    yield from split_columns([line for line in inside if line.left >= gutter.position], depth + 1)
    yield from split_columns(_flatten(rows[gutter.end :]), depth + 1)


def _flatten(rows: _Rows) -> list[Line]:
    return [line for row in rows for line in row]


def _find_gutter(rows: _Rows) -> _Gutter | None:
    """Return the gutter between the columns with most rows, None if there are no columns of running text."""
    gutters = [gutter for position in _list_places(rows) for gutter in _trace_gutter(rows, position)]
    return max(gutters, key=lambda gutter: (gutter.end - gutter.start, -gutter.position), default=None)


def _list_places(rows: _Rows) -> list[float]:
    """Return the places at which most lines begin, without those at the left edge."""
    lines = _flatten(rows)
    if not lines:
        return []
    edge = min(line.left for line in lines) + 5 * _EDGE_WIDTH
    places: dict[int, float] = {}
    counts: Counter[int] = Counter()
    for line in lines:
        if line.left > edge:
            key = round(line.left / _EDGE_WIDTH)
            counts[key] += 1
            places[key] = min(line.left, places.get(key, line.left))
    return [places[key] - 1 for key, count in counts.most_common(_MAX_GUTTERS) if count >= _MIN_LINES]


def _trace_gutter(rows: _Rows, position: float) -> Iterator[_Gutter]:
    """Yield the runs of rows that no line crosses at a position, and that are running text on both sides of it."""
    for start, end in _list_runs(rows, position):
        gutter = _trim_gutter(rows, _Gutter(position, start, end)) if end - start >= _MIN_LINES else None
        if gutter is not None and _has_running_text(rows, gutter):
            yield gutter


def _list_runs(rows: _Rows, position: float) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of the runs of rows without a line over a position, and without a pause to the right."""
    start, last = 0, math.inf
    for number, row in enumerate(rows):
        if any(_does_cross(line, position) for line in row):
            yield start, number
            start, last = number + 1, math.inf
        elif row[-1].left >= position:
            if row[-1].base - last > _MAX_PAUSE * row[-1].size:
                yield start, number
                start = number
            last = row[-1].base
    yield start, len(rows)


def _does_cross(line: Line, position: float) -> bool:
    return line.left < position < line.right + _GUTTER_WIDTH * line.size


def _trim_gutter(rows: _Rows, gutter: _Gutter) -> _Gutter | None:
    """Return a gutter without the rows above and below the columns, None if one side is empty."""
    numbers = range(gutter.start, gutter.end)
    left = [number for number in numbers if rows[number][0].left < gutter.position]
    right = [number for number in numbers if rows[number][-1].left >= gutter.position]
    if not left or not right:
        return None
    start = max(left[0], right[0])
    if start > gutter.start and rows[start][0].base - rows[start - 1][0].base < rows[start][0].size:
        start -= 1  # the columns do not stand on the same base lines
    return _Gutter(gutter.position, start, _find_end(rows, right[-1] + 1, max(left[-1], right[-1]) + 1))


def _find_end(rows: _Rows, start: int, end: int) -> int:
    """Return the row at which the left column ends: at a heading or a gap below the right column."""
    for number in range(start, end):
        line, above = rows[number][0], rows[number - 1][0]
        if line.base - above.base > _MAX_PITCH * line.size or abs(line.size - above.size) > 1:
            return number
    return end


def _has_running_text(rows: _Rows, gutter: _Gutter) -> bool:
    lines = _flatten(rows[gutter.start : gutter.end])
    left = [line for line in lines if line.left < gutter.position]
    right = [line for line in lines if line.left >= gutter.position]
    return _is_running_text(left) and _is_running_text(right)


def _is_running_text(lines: list[Line]) -> bool:
    texts = [line.text for line in lines if line.cells is None]
    if len(texts) < _MIN_LINES or sum(text.count(" ") + 1 for text in texts) < _MIN_WORDS * len(texts):
        return False
    continued = sum(text[0].islower() for text in texts)
    return continued >= _CONTINUED_PART * len(texts) or sum(map(len, texts)) >= _LONG_LINE * len(texts)
