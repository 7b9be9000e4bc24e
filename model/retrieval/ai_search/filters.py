"""A request's filter in the two forms that AI Search takes it in: an object, or the condition of a WHERE clause."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import InvalidRequestError
from .columns import WHOLE, Layout

Conditions = dict[str, list[Any]]
"""Column → values, of which a row has any; of several columns a row fits all."""


def conditions(wanted: Mapping[str, Any], layout: Layout, types: Mapping[str, str]) -> Conditions:
    """What the filter ``wanted`` asks of the columns, which are of these ``types``.

    Raises InvalidRequestError for a field that the index has no column for.
    """
    return dict(_condition(field, told, layout, types) for field, told in wanted.items())


def _condition(field: str, told: Any, layout: Layout, types: Mapping[str, str]) -> tuple[str, list[Any]]:
    if field not in layout.narrowed_by:
        known = ", ".join(layout.narrowed_by)
        raise InvalidRequestError(f"filter.{field}: the index has no column for it; it can be narrowed by {known}")
    values = told if isinstance(told, list) else [told]
    column = layout.columns[field] if field != "tag" else _tag(values, layout.tags)
    plain = values if field != "tag" else [value.partition("=")[2] for value in values]
    return column, list(_typed(plain, types.get(column, "")))


def _tag(values: Sequence[str], tags: Sequence[str]) -> str:
    """The one column that all of ``values``, each as name=value, are about."""
    names = {value.partition("=")[0] for value in values}
    if len(names) > 1:
        raise InvalidRequestError("filter.tag: expected values of one name; ask for those of another one by one")
    if not names <= set(tags):
        raise InvalidRequestError(f"filter.tag: expected name=value, where name is one of {', '.join(tags)}")
    return next(iter(names), "")


def _typed(values: Sequence[Any], kind: str) -> Iterator[Any]:
    """The values as the column has them; what cannot be one is left out, since no row has it."""
    for value in values:
        if kind == "boolean":
            yield from [value == "true"] * (value in {"true", "false"})
        elif kind not in WHOLE:
            yield str(value)
        elif str(value).removeprefix("-").isdecimal():
            yield int(value)


def as_object(asked: Conditions) -> dict[str, str]:
    """As a standard endpoint takes it."""
    return {"filters_json": json.dumps(asked, ensure_ascii=False)} if asked else {}


def as_clause(asked: Conditions) -> dict[str, str]:
    """As a storage-optimised endpoint takes it. Raises InvalidRequestError for what cannot be quoted for sure."""
    clauses = [f"{column} IN ({', '.join(map(_literal, values))})" for column, values in asked.items()]
    return {"filter_string": " AND ".join(clauses)} if asked else {}


def _literal(value: Any) -> str:  # a whole number, a truth value or a text
    if not isinstance(value, str):
        return json.dumps(value)
    if "\\" in value or not value.isprintable():  # whether a backslash escapes what follows is told nowhere
        raise InvalidRequestError("filter: this index takes no backslash and no control character in a value")
    return "'" + value.replace("'", "''") + "'"
