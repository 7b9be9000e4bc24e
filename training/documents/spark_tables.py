"""Read tables of a Spark catalog, on a cluster or in a local session."""

import sys
from collections.abc import Iterator
from typing import Any

from model.errors import DocumentError

PREFIX = "table:"
"""Prefix of ``--documents`` that names a table."""
SUFFIX = ".table"
"""Suffix of a table's location, by which its loader is chosen."""


def table_name(source: str) -> str:
    """Return the table that ``source`` names, or an empty string when ``source`` names none.

    With the prefix ``table:`` any name counts. Without, the table must exist in the running Spark session.
    """
    if source.startswith(PREFIX):
        return source.removeprefix(PREFIX)
    session = _active_session()
    return source if session and "/" not in source and _table_exists(session, source) else ""


def read_rows(table: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table as dicts by column, starting a Spark session if needed.

    Nested rows and values of the type VARIANT are dicts and lists.

    Raises:
        DocumentError: pyspark is not installed, or the table does not exist or cannot be seen.
    """
    session = _active_session() or _start_session()
    if not _table_exists(session, table):
        raise DocumentError("the table does not exist, or you have no permission to read it")
    for row in session.table(table).toLocalIterator():
        yield {name: _convert_variant(value) for name, value in row.asDict(recursive=True).items()}


def _convert_variant(value: Any) -> Any:
    """Return a VARIANT as Python values, and any other value as it is."""
    return value.toPython() if type(value).__name__ == "VariantVal" else value


def _table_exists(session: Any, table: str) -> bool:  # a Spark session, classic or Connect
    try:
        return bool(session.catalog.tableExists(table))
    except Exception:  # noqa: BLE001 - Spark raises many classes for a name that it cannot parse
        return False


def _active_session() -> Any:
    """Return the Spark session of this process, or None. pyspark is not imported for this."""
    return sys.modules["pyspark.sql"].SparkSession.getActiveSession() if "pyspark.sql" in sys.modules else None


def _start_session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise DocumentError("a table needs pyspark, which is not installed; pip install -e '.[spark]'") from None
    return SparkSession.builder.getOrCreate()
