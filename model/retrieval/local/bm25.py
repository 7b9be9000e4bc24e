"""Score texts by their terms with BM25 (Robertson & Zaragoza, 2009; the variant of Lucene), as one sparse matrix.

A score is a share of what the query could score, from 0 to 1: BM25 divided by the sum of the idf of the query's terms,
where a term that no text contains counts most. So a score means the same for every query.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...interfaces import Float32Array

_ARRAYS, _TERMS = ("data", "indices", "indptr", "idf"), "terms.json"


class BM25:
    """The texts by their terms. The arrays may be memory-mapped; safe to share between threads."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], terms: Mapping[str, int], texts: int) -> None:
        """Make a scorer.

        Args:
            arrays: ``idf``, and ``data``, ``indices`` and ``indptr`` of a CSR matrix of scores; shape (terms, texts).
            terms: Row of each term.
            texts: Number of texts.
        """
        self._arrays, self.terms, self.texts = arrays, terms, texts
        self._idf, self._row_ends = arrays["idf"], arrays["indptr"].tolist()
        self._unknown = _idf(0.0, texts)

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
        idf = np.array([_idf(count, texts) for count in document_counts.tolist()], dtype=np.float32)
        relative = np.repeat(lengths / (lengths.mean() or 1.0), np.diff(counts.indptr))
        weights = counts.data / (counts.data + k1 * (1 - b + b * relative)) * idf[counts.indices]
        scored = sparse.csr_matrix((weights.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
        by_term = scored.T.tocsr()
        arrays = {"data": by_term.data, "indices": by_term.indices, "indptr": by_term.indptr, "idf": idf}
        return cls(arrays, terms, texts)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what ``save`` wrote: memory-mapped arrays and JSON, no pickle."""
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
            for name in _ARRAYS
        }
        contents = json.loads((folder / _TERMS).read_text("utf-8"))
        return cls(arrays, {term: number for number, term in enumerate(contents["terms"])}, contents["texts"])

    def save(self, folder: Path) -> None:
        """Write the arrays and terms into ``folder``, which must not exist."""
        folder.mkdir(parents=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", self._arrays[name], allow_pickle=False)
        contents = {"texts": self.texts, "terms": list(self.terms)}
        (folder / _TERMS).write_text(json.dumps(contents, ensure_ascii=False), "utf-8")

    def __contains__(self, term: object) -> bool:
        """Return whether any text contains ``term``."""
        return term in self.terms

    def idf_of(self, term: str) -> float:
        """Return the inverse document frequency of a term that some text contains."""
        return float(self._idf[self.terms[term]])

    def scores(self, terms: Iterable[str], intended_terms: Iterable[str] | None = None) -> Float32Array:
        """Score every text.

        Args:
            terms: The terms of the query.
            intended_terms: Terms by whose maximum the scores are divided, where these are not ``terms``: a guess for an
                unknown
                term counts, and less than the term itself would.

        Returns:
            A share from 0 to 1 for each text; shape (texts,).
        """
        weights = self.weights(terms)
        maximum = sum((weights if intended_terms is None else self.weights(intended_terms)).values())
        rows = [self.terms[term] for term in weights if term in self.terms]
        if not rows:
            return np.zeros(self.texts, dtype=np.float32)
        spans = [slice(self._row_ends[row], self._row_ends[row + 1]) for row in rows]
        positions = np.concatenate([self._arrays["indices"][span] for span in spans])
        scored = np.concatenate([self._arrays["data"][span] for span in spans])
        sums = np.bincount(positions, weights=scored, minlength=self.texts)
        return np.asarray(sums / max(maximum, sum(weights.values())), dtype=np.float32)

    def weights(self, terms: Iterable[str]) -> dict[str, float]:
        """Return the idf of each distinct term; a term that no text contains weighs most."""
        columns = self.terms
        return {
            term: float(self._idf[columns[term]]) if term in columns else self._unknown for term in dict.fromkeys(terms)
        }


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


def _idf(text_count: float, texts: int) -> float:
    return math.log(1 + (texts - text_count + 0.5) / (text_count + 0.5))
