"""Search a local index by words, by character n-grams and by vectors.

The three scores of a chunk become one. All are absolute (shares of what the query could score, and a cosine), so a
fused score means the same for every question. The weight of the vectors depends on the question: where the best chunk
contains few of its words, words tell little. Measured in docs/decisions.md.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IndexFolderError, ProfileError
from ...interfaces import Embeddings
from ...passages import Chunk, Passage
from ...runtime.coalescing import MicroBatcher
from ..backends import Backend
from ..retriever import QueryEmbedder, Retriever
from .index import ChunkPositions, Float32Array, Index, Neighbours
from .settings import IndexSettings

Scores = npt.NDArray[np.float32]

FITTED_WEIGHTS = (0.15, 0.6)
"""Smallest and largest weight of vectors that were fitted to the corpus, or hashed: alone, they find less.
"""
SEMANTIC_WEIGHTS = (0.4, 0.6)
"""Smallest and largest weight of the vectors of a pretrained embedding model."""
_HIGH_WORD_SCORE, _LOW_WORD_SCORE = 0.35, 0.15


def fuse(by_words: Scores, by_letters: Scores, cosine: Scores, best: float, weights: tuple[float, float]) -> Scores:
    """Return the weighted sum of the three scores.

    Args:
        by_words: BM25 of words; shape (n,).
        by_letters: BM25 of character n-grams; shape (n,).
        cosine: Cosine of the vectors; shape (n,).
        best: The best chunk's score by words.
        weights: Smallest and largest weight of the vectors.

    Returns:
        Scores of at most 1, larger is nearer; shape (n,).
    """
    minimum, maximum = weights
    meaning = minimum + (maximum - minimum) * float(
        np.clip((_HIGH_WORD_SCORE - best) / (_HIGH_WORD_SCORE - _LOW_WORD_SCORE), 0, 1)
    )
    return np.asarray((1 - meaning) * (by_words + by_letters) / 2 + meaning * cosine, dtype=np.float32)


def measure_support(by_words: Scores, by_letters: Scores, coverage: Scores) -> Scores:
    """Return how much of the question each chunk contains, from 0 to 1: the mean of three shares.

    BM25 asks how near the words stand to each other, and is small for a word in a long chunk. The coverage asks only
    whether a chunk has the words. Together they tell the answerable questions of several collections apart at one value
    (docs/decisions.md).
    """
    return np.asarray((by_words + by_letters + coverage) / 3, dtype=np.float32)


_MAX_BATCH_SIZE = 64
"""Most questions in one search."""
_LARGE_SEARCH = 20_000_000
"""Numbers that are compared, from which a search moves from the event loop to a thread: some five milliseconds."""
_EXTRA_CANDIDATES = 16
"""Further candidates whose vectors are compared again: scores of a batch differ in the seventh digit."""
_COVERING_WEIGHT = 0.15
"""What a passage gains that contains all words of the question which the passages before it lack."""
_CANDIDATES = 200
"""Chunks that each of the two searches contributes. Fusing more changed no order that we measured."""


class HybridRetriever(Retriever):
    """Find passages in a local index, with the embeddings that it was built with."""

    def __init__(self, index: Index, embeddings: Embeddings, documents: str = "") -> None:
        self.index: Index = index
        self._embeddings, self._query_embedder = embeddings, QueryEmbedder(embeddings)
        self._restricted_sources = _matching_sources(index, documents) if documents else None
        self._restricted_positions = (
            None
            if self._restricted_sources is None
            else index.positions_matching({"source": sorted(self._restricted_sources)})
        )
        self._weights = SEMANTIC_WEIGHTS if embeddings.semantic else FITTED_WEIGHTS
        self._search_vectors: MicroBatcher[tuple[Float32Array, int], Neighbours] = MicroBatcher(
            self._search_batch, _MAX_BATCH_SIZE
        )

    def restrict_to(self, documents: str) -> "HybridRetriever":
        """Return a retriever over the documents whose source matches a pattern such as ``handbook/*``.

        Raises:
            ProfileError: No document of the index matches.
        """
        if not any(fnmatchcase(source, documents) for source in self.index.manifest.documents):
            raise ProfileError(f"no document of the index matches {documents}; a pattern is compared with sources")
        return HybridRetriever(self.index, self._embeddings, documents)

    async def _find(self, question: str, k: int, filter_values: dict[str, Any] | None) -> list[Passage]:
        allowed = self._allowed_positions(filter_values)
        if allowed is not None and not len(allowed):
            return []
        count = min(max(_CANDIDATES, k), len(self.index.chunks))
        vector = await self._query_embedder.embed(question)
        if vector.shape != (self.index.dimension,):
            raise IndexFolderError(
                f"the embedding model returns vectors of {len(vector)} numbers, and those of the index have "
                f"{self.index.dimension}; use the model that the index was built with, or build the index again"
            )
        dense = (
            await self._search_vectors((vector, count))
            if allowed is None
            else self.index.search(vector, count, allowed)
        )
        by_words, by_letters = self.index.lexical.scores(question)
        lexical: Scores = (by_words + by_letters) / np.float32(2)
        positions = np.arange(len(lexical)) if allowed is None else allowed
        best = positions[_top_positions(lexical[positions], count)]
        candidates = np.union1d(dense.positions, best)
        near = np.full(len(candidates), dense.scores[-1] if len(dense.scores) else 0.0, dtype=np.float32)
        near[np.searchsorted(candidates, dense.positions)] = dense.scores
        fusing = partial(fuse, best=float(by_words[positions].max()), weights=self._weights)
        fused = fusing(by_words[candidates], by_letters[candidates], near)
        top = np.sort(candidates[_top_positions(fused, k + _EXTRA_CANDIDATES)])
        exact = fusing(by_words[top], by_letters[top], self.index.vectors.score_positions(vector, top))
        scores = np.asarray(exact, dtype=np.float64).round(6)
        order = np.argsort(-scores, kind="stable")  # stable: equal scores stay in the order of the chunks
        order = self._cover_words(question, top, scores, order, k)
        support = measure_support(by_words[top], by_letters[top], self.index.lexical.coverage(question, top))
        sources = self._allowed_sources(filter_values)
        ranked = (
            Passage(self._chunk_at(top[n], sources), float(scores[n]), round(float(support[n]), 6)) for n in order
        )
        return list(islice(_omit_similar(ranked), k))

    def _cover_words(
        self, question: str, positions: ChunkPositions, scores: npt.NDArray[np.float64], order: ChunkPositions, k: int
    ) -> ChunkPositions:
        """Return candidates in an order in which the first ``k`` together contain more words of the question.

        The best candidate stays first. Each following one gains by the share of words that none before it contains, so
        that a comparison or a question of two parts gets the passages of both.

        Args:
            question: The question.
            positions: Positions of the candidates in the index, sorted.
            scores: Their scores.
            order: Indices into ``positions``, best first.
            k: Number of passages.
        """
        contained, weights = self.index.lexical.find_terms(question, positions)
        uncovered = weights.copy()
        remaining = order.tolist()
        chosen: list[int] = []
        while remaining and len(chosen) < k:
            gains = uncovered @ contained[:, remaining]
            best = int(np.argmax(scores[remaining] + _COVERING_WEIGHT * gains * bool(chosen)))
            chosen.append(remaining.pop(best))
            uncovered[contained[:, chosen[-1]]] = 0.0
        return np.array([*chosen, *remaining], dtype=np.int64)

    async def _search_batch(self, queries: list[tuple[Float32Array, int]]) -> list[Neighbours]:
        """Search the vectors of several queries at once."""
        count = max(count for _, count in queries)
        vectors = np.stack([vector for vector, _ in queries])
        if vectors.size * len(self.index.chunks) > _LARGE_SEARCH:
            neighbours = await asyncio.to_thread(self.index.search_batch, vectors, count)
        else:
            neighbours = self.index.search_batch(vectors, count)
        return [
            Neighbours(near.positions[:count_of_one], near.scores[:count_of_one])
            for near, (_, count_of_one) in zip(neighbours, queries, strict=True)
        ]

    def _allowed_positions(self, filter_values: dict[str, Any] | None) -> ChunkPositions | None:
        """Return the positions that a search may return; None for all."""
        if not filter_values:
            return self._restricted_positions
        fitting = self.index.positions_matching(filter_values)
        return fitting if self._restricted_positions is None else np.intersect1d(fitting, self._restricted_positions)

    def _chunk_at(self, position: int, sources: frozenset[str] | None) -> Chunk:
        """Return the chunk at a position of the index, as it stands in one of the sources; None for any source."""
        chunk = self.index.chunks[position]
        return chunk if sources is None else chunk.at_place(sources)

    def _allowed_sources(self, filter_values: dict[str, Any] | None) -> frozenset[str] | None:
        """Return the sources that a passage may name; None for all."""
        sources = (filter_values or {}).get("source")
        if sources is None:
            return self._restricted_sources
        named = frozenset(sources if isinstance(sources, list) else [sources])
        return named if self._restricted_sources is None else named & self._restricted_sources


def _omit_similar(passages: Iterable[Passage]) -> Iterator[Passage]:
    """Yield the passages, of those with nearly the same text the first."""
    groups: set[int] = set()
    for passage in passages:
        group = passage.chunk.group
        if not group or group not in groups:
            groups.add(group)
            yield passage


def _matching_sources(index: Index, documents: str) -> frozenset[str]:
    return frozenset(source for source in index.manifest.documents if fnmatchcase(source, documents))


def _top_positions(scores: Float32Array, count: int) -> ChunkPositions:
    """Return the positions of the ``count`` largest scores, in no order."""
    if count >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, count)[:count]


class LocalBackend(Backend):
    """An index that a build makes and a version contains."""

    is_local = True
    section_class = IndexSettings

    def open_index(self, folder: Path) -> Index:
        """Open the index in ``folder``.

        Raises:
            IndexFolderError: The folder contains no index, or is damaged. The message names the file.
        """
        return Index.open(folder)

    def make_retriever(self, index: Index, make_embedder: Callable[..., Embeddings | None]) -> HybridRetriever:
        """Return the retriever over ``index``, with the embeddings as they were fitted to it.

        Args:
            index: The index.
            make_embedder: Returns the profile's embeddings for an index.

        Raises:
            ProfileError: A setting of the embeddings is invalid, or the profile has no embeddings.
        """
        embeddings = make_embedder(index)
        if embeddings is None:
            raise ProfileError("a local index needs embeddings, which the profile lacks")
        return HybridRetriever(index, embeddings)
