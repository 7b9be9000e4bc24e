"""Read tables: CSV and TSV, workbooks, Parquet files and Spark tables. Each row becomes a document."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from model.blocks import flatten, make_paragraph
from model.errors import DocumentError

from .. import spark_tables
from ..document import Document
from .base import MAX_UNPACKED_BYTES, Loader, SourceFile, show_numbers
from .parsed_documents import find_parsed_column, read_parsed_rows
from .records import format_value, read_records

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50
_SEPARATOR_LINE = re.compile(r"sep=(.)\n", re.IGNORECASE)
_MAX_CELLS = 20_000_000
_MAX_COLUMNS = 2000
_BATCH_ROWS = 1000
_NUMBER = re.compile(r"[-+]?[\d.,' ]*\d[\d.,' ]*\s*(?:%|[€$£]|[A-Z]{3})?")
_MIN_HEADER_SHARE = 0.6
_HEADER_ROWS = 20
"""Rows at the start of a sheet among which the header is looked for."""


class DelimitedLoader(Loader):
    """Reads CSV and TSV."""

    kind = "CSV"
    suffixes = (".csv", ".tsv", ".tab")
    reads = "each row, with all columns; the delimiter, quotes, encoding and a line sep= are recognised"
    empty_reason = "the table contains no row below its header"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each row below the header."""
        rows = _read_rows(file.read_text(), file.location.suffix)
        yield from _load_sheet(file, rows, "")


class WorkbookLoader(Loader):
    """Reads workbooks of Excel and LibreOffice."""

    kind = "workbook"
    suffixes = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
    reads = "each row of each sheet, with all columns and the sheet's name; values of formulas"
    omits = "charts, comments, hidden sheets"
    packages = ("python-calamine",)
    empty_reason = "the workbook contains no row below a header"

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each row of each sheet."""
        calamine = self.import_package("python_calamine")
        if file.content.startswith(b"PK"):
            file.open_archive().close()
        try:
            workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(file.content))
        except calamine.PasswordError:
            raise DocumentError("the workbook is protected by a password; save it without one") from None
        number = 1
        for sheet in workbook.sheets_metadata:
            if sheet.typ != calamine.SheetTypeEnum.WorkSheet or sheet.visible != calamine.SheetVisibleEnum.Visible:
                file.notes.append(f"the sheet {sheet.name} is hidden or no table, and was passed over")
                continue
            rows = ([format_value(cell) for cell in row] for row in workbook.get_sheet_by_name(sheet.name).iter_rows())
            for document in _load_sheet(file, rows, sheet.name, number):
                yield document
                number = document.page + 1


class ParquetLoader(Loader):
    """Reads Parquet files."""

    kind = "Parquet"
    suffixes = (".parquet",)
    reads = "each row, with all columns; a column that ai_parse_document filled as in a table"
    packages = ("pyarrow",)

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each row."""
        yield from _load_rows(file, self._read_rows(file), self)

    def _read_rows(self, file: SourceFile) -> Iterator[Mapping[str, Any]]:
        """Yield the rows, in batches: a small file may say a value a million times.

        Raises:
            DocumentError: The table has too many cells, or its values too many bytes.
        """
        with self.import_package("pyarrow.parquet").ParquetFile(io.BytesIO(file.content)) as table:
            if table.metadata.num_rows * max(table.metadata.num_columns, 1) > _MAX_CELLS:
                raise DocumentError(f"the table has more than {_MAX_CELLS:,} cells; split it")
            size = 0
            for batch in table.iter_batches(_BATCH_ROWS):
                size += batch.nbytes
                if size > MAX_UNPACKED_BYTES:
                    raise DocumentError(f"the table's values have more than {MAX_UNPACKED_BYTES:,} bytes; split it")
                yield from batch.to_pylist()


class SparkTableLoader(Loader):
    """Reads tables of a Spark catalog."""

    kind = "table"
    suffixes = (spark_tables.SUFFIX,)
    reads = (
        "each row, with all columns, of a table that is named as table:NAME; "
        "the pages of each document in a column that ai_parse_document filled"
    )

    def load(self, file: SourceFile) -> Iterator[Document]:
        """Yield a document for each row."""
        yield from _load_rows(file, spark_tables.read_rows(file.location.source), self)


def _load_rows(file: SourceFile, rows: Iterable[Mapping[str, Any]], loader: Loader) -> Iterator[Document]:
    """Yield the documents that ``ai_parse_document`` read, where a column holds them, else a document for each row."""
    remaining = iter(rows)
    first = next(remaining, {})
    column = find_parsed_column(first)
    if column:
        yield from read_parsed_rows(file, chain([first], remaining), column, loader.import_package)
    elif first:
        yield from read_records(file, chain([first], remaining))


def _read_rows(text: str, suffix: str) -> Iterator[list[str]]:
    """Yield the rows of CSV or TSV, with the cells stripped."""
    separator = _SEPARATOR_LINE.match(text)
    body = text[separator.end() :] if separator else text
    previous = csv.field_size_limit(len(body) + 1)
    try:
        delimiter = separator[1] if separator else _choose_delimiter(body, "\t" if suffix != ".csv" else ",")
        for row in csv.reader(io.StringIO(body, newline=""), delimiter=delimiter, skipinitialspace=True):
            yield [cell.strip() for cell in row]
    finally:
        csv.field_size_limit(previous)


def _choose_delimiter(text: str, usual: str) -> str:
    """Return the delimiter that cuts the first lines into the same number of cells, more than one, most often."""
    sample = list(islice(io.StringIO(text), _SAMPLE_LINES))
    scores: dict[str, tuple[float, int]] = {}
    for delimiter in dict.fromkeys(usual + _DELIMITERS):
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter, skipinitialspace=True) if any(row)]
        if widths and widths[0] > 1:
            scores[delimiter] = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
    return max(scores, key=lambda delimiter: scores[delimiter], default=usual)


def _load_sheet(file: SourceFile, rows: Iterator[list[str]], sheet: str, first_number: int = 1) -> Iterator[Document]:
    """Yield a document for each row below the header, and one for the lines above the header."""
    numbered = ((number, row) for number, row in enumerate(rows, 1) if any(row))
    first_rows = list(islice(numbered, _HEADER_ROWS))
    position = _find_header([row for _, row in first_rows])
    above = [" ".join(filter(None, row)) for _, row in first_rows[:position]]
    if above:
        title = flatten(" ".join(above))
        sheet = f"{sheet} > {title}" if sheet else title
    if not first_rows:
        return
    names, has_header = _name_columns(first_rows[position][1])
    below = first_rows[position + 1 :] if has_header else first_rows[position:]
    records = _make_records(file, names, chain(below, numbered))
    if len(below) == 0 and above:
        yield file.make_document([make_paragraph("\n".join(above))], page=first_number)
    yield from read_records(file, records, sheet=sheet, first_number=first_number)


def _find_header(rows: Sequence[Sequence[str]]) -> int:
    """Return the position of the first row that is about as wide as the widest one."""
    widths = [sum(map(bool, row)) for row in rows]
    widest = max(widths, default=0)
    if widest <= 1:
        return 0
    return next(number for number, width in enumerate(widths) if width >= max(2, _MIN_HEADER_SHARE * widest))


def _name_columns(row: Sequence[str]) -> tuple[list[str], bool]:
    """Return the names of the columns, and whether the row is a header: no cell of it is a number."""
    filled = [cell for cell in row if cell]
    is_header = len(set(filled)) == len(filled) and not any(
        _NUMBER.fullmatch(cell) for cell in filled if not _is_year(cell)
    )
    if not is_header:
        return [f"column {number}" for number in range(1, len(row) + 1)], False
    return [flatten(cell) or f"column {number}" for number, cell in enumerate(row, 1)], True


def _is_year(cell: str) -> bool:
    return len(cell) == 4 and cell.startswith(("19", "20"))  # noqa: PLR2004 - digits of a year


def _make_records(
    file: SourceFile, names: list[str], rows: Iterator[tuple[int, list[str]]]
) -> Iterator[Mapping[str, Any]]:
    """Yield the rows by column; ragged rows are noted and kept.

    Raises:
        DocumentError: The table has too many cells or columns.
    """
    cells = 0
    ragged: list[int] = []
    for number, row in rows:
        cells += len(row)
        if cells > _MAX_CELLS or len(row) > _MAX_COLUMNS:
            raise DocumentError(f"the table has more than {_MAX_CELLS:,} cells or {_MAX_COLUMNS:,} columns; split it")
        if len(row) > len(names):
            ragged.append(number)
            names = [*names, *(f"column {extra}" for extra in range(len(names) + 1, len(row) + 1))]
        elif len(row) < len(names):
            ragged.append(number)
        yield dict(zip(names, row, strict=False))
    if ragged:
        file.notes.append(f"rows with another number of cells than the header: {show_numbers(ragged)}; they were kept")
