"""Search: the passages for a question, by meaning and by words."""

from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from ..errors import ProfileError
from ..providers.base import Embeddings
from .chunks import Passage
from .fusion import FITTED, SEMANTIC, fuse, supported
from .index import Index, Positions

_CANDIDATES = 200
"""How many chunks each of the two searches puts forward; fusing more changes no order that was measured."""


class Retriever:
    """Finds passages in an index, with the embeddings that it was built with."""

    def __init__(self, index: Index, embeddings: Embeddings, documents: str = "") -> None:
        self.index, self._embeddings = index, embeddings
        self._inside = _fitting(index, documents) if documents else None
        self._weights = SEMANTIC if embeddings.semantic else FITTED

    def within(self, documents: str) -> "Retriever":
        """The same over the documents whose source fits a pattern such as ``handbook/*``. Raises ProfileError."""
        if not any(fnmatchcase(source, documents) for source in self.index.manifest.documents):
            raise ProfileError(f"no document of the index fits {documents}; patterns are matched with their sources")
        return Retriever(self.index, self._embeddings, documents)

    async def search(self, question: str, k: int, wanted: dict[str, Any] | None = None) -> list[Passage]:
        """The ``k`` best passages, best first; of the chunks that fit ``wanted`` alone, as many as there are."""
        allowed = self._allowed(wanted)
        if allowed is not None and not len(allowed):
            return []
        count = min(max(_CANDIDATES, k), len(self.index.chunks))
        dense = self.index.nearest((await self._embeddings.embed([question], question=True))[0], count, allowed)
        by_words, by_letters = self.index.lexical.scores(question)
        support = supported(by_words, by_letters)
        positions = np.arange(len(support)) if allowed is None else allowed
        best = positions[np.argsort(-support[positions], kind="stable")[:count]]
        candidates = np.array(sorted({*dense, *best.tolist()}))
        floor = min(dense.values(), default=0.0)
        near = np.array([dense.get(position, floor) for position in candidates.tolist()], dtype=np.float32)
        most = float(by_words[positions].max())
        fused = fuse(by_words[candidates], by_letters[candidates], near, most, self._weights)
        scores = np.round(fused.astype(np.float64), 6)  # batches differ in the seventh digit
        order = np.argsort(-scores, kind="stable")[:k]  # stable: equal scores stay in the order of the chunks
        return [
            Passage(self.index.chunks[candidates[n]], float(scores[n]), round(float(support[candidates[n]]), 6))
            for n in order
        ]

    def _allowed(self, wanted: dict[str, Any] | None) -> Positions | None:
        """The positions to search among; None for all."""
        if not wanted:
            return self._inside
        fitting = self.index.matching(wanted)
        return fitting if self._inside is None else np.intersect1d(fitting, self._inside)


def _fitting(index: Index, documents: str) -> Positions:
    fitting = [source for source in index.manifest.documents if fnmatchcase(source, documents)]
    return index.matching({"source": fitting})
