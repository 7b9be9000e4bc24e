"""Cache vectors by model and text, so that no text is paid for twice.

All builds in a folder share one SQLite file, also at the same time. The key is the model and the SHA-256 of a text.
Vectors of a build that was killed or stopped are there for the next build.
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
"""Name of the cache's file in the current folder."""
_TABLES = (
    "vectors (model TEXT, text TEXT, vector BLOB, PRIMARY KEY (model, text))",
    "holders (text TEXT, source TEXT, PRIMARY KEY (text, source)) WITHOUT ROWID",
)
"""Vectors by model and text, and the sources whose documents contain or contained a text, for ``forget_sources``."""
_MIN_COSINE = 0.999
"""Least cosine of two vectors of one text that count as made by the same model."""
_MAX_PARAMETERS = 500  # parameters of one statement

Float32Vector = npt.NDArray[np.float32]


class EmbeddingCache:
    """The cached vectors of one embedding model.

    Args:
        file: The SQLite file; created when something is first written.
        model: Provider and model, as ``provider:model``.
    """

    def __init__(self, file: Path, model: str) -> None:
        self._file, self._model = file, model

    def check_model(self, fingerprint_vector: Float32Vector) -> None:
        """Delete the vectors of this name if ``fingerprint_vector`` shows that another model made them.

        Raises:
            CommandError: The file cannot be used.
        """
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
        """Return the cached vectors by text, each of shape (dimension,); texts without a vector are omitted.

        Raises:
            CommandError: The file cannot be used.
        """
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
        """Store the vectors of ``texts``.

        Args:
            texts: The texts.
            vectors: One row for each text; shape (texts, dimension).

        Raises:
            CommandError: The file cannot be used.
        """
        rows = zip(texts, vectors, strict=True)
        entries = [(self._model, _text_key(text), row.tobytes()) for text, row in rows]
        with _open_store(self._file) as store:
            store.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", entries)

    def record_sources(self, texts: Iterable[tuple[str, str]]) -> None:
        """Record which document contains which text.

        Args:
            texts: Pairs of a text and the source of its document.

        Raises:
            CommandError: The file cannot be used.
        """
        entries = [(_text_key(text), source) for text, source in texts]
        with _open_store(self._file) as store:
            store.executemany("INSERT OR IGNORE INTO holders VALUES (?, ?)", entries)


def forget_sources(file: Path, sources: Iterable[str]) -> int:
    """Delete the vectors, of every model, of texts that occurred in no other document than ``sources``.

    Args:
        file: The SQLite file; nothing happens if it does not exist.
        sources: The sources to forget.

    Returns:
        The number of deleted vectors.

    Raises:
        CommandError: The file cannot be used.
    """
    if not file.exists():
        return 0
    with _open_store(file) as store:
        store.executemany("DELETE FROM holders WHERE source = ?", [(source,) for source in sources])
        statement = "DELETE FROM vectors WHERE text != '' AND text NOT IN (SELECT text FROM holders)"
        return store.execute(statement).rowcount


@contextmanager
def _open_store(file: Path) -> Iterator[sqlite3.Connection]:
    """Yield a connection in one exclusive transaction; deleted content is overwritten on disk."""
    try:
        with closing(sqlite3.connect(file, timeout=60)) as store:
            store.execute("PRAGMA secure_delete = ON")
            with store:
                store.execute("BEGIN IMMEDIATE")  # no other process writes between reading and writing
                for table in _TABLES:
                    store.execute(f"CREATE TABLE IF NOT EXISTS {table}")
                yield store
    except sqlite3.DatabaseError as error:
        raise CommandError(
            f"{file.absolute()} cannot be used ({error}); move the file away: it is a cache of vectors, and the next "
            "build creates a new one"
        ) from None


def is_same_model(fingerprint: Sequence[float] | Float32Vector, vector: Float32Vector) -> bool:
    """Return whether one model made two vectors of the same text: their cosine is at least 0.999.

    Args:
        fingerprint: The vector of a text, as an index or the cache has it; shape (dimension,).
        vector: A vector of the same text; another shape is another model.
    """
    earlier_vector = np.asarray(fingerprint, dtype=np.float32)
    if earlier_vector.shape != vector.shape:
        return False
    lengths = float(np.linalg.norm(earlier_vector) * np.linalg.norm(vector))
    return float(earlier_vector @ vector) >= _MIN_COSINE * lengths


def _text_key(text: str) -> str:
    return sha256(text.encode()).hexdigest()
