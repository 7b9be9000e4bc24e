"""Score chunks by the best of their windows: three sentences that follow each other, or one row, item or answer.

An index stores which units contain an n-gram, and for each unit the windows that it belongs to. A sentence belongs to
three windows, and the title and headings to all windows of their chunk. So an n-gram is stored once where the windows
themselves would hold it three times. How often a window repeats an n-gram does not count: it changed no result that we
measured, and needs no space. N-grams of more than 15 % of the windows count nothing: they are those of words such as
"the", and make up a quarter of what would be stored.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

import numpy as np
from scipy import sparse

from ...excerpts import RUNNING_KINDS, split_excerpts
from ...interfaces import Float32Array
from ...passages import Chunk
from ...text_analysis import split_ngrams, split_words
from .bm25 import K1, Postings, compute_idf, count_terms

WINDOW_SENTENCES = 3
"""Sentences of a window; a window begins at every sentence."""
_MAX_SHARE, _MIN_FREQUENT = 0.15, 40
"""An n-gram that more than this share of the windows and more than this number of them contain counts nothing."""
_IDF_STEP = 2.0**-16
"""Sums of multiples of this number are exact, so that equal windows have equal scores wherever they stand."""
_B = 0.75
"""Influence of a window's length, as measured best on question answering over paragraphs."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A text of a chunk, and the first and the last of the chunk's windows that contain it, counted from 0."""

    text: str
    first_window: int
    last_window: int


class WindowIndex(Postings):
    """The n-grams of all windows. Safe to share between threads."""

    array_names = (*Postings.array_names, "first_windows", "last_windows", "norms", "chunk_starts")

    @classmethod
    def build(cls, chunks: Sequence[Chunk]) -> Self:
        """Count the n-grams of the windows of ``chunks``."""
        units_of_chunks = [split_units(chunk) for chunk in chunks]
        window_counts = [max(unit.last_window for unit in units) + 1 for units in units_of_chunks]
        starts = list(accumulate(window_counts, initial=0))
        units = [unit for units in units_of_chunks for unit in units]
        offsets = np.repeat(starts[:-1], [len(units) for units in units_of_chunks])
        first = np.array([unit.first_window for unit in units], dtype=np.int64) + offsets
        last = np.array([unit.last_window for unit in units], dtype=np.int64) + offsets
        counts, terms = count_ngrams([split_words(unit.text) for unit in units])
        membership = _mark_units(first, last, starts[-1])
        lengths = membership @ np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
        norms = 1 / (1 + K1 * (1 - _B + _B * lengths / (lengths.mean() or 1.0)))
        in_windows = membership @ counts
        document_counts = np.bincount(in_windows.indices, minlength=counts.shape[1])
        counted = document_counts <= max(_MAX_SHARE * starts[-1], _MIN_FREQUENT)
        by_term = (sparse.diags(counted.astype(np.float32)) @ counts.T).tocsr()
        by_term.eliminate_zeros()
        by_term.sort_indices()
        idf = [round(compute_idf(count, starts[-1]) / _IDF_STEP) * _IDF_STEP for count in document_counts.tolist()]
        arrays = {
            **cls.make_arrays(by_term, idf),
            "first_windows": first.astype(np.int32),
            "last_windows": last.astype(np.int32),
            "norms": norms.astype(np.float32),
            "chunk_starts": np.array(starts[:-1], dtype=np.int64),
        }
        return cls(arrays, terms, starts[-1])

    def scores(self, ngrams: Iterable[str]) -> Float32Array:
        """Return a share from 0 to 1 for the best window of each chunk; shape (chunks,).

        A window's share is the idf of the n-grams that it contains, with a factor for its length, divided by the idf of
        all ``ngrams``.
        """
        weights = self.weights(ngrams)
        rows = self.find_rows(weights)
        counts = [span.stop - span.start for span in self.find_spans(rows)]
        total = sum(weights.values()) - sum(
            self._idf[row] for row, count in zip(rows, counts, strict=True) if not count
        )
        if not sum(counts):
            return np.zeros(len(self._arrays["chunk_starts"]), dtype=np.float32)
        units = self.read_positions(rows)
        # Each n-gram has a range of numbers of its own, in which the windows of its units are intervals in ascending
        # order. What an earlier interval covers does not count again.
        offsets = np.repeat(np.arange(len(rows)) * (self.texts + 1), counts)
        ends = np.maximum.accumulate(self._arrays["last_windows"][units] + offsets + 1)
        starts = np.maximum(self._arrays["first_windows"][units] + offsets, np.concatenate([[0], ends[:-1]]))
        idf = np.repeat(self._idf[rows].astype(np.float64), counts)
        changes = np.bincount(starts - offsets, idf, self.texts + 1) - np.bincount(ends - offsets, idf, self.texts + 1)
        sums = np.maximum(np.cumsum(changes)[:-1], 0.0) * self._arrays["norms"]
        best = np.maximum.reduceat(sums, self._arrays["chunk_starts"])
        return np.asarray(np.minimum(best / total, 1.0), dtype=np.float32)


def split_units(chunk: Chunk) -> list[Unit]:
    """Return the units of a chunk in the order of their first windows: the text above the chunk, then its parts.

    Sentences of running text share windows; a row, an item or an answer has a window of its own, with its context. A
    chunk without an excerpt is one sentence.
    """
    excerpts = list(split_excerpts(chunk))
    sentences = [excerpt.text for excerpt in excerpts if excerpt.kind in RUNNING_KINDS] if excerpts else [chunk.text]
    records = [f"{excerpt.context} {excerpt.text}" for excerpt in excerpts if excerpt.kind not in RUNNING_KINDS]
    running_windows = max(1, len(sentences) - WINDOW_SENTENCES + 1) if sentences else 0
    above = chunk.searchable_text[: len(chunk.searchable_text) - len(chunk.text)]
    return [
        Unit(above, 0, running_windows + len(records) - 1),
        *_place_sentences(sentences, running_windows),
        *(Unit(record, running_windows + number, running_windows + number) for number, record in enumerate(records)),
    ]


def _place_sentences(sentences: Sequence[str], windows: int) -> Iterator[Unit]:
    for number, sentence in enumerate(sentences):
        yield Unit(sentence, max(0, number - WINDOW_SENTENCES + 1), min(number, windows - 1))


def count_ngrams(texts: Sequence[Sequence[str]]) -> tuple[sparse.csr_matrix, dict[str, int]]:
    """Count the n-grams of each text of words.

    Each word is split once, however often it occurs: counts of words times counts of n-grams in words.

    Returns:
        The counts, shape (texts, n-grams), and the column of each n-gram.
    """
    counts, columns = count_terms(texts)
    in_words, ngram_columns = count_terms([split_ngrams(word) for word in columns] or [[]])
    return (counts @ in_words).tocsr(), ngram_columns


def _mark_units(first: Sequence[int], last: Sequence[int], windows: int) -> sparse.csr_matrix:
    """Return which window contains which unit, as ones of shape (windows, units)."""
    lengths = np.asarray(last) - np.asarray(first) + 1
    units = np.repeat(np.arange(len(lengths)), lengths)
    rows = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths) + np.repeat(first, lengths)
    return sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, units)), shape=(windows, len(lengths)))
