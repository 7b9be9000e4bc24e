"""The index: the chunks of the documents, their vectors in FAISS, and their words."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import Stemmer

from ... import passages as chunk_file
from ...config import arguments
from ...contract.fields import Values
from ...passages import Chunk, Chunks
from .lexical import Lexical
from .manifest import Manifest, checksums
from .vector_index import Nearest, Positions, Vectors

PROBE = "The quick brown fox jumps over the lazy dog."
"""The text whose vector is the fingerprint of an embedding model."""

FIT = "embedding"
"""The folder inside an index that holds what its embeddings were fitted to."""
_VECTORS, _CHUNKS, _LEXICAL = "index.faiss", "chunks.jsonl", "lexical"

__all__ = ["FIT", "PROBE", "Index", "Positions", "Vectors", "save"]


class Index:
    """An opened index folder, its files mapped; read-only, safe to share between threads. It is built whole."""

    def __init__(self, manifest: Manifest, chunks: Chunks, vectors: Nearest, lexical: Lexical, folder: Path) -> None:
        """``folder`` is where it was opened."""
        self.manifest, self.chunks, self.lexical = manifest, chunks, lexical
        self.vectors, self._folder = vectors, folder

    @property
    def embedding(self) -> dict[str, Any]:
        """What made its vectors: provider, model and fingerprint (manifest.py)."""
        return self.manifest.embedding

    @property
    def dimension(self) -> int:
        """How many numbers each vector has."""
        return self.manifest.dimension

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
            Chunks(folder / _CHUNKS),
            Nearest.open(folder / _VECTORS, manifest.search),
            Lexical.open(folder / _LEXICAL, manifest.language),
            folder,
        )

    def nearest(self, vector: Vectors, count: int, allowed: Positions | None = None) -> dict[int, float]:
        """The ``count`` chunks nearest to ``vector`` (shape (dimension,)) by inner product: position → score.

        With ``allowed``, positions of chunks, it looks among these alone, and finds ``count`` when they are
        that many.
        """
        return self.nearest_of_each(vector[np.newaxis], count, allowed)[0]

    def nearest_of_each(self, vectors: Vectors, count: int, allowed: Positions | None = None) -> list[dict[int, float]]:
        """As ``nearest``, nearest first, for each of ``vectors`` in one search; shape (n, dimension)."""
        found, scores = self.vectors.search(vectors, count, allowed)
        rows = zip(found.tolist(), scores.tolist(), strict=True)
        return [{place: score for place, score in zip(*row, strict=True) if place >= 0} for row in rows]

    def matching(self, wanted: dict[str, Any]) -> Positions:
        """The positions of the chunks whose fields have the wanted values (any of them, for a list)."""
        options = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
        found = [
            frozenset().union(*(self.chunks.holding(name, value) for value in values))
            for name, values in options.items()
        ]
        return np.array(sorted(frozenset.intersection(*found)), dtype=np.int64)


def save(
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
    nearest = Nearest.build(vectors)
    nearest.save(folder / _VECTORS)
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
        search=nearest.told,
        files=checksums(folder),
    )
    manifest.write(folder)
    return manifest


SETTINGS = ("chunk_size", "overlap", "language")
"""The part ``index`` of such a profile."""
_LEAST_CHUNK, _MOST_CHUNK = 50, 100_000


def wrong(told: Values) -> Iterator[tuple[str, str]]:
    """What is wrong with the settings of an index: which, and a sentence."""
    for name in told.keys() - set(SETTINGS):
        yield name, f"there is no setting {name}; {arguments.meant(name, SETTINGS)}"
    for name in SETTINGS:
        sentence = _wrong(name, told)
        if sentence:
            yield name, sentence


def _wrong(name: str, told: Values) -> str:
    """What is wrong with one of them; empty when nothing is."""
    value = told.get(name)
    if name == "language":
        known = Stemmer.algorithms()
        return "" if value in known else f"there is no stemmer for {value}; {arguments.meant(str(value), known)}"
    most = _MOST_CHUNK if name == "chunk_size" else told.get("chunk_size") or 0
    least = _LEAST_CHUNK if name == "chunk_size" else 0
    fits = type(value) is int and type(most) is int and least <= value < most
    return "" if fits else f"{name} is expected to be a whole number of characters from {least} to below {most}"
