"""Nearest vectors in FAISS: exact while that is quick, and above that a graph whose recall was measured.

The file is memory-mapped, and adding to a mapped FAISS index aborts the process, so there is no way to add here.
"""

import os
from pathlib import Path
from typing import Any, Self, cast

import faiss
import numpy as np
import numpy.typing as npt

from ...errors import IndexFolderError
from ...interfaces import Float32Array

MAX_FLAT_NUMBERS = 38_400_000
"""Numbers of all vectors up to which every one is compared: 100,000 of 384 (docs/decisions.md)."""
MIN_RECALL = 0.98
_LINKS, _WIDTH_AT_BUILD = 32, 80
_WIDTHS = (64, 128, 256, 512, 1024)
_SAMPLE_SIZE, _NEIGHBOURS_COMPARED = 200, 10
"""Searches that measure recall, and the neighbours of each that are compared."""

faiss.cvar.distance_compute_blas_threshold = _BATCH_THRESHOLD = 16
"""Questions from which a search goes through BLAS, six times quicker, and to several threads (FAISS's own: 128,000)."""

ChunkPositions = npt.NDArray[np.int64]


class FaissIndex:
    """The vectors of an index by position; read-only, safe to share between threads."""

    def __init__(self, faiss_index: faiss.Index, kind: str = "flat", width: int = 0, recall: float = 1.0) -> None:
        self._index, self.kind, self.width, self.recall = faiss_index, kind, width, recall
        self._flat_index = faiss_index if kind == "flat" else faiss.downcast_index(cast("Any", faiss_index).storage)
        self._search_parameters = faiss.SearchParametersHNSW(efSearch=width) if width else None  # type: ignore[attr-defined] # its stub

    @classmethod
    def build(cls, vectors: Float32Array) -> Self:
        """Of ``vectors``, shape (n, dimension): flat, or above FLAT_MOST numbers HNSW (Malkov & Yashunin, 2018).

        The width of its search is the least of some that finds LEAST_RECALL of the true neighbours of a sample; where
        none does, it stays flat.
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
        """The vectors in ``file``, mapped; ``told`` is what ``told`` said when it was saved."""
        try:
            return cls(faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC), **search_params)
        except (TypeError, RuntimeError):
            raise IndexFolderError(f"{file} is no index that this version reads; build the index again") from None

    def save(self, file: Path) -> None:
        """Writes the vectors into ``file``; what ``told`` says goes into the manifest."""
        faiss.write_index(self._index, str(file))

    @property
    def search_params(self) -> dict[str, Any]:
        """How it searches: kind, the width of a graph's search, and the recall that was measured."""
        return {"kind": self.kind, "width": self.width, "recall": self.recall}

    def search(
        self, queries: Float32Array, count: int, allowed: ChunkPositions | None = None
    ) -> tuple[ChunkPositions, npt.NDArray[np.float32]]:
        """The ``count`` nearest to each of ``asked`` (shape (m, dimension)) by inner product: positions and scores.

        With ``allowed`` it compares these alone, each of them, and finds ``count`` when they are that many; what is
        not found has position -1.
        """
        faiss.omp_set_num_threads(_thread_count(len(queries)))
        if allowed is None:
            scores, positions = self._index.search(queries, count, params=self._search_parameters)
        else:
            only = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg] # its stub
            scores, positions = self._flat_index.search(queries, count, params=only)
        return positions, scores

    def get_vectors(self, positions: ChunkPositions) -> Float32Array:
        """The vectors at ``positions``; shape (positions, dimension)."""
        return np.asarray(self._flat_index.reconstruct_batch(positions), dtype=np.float32)

    def score_positions(self, vector: Float32Array, positions: ChunkPositions) -> npt.NDArray[np.float32]:
        """The inner product of ``vector`` with each at ``positions``; the same whatever else is asked."""
        return np.asarray(np.einsum("nd,d->n", self.get_vectors(positions), vector, optimize=False), dtype=np.float32)

    def measure_recall(self, queries: Float32Array) -> float:
        """The share of the true nearest of ``asked`` that its search finds."""
        positions, _ = self.search(queries, _NEIGHBOURS_COMPARED)
        true = self._flat_index.search(queries, _NEIGHBOURS_COMPARED)[1]
        return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(true, positions, strict=True)]))


def _thread_count(query_count: int) -> int:
    """One for a few: sharing out a search costs more than it saves; counted for the calling thread alone."""
    return 1 if query_count < _BATCH_THRESHOLD else os.cpu_count() or 1


def _sample_queries(vectors: Float32Array) -> Float32Array:
    """Vectors as questions are: near those of texts and equal to none; each lies between two of them."""
    random = np.random.default_rng(0)
    first_rows, second_rows = random.choice(len(vectors), (2, min(_SAMPLE_SIZE, len(vectors))))
    blended = 0.7 * vectors[first_rows] + 0.3 * vectors[second_rows]
    return np.asarray(blended / np.linalg.norm(blended, axis=1, keepdims=True), dtype=np.float32)
