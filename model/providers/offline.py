"""The provider that needs no key and no network: LSA or hashed embeddings, quoted answers, drawn diagrams.

It never pretends to be a chat model or an image model: ``answered_by`` and the caption of an image name the method.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from ..config.settings import Factory
from ..images.provenance import ALGORITHM
from ..interfaces import Float32Array, GeneratedImage, normalize_rows
from ..passages import Passage
from ..retrieval.local.index import Index
from ..retrieval.local.lsa import LatentSemanticModel
from ..runtime import usage
from .base import Provider, ProviderSettings
from .extractive_qa import ExtractiveAnswerer

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

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:  # noqa: ARG002 - no effect
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


class OfflineDiagramGenerator:
    """Draws the noun phrases of the prompt, and of the passages retrieved for it, as a labelled diagram."""

    def wants_passages(self, prompt: str, style: str) -> bool:  # noqa: ARG002 - the interface's
        """Return True: the diagram shows what the passages say about the concepts of the prompt."""
        return True

    async def draw(
        self, prompt: str, passages: Sequence[Passage], *, style: str, size: str, sample: int
    ) -> GeneratedImage:
        """Return a diagram as a PNG image.

        Args:
            prompt: What to draw.
            passages: The passages retrieved for the prompt.
            style: ``map``, ``flow`` or ``layers``; empty to choose by the prompt.
            size: Width and height in pixels, such as ``1024x1024``; empty for the default.
            sample: 1 for the first image of a prompt; further numbers vary layout and colours.

        Raises:
            InvalidRequestError: ``size`` is not a size that can be drawn.
        """
        from ..diagram import draw_prompt  # loads the tagger and Graphviz, which only images need

        content, alt_text = await asyncio.to_thread(draw_prompt, prompt, passages, style, size, sample)
        usage.record_usage(usage.Usage(images=1))
        return GeneratedImage(content, "image/png", alt_text, "offline:diagram", ALGORITHM)


class OfflineProvider(Provider):
    """The provider without a key and a network."""

    name = "offline"

    @property
    def factories(self) -> Mapping[str, Factory]:
        """The factory of each role."""
        return {"chat": self.chat, "embeddings": self.embeddings, "images": self.images}

    def find_distributions(self, settings: ProviderSettings) -> set[str]:  # noqa: ARG002 - the same for all
        """Return the distributions that a version needs to serve.

        Args:
            settings: The settings of the entry.
        """
        return {"scikit-learn", "numpy", "pillow", "pygraphviz", "textblob"}

    def embeddings(self, index: Index | None = None) -> OfflineEmbeddings:
        """Return the embeddings, with the fitted model of ``index`` where it has one."""
        return OfflineEmbeddings(LatentSemanticModel.open(index.fit_folder) if index and index.fit_folder else None)

    def chat(
        self,
        index: Index,
        *,
        quotes: Annotated[int, Field(ge=1)] = 3,
        margin: Annotated[float, Field(ge=0)] = 0.3,
        abstain_below: float | None = None,
    ) -> ExtractiveAnswerer:
        """Return the answerer, which quotes the passages of ``index``.

        Args:
            index: The index that the passages come from.
            quotes: Largest number of sentences that an answer quotes.
            margin: How far below the best score a further sentence may be.
            abstain_below: The support below which there is no answer; by default the threshold that the build found.
        """
        threshold = index.manifest.support["threshold"] if abstain_below is None else abstain_below
        return ExtractiveAnswerer(index.lexical, quotes=quotes, margin=margin, abstain_below=threshold)

    def images(self) -> OfflineDiagramGenerator:
        """Return the diagram generator."""
        return OfflineDiagramGenerator()
