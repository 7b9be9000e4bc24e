"""Search in an index that Databricks AI Search holds, for documents that outgrow the memory of an endpoint.

It is asked by the REST call that the documentation of AI Search tells of, on the loop, with the pace, the retries and
the connections of all other calls; why not by one of Databricks' clients is told in docs/decisions.md.
"""

from collections.abc import Callable
from functools import partial
from typing import NoReturn

from ...contract.fields import Values
from ...errors import ProfileError
from ...interfaces import Embeddings
from ...passages import Passage
from ...runtime import usage
from ...runtime.usage import Usage
from ...text_analysis import Analyser
from ..retriever import Questions, Retriever
from .client import query
from .columns import Layout, wrong
from .description import Described
from .filters import as_clause, as_object, conditions
from .results import Support, passages

__all__ = ["OWN", "AISearchRetriever", "built", "requires", "retriever", "wrong"]

OWN = False
"""Whether a build makes it, and a version holds it."""

built = Described.read


def requires(_told: Values) -> set[str]:
    """The distributions that it serves with."""
    return {"databricks-sdk", "openai", "tenacity"}


def retriever(index: Described, embedder: Callable[..., Embeddings | None]) -> "AISearchRetriever":
    """The search in the index that was described."""
    return AISearchRetriever(index, embedder())


class AISearchRetriever(Retriever):
    """Finds passages in the index that was described; with ``embeddings`` where it does not embed questions itself."""

    def __init__(self, described: Described, embeddings: Embeddings | None = None) -> None:
        self._described, self._layout = described, Layout(**described.settings)
        self._questions = Questions(embeddings) if embeddings else None
        self._analyser = Analyser(self._layout.language)
        self._narrowed = as_clause if described.storage_optimized else as_object

    def within(self, documents: str) -> NoReturn:  # noqa: ARG002 - whatever it is
        """Raises ProfileError: AI Search matches no patterns."""
        raise ProfileError("documents is for an index of one's own; give the stage a filter instead")

    async def _found(self, question: str, k: int, wanted: Values | None) -> list[Passage]:
        asked = conditions(wanted or {}, self._layout, self._described.types)
        if not all(asked.values()):
            return []  # of no value, no row has any
        read = partial(passages, layout=self._layout, types=self._described.types)
        found = await query(
            self._described.name,
            await self.body(question, k) | self._narrowed(asked),
            partial(read, support=Support(question, self._analyser)),
        )
        if self._described.managed:
            usage.spend(Usage(cost_known=False))  # Databricks embedded the question, and tells no tokens
        return found

    async def body(self, question: str, k: int) -> Values:
        """What is asked for ``question``, before it is narrowed."""
        by = self._layout.search
        body: Values = {"columns": self._layout.asked, "num_results": k, "query_type": by.upper()}
        if self._questions:
            body["query_vector"] = (await self._questions.vector(question)).tolist()
        return body if self._questions and by == "ann" else body | {"query_text": question}
