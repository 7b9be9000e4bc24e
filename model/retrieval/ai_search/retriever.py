"""Search an index of Databricks AI Search, for documents that outgrow an endpoint's memory.

The documented REST call is made on the event loop, with the limits, retries and connections of all other calls.
docs/decisions.md says why no client of Databricks is used.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NoReturn

from ...contract.fields import StageValues
from ...errors import ProfileError
from ...interfaces import Embeddings
from ...passages import Passage
from ...runtime import usage
from ...runtime.usage import Usage
from ...text_analysis import Analyser
from ..backends import Backend
from ..retriever import QueryEmbedder, Retriever
from .client import query_index
from .columns import ColumnMapping
from .description import RemoteIndex
from .filters import build_conditions, format_as_clause, format_as_object
from .results import SupportMeasure, parse_passages


class AISearchRetriever(Retriever):
    """Find passages in a described index; ``embeddings`` are needed when the index does not embed questions."""

    def __init__(self, described: RemoteIndex, embeddings: Embeddings | None = None) -> None:
        self._index, self._columns = described, ColumnMapping(**described.settings)
        self._query_embedder = QueryEmbedder(embeddings) if embeddings else None
        self._analyser = Analyser(self._columns.language)
        self._format_conditions = format_as_clause if described.storage_optimized else format_as_object

    def restrict_to(self, documents: str) -> NoReturn:
        """Raise ProfileError: AI Search supports no patterns."""
        raise ProfileError("documents works with a local index only; give the stage a filter instead")

    async def _find(self, question: str, k: int, filter_values: StageValues | None) -> list[Passage]:
        conditions = build_conditions(filter_values or {}, self._columns, self._index.types)
        if not all(conditions.values()):
            return []  # no row has any of no values
        read = partial(parse_passages, layout=self._columns, types=self._index.types)
        passages_found = await query_index(
            self._index.name,
            await self.build_body(question, k) | self._format_conditions(conditions),
            partial(read, support=SupportMeasure(question, self._analyser)),
        )
        if self._index.is_managed:
            usage.record_usage(Usage(cost_known=False))  # Databricks embedded the question and reports no tokens
        return passages_found

    async def build_body(self, question: str, k: int) -> StageValues:
        """Return the body of the query for ``question``, without a filter."""
        by = self._columns.search
        body: StageValues = {"columns": self._columns.requested_columns, "num_results": k, "query_type": by.upper()}
        if self._query_embedder:
            body["query_vector"] = (await self._query_embedder.embed(question)).tolist()
        return body if self._query_embedder and by == "ann" else body | {"query_text": question}


class AISearchBackend(Backend):
    """An index that Databricks AI Search keeps; a version contains its description."""

    is_local = False
    section_class = ColumnMapping

    def find_distributions(self) -> set[str]:
        """Return the distributions that a version needs to serve."""
        return {"databricks-sdk", "openai", "aiohttp", "tenacity"}

    def open_index(self, folder: Path) -> RemoteIndex:
        """Read the description of the index in ``folder``.

        Raises:
            IndexFolderError: The folder contains no description of an index.
        """
        return RemoteIndex.read(folder)

    def make_retriever(self, index: RemoteIndex, make_embedder: Callable[..., Embeddings | None]) -> AISearchRetriever:
        """Return the retriever over the described index.

        Args:
            index: The description of the index.
            make_embedder: Returns the profile's embeddings; None for an index that embeds questions itself.

        Raises:
            ProfileError: A setting of the embeddings is invalid.
        """
        return AISearchRetriever(index, make_embedder())
