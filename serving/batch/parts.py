"""Write the output of a batch: parts in a folder, or one file."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..doors.described_stage import DescribedStage, FieldDeclaration
from ..errors import ServingError
from .ledger import Ledger
from .mapping import to_key
from .source import SUFFIXES

OutputRow = dict[str, Any]
LEDGER_FOLDER = "_ledger"
PART_ROWS = 500
"""Rows of a part."""
_PART_NAME = "part-{number:06}"
_SIMPLE_TYPES = {
    "text": pa.string(),
    "image": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}
USAGE_FIELDS = ("input_tokens", "output_tokens", "images")


@dataclass(frozen=True, slots=True)
class Output:
    """Where the output goes, and in which kind of files.

    Attributes:
        target: The folder or file.
        suffix: Kind of the files.
        is_file: Whether the output is one file.
    """

    target: Path
    suffix: str
    is_file: bool

    @property
    def ledger_folder(self) -> Path:
        """The folder of the ledger."""
        return self.target.parent / LEDGER_FOLDER / self.target.name if self.is_file else self.target / LEDGER_FOLDER

    @property
    def part_folder(self) -> Path:
        """The folder of the parts."""
        return self.ledger_folder / "parts" if self.is_file else self.target

    def part_file(self, number: int) -> Path:
        """Return the file of a part."""
        return self.part_folder / f"{_PART_NAME.format(number=number)}{self.suffix}"


def choose_output(target: Path, source_suffix: str) -> Output:
    """Return the output for a target: one file when it ends in a known suffix, else a folder of the source's kind.

    Raises:
        ServingError: The target is there and is no output of a batch.
    """
    if target.suffix in SUFFIXES:
        output = Output(target, target.suffix, is_file=True)
    else:
        output = Output(target, source_suffix, is_file=False)
    is_foreign = target.is_file() if output.is_file else target.is_dir() and any(target.iterdir())
    if is_foreign and not output.ledger_folder.is_dir():
        raise ServingError(f"{target} is there and is no output of a batch; give another --out")
    return output


def make_schema(stages: Sequence[DescribedStage], key_column: str, key_type: pa.DataType) -> pa.Schema:
    """Return the schema of the output.

    Args:
        stages: The version's stages, each of which becomes a column.
        key_column: Name of the key.
        key_type: Type of the key.
    """
    usage = pa.struct([(name, pa.int64()) for name in USAGE_FIELDS])
    return pa.schema(
        [
            (key_column, key_type),
            ("request", pa.string()),
            *((stage.name, _make_struct(stage.outputs)) for stage in stages),
            ("error", pa.string()),
            ("usage", usage),
            ("cost", pa.float64()),
            ("version", pa.string()),
            ("seconds", pa.float64()),
        ]
    )


class PartWriter:
    """Moves answers from the ledger into parts, each of which is complete when it appears under its name."""

    def __init__(self, output: Output, ledger: Ledger, schema: pa.Schema) -> None:
        self._output, self._ledger, self._schema = output, ledger, schema
        self._key_column = schema.names[0]
        output.part_folder.mkdir(parents=True, exist_ok=True)

    def repair(self) -> None:
        """Remove what a killed run has left: parts that the ledger does not know, and unfinished files."""
        noted_files = {self._output.part_file(number) for number in self._ledger.list_parts()}
        for file in self._output.part_folder.glob("*part-*"):
            if file not in noted_files:
                file.unlink()
        self._remove_replaced()

    def write_pending(self, *, at_least: int = PART_ROWS) -> None:
        """Write parts while the ledger has ``at_least`` answers that are in none."""
        while self._ledger.count_pending() >= max(at_least, 1):
            rows = self._ledger.read_pending(PART_ROWS)
            number = self._ledger.last_part() + 1
            self._write(self._output.part_file(number), (row for _, row in rows))
            self._ledger.note_part(number, [key for key, _ in rows])
            self._remove_replaced()

    def finish(self) -> None:
        """Write all answers; where the output is one file, join the parts in it."""
        self.write_pending(at_least=1)
        if self._output.is_file:
            files = [self._output.part_file(number) for number in sorted(self._ledger.list_parts())]
            self._write(self._output.target, (row for file in files for row in self._read(file)))

    def _remove_replaced(self) -> None:
        for number, keys in self._ledger.list_replaced().items():
            file = self._output.part_file(number)
            if file.is_file():
                rows = [row for row in self._read(file) if to_key(row[self._key_column]) not in keys]
                if rows:
                    self._write(file, rows)
                else:
                    file.unlink()
            self._ledger.forget_replaced(number)

    def _write(self, file: Path, rows: Iterable[OutputRow]) -> None:
        unfinished = file.with_name(f".{file.name}")
        try:
            _WRITERS[self._output.suffix](unfinished, rows, self._schema)
            unfinished.replace(file)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise ServingError(
                f"cannot write {file} ({error.strerror}); nothing is lost, and the same command goes on"
            ) from None

    def _read(self, file: Path) -> Iterator[OutputRow]:
        return _READERS[self._output.suffix](file, self._schema)


def _make_struct(fields: Sequence[FieldDeclaration]) -> pa.DataType:
    return pa.struct([(field["name"], _make_type(field)) for field in fields])


def _make_type(field: FieldDeclaration) -> pa.DataType:
    entries = field.get("fields", ())
    match field["kind"]:
        case "object":
            return _make_struct(entries)
        case "list":
            return pa.list_(_make_struct(entries) if entries else pa.string())
    return _SIMPLE_TYPES[field["kind"]]


def _write_parquet(file: Path, rows: Iterable[OutputRow], schema: pa.Schema) -> None:
    with pq.ParquetWriter(file, schema) as writer:
        for group in _group(rows):
            writer.write_table(pa.Table.from_pylist(group, schema))


def _write_csv(file: Path, rows: Iterable[OutputRow], schema: pa.Schema) -> None:
    """Write rows as CSV, in which structs are JSON."""
    with file.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(schema.names)
        for row in rows:
            values = [row[name] for name in schema.names]
            writer.writerow(
                json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value for value in values
            )


def _write_json_lines(file: Path, rows: Iterable[OutputRow], _schema: pa.Schema) -> None:
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _read_parquet(file: Path, _schema: pa.Schema) -> Iterator[OutputRow]:
    with pq.ParquetFile(file) as table:
        for batch in table.iter_batches(PART_ROWS):
            yield from batch.to_pylist()


def _read_csv(file: Path, schema: pa.Schema) -> Iterator[OutputRow]:
    csv.field_size_limit(2**31 - 1)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            yield {name: _read_cell(row[name], schema.field(name).type) for name in schema.names}


def _read_cell(text: str, kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return text
    return json.loads(text)


def _read_json_lines(file: Path, _schema: pa.Schema) -> Iterator[OutputRow]:
    with file.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _group(rows: Iterable[OutputRow]) -> Iterator[list[OutputRow]]:
    group: list[OutputRow] = []
    for row in rows:
        group.append(row)
        if len(group) == PART_ROWS:
            yield group
            group = []
    if group:
        yield group


_WRITERS: Mapping[str, Callable[[Path, Iterable[OutputRow], pa.Schema], None]] = {
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
}
_READERS: Mapping[str, Callable[[Path, pa.Schema], Iterator[OutputRow]]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
}
