"""Embeddings without a pretrained model: latent semantic analysis that a build fits, or hashed n-grams."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...interfaces import Float32Array, normalize_rows
from ...retrieval.local.lsa import LatentSemanticModel

_DIMENSION = 2048


class OfflineEmbeddings:
    """Embeddings by latent semantic analysis, fitted by a build; hashed ones for a corpus too small to fit.

    Args:
        fit: The model that a build fitted, or None.
    """

    provider = "offline"
    semantic = False
    batch_size, batch_window = 64, 0.0

    def __init__(self, fit: LatentSemanticModel | None = None) -> None:
        self.model = "latent-stems-letters" if fit else f"char_wb-3-5-{_DIMENSION}"
        """The name of the method."""
        self._embedder = fit or HashedEmbedder()

    def fit_to(self, texts: Sequence[str], language: str, folder: Path) -> "OfflineEmbeddings":
        """Return embeddings fitted to ``texts``, saving the model in ``folder``; hashed ones where no fit is possible.

        Args:
            texts: The texts of all chunks.
            language: The language of the corpus.
            folder: The folder that receives the files of the model.
        """
        fit = LatentSemanticModel.fit(texts, language)
        if fit:
            fit.save(folder)
        return OfflineEmbeddings(fit)

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:
        """Return one row of norm 1 for each text: shape (texts, dimension), float32.

        Args:
            texts: The texts.
            question: Without effect: questions and documents are embedded alike.
        """
        vectors = self._embedder.embed(texts)
        return normalize_rows(vectors) if isinstance(self._embedder, LatentSemanticModel) else vectors


class HashedEmbedder:
    """Character n-grams of 3 to 5, hashed into 2,048 dimensions: no weights, no fitting, tolerant of typing errors.

    Method: Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009; the square root of the counts
    is explained in docs/decisions.md.
    """

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer  # a second of import

        self._vectorizer = HashingVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), n_features=_DIMENSION, alternate_sign=True, norm=None
        )

    def embed(self, texts: Sequence[str]) -> Float32Array:
        """Return one row of norm 1 for each text: shape (texts, 2048), float32."""
        from sklearn.preprocessing import normalize

        counts = self._vectorizer.transform(texts)
        counts.data = np.sign(counts.data) * np.sqrt(np.abs(counts.data))
        return np.ascontiguousarray(normalize(counts).toarray(), dtype=np.float32)
