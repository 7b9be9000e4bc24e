"""The index: the chunks of the documents, their vectors in FAISS, and their words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import faiss
import numpy as np
import numpy.typing as npt

from . import chunks as chunk_file
from .chunks import Chunk
from .lexical import Lexical
from .manifest import Manifest, checksums

PROBE = "The quick brown fox jumps over the lazy dog."
"""The text whose vector is the fingerprint of an embedding model."""

FIT = "embedding"
"""The folder inside an index that holds what its embeddings were fitted to."""
_VECTORS, _CHUNKS, _LEXICAL = "index.faiss", "chunks.jsonl", "lexical"

Vectors = npt.NDArray[np.float32]


class Index:
    """An opened index folder; read-only, safe to share between threads.

    Vectors are memory-mapped, and adding to a mapped FAISS index aborts the process, so there is no way to
    add here: an index is built whole.
    """

    def __init__(
        self, manifest: Manifest, chunks: Sequence[Chunk], vectors: faiss.Index, lexical: Lexical, folder: Path
    ) -> None:
        """``folder`` is where it was opened."""
        self.manifest, self.chunks, self.lexical = manifest, chunks, lexical
        self._vectors, self._folder = vectors, folder

    @property
    def fit(self) -> Path | None:
        """The folder of the fit of its embeddings; None when they were not fitted."""
        folder = self._folder / FIT
        return folder if folder.is_dir() else None

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The index in ``folder``. Raises IndexFolderError, naming what is wrong with it."""
        manifest = Manifest.read(folder)
        manifest.check(folder)
        return cls(
            manifest,
            chunk_file.read(folder / _CHUNKS),
            faiss.read_index(str(folder / _VECTORS), faiss.IO_FLAG_MMAP_IFC),
            Lexical.open(folder / _LEXICAL, manifest.language),
            folder,
        )

    def nearest(self, vector: Vectors, count: int, allowed: npt.NDArray[np.int64] | None = None) -> dict[int, float]:
        """The ``count`` chunks nearest to ``vector`` (shape (dimension,)) by inner product: position → score.

        With ``allowed``, positions of chunks, it looks among these alone, and finds ``count`` when they are
        that many.
        """
        only = None if allowed is None else faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg]  # its stub lacks sel
        scores, found = self._vectors.search(vector[np.newaxis], count, params=only)
        pairs = zip(found[0].tolist(), scores[0].tolist(), strict=True)
        return {position: score for position, score in pairs if position >= 0}

    def matching(self, wanted: dict[str, Any]) -> npt.NDArray[np.int64]:
        """The positions of the chunks whose fields have the wanted values (any of them, for a list)."""
        options = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
        return np.array([n for n, chunk in enumerate(self.chunks) if _has(chunk, options)], dtype=np.int64)


def save(  # noqa: PLR0913 - all that an index consists of, each by name
    folder: Path,
    *,
    chunks: Sequence[Chunk],
    vectors: Vectors,
    embedding: dict[str, Any],
    chunking: dict[str, Any],
    documents: dict[str, str],
    lexical: Lexical,
    language: str,
    support: dict[str, float],
) -> Manifest:
    """Writes an index into ``folder``, empty but for a fit; ``vectors`` has shape (chunks, dimension)."""
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    faiss.write_index(flat, str(folder / _VECTORS))
    chunk_file.write(chunks, folder / _CHUNKS)
    lexical.save(folder / _LEXICAL)
    manifest = Manifest(
        documents=documents,
        chunks=len(chunks),
        dimension=vectors.shape[1],
        embedding=embedding,
        chunking=chunking,
        language=language,
        support=support,
        files=checksums(folder),
    )
    manifest.write(folder)
    return manifest


def _has(chunk: Chunk, options: dict[str, list[Any]]) -> bool:
    return all(not set(_values(chunk, name)).isdisjoint(values) for name, values in options.items())


def _values(chunk: Chunk, name: str) -> tuple[Any, ...]:
    return chunk.tags if name == "tag" else (getattr(chunk, name),)
