"""The provider that needs no key and no network: LSA or hashed embeddings, quoted answers, drawn diagrams.

It never pretends to be a chat model or an image model: ``answered_by`` and the caption of an image name the method.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from ...config.settings import Factory, PositiveCount
from ...images.provenance import ALGORITHM
from ...interfaces import GeneratedImage
from ...passages import Passage
from ...retrieval.local.index import Index
from ...retrieval.local.lsa import LatentSemanticModel
from ...runtime import usage
from ..base import Provider, ProviderSettings
from .embeddings import OfflineEmbeddings
from .extractive_qa import ABSTAIN_BELOW, ExtractiveAnswerer


class OfflineDiagramGenerator:
    """Draws the noun phrases of the prompt, and of the passages retrieved for it, as a labelled diagram."""

    def wants_passages(self, prompt: str, style: str) -> bool:
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
        from ...diagram import draw_prompt  # loads the tagger and Graphviz, which only images need

        drawing = await asyncio.to_thread(draw_prompt, prompt, passages, style, size, sample)
        usage.record_usage(usage.Usage(images=1))
        if not drawing.is_from_documents:
            usage.add_note(
                "drawn_from_prompt", "the picture shows the prompt's own words and is not from the documents"
            )
        return GeneratedImage(drawing.content, "image/png", drawing.alt_text, "offline:diagram", ALGORITHM)


class OfflineProvider(Provider):
    """The provider without a key and a network."""

    name = "offline"

    @property
    def factories(self) -> Mapping[str, Factory]:
        """The factory of each role."""
        return {"chat": self.chat, "embeddings": self.embeddings, "images": self.images}

    def find_distributions(self, settings: ProviderSettings) -> set[str]:
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
        quotes: PositiveCount = 3,
        margin: Annotated[float, Field(ge=0)] = 0.4,
        abstain_below: Annotated[float, Field(ge=0, le=1)] = ABSTAIN_BELOW,
    ) -> ExtractiveAnswerer:
        """Return the answerer, which quotes the passages of ``index``.

        Args:
            index: The index that the passages come from.
            quotes: Largest number of sentences that an answer quotes.
            margin: How far below the best score a further sentence may be.
            abstain_below: The support below which there is no answer; higher abstains more often.
        """
        return ExtractiveAnswerer(index.lexical, quotes=quotes, margin=margin, abstain_below=abstain_below)

    def images(self) -> OfflineDiagramGenerator:
        """Return the diagram generator."""
        return OfflineDiagramGenerator()
