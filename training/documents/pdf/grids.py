"""Find the tables of a page whose cells are bounded by rules."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from .characters import Word, group_rows
from .rules import PageGraphics, Rule

_MAX_RULES = 400
"""Largest number of rules in one direction. Every horizontal rule is compared with every vertical one."""
_SLACK = 2.0
_MIN_EDGES = 2
"""Edges that a single row or column has; a table has more in both directions."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of rules.

    Attributes:
        columns: Places of the vertical rules from left to right.
        rows: Places of the horizontal rules from the top down.
        horizontal: Horizontal rules.
        vertical: Vertical rules.
    """

    columns: list[float]
    rows: list[float]
    horizontal: list[Rule]
    vertical: list[Rule]

    def contains(self, word: Word) -> bool:
        """Return whether a word lies in the table."""
        middle = word.base - word.size / 3
        return self.columns[0] <= word.middle <= self.columns[-1] and self.rows[0] <= middle <= self.rows[-1]

    def fill_cells(self, words: list[Word]) -> list[list[str]]:
        """Return the texts of the cells by row. The text of merged cells stands in the first of them."""
        cells: dict[tuple[int, int], list[Word]] = {}
        for word in words:
            cells.setdefault(self._locate_cell(word), []).append(word)
        texts = {position: _read_cell(cell) for position, cell in cells.items()}
        rows = range(len(self.rows) - 1)
        filled = [[texts.get((row, column), "") for column in range(len(self.columns) - 1)] for row in rows]
        return [row for row in filled if any(row)]

    def _locate_cell(self, word: Word) -> tuple[int, int]:
        middle = word.base - word.size / 3
        column = min(max(bisect_right(self.columns, word.middle) - 1, 0), len(self.columns) - 2)
        row = min(max(bisect_right(self.rows, middle) - 1, 0), len(self.rows) - 2)
        while column > 0 and not _has_rule(self.vertical, self.columns[column], middle):
            column -= 1
        while row > 0 and not _has_rule(self.horizontal, self.rows[row], word.middle):
            row -= 1
        return row, column


def find_grids(graphics: PageGraphics) -> list[Grid]:
    """Return the tables that the rules of a page form."""
    if max(len(graphics.horizontal), len(graphics.vertical)) > _MAX_RULES:
        return []
    grids = [_make_grid(horizontal, vertical) for horizontal, vertical in _connect_rules(graphics)]
    return [grid for grid in grids if min(len(grid.columns), len(grid.rows)) > _MIN_EDGES]


def _connect_rules(graphics: PageGraphics) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Yield the horizontal and vertical rules of each group in which every rule meets another."""
    open_vertical = set(range(len(graphics.vertical)))
    open_horizontal = set(range(len(graphics.horizontal)))
    while open_horizontal:
        horizontal, vertical, pending = [], [], [open_horizontal.pop()]
        while pending:
            rule = graphics.horizontal[pending.pop()]
            horizontal.append(rule)
            met = [number for number in open_vertical if _do_meet(rule, graphics.vertical[number])]
            open_vertical.difference_update(met)
            for crossing in (graphics.vertical[number] for number in met):
                vertical.append(crossing)
                next_rules = [n for n in open_horizontal if _do_meet(graphics.horizontal[n], crossing)]
                open_horizontal.difference_update(next_rules)
                pending.extend(next_rules)
        yield horizontal, vertical


def _do_meet(horizontal: Rule, vertical: Rule) -> bool:
    return horizontal.covers(vertical.at) and vertical.covers(horizontal.at)


def _make_grid(horizontal: list[Rule], vertical: list[Rule]) -> Grid:
    columns, rows = _list_positions(vertical), _list_positions(horizontal)
    return Grid(columns, rows, horizontal, vertical)


def _list_positions(rules: list[Rule]) -> list[float]:
    positions: list[float] = []
    for at in sorted(rule.at for rule in rules):
        if not positions or at - positions[-1] > _SLACK:
            positions.append(at)
    return positions


def _has_rule(rules: list[Rule], at: float, position: float) -> bool:
    return any(abs(rule.at - at) <= _SLACK and rule.covers(position) for rule in rules)


def _read_cell(words: list[Word]) -> str:
    return " ".join(word.text for row in group_rows(words) for word in row)
