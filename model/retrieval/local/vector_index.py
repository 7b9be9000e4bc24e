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

FLAT_MOST = 38_400_000
"""Numbers of all vectors up to which every one is compared: 100,000 of 384 (docs/decisions.md)."""
LEAST_RECALL = 0.98
_LINKS, _WIDTH_AT_BUILD = 32, 80
_WIDTHS = (64, 128, 256, 512, 1024)
_ASKED, _COMPARED = 200, 10
"""Searches that measure recall, and the neighbours of each that are compared."""

faiss.cvar.distance_compute_blas_threshold = _SHARED = 16
"""Questions from which a search goes through BLAS, six times quicker, and to several threads (FAISS's own: 128,000)."""

Vectors = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]


class Nearest:
    """The vectors of an index by position; read-only, safe to share between threads."""

    def __init__(self, made: faiss.Index, kind: str = "flat", width: int = 0, recall: float = 1.0) -> None:
        self._made, self.kind, self.width, self.recall = made, kind, width, recall
        self._exact = made if kind == "flat" else faiss.downcast_index(cast("Any", made).storage)
        self._how = faiss.SearchParametersHNSW(efSearch=width) if width else None  # type: ignore[attr-defined] # its stub

    @classmethod
    def build(cls, vectors: Vectors) -> Self:
        """Of ``vectors``, shape (n, dimension): flat, or above FLAT_MOST numbers HNSW (Malkov & Yashunin, 2018).

        The width of its search is the least of some that finds LEAST_RECALL of the true neighbours of a sample; where
        none does, it stays flat.
        """
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        if vectors.size <= FLAT_MOST:
            return cls(flat)
        graph = faiss.IndexHNSWFlat(vectors.shape[1], _LINKS, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = _WIDTH_AT_BUILD
        graph.add(vectors)
        asked = _between(vectors)
        for width in _WIDTHS:
            made = cls(graph, "hnsw", width)
            made.recall = round(made.compared(asked), 4)
            if made.recall >= LEAST_RECALL:
                return made
        return cls(flat)

    @classmethod
    def open(cls, file: Path, told: dict[str, Any]) -> Self:
        """The vectors in ``file``, mapped; ``told`` is what ``told`` said when it was saved."""
        try:
            return cls(faiss.read_index(str(file), faiss.IO_FLAG_MMAP_IFC), **told)
        except (TypeError, RuntimeError):
            raise IndexFolderError(f"{file} is no index that this version reads; build the index again") from None

    def save(self, file: Path) -> None:
        """Writes the vectors into ``file``; what ``told`` says goes into the manifest."""
        faiss.write_index(self._made, str(file))

    @property
    def told(self) -> dict[str, Any]:
        """How it searches: kind, the width of a graph's search, and the recall that was measured."""
        return {"kind": self.kind, "width": self.width, "recall": self.recall}

    def search(
        self, asked: Vectors, count: int, allowed: Positions | None = None
    ) -> tuple[Positions, npt.NDArray[np.float32]]:
        """The ``count`` nearest to each of ``asked`` (shape (m, dimension)) by inner product: positions and scores.

        With ``allowed`` it compares these alone, each of them, and finds ``count`` when they are that many; what is
        not found has position -1.
        """
        faiss.omp_set_num_threads(_threads(len(asked)))
        if allowed is None:
            scores, found = self._made.search(asked, count, params=self._how)
        else:
            only = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg] # its stub
            scores, found = self._exact.search(asked, count, params=only)
        return found, scores

    def vectors(self, positions: Positions) -> Vectors:
        """The vectors at ``positions``; shape (positions, dimension)."""
        return np.asarray(self._exact.reconstruct_batch(positions), dtype=np.float32)

    def compare(self, vector: Vectors, positions: Positions) -> npt.NDArray[np.float32]:
        """The inner product of ``vector`` with each at ``positions``; the same whatever else is asked."""
        return np.asarray(np.einsum("nd,d->n", self.vectors(positions), vector, optimize=False), dtype=np.float32)

    def compared(self, asked: Vectors) -> float:
        """The share of the true nearest of ``asked`` that its search finds."""
        found, _ = self.search(asked, _COMPARED)
        true = self._exact.search(asked, _COMPARED)[1]
        return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(true, found, strict=True)]))


def _threads(asked: int) -> int:
    """One for a few: sharing out a search costs more than it saves; counted for the calling thread alone."""
    return 1 if asked < _SHARED else os.cpu_count() or 1


def _between(vectors: Vectors) -> Vectors:
    """Vectors as questions are: near those of texts and equal to none; each lies between two of them."""
    random = np.random.default_rng(0)
    one, other = random.choice(len(vectors), (2, min(_ASKED, len(vectors))))
    asked = 0.7 * vectors[one] + 0.3 * vectors[other]
    return np.asarray(asked / np.linalg.norm(asked, axis=1, keepdims=True), dtype=np.float32)
