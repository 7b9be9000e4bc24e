"""The provider that needs no key and no network: LSA or hashed embeddings, quoted answers, drawn diagrams.

It never pretends to be a chat model or an image model: ``answered_by`` and the caption of an image name the method.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ...config.settings import Factory, PositiveCount
from ...retrieval.local.index import Index
from ...retrieval.local.lsa import LatentSemanticModel
from ..base import Provider, ProviderSettings
from .diagrams import OfflineDiagramGenerator
from .embeddings import OfflineEmbeddings
from .extractive_qa import ABSTAIN_BELOW, ExtractiveAnswerer


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
