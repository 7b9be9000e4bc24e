"""Fit embeddings to a corpus: latent semantic analysis (Deerwester et al., 1990) of stems and character n-grams.

Words that occur in the same chunks receive a similar meaning, so a question that uses other words than the passage is
met. The method needs no weights and makes small vectors. It knows nothing about documents that come later, so every
build fits again.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ...interfaces import Float32Array
from ...text_analysis import Analyser, split_words
from .bm25 import count_terms
from .windows import count_ngrams

DIMENSION = 128
_MIN_TEXTS = 24
"""Fewer texts have no latent meaning: what they share is chance."""
_MAX_FITTED_TEXTS = 4000
"""Of more texts, this number is fitted, evenly taken. All texts are embedded."""
_MAX_TERMS = 32_000
"""Of more stems and n-grams, the most frequent ones are fitted. Those of few texts are found by words and letters."""
_MAX_COMPONENT = 127
"""A term's components are stored in steps of 1/127 of the largest of them, which changed no result that we measured."""
_ARRAYS, _TERMS = "latent.npz", "terms.json"


class LatentSemanticModel:
    """A fit. Safe to share between threads, since each call makes its own stemmer."""

    def __init__(
        self,
        terms: Sequence[Mapping[str, int]],
        idf: Float32Array,
        components: npt.NDArray[np.int8],
        scales: Float32Array,
        language: str,
    ) -> None:
        """Make a model of its parts.

        Args:
            terms: Columns of the stems, and of the n-grams behind them.
            idf: Inverse document frequency of each term; shape (terms,).
            components: Components of each term in steps of its scale; shape (dimension, terms).
            scales: What one step is; shape (terms,).
            language: Language of the stems.
        """
        self._terms, self._idf, self._language = terms, idf, language
        self._steps, self._scales = components, scales
        self._components = components * scales

    @classmethod
    def fit(cls, texts: Sequence[str], language: str) -> Self | None:
        """Fit ``texts``; return None when they are too few."""
        if len(texts) < _MIN_TEXTS:
            return None
        from sklearn.utils.extmath import randomized_svd  # a second, at a build alone

        stems, stem_terms = count_terms(_stem_texts(texts, language))
        letters, letter_terms = count_ngrams([split_words(text) for text in texts])
        counts = sparse.hstack([stems, letters]).tocsr()
        document_counts = np.bincount(counts.indices, minlength=counts.shape[1])
        columns = np.sort(np.argsort(-document_counts, kind="stable")[:_MAX_TERMS])
        terms = (
            _renumber(stem_terms, columns),
            _renumber(letter_terms, columns[columns >= stems.shape[1]] - stems.shape[1]),
        )
        idf = (np.log((1 + len(texts)) / (1 + document_counts[columns])) + 1).astype(np.float32)
        step = -(-len(texts) // _MAX_FITTED_TEXTS)
        weighted = _weight(counts[::step][:, columns], idf)
        dimension = min(DIMENSION, int(0.8 * len(texts)))
        components = randomized_svd(weighted, dimension, n_iter=2, random_state=0)[2].astype(np.float32)
        scales = np.maximum(np.abs(components).max(axis=0), np.finfo(np.float32).tiny) / _MAX_COMPONENT
        return cls(terms, idf, np.rint(components / scales).astype(np.int8), scales, language)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what ``save`` wrote: arrays and JSON, no pickle."""
        contents = json.loads((folder / _TERMS).read_text("utf-8"))
        with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
            idf, components, scales = arrays["idf"], arrays["components"], arrays["scales"]
        terms = [{term: number for number, term in enumerate(names)} for names in contents["terms"]]
        return cls(terms, idf, components, scales, contents["language"])

    def save(self, folder: Path) -> None:
        """Write the fit into ``folder``, which must not exist."""
        folder.mkdir(parents=True)
        np.savez(folder / _ARRAYS, idf=self._idf, components=self._steps, scales=self._scales)
        contents = {"terms": [list(names) for names in self._terms], "language": self._language}
        (folder / _TERMS).write_text(json.dumps(contents, ensure_ascii=False), "utf-8")

    def embed(self, texts: Sequence[str]) -> Float32Array:
        """Return one row for each text; shape (texts, dimension)."""
        stems = _select_columns(*count_terms(_stem_texts(texts, self._language)), self._terms[0])
        letters = _select_columns(*count_ngrams([split_words(text) for text in texts]), self._terms[1])
        weighted = _weight(sparse.hstack([stems, letters]).tocsr(), self._idf)
        return np.asarray(weighted @ self._components.T, dtype=np.float32)


def _stem_texts(texts: Sequence[str], language: str) -> list[list[str]]:
    analyser = Analyser(language)
    return [analyser.stems(text) for text in texts]


def _renumber(terms: Mapping[str, int], columns: npt.NDArray[np.int64]) -> dict[str, int]:
    """Return the terms whose columns are among ``columns``, which is sorted, with their positions there."""
    positions = {column: number for number, column in enumerate(columns.tolist())}
    return {term: positions[column] for term, column in terms.items() if column in positions}


def _select_columns(
    counts: sparse.csr_matrix, columns: Mapping[str, int], terms: Mapping[str, int]
) -> sparse.csr_matrix:
    """Return ``counts`` in the columns of ``terms``; other columns are dropped."""
    old, new = np.array([(column, terms[term]) for term, column in columns.items() if term in terms]).reshape(-1, 2).T
    moved = sparse.csr_matrix(
        (np.ones(len(old), dtype=np.float32), (old, new)), shape=(counts.shape[1], max(len(terms), 1))
    )
    return (counts @ moved).tocsr()


def _weight(counts: sparse.csr_matrix, idf: npt.NDArray[np.float32]) -> sparse.csr_matrix:
    """Return (1 + log count) times idf, each row scaled to length 1."""
    data = (1 + np.log(counts.data)) * idf[counts.indices]
    weighted = sparse.csr_matrix((data.astype(np.float32), counts.indices, counts.indptr), shape=counts.shape)
    lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1))).ravel()
    return sparse.diags(1 / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32) @ weighted
