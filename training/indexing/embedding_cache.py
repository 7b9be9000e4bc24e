"""Vectors that were made once, kept by what they are of, so that no text is paid for twice.

One SQLite file, shared by all builds of a folder and safe from several at once: model and the SHA-256 of a text →
its vector. What a killed or stopped build has embedded is there for the next one.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.errors import CommandError

FILE = "embeddings.db"
"""Its name, in the current folder."""
_TABLES = (
    "vectors (model TEXT, text TEXT, vector BLOB, PRIMARY KEY (model, text))",
    "holders (text TEXT, source TEXT, PRIMARY KEY (text, source)) WITHOUT ROWID",
)
"""A text's vectors, and the documents that it stands or stood in, so that a document can be forgotten."""
_SAME = 0.999
_MOST = 500  # parameters of one statement

Row = npt.NDArray[np.float32]


class Vectors:
    """The vectors of one embedding model in ``file``, which is made when the first is kept."""

    def __init__(self, file: Path, model: str) -> None:
        self._file, self._model = file, model

    def verify(self, probe: Row) -> None:
        """Forgets what is kept when another model of this name made it: ``probe``, its vector of a text, is another."""
        with _open(self._file) as store:
            query = "SELECT vector FROM vectors WHERE model = ? AND text = ''"
            kept = store.execute(query, [self._model]).fetchone()
            if kept is None or not same(np.frombuffer(kept[0], np.float32), probe):
                store.execute("DELETE FROM vectors WHERE model = ?", [self._model])
                store.execute(
                    "INSERT INTO vectors VALUES (?, '', ?)", [self._model, probe.astype(np.float32).tobytes()]
                )

    def kept(self, texts: Iterable[str]) -> dict[str, Row]:
        """Those of ``texts`` that have a vector, with it; shape (dimension,)."""
        named = {_name(text): text for text in texts}
        names = list(named)
        found: dict[str, Row] = {}
        if not self._file.exists():
            return found
        with _open(self._file) as store:
            for start in range(0, len(names), _MOST):
                some = names[start : start + _MOST]
                marks = ", ".join("?" * len(some))
                query = f"SELECT text, vector FROM vectors WHERE model = ? AND text IN ({marks})"  # noqa: S608 - marks
                for name, vector in store.execute(query, [self._model, *some]):
                    found[named[name]] = np.frombuffer(vector, np.float32)
        return found

    def keep(self, texts: Sequence[str], vectors: Row) -> None:
        """Keeps a row of ``vectors`` for each of ``texts``; shape (texts, dimension)."""
        rows = zip(texts, vectors, strict=True)
        entries = [(self._model, _name(text), row.tobytes()) for text, row in rows]
        with _open(self._file) as store:
            store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", entries)

    def hold(self, texts: Iterable[tuple[str, str]]) -> None:
        """Keeps which document each text stands in: pairs of text and source."""
        entries = [(_name(text), source) for text, source in texts]
        with _open(self._file) as store:
            store.executemany("INSERT OR IGNORE INTO holders VALUES (?, ?)", entries)


def forget(file: Path, sources: Iterable[str]) -> int:
    """Removes the vectors of all texts that only ``sources`` ever held, of every model; gives how many."""
    if not file.exists():
        return 0
    with _open(file) as store:
        store.executemany("DELETE FROM holders WHERE source = ?", [(source,) for source in sources])
        alone = "DELETE FROM vectors WHERE text != '' AND text NOT IN (SELECT text FROM holders)"
        return store.execute(alone).rowcount


@contextmanager
def _open(file: Path) -> Iterator[sqlite3.Connection]:
    """One transaction, alone with the file; what it deletes is overwritten."""
    try:
        with closing(sqlite3.connect(file, timeout=60)) as store:
            store.execute("PRAGMA secure_delete = ON")
            with store:
                store.execute("BEGIN IMMEDIATE")  # so that what it reads stays true until it has written
                for table in _TABLES:
                    store.execute(f"CREATE TABLE IF NOT EXISTS {table}")
                yield store
    except sqlite3.DatabaseError as error:
        raise CommandError(
            f"{file.absolute()} cannot be used ({error}); move it away: it holds vectors that were made "
            "before, and is made anew"
        ) from None


def same(one: Row, other: Row) -> bool:
    """Whether one model made both of the same text: their cosine is at least 0.999."""
    if one.shape != other.shape:
        return False
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) >= _SAME * lengths


def _name(text: str) -> str:
    return sha256(text.encode()).hexdigest()
