"""What finds passages for a question: the face that stages see, whatever stands behind it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ..errors import ProviderError
from ..interfaces import Embeddings
from ..passages import Passage
from ..runtime import spans
from ..runtime.coalescing import Gathered
from .local.index import Index, Vectors


class Retriever(ABC):
    """Finds passages; ``index`` is the one that it looks into, where that is one of this project's."""

    index: Index | None = None

    async def search(self, question: str, k: int, wanted: dict[str, Any] | None = None) -> list[Passage]:
        """The ``k`` best passages, best first; of the chunks that fit ``wanted`` alone, as many as there are."""
        with spans.span("retrieval", "RETRIEVER", {"query": question, "k": k}) as step:
            found = await self._found(question, k, wanted)
            if step:
                step.outputs = [passage.fields() for passage in found]
            return found

    @abstractmethod
    def within(self, documents: str) -> "Retriever":
        """The same over the documents whose source fits a pattern such as ``handbook/*``. Raises ProfileError."""

    @abstractmethod
    async def _found(self, question: str, k: int, wanted: dict[str, Any] | None) -> list[Passage]: ...


class Questions:
    """The vectors of questions; those of one moment are embedded in one call, and those asked twice once."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._vector: Gathered[str, Vectors] = Gathered(
            self._embedded, embeddings.together, embeddings.pause, parts=_parts, size=len
        )

    async def vector(self, question: str) -> Vectors:
        """That of one question; shape (dimension,)."""
        with spans.span("embedding", "EMBEDDING", {"text": question}):
            return await self._vector(question)

    async def _embedded(self, questions: list[str]) -> Sequence[Vectors]:
        once = list(dict.fromkeys(questions))
        vectors = dict(zip(once, await self._embeddings.embed(once, question=True), strict=True))
        return [vectors[question] for question in questions]


def _parts(error: Exception) -> bool:
    """Whether some of what was embedded may be at fault."""
    return isinstance(error, ProviderError)
