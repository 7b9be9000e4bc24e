"""Word search: BM25 (Robertson & Zaragoza, 2009; the variant of Lucene) over stems, with bm25s."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import bm25s
import numpy as np
import numpy.typing as npt

from .words import Analyser

logging.getLogger("bm25s").setLevel(logging.WARNING)  # it reports every step at DEBUG


class Lexical:
    """BM25 over the chunks of an index, and how much each word tells about them."""

    def __init__(self, bm25: bm25s.BM25, chunks: int, language: str) -> None:
        self._bm25, self._chunks, self._analyser = bm25, chunks, Analyser(language)

    @classmethod
    def build(cls, texts: Sequence[str], language: str) -> Self:
        """Indexes ``texts``; k1 and b as measured best on question answering over paragraphs."""
        analyser = Analyser(language)
        bm25 = bm25s.BM25(method="lucene", k1=1.2, b=0.6)
        bm25.index([analyser.stems(text) for text in texts], show_progress=False)
        return cls(bm25, len(texts), language)

    @classmethod
    def open(cls, folder: Path, chunks: int, language: str) -> Self:
        """What ``save`` saved: arrays and JSON, no pickle."""
        return cls(bm25s.BM25.load(folder, show_progress=False), chunks, language)

    def save(self, folder: Path) -> None:
        """Writes into ``folder``, which is made."""
        self._bm25.save(folder, show_progress=False)

    def scores(self, text: str) -> npt.NDArray[np.float32]:
        """The BM25 of every chunk as a share of the most that ``text`` could score, 0 to 1; shape (chunks,)."""
        weights = self.weights(text)
        known = [stem for stem in weights if stem in self._bm25.vocab_dict]
        if not known:
            return np.zeros(self._chunks, dtype=np.float32)
        return np.asarray(self._bm25.get_scores(known) / sum(weights.values()), dtype=np.float32)

    def stems(self, text: str) -> list[str]:
        """The stems of ``text`` as this index counts them."""
        return self._analyser.stems(text)

    def weights(self, text: str) -> dict[str, float]:
        """The stems of ``text`` with their idf; a stem that no chunk has weighs most."""
        return {stem: self._idf(stem) for stem in self.stems(text)}

    def _idf(self, stem: str) -> float:
        token = self._bm25.vocab_dict.get(stem)
        starts = self._bm25.scores["indptr"]
        found = 0 if token is None else int(starts[token + 1] - starts[token])
        return math.log(1 + (self._chunks - found + 0.5) / (found + 0.5))
