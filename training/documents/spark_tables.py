"""Tables of a Spark catalog as places to read from: on a cluster, and wherever a session runs."""

import sys
from collections.abc import Iterator
from typing import Any

from model.errors import DocumentError

PREFIX = "table:"
SUFFIX = ".table"
"""The kind of place that a table is."""


def named(given: str) -> str:
    """The table that ``given`` names: with the prefix, or, where a Spark session runs, by its name; else empty."""
    if given.startswith(PREFIX):
        return given.removeprefix(PREFIX)
    session = _running()
    return given if session and "/" not in given and _exists(session, given) else ""


def rows(table: str) -> Iterator[dict[str, Any]]:
    """The rows of ``table``. Raises DocumentError when it cannot be read."""
    session = _running() or _started()
    if not _exists(session, table):
        raise DocumentError("there is no such table, or it may not be read")
    yield from (row.asDict(recursive=True) for row in session.table(table).toLocalIterator())


def _exists(session: Any, table: str) -> bool:  # a Spark session, classic or Connect
    try:
        return bool(session.catalog.tableExists(table))
    except Exception:  # noqa: BLE001 - a name that Spark cannot parse raises classes of its own
        return False


def _running() -> Any:
    """The session of this process, if Spark is in use here."""
    return sys.modules["pyspark.sql"].SparkSession.getActiveSession() if "pyspark.sql" in sys.modules else None


def _started() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise DocumentError("a table needs pyspark, which is not installed; pip install -e '.[spark]'") from None
    return SparkSession.builder.getOrCreate()
