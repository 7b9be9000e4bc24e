"""Search words: by stems over whole chunks, and by character n-grams over small windows of them.

N-grams tolerate typing errors and other forms of a word. A window has three sentences: what answers a question stands
close together, and the chunk around it is what is returned.
"""

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...excerpts import RUNNING_KINDS, split_excerpts
from ...interfaces import Float32Array
from ...passages import Chunk
from ...text_analysis import Analyser, correct_spelling, split_into_ngrams, split_ngrams, split_words
from .bm25 import BM25, count_terms

WINDOW_SENTENCES = 3
"""Sentences of a window; a window begins at every sentence."""
_CACHED_WORDS = 4096
_WORDS_FOLDER, _LETTERS_FOLDER, _OWNERS_FILE = "words", "letters", "owners.npy"
_K1 = 1.2
"""Constants of BM25 that were best for question answering over paragraphs."""
_B_WORDS, _B_LETTERS = 0.6, 0.75
"""As measured best on question answering over paragraphs."""


class Lexical:
    """The words and n-grams of the chunks of an index."""

    def __init__(self, stems: BM25, letters: BM25, owners: npt.NDArray[np.int32], language: str) -> None:
        """Make a lexical search of its parts; ``owners`` holds the chunk of each window, shape (windows,)."""
        self._stems, self._ngrams, self._owners, self._analyser = stems, letters, owners, Analyser(language)
        self._corrected_stem = lru_cache(_CACHED_WORDS)(self._correct_word)

    @classmethod
    def build(cls, chunks: Sequence[Chunk], language: str) -> Self:
        """Analyse and count the words and n-grams of ``chunks``."""
        analyser = Analyser(language)
        stems = BM25.build(*count_terms([analyser.stems(chunk.searchable_text) for chunk in chunks]), _K1, _B_WORDS)
        windows = [(number, text) for number, chunk in enumerate(chunks) for text in _make_windows(chunk)]
        letters = BM25.build(*count_ngrams([split_words(text) for _, text in windows]), _K1, _B_LETTERS)
        return cls(stems, letters, np.array([owner for owner, _ in windows], dtype=np.int32), language)

    @classmethod
    def open(cls, folder: Path, language: str) -> Self:
        """Open what ``save`` wrote: memory-mapped arrays and JSON, no pickle."""
        owners = np.load(folder / _OWNERS_FILE, mmap_mode="r", allow_pickle=False).view(np.ndarray)
        return cls(BM25.open(folder / _WORDS_FOLDER), BM25.open(folder / _LETTERS_FOLDER), owners, language)

    def save(self, folder: Path) -> None:
        """Write everything into ``folder``, which must not exist."""
        self._stems.save(folder / _WORDS_FOLDER)
        self._ngrams.save(folder / _LETTERS_FOLDER)
        np.save(folder / _OWNERS_FILE, self._owners, allow_pickle=False)

    def scores(self, text: str) -> tuple[Float32Array, Float32Array]:
        """Score every chunk for ``text``.

        Returns:
            The scores by words, and by the n-grams of the best window; each of shape (chunks,).
        """
        by_letters = np.zeros(self._stems.texts, dtype=np.float32)
        np.maximum.at(by_letters, self._owners, self._ngrams.scores(split_into_ngrams(text)))
        return self._stems.scores(self._corrected_stems(text), self.stems(text)), by_letters

    def stems(self, text: str) -> list[str]:
        """Return the stems of ``text`` as this index counts them."""
        return self._analyser.stems(text)

    def weights(self, text: str) -> dict[str, float]:
        """Return the stems of a question with their idf, spelling corrected; an unknown stem weighs most."""
        return self._stems.weights(self._corrected_stems(text))

    def _corrected_stems(self, text: str) -> list[str]:
        """Return the stems of a question, spelling corrected."""
        return [self._corrected_stem(word) for word in self._analyser.content_words(text)]

    def _correct_word(self, word: str) -> str:
        (stem,) = self._analyser.stem_words([word])
        if stem in self._stems:
            return stem
        return (
            correct_spelling(word, self._analyser.stem_words, self._stems, self._stems.idf_of, self._alphabet) or stem
        )

    @cached_property
    def _alphabet(self) -> frozenset[str]:
        """The letters of the corpus."""
        return frozenset("".join(self._stems.terms))

    def ngram_weights(self, text: str) -> dict[str, float]:
        """Return the n-grams of ``text`` with their idf."""
        return self._ngrams.weights(split_into_ngrams(text))


def count_ngrams(texts: Sequence[Sequence[str]]) -> tuple[sparse.csr_matrix, dict[str, int]]:
    """Count the n-grams of each text of words.

    Each word is split once, however often it occurs: counts of words times counts of n-grams in words.

    Returns:
        The counts, shape (texts, n-grams), and the column of each n-gram.
    """
    counts, columns = count_terms(texts)
    in_words, ngram_columns = count_terms([split_ngrams(word) for word in columns] or [[]])
    return (counts @ in_words).tocsr(), ngram_columns


def _make_windows(chunk: Chunk) -> list[str]:
    """Return the windows of a chunk, each below the chunk's headings; the whole chunk when it has no excerpt.

    Sentences of running text share windows; a row, an item or an answer has a window of its own, with its context.
    """
    excerpts = list(split_excerpts(chunk))
    sentences = [excerpt.text for excerpt in excerpts if excerpt.kind in RUNNING_KINDS]
    others = [f"{excerpt.context} {excerpt.text}" for excerpt in excerpts if excerpt.kind not in RUNNING_KINDS]
    if not excerpts:
        sentences = [chunk.text]
    above = chunk.searchable_text[: len(chunk.searchable_text) - len(chunk.text)]
    starts = range(max(1, len(sentences) - WINDOW_SENTENCES + 1)) if sentences else ()
    windows = [" ".join(sentences[start : start + WINDOW_SENTENCES]) for start in starts]
    return [above + window for window in [*windows, *others]]
