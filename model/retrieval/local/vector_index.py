"""Search vectors with FAISS: exactly while that is quick, and above that with a graph whose recall was measured.

The file is memory-mapped. Adding to a mapped FAISS index aborts the process, so this class has no method that adds.
"""

import os
from contextlib import nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, Self, cast

import faiss
import numpy as np
import numpy.typing as npt

from ...errors import IndexFolderError
from ...interfaces import Float32Array

MAX_FLAT_NUMBERS = 38_400_000
"""Components of all vectors up to which each vector is compared: 100,000 of 384 (docs/decisions.md)."""
MIN_RECALL = 0.98
_LINKS, _WIDTH_AT_BUILD = 32, 80
_WIDTHS = (64, 128, 256, 512, 1024)
_SAMPLE_SIZE, _NEIGHBOURS_COMPARED = 200, 10
"""Searches that measure recall, and the neighbours of each that are compared."""

faiss.cvar.distance_compute_blas_threshold = _BATCH_THRESHOLD = 16
"""Queries from which a search goes through BLAS, six times quicker (FAISS's default: 128,000)."""
_LONG_SEARCH = 2_000_000_000
"""Numbers that are compared, from which a search of each vector uses all cores: some 50 ms on one."""
_ALL_THREADS = Lock()
"""Held by the one search that uses all cores: the threads of two spin while they wait for a core, ten times as long.
"""

ChunkPositions = npt.NDArray[np.int64]


class FaissIndex:
    """The vectors of an index by position. Read-only, safe to share between threads."""

    def __init__(self, faiss_index: faiss.Index, kind: str = "flat", width: int = 0, recall: float = 1.0) -> None:
        self._index, self.kind, self.width, self.recall = faiss_index, kind, width, recall
        self._flat_index = faiss_index if kind == "flat" else faiss.downcast_index(cast("Any", faiss_index).storage)
        self._numbers = faiss_index.ntotal * faiss_index.d
        self._search_parameters = faiss.SearchParametersHNSW(efSearch=width) if width else None  # type: ignore[attr-defined] # its stub

    @classmethod
    def build(cls, vectors: Float32Array) -> Self:
        """Build an index of ``vectors``, shape (n, dimension).

        The index is flat up to MAX_FLAT_NUMBERS, above that HNSW (Malkov & Yashunin, 2018). The width of a graph's
        search is the smallest that finds MIN_RECALL of the true neighbours of a sample; when none does, the index is
        flat.
        """
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        if vectors.size <= MAX_FLAT_NUMBERS:
            return cls(flat)
        graph = faiss.IndexHNSWFlat(vectors.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = _WIDTH_AT_BUILD
        graph.add(vectors)
        sample = _sample_queries(vectors)
        for width in _WIDTHS:
            candidate = cls(graph, "hnsw", width)
            candidate.recall = round(candidate.measure_recall(sample), 4)
            if candidate.recall >= MIN_RECALL:
                return candidate
        return cls(flat)

    @classmethod
    def open(cls, file: Path, search_params: dict[str, Any]) -> Self:
        """Memory-map the index in ``file``.

        Args:
            file: What ``save`` wrote.
            search_params: The manifest's entry ``search``.

        Returns:
            The index.

        Raises:
            IndexFolderError: The file is no FAISS index that this version reads.
        """
        try:
            return cls(faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC), **search_params)
        except (TypeError, RuntimeError):
            raise IndexFolderError(f"{file} is not an index for this version; build the index again") from None

    def save(self, file: Path) -> None:
        """Write the vectors into ``file``; ``search_params`` belongs into the manifest."""
        faiss.write_index(self._index, str(file))

    @property
    def search_params(self) -> dict[str, Any]:
        """Settings of the search: kind, the width of a graph's search, and the measured recall."""
        return {"kind": self.kind, "width": self.width, "recall": self.recall}

    def search(
        self, queries: Float32Array, count: int, allowed: ChunkPositions | None = None
    ) -> tuple[ChunkPositions, npt.NDArray[np.float32]]:
        """Return the vectors nearest to each query by inner product.

        Args:
            queries: Shape (m, dimension).
            count: Number of neighbours.
            allowed: Positions to compare, each of which is compared; None for all.

        Returns:
            Positions and scores, each of shape (m, count); position -1 where fewer were found.
        """
        threads = self._count_threads(len(queries))
        with _ALL_THREADS if threads > 1 else nullcontext():
            faiss.omp_set_num_threads(threads)
            if allowed is None:
                scores, positions = self._index.search(queries, count, params=self._search_parameters)
            else:
                only = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg] # its stub
                scores, positions = self._flat_index.search(queries, count, params=only)
        return positions, scores

    def _count_threads(self, queries: int) -> int:
        """Return the threads of a search: one for a short one, since sharing it costs more than it saves."""
        is_long = queries * self._numbers > _LONG_SEARCH if self.kind == "flat" else queries >= _BATCH_THRESHOLD
        return (os.cpu_count() or 1) if is_long else 1

    def get_vectors(self, positions: ChunkPositions) -> Float32Array:
        """Return the vectors at ``positions``; shape (positions, dimension)."""
        return np.asarray(self._flat_index.reconstruct_batch(positions), dtype=np.float32)

    def score_positions(self, vector: Float32Array, positions: ChunkPositions) -> npt.NDArray[np.float32]:
        """Return the inner product of ``vector`` with each vector at ``positions``, whatever else is searched."""
        return np.asarray(np.einsum("nd,d->n", self.get_vectors(positions), vector, optimize=False), dtype=np.float32)

    def measure_recall(self, queries: Float32Array) -> float:
        """Return the share of the true neighbours of ``queries`` that the search finds."""
        positions, _ = self.search(queries, _NEIGHBOURS_COMPARED)
        true = self._flat_index.search(queries, _NEIGHBOURS_COMPARED)[1]
        return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(true, positions, strict=True)]))


def _sample_queries(vectors: Float32Array) -> Float32Array:
    """Return vectors that resemble questions: near those of texts and equal to none; each lies between two of them."""
    random = np.random.default_rng(0)
    first_rows, second_rows = random.choice(len(vectors), (2, min(_SAMPLE_SIZE, len(vectors))))
    blended = 0.7 * vectors[first_rows] + 0.3 * vectors[second_rows]
    return np.asarray(blended / np.linalg.norm(blended, axis=1, keepdims=True), dtype=np.float32)
