"""Define the interface through which stages search, whatever index stands behind it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ..config.settings import Dependency
from ..interfaces import Embeddings
from ..passages import Passage
from ..runtime import spans
from ..runtime.coalescing import MicroBatcher
from .embedding_calls import Embedded, embed_each
from .local.index import Float32Array, Index


class Retriever(Dependency, ABC):
    """Find passages. ``index`` is the local index that is searched, or None."""

    index: Index | None = None

    async def search(self, question: str, k: int, filter_values: dict[str, Any] | None = None) -> list[Passage]:
        """Return the best passages for a question.

        Args:
            question: The question.
            k: Number of passages.
            filter_values: Values by filter field, of which a passage has any; None searches all chunks.

        Returns:
            At most ``k`` passages, best first; fewer when the filter matches fewer.

        Raises:
            InvalidRequestError: The filter names a field that the index lacks.
            ProviderError: The embeddings or the index did not answer.
        """
        with spans.open_span("retrieval", "RETRIEVER", {"query": question, "k": k}) as step:
            passages = await self._find(question, k, filter_values)
            if step:
                step.outputs = [passage.to_fields() for passage in passages]
            return passages

    @abstractmethod
    def restrict_to(self, documents: str) -> "Retriever":
        """Return a retriever over the documents whose source matches a pattern such as ``handbook/*``.

        Raises:
            ProfileError: No document matches, or the index supports no patterns.
        """

    @abstractmethod
    async def _find(self, question: str, k: int, filter_values: dict[str, Any] | None) -> list[Passage]: ...


class QueryEmbedder:
    """Embed questions: those of the same moment in one call, equal ones once."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._embed_question: MicroBatcher[str, Float32Array] = MicroBatcher(
            self._embed, embeddings.batch_size, embeddings.batch_window, weigh=len
        )

    async def embed(self, question: str) -> Float32Array:
        """Return the vector of ``question``; shape (dimension,)."""
        with spans.open_span("embedding", "EMBEDDING", {"text": question}):
            return await self._embed_question(question)

    async def _embed(self, questions: list[str]) -> Sequence[Embedded]:
        distinct = list(dict.fromkeys(questions))
        vectors = dict(zip(distinct, await embed_each(self._embeddings, distinct, question=True), strict=True))
        return [vectors[question] for question in questions]
