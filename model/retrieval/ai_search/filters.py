"""Translate a request's filter into the two forms of AI Search: an object, or the condition of a WHERE clause."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError
from .columns import INTEGER_TYPES, ColumnMapping

Conditions = dict[str, list[Any]]
"""Column → values. A row matches a column when it has any of the values, and the filter when it matches all columns."""


def build_conditions(filter_values: Mapping[str, Any], layout: ColumnMapping, types: Mapping[str, str]) -> Conditions:
    """Return the conditions of a filter.

    Args:
        filter_values: Values by filter field.
        layout: Columns of the index.
        types: SQL type of each column.

    Returns:
        Values by column; an empty list when no row can have any of the values.

    Raises:
        InvalidRequestError: The index has no column for a field.
    """
    return dict(_build_condition(field, value, layout, types) for field, value in filter_values.items())


def _build_condition(
    field: str, wanted_value: Any, layout: ColumnMapping, types: Mapping[str, str]
) -> tuple[str, list[Any]]:
    if field not in layout.filter_fields:
        names = ", ".join(layout.filter_fields)
        raise InvalidRequestError(f"filter.{field}: the index has no column for it; it can be narrowed by {names}")
    values = wanted_value if isinstance(wanted_value, list) else [wanted_value]
    column = layout.columns[field] if field != "tag" else _tag_column(values, layout.tags)
    plain = values if field != "tag" else [value.partition("=")[2] for value in values]
    return column, list(_convert_values(plain, types.get(column, "")))


def _tag_column(values: Sequence[str], tags: Sequence[str]) -> str:
    """Return the one column that all of ``values``, each as name=value, are about."""
    names = {value.partition("=")[0] for value in values}
    if len(names) > 1:
        raise InvalidRequestError("filter.tag: expected values of one name; ask for those of another one by one")
    if not names <= set(tags):
        raise InvalidRequestError(f"filter.tag: expected name=value, where name is one of {', '.join(tags)}")
    return next(iter(names), "")


def _convert_values(values: Sequence[Any], kind: str) -> Iterator[Any]:
    """Yield the values in the column's type; a value that cannot be converted is left out, since no row has it."""
    for value in values:
        if kind == "boolean":
            yield from [value == "true"] * (value in {"true", "false"})
        elif kind not in INTEGER_TYPES:
            yield str(value)
        elif str(value).removeprefix("-").isdecimal():
            yield int(value)


def format_as_object(conditions: Conditions) -> dict[str, str]:
    """Return the conditions as a standard endpoint takes them."""
    return {"filters_json": json.dumps(conditions, ensure_ascii=False)} if conditions else {}


def format_as_clause(conditions: Conditions) -> dict[str, str]:
    """Return the conditions as a storage-optimised endpoint takes them.

    Raises:
        InvalidRequestError: A value cannot be quoted safely.
    """
    clauses = [f"{column} IN ({', '.join(map(_quote, values))})" for column, values in conditions.items()]
    return {"filter_string": " AND ".join(clauses)} if conditions else {}


def _quote(value: Any) -> str:  # a whole number, a truth value or a text
    if not isinstance(value, str):
        return json.dumps(value)
    if "\\" in value or not value.isprintable():  # no documentation says whether a backslash escapes
        raise InvalidRequestError("filter: this index takes no backslash and no control character in a value")
    return "'" + value.replace("'", "''") + "'"
