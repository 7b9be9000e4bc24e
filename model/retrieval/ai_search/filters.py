"""A request's filter in the two forms that AI Search takes it in: an object, or the condition of a WHERE clause."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError
from .columns import INTEGER_TYPES, ColumnMapping

Conditions = dict[str, list[Any]]
"""Column → values, of which a row has any; of several columns a row fits all."""


def build_conditions(filter_values: Mapping[str, Any], layout: ColumnMapping, types: Mapping[str, str]) -> Conditions:
    """What the filter ``wanted`` asks of the columns, which are of these ``types``.

    Raises InvalidRequestError for a field that the index has no column for.
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
    """The one column that all of ``values``, each as name=value, are about."""
    names = {value.partition("=")[0] for value in values}
    if len(names) > 1:
        raise InvalidRequestError("filter.tag: expected values of one name; ask for those of another one by one")
    if not names <= set(tags):
        raise InvalidRequestError(f"filter.tag: expected name=value, where name is one of {', '.join(tags)}")
    return next(iter(names), "")


def _convert_values(values: Sequence[Any], kind: str) -> Iterator[Any]:
    """The values as the column has them; what cannot be one is left out, since no row has it."""
    for value in values:
        if kind == "boolean":
            yield from [value == "true"] * (value in {"true", "false"})
        elif kind not in INTEGER_TYPES:
            yield str(value)
        elif str(value).removeprefix("-").isdecimal():
            yield int(value)


def format_as_object(conditions: Conditions) -> dict[str, str]:
    """As a standard endpoint takes it."""
    return {"filters_json": json.dumps(conditions, ensure_ascii=False)} if conditions else {}


def format_as_clause(conditions: Conditions) -> dict[str, str]:
    """As a storage-optimised endpoint takes it. Raises InvalidRequestError for what cannot be quoted for sure."""
    clauses = [f"{column} IN ({', '.join(map(_quote, values))})" for column, values in conditions.items()]
    return {"filter_string": " AND ".join(clauses)} if conditions else {}


def _quote(value: Any) -> str:  # a whole number, a truth value or a text
    if not isinstance(value, str):
        return json.dumps(value)
    if "\\" in value or not value.isprintable():  # whether a backslash escapes what follows is told nowhere
        raise InvalidRequestError("filter: this index takes no backslash and no control character in a value")
    return "'" + value.replace("'", "''") + "'"
