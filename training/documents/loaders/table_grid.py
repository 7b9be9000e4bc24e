"""Make a table of cells that cover several columns and rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from model.blocks import Block, make_table
from model.errors import DocumentError

MAX_COLUMNS = 500
_MAX_CELLS = 2_000_000
_TOO_MANY_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table: its text, and the columns and rows that it covers."""

    text: str
    columns: int = 1
    rows: int = 1


def parse_span(value: str) -> int:
    """Return the number of columns or rows that an attribute names; 1 where it names none, or more than 9,999."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < _TOO_MANY_DIGITS else 1


def make_grid_table(rows: Sequence[Sequence[Cell]], *, header_rows: int = 1, caption: str = "") -> Block:
    """Return a table of cells that may cover several rows and columns.

    A cell over several rows stands in each of them, so that each row says what it is about. A cell over several columns
    stands in the first of them, and in a header in each. A first row of one cell over the whole width is the caption.

    Args:
        rows: The cells of each row, without the places that a cell of an earlier row covers.
        header_rows: Number of rows whose cells name the columns.
        caption: Line above the table.

    Raises:
        DocumentError: The table has too many cells.
    """
    filled = [cells for cells in rows if cells]
    if len(filled) > header_rows and len(filled[0]) == 1 and filled[0][0].columns > 1:
        return make_grid_table(filled[1:], header_rows=header_rows, caption=f"{caption} {filled[0][0].text}".strip())
    header_rows = min(header_rows, len(filled))
    grid = _fill_grid(filled, header_rows)
    header = [" ".join(dict.fromkeys(filter(None, names))) for names in zip(*grid[:header_rows], strict=True)]
    return make_table(header, grid[header_rows:], caption)


def _fill_grid(rows: Sequence[Sequence[Cell]], header_rows: int) -> list[list[str]]:
    """Return the text at each place of a table, in rows of equal length."""
    covered: dict[tuple[int, int], str] = {}
    for row_number, cells in enumerate(rows):
        column = 0
        for cell in cells:
            while (row_number, column) in covered:
                column += 1
            width = max(1, min(cell.columns, MAX_COLUMNS - column))
            height = max(1, min(cell.rows, len(rows) - row_number))
            if len(covered) + width * height > _MAX_CELLS:
                raise DocumentError(f"a table has more than {_MAX_CELLS:,} cells; split it")
            for down in range(height):
                for right in range(width):
                    repeated = right == 0 or row_number < header_rows
                    covered[row_number + down, column + right] = cell.text if repeated else ""
            column += width
    columns = 1 + max((column for _, column in covered), default=0)
    return [[covered.get((row, column), "") for column in range(columns)] for row in range(len(rows))]
