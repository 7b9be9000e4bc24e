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

CACHE_FILE = "embeddings.db"
"""Its name, in the current folder."""
_TABLES = (
    "vectors (model TEXT, text TEXT, vector BLOB, PRIMARY KEY (model, text))",
    "holders (text TEXT, source TEXT, PRIMARY KEY (text, source)) WITHOUT ROWID",
)
"""A text's vectors, and the documents that it stands or stood in, so that a document can be forgotten."""
_MIN_COSINE = 0.999
_MAX_PARAMETERS = 500  # parameters of one statement

Float32Vector = npt.NDArray[np.float32]


class EmbeddingCache:
    """The vectors of one embedding model in ``file``, which is made when the first is kept."""

    def __init__(self, file: Path, model: str) -> None:
        self._file, self._model = file, model

    def check_model(self, fingerprint_vector: Float32Vector) -> None:
        """Forgets what is kept when another model of this name made it: ``probe``, its vector of a text, is another."""
        with _open_store(self._file) as store:
            query = "SELECT vector FROM vectors WHERE model = ? AND text = ''"
            row = store.execute(query, [self._model]).fetchone()
            if row is None or not is_same_model(np.frombuffer(row[0], np.float32), fingerprint_vector):
                store.execute("DELETE FROM vectors WHERE model = ?", [self._model])
                store.execute(
                    "INSERT INTO vectors VALUES (?, '', ?)",
                    [self._model, fingerprint_vector.astype(np.float32).tobytes()],
                )

    def get(self, texts: Iterable[str]) -> dict[str, Float32Vector]:
        """Those of ``texts`` that have a vector, with it; shape (dimension,)."""
        text_by_key = {_text_key(text): text for text in texts}
        keys = list(text_by_key)
        vectors_by_text: dict[str, Float32Vector] = {}
        if not self._file.exists():
            return vectors_by_text
        with _open_store(self._file) as store:
            for start in range(0, len(keys), _MAX_PARAMETERS):
                batch = keys[start : start + _MAX_PARAMETERS]
                marks = ", ".join("?" * len(batch))
                query = f"SELECT text, vector FROM vectors WHERE model = ? AND text IN ({marks})"  # noqa: S608 - marks
                for key, vector in store.execute(query, [self._model, *batch]):
                    vectors_by_text[text_by_key[key]] = np.frombuffer(vector, np.float32)
        return vectors_by_text

    def put(self, texts: Sequence[str], vectors: Float32Vector) -> None:
        """Keeps a row of ``vectors`` for each of ``texts``; shape (texts, dimension)."""
        rows = zip(texts, vectors, strict=True)
        entries = [(self._model, _text_key(text), row.tobytes()) for text, row in rows]
        with _open_store(self._file) as store:
            store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", entries)

    def record_sources(self, texts: Iterable[tuple[str, str]]) -> None:
        """Keeps which document each text stands in: pairs of text and source."""
        entries = [(_text_key(text), source) for text, source in texts]
        with _open_store(self._file) as store:
            store.executemany("INSERT OR IGNORE INTO holders VALUES (?, ?)", entries)


def forget_sources(file: Path, sources: Iterable[str]) -> int:
    """Removes the vectors of all texts that only ``sources`` ever held, of every model; gives how many."""
    if not file.exists():
        return 0
    with _open_store(file) as store:
        store.executemany("DELETE FROM holders WHERE source = ?", [(source,) for source in sources])
        statement = "DELETE FROM vectors WHERE text != '' AND text NOT IN (SELECT text FROM holders)"
        return store.execute(statement).rowcount


@contextmanager
def _open_store(file: Path) -> Iterator[sqlite3.Connection]:
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


def is_same_model(first_vector: Float32Vector, second_vector: Float32Vector) -> bool:
    """Whether one model made both of the same text: their cosine is at least 0.999."""
    if first_vector.shape != second_vector.shape:
        return False
    lengths = float(np.linalg.norm(first_vector) * np.linalg.norm(second_vector))
    return float(first_vector @ second_vector) >= _MIN_COSINE * lengths


def _text_key(text: str) -> str:
    return sha256(text.encode()).hexdigest()
