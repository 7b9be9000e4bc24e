"""Make a request of a row: which column is which field of which stage."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from ..doors.described_stage import DescribedStage
from ..errors import ServingError
from ..targets import Request

_ENTRY = re.compile(r"(?P<stage>[\w-]+)\.(?P<field>\w+)=(?P<value>.+)", re.DOTALL)
_REFERENCE = re.compile(r"\{[\w-]+\.\w+\}")
_OUTPUT_COLUMNS = ("request", "error", "usage", "cost", "version", "seconds")
KEY_COLUMN = "key"
"""Name of the key where it is a hash of the row's request."""
KEY_LENGTH = 16
"""Hexadecimal digits of such a key."""


@dataclass(frozen=True, slots=True)
class FieldSource:
    """Where a field's value comes from: a column, or a text for all rows, such as ``A diagram of: {qa.answer}``."""

    stage: str
    field: str
    column: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class RowMapping:
    """How a row becomes a request.

    Attributes:
        sources: Where each field's value comes from.
        needed: The field without which a stage is absent, by stage; empty for a stage that needs none.
    """

    sources: Sequence[FieldSource]
    needed: Mapping[str, str]

    @property
    def columns(self) -> list[str]:
        """The columns that the requests are made of."""
        return list(dict.fromkeys(source.column for source in self.sources if source.column))

    def make_request(self, row: Mapping[str, Any]) -> Request:
        """Return the request of a row; a stage whose needed field is absent is not in it."""
        request: Request = {}
        for source in self.sources:
            value = source.text or _to_json(row.get(source.column))
            if value is not None:
                request.setdefault(source.stage, {})[source.field] = value
        return {
            stage: values for stage, values in request.items() if not self.needed[stage] or self.needed[stage] in values
        }

    def describe(self) -> str:
        """Return the mapping in words, for comparison with that of another run."""
        return ", ".join(
            sorted(f"{source.stage}.{source.field}={source.column or source.text}" for source in self.sources)
        )


def make_mapping(stages: Sequence[DescribedStage], columns: Sequence[str], entries: Sequence[str]) -> RowMapping:
    """Return the mapping of a table's columns to the fields of a version's stages.

    Args:
        stages: The stages.
        columns: The table's columns.
        entries: ``STAGE.FIELD=COLUMN``; a text with a reference such as ``{qa.answer}`` stands for itself.

    Returns:
        The mapping: the entries, and each further column that has the name of a field.

    Raises:
        ServingError: An entry names a stage, a field or a column that is not there, a column has the name of fields of
            several stages, or no column is mapped.
    """
    fields = {stage.name: [str(field["name"]) for field in stage.inputs] for stage in stages}
    sources = [_parse_entry(entry, fields, columns) for entry in entries]
    mapped = {(source.stage, source.field) for source in sources} | {source.column for source in sources}
    for column in columns:
        stages_with_field = [stage for stage, names in fields.items() if column in names]
        if column in mapped or not stages_with_field:
            continue
        if len(stages_with_field) > 1:
            choices = " or ".join(f"--map {stage}.{column}={column}" for stage in stages_with_field)
            raise ServingError(f"the column {column} is a field of several stages; say {choices}")
        if (stages_with_field[0], column) not in mapped:
            sources.append(FieldSource(stages_with_field[0], column, column))
    if not sources:
        main = ", ".join(f"{stage.name}.{stage.main_input}" for stage in stages if stage.main_input)
        raise ServingError(
            f"no column is a field of the version's stages; the table has {', '.join(columns)}; map them to {main} "
            "with --map STAGE.FIELD=COLUMN"
        )
    return RowMapping(sources, {stage.name: stage.main_input for stage in stages})


def check_key_column(column: str, columns: Sequence[str], stages: Sequence[DescribedStage]) -> None:
    """Check that a table has the key column, where one is named, and that the output has no other one of that name.

    Args:
        column: The key column; empty for a hash of the request.
        columns: The table's columns.
        stages: The version's stages, each of which is a column of the output.

    Raises:
        ServingError: The table has none of that name, or the output has one.
    """
    if column and column not in columns:
        raise ServingError(f"--key {column}: the table has no such column; its columns are {', '.join(columns)}")
    if column in {*_OUTPUT_COLUMNS, *(stage.name for stage in stages)}:
        raise ServingError(f"--key {column}: a column of the output has this name; rename the key column")


def hash_request(request: Request) -> str:
    """Return the SHA-256 of a request."""
    return sha256(json.dumps(request, sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def make_key(row: Mapping[str, Any], column: str, request_hash: str) -> str:
    """Return a row's key as JSON: the value of its key column, or the beginning of its request's hash.

    Raises:
        ServingError: The row has no key.
    """
    value = _to_json(row.get(column)) if column else request_hash[:KEY_LENGTH]
    if value is None:
        raise ServingError(f"a row has no value in the key column {column}; give another --key, or none")
    return to_key(value)


def to_key(value: object) -> str:
    """Return the value of a key column as the ledger's key, which is JSON."""
    return json.dumps(value, ensure_ascii=False)


def _parse_entry(entry: str, fields: Mapping[str, Sequence[str]], columns: Sequence[str]) -> FieldSource:
    match = _ENTRY.fullmatch(entry)
    if not match:
        raise ServingError(f"--map {entry}: expected STAGE.FIELD=COLUMN")
    stage, field, value = match["stage"], match["field"], match["value"]
    if field not in fields.get(stage, ()):
        field_names = ", ".join(f"{name}.{each}" for name, names in fields.items() for each in names)
        raise ServingError(f"--map {entry}: the version has no field {stage}.{field}; its fields are {field_names}")
    if value in columns:
        return FieldSource(stage, field, value)
    if _REFERENCE.search(value):
        return FieldSource(stage, field, "", value)
    raise ServingError(f"--map {entry}: the table has no column {value}; its columns are {', '.join(columns)}")


def _to_json(value: Any) -> Any:  # noqa: PLR0911 - one for each type
    """Return a value of a table as JSON has it; None for what means nothing."""
    match value:
        case float() if value != value:  # noqa: PLR0124 - NaN
            return None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "replace")
        case dict():
            entries = {str(name): _to_json(entry) for name, entry in value.items()}
            return {name: entry for name, entry in entries.items() if entry is not None} or None
        case list():
            return [_to_json(entry) for entry in value]
    return value
