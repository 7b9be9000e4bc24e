"""The ledger of a batch: what is known of each row, so that none is paid twice.

A row's answer is written here as it comes, and moves into a part of the output later. SQLite with a write-ahead log
survives the end of the process at any moment.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import ServingError
from .counts import BatchTotals

_TABLES = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rows (
  key TEXT PRIMARY KEY, request_hash TEXT NOT NULL, version TEXT NOT NULL, code TEXT NOT NULL, cost REAL NOT NULL,
  tokens INTEGER NOT NULL, seconds REAL NOT NULL, part INTEGER NOT NULL, answer BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rows_by_part ON rows (part);
CREATE TABLE IF NOT EXISTS replaced (part INTEGER NOT NULL, key TEXT NOT NULL);
"""
_PENDING = 0
"""The part of rows that are in none yet."""
LOCK_FILE, DATABASE_FILE = "lock", "ledger.db"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a row.

    Attributes:
        key: The row's key, as JSON.
        request_hash: SHA-256 of the row's request.
        version: The version that answered.
        code: Code of the first error; empty when all stages answered.
        cost: US dollars, as far as prices are known.
        tokens: Tokens sent and received.
        seconds: Duration of the stages.
        output: The row of the output, as JSON.
    """

    key: str
    request_hash: str
    version: str
    code: str
    cost: float
    tokens: int
    seconds: float
    output: dict[str, Any]


class Ledger:
    """The ledger in a folder. Open it with ``open_ledger``."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / DATABASE_FILE, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def read_fact(self, name: str) -> str:
        """Return what is noted of the batch under a name; empty when nothing is."""
        row = self._database.execute("SELECT value FROM facts WHERE name = ?", [name]).fetchone()
        return str(row[0]) if row else ""

    def write_facts(self, **facts: str) -> None:
        """Note facts of the batch by name."""
        self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", list(facts.items()))

    def find_state(self, key: str) -> tuple[str, str, str] | None:
        """Return a row's request hash, version and error code; None when the row was not answered."""
        query = "SELECT request_hash, version, code FROM rows WHERE key = ?"
        row = self._database.execute(query, [key]).fetchone()
        return None if row is None else (str(row[0]), str(row[1]), str(row[2]))

    def record(self, answers: Iterable[Answer]) -> None:
        """Write the answers to rows, in one transaction. An earlier answer to a row is replaced."""
        with self._transaction():
            for answer in answers:
                self._database.execute(
                    "INSERT INTO replaced SELECT part, key FROM rows WHERE key = ? AND part > 0", [answer.key]
                )
                text = zlib.compress(json.dumps(answer.output, ensure_ascii=True).encode(), 1)
                self._database.execute(
                    "INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        answer.key,
                        answer.request_hash,
                        answer.version,
                        answer.code,
                        answer.cost,
                        answer.tokens,
                        answer.seconds,
                        _PENDING,
                        text,
                    ],
                )

    def read_pending(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the keys and output rows of at most ``count`` answers that are in no part yet."""
        rows = self._database.execute("SELECT key, answer FROM rows WHERE part = 0 LIMIT ?", [count]).fetchall()
        return [(str(key), json.loads(zlib.decompress(answer))) for key, answer in rows]

    def count_pending(self) -> int:
        """Return the number of answers that are in no part yet."""
        return int(self._database.execute("SELECT count(*) FROM rows WHERE part = 0").fetchone()[0])

    def note_part(self, part: int, keys: Sequence[str]) -> None:
        """Note that the answers to rows are in a part, which is written."""
        with self._transaction():
            self._database.executemany(
                "UPDATE rows SET part = ?, answer = NULL WHERE key = ?", [(part, key) for key in keys]
            )

    def list_parts(self) -> set[int]:
        """Return the numbers of the parts that contain answers, also replaced ones."""
        rows = self._database.execute("SELECT part FROM rows WHERE part > 0 UNION SELECT part FROM replaced")
        return {int(part) for (part,) in rows}

    def last_part(self) -> int:
        """Return the largest number of a part; 0 when there is none."""
        query = "SELECT max(part) FROM (SELECT max(part) AS part FROM rows UNION SELECT max(part) FROM replaced)"
        return int(self._database.execute(query).fetchone()[0] or 0)

    def list_replaced(self) -> dict[int, set[str]]:
        """Return the keys of answers that are still in a part although a later answer replaces them, by part."""
        replaced: dict[int, set[str]] = {}
        for part, key in self._database.execute("SELECT part, key FROM replaced"):
            replaced.setdefault(int(part), set()).add(str(key))
        return replaced

    def forget_replaced(self, part: int) -> None:
        """Note that a part contains no replaced answer any more."""
        self._database.execute("DELETE FROM replaced WHERE part = ?", [part])

    def total(self) -> BatchTotals:
        """Return sums over all rows."""
        row = self._database.execute(
            "SELECT count(*), coalesce(sum(code != ''), 0), coalesce(sum(cost), 0), coalesce(sum(tokens), 0), "
            "coalesce(sum(seconds), 0) FROM rows"
        ).fetchone()
        return BatchTotals(int(row[0]), int(row[1]), float(row[2]), int(row[3]), float(row[4]))

    def count_failures(self) -> list[tuple[str, int]]:
        """Return the error codes of failed rows with their numbers, the most frequent one first."""
        rows = self._database.execute(
            "SELECT code, count(*) FROM rows WHERE code != '' GROUP BY code ORDER BY count(*) DESC, code"
        )
        return [(str(code), int(number)) for code, number in rows]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


@contextmanager
def lock_target(folder: Path) -> Iterator[None]:
    """Keep other runs out of a target, whose ledger is in a folder, which is made when it is absent.

    Raises:
        ServingError: Another run writes to the same target, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ServingError(f"cannot make the folder {folder} ({error.strerror}); give another --out") from None
    try:
        with FileLock(folder / LOCK_FILE, timeout=0):
            yield
    except Timeout:
        raise ServingError(f"another run writes to {folder.parent}; wait for its end, or give another --out") from None


@contextmanager
def open_ledger(folder: Path) -> Iterator[Ledger]:
    """Open the ledger in a folder, which is made when it is absent; no other process may have it open.

    Raises:
        ServingError: Another run writes to the same target, or the ledger cannot be opened.
    """
    with lock_target(folder):
        try:
            ledger = Ledger(folder)
        except sqlite3.DatabaseError as error:
            kind = type(error).__name__
            raise ServingError(
                f"the ledger {folder / DATABASE_FILE} cannot be opened ({kind}); restore it, or give another --out"
            ) from None
        try:
            yield ledger
        finally:
            ledger.close()
