"""Score texts by their terms with BM25 (Robertson & Zaragoza, 2009; the variant of Lucene), as one sparse matrix.

A score is a share of what the query could score, from 0 to 1: BM25 divided by the sum of the idf of the query's terms,
where a term that no text contains counts most. So a score means the same for every query.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...interfaces import Float32Array

_TERMS = "terms.json"
_LOW_BITS = 16
_LOW_MASK = (1 << _LOW_BITS) - 1
K1 = 1.2
"""Saturation of repeated terms that was best for question answering over paragraphs."""


class Postings:
    """The terms of an index with their idf, and the texts of each. The arrays may be memory-mapped.

    The positions of a term's texts take two bytes each: the texts are cut into blocks of 65,536, ``low`` holds the
    position within a block, and ``ends`` where the positions of each term and block end.

    Attributes:
        terms: Row of each term.
        texts: Number of texts.
    """

    array_names: ClassVar[tuple[str, ...]] = ("low", "ends", "idf")

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], terms: Mapping[str, int], texts: int) -> None:
        """Make an index of its parts.

        Args:
            arrays: What ``make_arrays`` returns, and what a subclass needs.
            terms: Row of each term.
            texts: Number of texts.
        """
        self._arrays, self.terms, self.texts = arrays, terms, texts
        self._idf, self._blocks = arrays["idf"], count_blocks(texts)
        self._unknown_idf = compute_idf(0.0, texts)

    @staticmethod
    def make_arrays(by_term: sparse.csr_matrix, idf: Iterable[float]) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays of which texts contain which term.

        Args:
            by_term: A matrix of shape (terms, texts) whose entries are sorted.
            idf: Inverse document frequency of each term.
        """
        terms, texts = by_term.shape
        blocks = count_blocks(texts)
        rows = np.repeat(np.arange(terms, dtype=np.int64), np.diff(by_term.indptr))
        counts = np.bincount(rows * blocks + (by_term.indices >> _LOW_BITS), minlength=terms * blocks)
        return {
            "low": by_term.indices.astype(np.uint16),
            "ends": np.concatenate([[0], np.cumsum(counts)]).astype(np.min_scalar_type(by_term.nnz)),
            "idf": np.array(list(idf), dtype=np.float32),
        }

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what ``save`` wrote: memory-mapped arrays and JSON, no pickle."""
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
            for name in cls.array_names
        }
        contents = json.loads((folder / _TERMS).read_text("utf-8"))
        return cls(arrays, {term: number for number, term in enumerate(contents["terms"])}, contents["texts"])

    def save(self, folder: Path) -> None:
        """Write the arrays and terms into ``folder``, which must not exist."""
        folder.mkdir(parents=True)
        for name in self.array_names:
            np.save(folder / f"{name}.npy", self._arrays[name], allow_pickle=False)
        contents = {"texts": self.texts, "terms": list(self.terms)}
        (folder / _TERMS).write_text(json.dumps(contents, ensure_ascii=False), "utf-8")

    def __contains__(self, term: object) -> bool:
        """Return whether any text contains ``term``."""
        return term in self.terms

    def idf_of(self, term: str) -> float:
        """Return the inverse document frequency of a term that some text contains."""
        return float(self._idf[self.terms[term]])

    def weights(self, terms: Iterable[str]) -> dict[str, float]:
        """Return the idf of each distinct term; a term that no text contains weighs most."""
        rows = self.terms
        return {
            term: float(self._idf[rows[term]]) if term in rows else self._unknown_idf for term in dict.fromkeys(terms)
        }

    def find_rows(self, terms: Iterable[str]) -> list[int]:
        """Return the rows of the terms that some text contains."""
        return [self.terms[term] for term in terms if term in self.terms]

    def find_spans(self, rows: Sequence[int]) -> list[slice]:
        """Return where the texts of each row are stored."""
        first = np.asarray(rows, dtype=np.int64) * self._blocks
        starts, ends = self._arrays["ends"][first], self._arrays["ends"][first + self._blocks]
        return list(map(slice, starts.tolist(), ends.tolist()))

    def read_positions(self, rows: Sequence[int]) -> npt.NDArray[np.int64]:
        """Return the positions of the texts of all rows, one row after the other."""
        stored = [self._arrays["low"][span] for span in self.find_spans(rows)]
        low: npt.NDArray[np.int64] = np.concatenate(stored).astype(np.int64)
        if self._blocks == 1:
            return low
        borders = np.asarray(rows, dtype=np.int64)[:, np.newaxis] * self._blocks + np.arange(self._blocks + 1)
        counts = np.diff(self._arrays["ends"][borders].astype(np.int64), axis=1).ravel()
        high: npt.NDArray[np.int64] = np.repeat(np.tile(np.arange(self._blocks) << _LOW_BITS, len(rows)), counts)
        return low + high

    def find_texts(self, term: str, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Return which of the texts at ``positions`` contain a term; shape (positions,).

        The positions are looked up in the stored ones, which are not read as a whole: a frequent term has very many.
        """
        contained = np.zeros(len(positions), dtype=np.bool_)
        if term not in self.terms:
            return contained
        blocks, in_block = positions >> _LOW_BITS, (positions & _LOW_MASK).astype(np.uint16)
        for block in range(self._blocks):
            cell = self.terms[term] * self._blocks + block
            stored = self._arrays["low"][self._arrays["ends"][cell] : self._arrays["ends"][cell + 1]]
            here = blocks == block
            contained[here] = _is_in_sorted(in_block[here], stored)
        return contained


def _is_in_sorted(values: npt.NDArray[np.uint16], stored: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Return which of ``values`` are among ``stored``, which is sorted."""
    if not len(stored):
        return np.zeros(len(values), dtype=np.bool_)
    places = np.minimum(np.searchsorted(stored, values), len(stored) - 1)
    return np.asarray(stored[places] == values, dtype=np.bool_)


def count_blocks(texts: int) -> int:
    """Return the number of blocks that ``texts`` are cut into."""
    return max(1, -(-texts >> _LOW_BITS))


class BM25(Postings):
    """The texts by their terms. Safe to share between threads."""

    array_names = (*Postings.array_names, "weights")

    @classmethod
    def build(cls, counts: sparse.csr_matrix, terms: Mapping[str, int], k1: float, b: float) -> Self:
        """Weigh ``counts``, shape (texts, terms).

        Args:
            counts: How often each text contains each term.
            terms: Column of each term.
            k1: Saturation of repeated terms.
            b: Influence of a text's length.

        Returns:
            The scorer.
        """
        texts = counts.shape[0]
        lengths = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
        document_counts = np.bincount(counts.indices, minlength=counts.shape[1])
        idf = [compute_idf(count, texts) for count in document_counts.tolist()]
        relative = np.repeat(lengths / (lengths.mean() or 1.0), np.diff(counts.indptr))
        weights = counts.data / (counts.data + k1 * (1 - b + b * relative)) * np.array(idf)[counts.indices]
        scored = sparse.csr_matrix((weights.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
        by_term = scored.T.tocsr()
        return cls({**cls.make_arrays(by_term, idf), "weights": by_term.data}, terms, texts)

    def scores(self, terms: Iterable[str], intended_terms: Iterable[str] | None = None) -> Float32Array:
        """Score every text.

        Args:
            terms: The terms of the query.
            intended_terms: Terms by whose maximum the scores are divided, where these are not ``terms``: a guess for an
                unknown term counts, and less than the term itself would.

        Returns:
            A share from 0 to 1 for each text; shape (texts,).
        """
        weights = self.weights(terms)
        maximum = sum((weights if intended_terms is None else self.weights(intended_terms)).values())
        rows = self.find_rows(weights)
        if not rows:
            return np.zeros(self.texts, dtype=np.float32)
        scored = np.concatenate([self._arrays["weights"][span] for span in self.find_spans(rows)])
        sums = np.bincount(self.read_positions(rows), weights=scored, minlength=self.texts)
        return np.asarray(sums / max(maximum, sum(weights.values())), dtype=np.float32)

    def coverage(self, terms: Iterable[str], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Return how much of a query texts contain: the idf of its terms that a text has, divided by that of all.

        Neither the length of a text nor how often it repeats a term counts.

        Args:
            terms: The terms of the query.
            positions: Positions of the texts.

        Returns:
            A share from 0 to 1 for each position; shape (positions,).
        """
        weights = self.weights(terms)
        shares = np.zeros(len(positions))
        for term in weights:
            if term in self.terms:
                shares += self.find_texts(term, positions) * float(self._idf[self.terms[term]])
        return np.minimum(shares / (sum(weights.values()) or 1.0), 1.0)


def count_terms(texts: Sequence[Sequence[str]]) -> tuple[sparse.csr_matrix, dict[str, int]]:
    """Count the terms of each text.

    Returns:
        The counts, shape (texts, terms), and the column of each term.
    """
    terms: dict[str, int] = {}
    columns = [terms.setdefault(term, len(terms)) for text in texts for term in text]
    ends = np.cumsum([0, *map(len, texts)])
    ones = np.ones(len(columns), dtype=np.float32)
    counts = sparse.csr_matrix((ones, columns, ends), shape=(len(texts), max(len(terms), 1)))
    counts.sum_duplicates()
    return counts, terms


def compute_idf(text_count: float, texts: int) -> float:
    """Return the inverse document frequency of a term that ``text_count`` of ``texts`` contain."""
    return math.log(1 + (texts - text_count + 0.5) / (text_count + 0.5))
