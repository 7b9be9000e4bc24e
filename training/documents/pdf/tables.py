"""Find the tables in a flow of lines whose columns are told by aligned gaps."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from statistics import median

from .lines import Line, group_lines
from .rules import Rule

_MIN_ROWS = 3
"""Fewest rows with several cells."""
_MAX_COLUMNS = 40
_MAX_ROW_GAP = 3.5
"""Largest distance of two rows, as a multiple of the font size."""
_CONTINUED_PITCH = 0.8
"""Distance to the row before, as a part of the usual distance, below which a row continues the row before."""

_Interval = tuple[float, float]
_Cells = list[str]


def find_tables(flow: list[Line], rules: list[Rule]) -> Iterator[Line]:
    """Yield the lines of a flow, with one line that has ``cells`` in the place of the lines of each table."""
    rows = group_lines(flow)
    number = 0
    while number < len(rows):
        columns, end = _grow_table(rows, number)
        several = sum(len(row) > 1 for row in rows[number:end])
        if several >= _MIN_ROWS:
            yield replace(rows[number][0], cells=_fill_table(rows[number:end], columns, rules))
            number = end
        else:
            yield from rows[number]
            number += 1


def _grow_table(rows: list[list[Line]], start: int) -> tuple[list[_Interval], int]:
    """Return the columns of the table that begins at a row, and the number of the row after it."""
    columns: list[_Interval] = []
    grown: list[_Interval] | None = []
    end = start
    for number in range(start, len(rows)):
        row = rows[number]
        is_far = number > start and row[0].base - rows[number - 1][0].base > _MAX_ROW_GAP * row[0].size
        if is_far or row[0].cells is not None or (number == start and len(row) == 1):
            break
        grown = _widen_columns(columns, row)
        if grown is None:
            break
        columns = grown
        if len(row) > 1:
            end = number + 1
    return columns, end


def _widen_columns(columns: list[_Interval], row: list[Line]) -> list[_Interval] | None:
    """Return the columns with room for a row, None if one of its lines goes over several columns."""
    widened = list(columns)
    for line in row:
        met = [column for column in widened if column[0] < line.right and line.left < column[1]]
        if len(met) > 1 or len(widened) > _MAX_COLUMNS:
            return None
        left, right = met[0] if met else (line.left, line.right)
        widened = [column for column in widened if column not in met]
        widened.append((min(left, line.left), max(right, line.right)))
    return sorted(widened)


def _fill_table(rows: list[list[Line]], columns: list[_Interval], rules: list[Rule]) -> list[_Cells]:
    cells = [_fill_row(row, columns) for row in rows]
    bases = [row[0].base for row in rows]
    lines = _select_rules(rules, rows, columns)
    groups = _group_by_rules(cells, bases, lines) or _group_by_continuation(cells, bases, lines)
    return _merge_columns([_join_rows([cells[number] for number in group]) for group in groups])


def _fill_row(row: list[Line], columns: list[_Interval]) -> _Cells:
    cells = [""] * len(columns)
    for line in row:
        number = next(number for number, column in enumerate(columns) if column[0] <= line.left <= column[1])
        cells[number] = f"{cells[number]} {line.text}".strip()
    return cells


def _select_rules(rules: list[Rule], rows: list[list[Line]], columns: list[_Interval]) -> list[float]:
    """Return the places of the rules between the rows that go over at least half of the table's width."""
    left, right = columns[0][0], columns[-1][1]
    first, last = rows[0][0].base, rows[-1][0].base
    overlaps = (rule for rule in rules if min(rule.end, right) - max(rule.start, left) > (right - left) / 2)
    return [rule.at for rule in overlaps if first < rule.at < last]


def _group_by_rules(cells: list[_Cells], bases: list[float], rules: list[float]) -> list[list[int]]:
    """Return the numbers of the rows between rules, an empty list if there are not rules between all rows."""
    groups: dict[int, list[int]] = {}
    for number, base in enumerate(bases):
        groups.setdefault(sum(rule < base for rule in rules), []).append(number)
    is_divided = len(groups) >= _MIN_ROWS and all(
        sum(bool(cells[number][0]) for number in group) <= 1 or len(group) == 1 for group in groups.values()
    )
    return list(groups.values()) if is_divided else []


def _group_by_continuation(cells: list[_Cells], bases: list[float], rules: list[float]) -> list[list[int]]:
    """Return the numbers of the rows, with each row that continues the row before in its group.

    The rows above the first rule are one header if there is only one rule between the rows.
    """
    pitches = [below - above for above, below in pairwise(bases)]
    usual = median(pitches)
    groups = [[0]]
    for number, pitch in enumerate(pitches, 1):
        in_header = len(rules) == 1 and bases[number] < rules[0] and number < _MIN_ROWS
        if in_header or _is_continuation(cells[number], is_near=pitch < _CONTINUED_PITCH * usual):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


def _is_continuation(cells: _Cells, *, is_near: bool) -> bool:
    texts = [cell for cell in cells if cell]
    return not cells[0] and (is_near or all(text[0].islower() for text in texts))


def _join_rows(rows: list[_Cells]) -> _Cells:
    return ["\n".join(filter(None, cells)) for cells in zip(*rows, strict=True)]


def _merge_columns(rows: list[_Cells]) -> list[_Cells]:
    """Return rows in which neighbouring columns are one if no row fills both, such as a header beside its values."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    merged = [columns[0]]
    for column in columns[1:]:
        if any(left and right for left, right in zip(merged[-1], column, strict=True)):
            merged.append(column)
        else:
            merged[-1] = [left or right for left, right in zip(merged[-1], column, strict=True)]
    return [list(row) for row in zip(*merged, strict=True)]
