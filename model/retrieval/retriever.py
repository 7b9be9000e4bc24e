"""What finds passages for a question: the face that stages see, whatever stands behind it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ..errors import RejectedCallError
from ..interfaces import Embeddings
from ..passages import Passage
from ..runtime import spans
from ..runtime.coalescing import MicroBatcher
from .local.index import Float32Array, Index


class Retriever(ABC):
    """Finds passages; ``index`` is the one that it looks into, where that is one of this project's."""

    index: Index | None = None

    async def search(self, question: str, k: int, filter_values: dict[str, Any] | None = None) -> list[Passage]:
        """The ``k`` best passages, best first; of the chunks that fit ``wanted`` alone, as many as there are."""
        with spans.open_span("retrieval", "RETRIEVER", {"query": question, "k": k}) as step:
            passages = await self._find(question, k, filter_values)
            if step:
                step.outputs = [passage.to_fields() for passage in passages]
            return passages

    @abstractmethod
    def restrict_to(self, documents: str) -> "Retriever":
        """The same over the documents whose source fits a pattern such as ``handbook/*``. Raises ProfileError."""

    @abstractmethod
    async def _find(self, question: str, k: int, filter_values: dict[str, Any] | None) -> list[Passage]: ...


class QueryEmbedder:
    """The vectors of questions; those of one moment are embedded in one call, and those asked twice once."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._embed_question: MicroBatcher[str, Float32Array] = MicroBatcher(
            self._embed, embeddings.batch_size, embeddings.batch_window, can_split=_is_provider_error, weigh=len
        )

    async def embed(self, question: str) -> Float32Array:
        """That of one question; shape (dimension,)."""
        with spans.open_span("embedding", "EMBEDDING", {"text": question}):
            return await self._embed_question(question)

    async def _embed(self, questions: list[str]) -> Sequence[Float32Array]:
        distinct = list(dict.fromkeys(questions))
        vectors = dict(zip(distinct, await self._embeddings.embed(distinct, question=True), strict=True))
        return [vectors[question] for question in questions]


def _is_provider_error(error: Exception) -> bool:
    """Whether some of what was embedded may be at fault."""
    return isinstance(error, RejectedCallError)
