"""Tables of a Spark catalog as places to read from: on a cluster, and wherever a session runs."""

import sys
from collections.abc import Iterator
from typing import Any

from model.errors import DocumentError

PREFIX = "table:"
SUFFIX = ".table"
"""The kind of place that a table is."""


def table_name(source: str) -> str:
    """The table that ``given`` names: with the prefix, or, where a Spark session runs, by its name; else empty."""
    if source.startswith(PREFIX):
        return source.removeprefix(PREFIX)
    session = _active_session()
    return source if session and "/" not in source and _table_exists(session, source) else ""


def read_rows(table: str) -> Iterator[dict[str, Any]]:
    """The rows of ``table``. Raises DocumentError when it cannot be read."""
    session = _active_session() or _start_session()
    if not _table_exists(session, table):
        raise DocumentError("there is no such table, or it may not be read")
    yield from (row.asDict(recursive=True) for row in session.table(table).toLocalIterator())


def _table_exists(session: Any, table: str) -> bool:  # a Spark session, classic or Connect
    try:
        return bool(session.catalog.tableExists(table))
    except Exception:  # noqa: BLE001 - a name that Spark cannot parse raises classes of its own
        return False


def _active_session() -> Any:
    """The session of this process, if Spark is in use here."""
    return sys.modules["pyspark.sql"].SparkSession.getActiveSession() if "pyspark.sql" in sys.modules else None


def _start_session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise DocumentError("a table needs pyspark, which is not installed; pip install -e '.[spark]'") from None
    return SparkSession.builder.getOrCreate()
