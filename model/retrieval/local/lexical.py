"""Search words: by stems over whole chunks, and by character n-grams over small windows of them.

N-grams tolerate typing errors and other forms of a word. A window has three sentences: what answers a question stands
close together, and the chunk around it is what is returned. A chunk's stems are those of its language, and a question
is compared with each chunk in that chunk's language.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ...interfaces import Float32Array
from ...passages import Chunk
from ...text_analysis import Analyser, correct_spelling, find_identifiers, remove_intent, split_into_ngrams
from .bm25 import BM25, K1, count_terms
from .windows import WindowIndex

_CACHED_WORDS = 4096
_MAX_CORRECTED = 100
"""Most words of one question whose spelling is corrected. A word takes a millisecond, in which no request goes on.
"""
_WORDS_FOLDER, _WINDOWS_FOLDER = "words", "windows"
_LANGUAGES_FILE, _CHUNK_LANGUAGES_FILE = "languages.json", "chunk_languages.npy"
_B = 0.6
"""Influence of a chunk's length, as measured best on question answering over paragraphs."""


class Lexical:
    """The words and n-grams of the chunks of an index.

    Attributes:
        languages: The languages of the chunks, the most frequent one first.
    """

    def __init__(
        self,
        words: BM25,
        windows: WindowIndex,
        languages: Sequence[str],
        chunk_languages: npt.NDArray[np.uint8],
    ) -> None:
        """Make a lexical search of its parts; ``chunk_languages`` has the position in ``languages`` of each chunk's."""
        self._words, self._windows = words, windows
        self.languages, self._chunk_languages = tuple(languages), chunk_languages
        self._analysers = {language: Analyser(language) for language in self.languages}
        self._corrected_stem = lru_cache(_CACHED_WORDS)(self._correct_word)

    @classmethod
    def build(cls, chunks: Sequence[Chunk], language: str) -> Self:
        """Analyse and count the words and n-grams of ``chunks``.

        Args:
            chunks: The chunks.
            language: The language of a chunk that names none.
        """
        languages = rank_languages(chunks, language)
        analysers = {name: Analyser(name) for name in languages}
        texts = [analysers[chunk.language or language].stems(chunk.searchable_text) for chunk in chunks]
        words = BM25.build(*count_terms(texts), K1, _B)
        numbers = [languages.index(chunk.language or language) for chunk in chunks]
        return cls(words, WindowIndex.build(chunks), languages, np.array(numbers, dtype=np.uint8))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what ``save`` wrote: memory-mapped arrays and JSON, no pickle."""
        return cls(
            BM25.open(folder / _WORDS_FOLDER),
            WindowIndex.open(folder / _WINDOWS_FOLDER),
            json.loads((folder / _LANGUAGES_FILE).read_text("utf-8")),
            np.load(folder / _CHUNK_LANGUAGES_FILE, mmap_mode="r", allow_pickle=False).view(np.ndarray),
        )

    def save(self, folder: Path) -> None:
        """Write everything into ``folder``, which must not exist."""
        self._words.save(folder / _WORDS_FOLDER)
        self._windows.save(folder / _WINDOWS_FOLDER)
        (folder / _LANGUAGES_FILE).write_text(json.dumps(self.languages), "utf-8")
        np.save(folder / _CHUNK_LANGUAGES_FILE, self._chunk_languages, allow_pickle=False)

    def scores(self, text: str) -> tuple[Float32Array, Float32Array]:
        """Score every chunk for ``text``.

        Returns:
            The scores by words, and by the n-grams of the best window; each of shape (chunks,).
        """

        def score(language: str) -> Float32Array:
            content_words = self._analyser_of(language).content_words(text)
            return self._words.scores(self._correct_words(content_words, language), self.stems(text, language))

        return self._join_languages(score), self._windows.scores(split_into_ngrams(text))

    def coverage(self, text: str, positions: npt.NDArray[np.int64]) -> Float32Array:
        """Return the share of the words of ``text``, by their idf, that chunks contain.

        Args:
            text: The question.
            positions: Positions of the chunks.

        Returns:
            A share for each position; shape (positions,).
        """
        words = remove_intent(text)
        shares = np.zeros(len(positions), dtype=np.float32)
        numbers = self._chunk_languages[positions]
        for number, language in enumerate(self.languages):
            has_language = numbers == number
            stems = self._corrected_stems(words, language)
            shares[has_language] = self._words.coverage(stems, positions[has_language])
        return shares

    def stems(self, text: str, language: str = "") -> list[str]:
        """Return the stems of ``text`` as this index counts them in a language; empty for the most frequent one."""
        return self._analyser_of(language).stems(text)

    def weights(self, text: str, language: str = "") -> dict[str, float]:
        """Return the stems of a question with their idf, spelling corrected; an unknown stem weighs most.

        Args:
            text: The question.
            language: The language of the texts that the stems are compared with; empty for the most frequent one.
        """
        return self._words.weights(self._corrected_stems(text, language))

    def find_terms(self, text: str, positions: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.bool_], Float32Array]:
        """Return which words of a question chunks contain.

        Args:
            text: The question.
            positions: Positions of chunks, sorted.

        Returns:
            Whether each chunk contains each word, of shape (words, chunks), and the idf of the words, which sums to 1.
        """
        words = dict.fromkeys(
            word for name in self.languages for word in self._question_words(remove_intent(text), name)
        )
        rows, weights = [], []
        stems_of_words = zip(*(self._correct_words(list(words), name) for name in self.languages), strict=True)
        for stems in map(set, stems_of_words):
            rows.append(np.any([self._words.find_texts(stem, positions) for stem in stems], axis=0))
            weights.append(max(self._words.weights(stems).values()))
        total = sum(weights) or 1.0
        shape = (len(words), len(positions))
        return np.array(rows, dtype=np.bool_).reshape(shape), np.array(weights, dtype=np.float32) / total

    def contains(self, word: str) -> bool:
        """Return whether any chunk contains a word: a code as a whole, another one with its spelling corrected."""
        identifiers = find_identifiers(word)
        if identifiers:
            return all(identifier in self._words for identifier in identifiers)
        return any(stem in self._words for language in self.languages for stem in self._corrected_stems(word, language))

    def ngram_weights(self, text: str) -> dict[str, float]:
        """Return the n-grams of ``text`` with their idf."""
        return self._windows.weights(split_into_ngrams(text))

    def _join_languages(self, score: Callable[[str], Float32Array]) -> Float32Array:
        """Return the score of each chunk in the chunk's language; ``score`` returns those of all in one language."""
        scores = score(self.languages[0])
        for number, language in enumerate(self.languages[1:], 1):
            has_language = self._chunk_languages == number
            scores[has_language] = score(language)[has_language]
        return scores

    def _analyser_of(self, language: str) -> Analyser:
        return self._analysers.get(language, self._analysers[self.languages[0]])

    def _corrected_stems(self, text: str, language: str) -> list[str]:
        """Return the stems of the words that say what a question is about, spelling corrected."""
        return self._correct_words(self._question_words(text, language), language)

    def _question_words(self, text: str, language: str) -> list[str]:
        return self._analyser_of(language).question_words(text)

    def _correct_words(self, words: Sequence[str], language: str) -> list[str]:
        """Return the stem of each word, spelling corrected up to the limit of a question."""
        distinct = dict.fromkeys(words)
        corrected = {word: self._corrected_stem(word, language) for word in islice(distinct, _MAX_CORRECTED)}
        beyond = list(islice(distinct, _MAX_CORRECTED, None))
        corrected |= dict(zip(beyond, self._analyser_of(language).stem_words(beyond), strict=True))
        return [corrected[word] for word in words]

    def _correct_word(self, word: str, language: str) -> str:
        stem_words = self._analyser_of(language).stem_words
        (stem,) = stem_words([word])
        if stem in self._words:
            return stem
        return correct_spelling(word, stem_words, self._words, self._words.idf_of, self._alphabet) or stem

    @cached_property
    def _alphabet(self) -> frozenset[str]:
        """The letters of the corpus."""
        return frozenset("".join(self._words.terms))


def rank_languages(chunks: Sequence[Chunk], language: str) -> list[str]:
    """Return the languages of ``chunks``, the most frequent one first.

    Args:
        chunks: The chunks.
        language: The language of a chunk that names none.
    """
    counts = Counter(chunk.language or language for chunk in chunks)
    return sorted(counts, key=lambda name: (-counts[name], name)) or [language]
