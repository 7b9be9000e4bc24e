"""Search in an index of one's own: the passages for a question, by words, by letters, and by meaning.

The three scores of a chunk are made one. All are absolute (shares of what the question could score, and a cosine), so a
fused score means the same for every question. How much meaning counts depends on the question: where the best chunk
holds little of its words, words tell little. Measured in docs/decisions.md.
"""

import asyncio
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from ...contract.fields import Values
from ...errors import ProfileError
from ...interfaces import Embeddings
from ...passages import Passage
from ...runtime.coalescing import Gathered
from ..retriever import Questions, Retriever
from .index import Index, Positions, Vectors, wrong

Scores = npt.NDArray[np.float32]

FITTED = (0.15, 0.6)
"""Least and most weight of vectors that were fitted to the corpus, or hashed: their own search is the weaker one."""
SEMANTIC = (0.4, 0.6)
"""Those of an embedding model that has learned meaning elsewhere."""
_MUCH, _LITTLE = 0.35, 0.15


def fuse(by_words: Scores, by_letters: Scores, cosine: Scores, best: float, weights: tuple[float, float]) -> Scores:
    """The weighted sum; shapes (n,), larger is nearer, at most 1. ``best`` is the best chunk's score by words."""
    least, most = weights
    meaning = least + (most - least) * float(np.clip((_MUCH - best) / (_MUCH - _LITTLE), 0, 1))
    return np.asarray((1 - meaning) * supported(by_words, by_letters) + meaning * cosine, dtype=np.float32)


def supported(by_words: Scores, by_letters: Scores) -> Scores:
    """How much of the question each chunk holds, 0 to 1: half by words, half by letters."""
    return np.asarray((by_words + by_letters) / 2, dtype=np.float32)


__all__ = ["OWN", "FusedRetriever", "built", "requires", "retriever", "wrong"]

_TOGETHER = 64
"""How many questions are searched for in one call at most."""
_LONG = 20_000_000
"""Numbers compared, from which a search leaves the loop to a thread: some five milliseconds' work."""
_NEARLY = 8
"""More passages than asked for whose vectors are compared anew: a batch's scores differ in the seventh digit."""
_CANDIDATES = 200
"""How many chunks each of the two searches puts forward; fusing more changes no order that was measured."""


OWN = True
"""Whether a build makes the index, and a version holds it."""

built = Index.open


def requires(_told: Values) -> set[str]:
    """The distributions that it serves with, beside those of every profile."""
    return set()


def retriever(index: Index, embedder: Callable[..., Embeddings]) -> "FusedRetriever":
    """The search in ``index``, with the embeddings as it was fitted."""
    return FusedRetriever(index, embedder(index=index))


class FusedRetriever(Retriever):
    """Finds passages in an index, with the embeddings that it was built with."""

    def __init__(self, index: Index, embeddings: Embeddings, documents: str = "") -> None:
        self.index: Index = index
        self._embeddings, self._questions = embeddings, Questions(embeddings)
        self._inside = _fitting(index, documents) if documents else None
        self._weights = SEMANTIC if embeddings.semantic else FITTED
        self._nearest: Gathered[tuple[Vectors, int], dict[int, float]] = Gathered(self._near_all, _TOGETHER)

    def within(self, documents: str) -> "FusedRetriever":
        """The same over the documents whose source fits a pattern such as ``handbook/*``. Raises ProfileError."""
        if not any(fnmatchcase(source, documents) for source in self.index.manifest.documents):
            raise ProfileError(f"no document of the index fits {documents}; patterns are matched with their sources")
        return FusedRetriever(self.index, self._embeddings, documents)

    async def _found(self, question: str, k: int, wanted: dict[str, Any] | None) -> list[Passage]:
        allowed = self._allowed(wanted)
        if allowed is not None and not len(allowed):
            return []
        count = min(max(_CANDIDATES, k), len(self.index.chunks))
        vector = await self._questions.vector(question)
        dense = await self._nearest((vector, count)) if allowed is None else self.index.nearest(vector, count, allowed)
        by_words, by_letters = self.index.lexical.scores(question)
        support = supported(by_words, by_letters)
        positions = np.arange(len(support)) if allowed is None else allowed
        best = positions[_largest(support[positions], count)]
        candidates = np.array(sorted({*dense, *best.tolist()}))
        floor = min(dense.values(), default=0.0)
        near = np.array([dense.get(position, floor) for position in candidates.tolist()], dtype=np.float32)
        fusing = partial(fuse, best=float(by_words[positions].max()), weights=self._weights)
        fused = fusing(by_words[candidates], by_letters[candidates], near)
        found = np.sort(candidates[_largest(fused, k + _NEARLY)])
        exact = fusing(by_words[found], by_letters[found], self.index.vectors.compare(vector, found))
        scores = np.round(exact.astype(np.float64), 6)
        order = np.argsort(-scores, kind="stable")[:k]  # stable: equal scores stay in the order of the chunks
        return [
            Passage(self.index.chunks[found[n]], float(scores[n]), round(float(support[found[n]]), 6)) for n in order
        ]

    async def _near_all(self, asked: list[tuple[Vectors, int]]) -> list[dict[int, float]]:
        """What is nearest to each vector: position → score, one search for all."""
        count = max(count for _, count in asked)
        vectors = np.stack([vector for vector, _ in asked])
        if vectors.size * len(self.index.chunks) > _LONG:
            found = await asyncio.to_thread(self.index.nearest_of_each, vectors, count)
        else:
            found = self.index.nearest_of_each(vectors, count)
        return [dict(islice(near.items(), most)) for near, (_, most) in zip(found, asked, strict=True)]

    def _allowed(self, wanted: dict[str, Any] | None) -> Positions | None:
        """The positions to search among; None for all."""
        if not wanted:
            return self._inside
        fitting = self.index.matching(wanted)
        return fitting if self._inside is None else np.intersect1d(fitting, self._inside)


def _fitting(index: Index, documents: str) -> Positions:
    fitting = [source for source in index.manifest.documents if fnmatchcase(source, documents)]
    return index.matching({"source": fitting})


def _largest(scores: Vectors, count: int) -> Positions:
    """Where the ``count`` largest are, in no order."""
    if count >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, count)[:count]
