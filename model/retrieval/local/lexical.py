"""Word search: by stems over whole chunks, and by letters over small windows of them.

Letters forgive typing errors and other forms of a word. A window is three sentences: what answers a question
stands close together, and the chunk around it is what is returned.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...passages import Chunk
from ...text_analysis import Analyser, grams, repaired, sentences, words
from .bm25 import BM25, Floats, counted

WINDOW = 3
"""Sentences of a window; windows begin at every sentence."""
_WORDS_KEPT = 4096
_WORDS, _LETTERS, _OWNERS = "words", "letters", "owners.npy"
_K1 = 1.2
_B_WORDS, _B_LETTERS = 0.6, 0.75
"""As measured best on question answering over paragraphs."""


class Lexical:
    """The words and letters of the chunks of an index, and how much each word tells about them."""

    def __init__(self, stems: BM25, letters: BM25, owners: npt.NDArray[np.int32], language: str) -> None:
        """``owners`` holds the chunk of each window; shape (windows,)."""
        self._stems, self._letters, self._owners, self._analyser = stems, letters, owners, Analyser(language)
        self._mended = lru_cache(_WORDS_KEPT)(self._mend)

    @classmethod
    def build(cls, chunks: Sequence[Chunk], language: str) -> Self:
        """Indexes ``chunks``."""
        analyser = Analyser(language)
        stems = BM25.build(*counted([analyser.stems(chunk.searched) for chunk in chunks]), _K1, _B_WORDS)
        windows = [(number, text) for number, chunk in enumerate(chunks) for text in _windows(chunk)]
        letters = BM25.build(*spelled([words(text) for _, text in windows]), _K1, _B_LETTERS)
        return cls(stems, letters, np.array([owner for owner, _ in windows], dtype=np.int32), language)

    @classmethod
    def open(cls, folder: Path, language: str) -> Self:
        """What ``save`` saved: arrays, which are mapped, and JSON; no pickle."""
        owners = np.load(folder / _OWNERS, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        return cls(BM25.open(folder / _WORDS), BM25.open(folder / _LETTERS), owners, language)

    def save(self, folder: Path) -> None:
        """Writes into ``folder``, which is made."""
        self._stems.save(folder / _WORDS)
        self._letters.save(folder / _LETTERS)
        np.save(folder / _OWNERS, self._owners, allow_pickle=False)

    def scores(self, text: str) -> tuple[Floats, Floats]:
        """What every chunk holds of ``text``: by its words, and by the letters of its best window; each (chunks,)."""
        by_letters = np.zeros(self._stems.texts, dtype=np.float32)
        np.maximum.at(by_letters, self._owners, self._letters.scores(runs(text)))
        return self._stems.scores(self._repaired(text), self.stems(text)), by_letters

    def stems(self, text: str) -> list[str]:
        """The stems of ``text`` as this index counts them."""
        return self._analyser.stems(text)

    def weights(self, text: str) -> dict[str, float]:
        """The stems of a question with their idf, slips mended; a stem that no chunk has weighs most."""
        return self._stems.weights(self._repaired(text))

    def _repaired(self, text: str) -> list[str]:
        """The stems of a question, slips mended (words.py)."""
        return [self._mended(word) for word in self._analyser.telling(text)]

    def _mend(self, word: str) -> str:
        (stem,) = self._analyser.stemmed([word])
        if stem in self._stems:
            return stem
        return repaired(word, self._analyser.stemmed, self._stems, self._stems.rarity, self._alphabet) or stem

    @cached_property
    def _alphabet(self) -> frozenset[str]:
        """The letters of the corpus."""
        return frozenset("".join(self._stems.terms))

    def letter_weights(self, text: str) -> dict[str, float]:
        """The runs of letters of ``text`` with their idf."""
        return self._letters.weights(runs(text))


def runs(text: str) -> list[str]:
    """The runs of letters in the words of ``text``."""
    return [gram for word in words(text) for gram in grams(word)]


def spelled(texts: Sequence[Sequence[str]]) -> tuple[sparse.csr_matrix, dict[str, int]]:
    """How often each text of words has each run of letters: shape (texts, runs); and their columns.

    Each word is spelled once, however often it comes: counts of words times counts of runs in words.
    """
    counts, known = counted(texts)
    in_words, runs = counted([grams(word) for word in known] or [[]])
    return (counts @ in_words).tocsr(), runs


def _windows(chunk: Chunk) -> list[str]:
    """The windows of a chunk, each below its headings; the whole where there is no sentence."""
    told = [sentence.text for sentence in sentences(chunk.text)] or [chunk.text]
    above = chunk.searched[: len(chunk.searched) - len(chunk.text)]
    return [above + " ".join(told[start : start + WINDOW]) for start in range(max(1, len(told) - WINDOW + 1))]
