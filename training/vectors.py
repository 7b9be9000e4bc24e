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
_SAME = 0.999
_MOST = 500  # parameters of one statement

Row = npt.NDArray[np.float32]


class Vectors:
    """The vectors of one embedding model in ``file``; ``probe`` is what the model makes of a fixed text now."""

    def __init__(self, file: Path, model: str, probe: Row) -> None:
        """Forgets what is kept when another model of this name made it: its vector of that text is another."""
        self._file, self._model = file, model
        with self._open() as store:
            store.execute(
                "CREATE TABLE IF NOT EXISTS vectors (model TEXT, text TEXT, vector BLOB, PRIMARY KEY (model, text))"
            )
            kept = store.execute("SELECT vector FROM vectors WHERE model = ? AND text = ''", [model]).fetchone()
            if kept is None or not _same(np.frombuffer(kept[0], np.float32), probe):
                store.execute("DELETE FROM vectors WHERE model = ?", [model])
                store.execute("INSERT INTO vectors VALUES (?, '', ?)", [model, probe.astype(np.float32).tobytes()])

    def kept(self, texts: Iterable[str]) -> dict[str, Row]:
        """Those of ``texts`` that have a vector, with it; shape (dimension,)."""
        named = {sha256(text.encode()).hexdigest(): text for text in texts}
        names = list(named)
        found: dict[str, Row] = {}
        with self._open() as store:
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
        entries = [(self._model, sha256(text.encode()).hexdigest(), row.tobytes()) for text, row in rows]
        with self._open() as store:
            store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", entries)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        try:
            with closing(sqlite3.connect(self._file, timeout=60)) as store, store:
                yield store
        except sqlite3.DatabaseError as error:
            raise CommandError(
                f"{self._file.absolute()} cannot be used ({error}); move it away: it holds vectors that were made "
                "before, and is made anew"
            ) from None


def _same(one: Row, other: Row) -> bool:
    if one.shape != other.shape:
        return False
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) >= _SAME * lengths
