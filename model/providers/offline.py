"""The provider that needs no key and no network: hashed embeddings, quoted answers, drawn diagrams.

It never pretends to be a chat model or an image model: ``answered_by`` and the picture's caption say what it is.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..images.provenance import ALGORITHM
from ..interfaces import Float32Array, GeneratedImage, ProviderFacts, normalize_rows
from ..passages import Passage
from ..retrieval.local.index import Index
from ..retrieval.local.lsa import LatentSemanticModel
from ..runtime import usage
from .extractive_qa import ExtractiveAnswerer

OFFER = ProviderFacts("yes, a quotation at a time", "none are used", "none")

_DIMENSION = 2048


class OfflineEmbeddings:
    """Fitted to the corpus at a build (retrieval/latent.py); of a corpus that is too small, hashed."""

    provider = "offline"
    semantic = False
    batch_size, batch_window = 64, 0.0

    def __init__(self, fit: LatentSemanticModel | None = None) -> None:
        self.model = "latent-stems-letters" if fit else f"char_wb-3-5-{_DIMENSION}"
        """What makes the vectors."""
        self._embedder = fit or HashedEmbedder()

    def fit_to(self, texts: Sequence[str], language: str, folder: Path) -> "OfflineEmbeddings":
        """The same fitted to ``texts``; the fit, if there is one, is kept in ``folder``."""
        fit = LatentSemanticModel.fit(texts, language)
        if fit:
            fit.save(folder)
        return OfflineEmbeddings(fit)

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:  # noqa: ARG002 - both are words
        """One row for each text, of norm 1; shape (texts, dimension)."""
        vectors = self._embedder.embed(texts)
        return normalize_rows(vectors) if isinstance(self._embedder, LatentSemanticModel) else vectors


class HashedEmbedder:
    """Character n-grams of 3 to 5, hashed into 2,048 dimensions: no weights, no fit, forgiving of typing errors.

    Weinberger et al., Feature Hashing for Large Scale Multitask Learning, 2009; the square root of the counts
    as in docs/decisions.md.
    """

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer  # a second of import

        self._vectorizer = HashingVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), n_features=_DIMENSION, alternate_sign=True, norm=None
        )

    def embed(self, texts: Sequence[str]) -> Float32Array:
        """One row for each text, of norm 1; shape (texts, 2048)."""
        from sklearn.preprocessing import normalize

        counts = self._vectorizer.transform(texts)
        counts.data = np.sign(counts.data) * np.sqrt(np.abs(counts.data))
        return np.ascontiguousarray(normalize(counts).toarray(), dtype=np.float32)


class OfflineDiagramGenerator:
    """Draws the noun phrases of the prompt and of the passages found for it as a labelled diagram."""

    def wants_passages(self, prompt: str, style: str) -> bool:  # noqa: ARG002 - always
        """It does: what they say of the prompt's things is drawn."""
        return True

    async def draw(
        self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int
    ) -> GeneratedImage:
        """A PNG. Raises InvalidRequestError for a size that is not one."""
        from ..diagram import draw_prompt  # tagger and Graphviz, needed for pictures alone

        content, alt_text = await asyncio.to_thread(draw_prompt, prompt, passages, style, size, sample)
        usage.record_usage(usage.Usage(images=1))
        return GeneratedImage(content, "image/png", alt_text, "offline:diagram", ALGORITHM)


def requires(_settings: dict[str, Any]) -> set[str]:
    """The distributions that it serves with."""
    return {"scikit-learn", "numpy", "pillow", "pygraphviz", "textblob"}


def embeddings(index: Index | None = None) -> OfflineEmbeddings:
    """The embeddings of this provider: as ``index`` was fitted, or before a fit."""
    return OfflineEmbeddings(LatentSemanticModel.open(index.fit_folder) if index and index.fit_folder else None)


def chat(
    index: Index, *, quotes: int = 3, margin: float = 0.3, abstain_below: float | None = None
) -> ExtractiveAnswerer:
    """Answers that quote the passages of ``index``; it abstains below what its build found, or below the setting."""
    threshold = index.manifest.support["threshold"] if abstain_below is None else abstain_below
    return ExtractiveAnswerer(index.lexical, quotes=quotes, margin=margin, abstain_below=threshold)


def images() -> OfflineDiagramGenerator:
    """Pictures."""
    return OfflineDiagramGenerator()
