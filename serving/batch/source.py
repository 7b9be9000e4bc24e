"""Read the rows of a table: Parquet, CSV, JSON lines, a folder of one of them, or a Delta table."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ServingError

Row = dict[str, Any]
SUFFIXES = (".parquet", ".csv", ".jsonl")
_BATCH_ROWS = 1_000
_MAX_CELL = 2**31 - 1
_DELTA_LOG = "_delta_log"


@dataclass(frozen=True, slots=True)
class Source:
    """A table.

    Attributes:
        path: The file or folder.
        suffix: Kind of its files: one of SUFFIXES.
        files: Its files, in order; empty for a Delta table.
        columns: Names of its columns.
    """

    path: Path
    suffix: str
    files: Sequence[Path]
    columns: Sequence[str]

    def read_rows(self, columns: Sequence[str] | None = None) -> Iterator[Row]:
        """Yield the rows, with some of their columns; an absent value is None.

        Args:
            columns: Names of the columns; None for all.

        Raises:
            ServingError: A file cannot be read, or lacks a column that the first one has.
        """
        if not self.files:
            yield from _read_batches(_open_delta(self.path).to_batches(columns=list(columns) if columns else None))
            return
        for file in self.files:
            try:
                yield from _READERS[self.suffix](file, columns or self.columns)
            except (OSError, ValueError, KeyError, csv.Error, pa.ArrowException) as error:
                raise ServingError(
                    f"cannot read {file} ({type(error).__name__}); check that it is whole, and that it has the columns "
                    f"{', '.join(columns or self.columns)}"
                ) from None


def open_source(path: Path) -> Source:
    """Open a table.

    Args:
        path: A file, a folder of files of one kind, or a Delta table.

    Returns:
        The table.

    Raises:
        ServingError: There is nothing at ``path`` that can be read as a table.
    """
    if (path / _DELTA_LOG).is_dir():
        return Source(path, ".parquet", [], _open_delta(path).schema.names)
    if not path.exists():
        raise ServingError(f"there is no {path}; a table of Spark's catalog needs --spark")
    files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES) if path.is_dir() else [path]
    suffixes = {file.suffix for file in files}
    if len(suffixes) != 1 or not suffixes <= set(SUFFIXES):
        raise ServingError(
            f"{path} is no table; expected a file that ends in {', '.join(SUFFIXES)}, a folder of files of one of "
            "these kinds, or a Delta table"
        )
    (suffix,) = suffixes
    try:
        columns = _COLUMN_READERS[suffix](files[0])
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        raise ServingError(f"cannot read {files[0]} ({type(error).__name__}); check that it is whole") from None
    return Source(path, suffix, files, columns)


def _open_delta(path: Path) -> Any:
    """Return a Delta table as a dataset of pyarrow."""
    try:
        from deltalake import DeltaTable  # of the extra "delta"
    except ImportError:
        raise ServingError(
            f"{path} is a Delta table, which needs the package deltalake; pip install 'multichain[delta]'"
        ) from None
    return DeltaTable(str(path)).to_pyarrow_dataset()


def _read_batches(batches: Any) -> Iterator[Row]:
    for batch in batches:
        yield from batch.to_pylist()


def _read_parquet(file: Path, columns: Sequence[str]) -> Iterator[Row]:
    with pq.ParquetFile(file) as table:
        if not set(columns) <= set(table.schema_arrow.names):
            raise KeyError  # pyarrow leaves out what is not there
        yield from _read_batches(table.iter_batches(_BATCH_ROWS, columns=list(columns)))


def _read_csv(file: Path, columns: Sequence[str]) -> Iterator[Row]:
    csv.field_size_limit(_MAX_CELL)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {name: row[name] or None for name in columns}  # an empty cell is absent


def _read_json_lines(file: Path, columns: Sequence[str]) -> Iterator[Row]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                row = json.loads(line)
                yield {name: row.get(name) for name in columns}


def _list_csv_columns(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return next(csv.reader(lines), [])


def _list_json_columns(file: Path) -> list[str]:
    """Return the names in all lines, since a line may lack what is absent."""
    names: dict[str, None] = {}
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError
                names |= dict.fromkeys(row)
    return list(names)


_READERS = {".parquet": _read_parquet, ".csv": _read_csv, ".jsonl": _read_json_lines}
_COLUMN_READERS = {
    ".parquet": lambda file: pq.read_schema(file).names,
    ".csv": _list_csv_columns,
    ".jsonl": _list_json_columns,
}
