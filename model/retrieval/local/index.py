"""Define the local index: chunks of documents, their vectors in FAISS, and their words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from ...config.settings import Dependency
from ...interfaces import Float32Array
from ...passages import Chunk, Chunks, write_chunks
from .lexical import Lexical
from .manifest import Manifest, compute_checksums
from .vector_index import ChunkPositions, FaissIndex

FINGERPRINT_TEXT = "The quick brown fox jumps over the lazy dog."
"""The text whose vector is the fingerprint of an embedding model."""

FIT_FOLDER = "embedding"
"""Folder inside an index folder that holds what its embeddings were fitted to."""
_VECTORS, _CHUNKS, _LEXICAL = "index.faiss", "chunks.jsonl", "lexical"

__all__ = ["FINGERPRINT_TEXT", "FIT_FOLDER", "ChunkPositions", "Float32Array", "Index", "Neighbours", "write_index"]


class Neighbours(NamedTuple):
    """The chunks nearest to a query, nearest first: their positions and their inner products; shape (n,) each."""

    positions: ChunkPositions
    scores: Float32Array


class Index(Dependency):
    """An opened index folder with memory-mapped files. Read-only, safe to share between threads."""

    def __init__(self, manifest: Manifest, chunks: Chunks, vectors: FaissIndex, lexical: Lexical, folder: Path) -> None:
        """Make an index of its parts; ``folder`` is where they were opened."""
        self.manifest, self.chunks, self.lexical = manifest, chunks, lexical
        self.vectors, self._folder = vectors, folder

    @property
    def embedding(self) -> dict[str, Any]:
        """The embedding model that made the vectors: provider, model and fingerprint (manifest.py)."""
        return self.manifest.embedding

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return self.manifest.dimension

    @property
    def fit_folder(self) -> Path | None:
        """Folder of the fit of the embeddings; None when they were not fitted."""
        folder = self._folder / FIT_FOLDER
        return folder if folder.is_dir() else None

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the index in ``folder``.

        Raises:
            IndexFolderError: The folder holds no index, or is damaged. The message names the file.
        """
        manifest = Manifest.read(folder)
        manifest.verify_files(folder)
        return cls(
            manifest,
            Chunks(folder / _CHUNKS),
            FaissIndex.open(folder / _VECTORS, manifest.search),
            Lexical.open(folder / _LEXICAL),
            folder,
        )

    def search(self, vector: Float32Array, count: int, allowed: ChunkPositions | None = None) -> Neighbours:
        """Return the chunks nearest to ``vector`` by inner product.

        Args:
            vector: The query; shape (dimension,).
            count: Number of chunks.
            allowed: Positions of the chunks that may be returned; None for all.
        """
        return self.search_batch(vector[np.newaxis], count, allowed)[0]

    def search_batch(
        self, vectors: Float32Array, count: int, allowed: ChunkPositions | None = None
    ) -> list[Neighbours]:
        """Return the chunks nearest to each of ``vectors`` in one search.

        Args:
            vectors: The queries; shape (n, dimension).
            count: Number of chunks for each query.
            allowed: Positions of the chunks that may be returned; None for all.
        """
        rows = zip(*self.vectors.search(vectors, count, allowed), strict=True)
        return [Neighbours(positions[positions >= 0], scores[positions >= 0]) for positions, scores in rows]

    def positions_matching(self, filter_values: dict[str, Any]) -> ChunkPositions:
        """Return the positions of the chunks whose fields have the values of a filter (any value of a list)."""
        options = {name: value if isinstance(value, list) else [value] for name, value in filter_values.items()}
        position_sets = [
            frozenset().union(*(self.chunks.positions_with(name, value) for value in values))
            for name, values in options.items()
        ]
        return np.array(sorted(frozenset.intersection(*position_sets)), dtype=np.int64)


def write_index(
    folder: Path,
    *,
    chunks: Sequence[Chunk],
    vectors: Float32Array,
    embedding: dict[str, Any],
    chunking: dict[str, Any],
    documents: dict[str, str],
    lexical: Lexical,
    language: str,
) -> Manifest:
    """Write an index into ``folder``.

    Args:
        folder: An existing folder, empty except for a fitted embedding model.
        chunks: The chunks.
        vectors: Their vectors; shape (chunks, dimension).
        embedding: Provider, model and fingerprint of what made the vectors.
        chunking: Settings by which documents were cut.
        documents: Digest of each document by source.
        lexical: The words and n-grams of the chunks.
        language: Setting of the language of the chunks.

    Returns:
        The manifest.
    """
    vector_index = FaissIndex.build(vectors)
    vector_index.save(folder / _VECTORS)
    write_chunks(chunks, folder / _CHUNKS)
    lexical.save(folder / _LEXICAL)
    manifest = Manifest(
        documents=documents,
        chunks=len(chunks),
        dimension=vectors.shape[1],
        embedding=embedding,
        chunking=chunking,
        language=language,
        search=vector_index.search_params,
        files=compute_checksums(folder),
    )
    manifest.write(folder)
    return manifest
