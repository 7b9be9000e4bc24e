"""Embed texts, each of which can fail alone: a call that a server does not answer is repeated by halves.

So one text that a model cannot embed fails for itself, and the largest number of texts that a server takes in a call is
found by halving.
"""

from collections.abc import Sequence

from ..errors import MultichainError, ProviderUnavailableError, RejectedCallError, UnmatchedVectorsError
from ..interfaces import Embeddings, Float32Array
from ..transport.retry import limit_attempts

PROBE_TEXT = "a"
"""A text that every model embeds; a server that fails at it fails at every text."""
_HALF_ATTEMPTS = 2

Embedded = Float32Array | MultichainError
"""The vector of a text, of shape (dimension,), or the error that the text causes alone."""


async def embed_each(
    embeddings: Embeddings, texts: Sequence[str], *, question: bool = False, max_failures: int | None = None
) -> list[Embedded]:
    """Return the vector of each text, or the error that it causes alone.

    Args:
        embeddings: The embedding model; its ``batch_size`` is lowered where the server refuses more texts in a call.
        texts: The texts, at least one.
        question: Whether the texts are questions.
        max_failures: How many texts may fail alone; None for any number.

    Raises:
        MultichainError: The server embeds no text at all, or more than ``max_failures`` texts failed.
    """
    try:
        return list(await embeddings.embed(texts, question=question))
    except (RejectedCallError, ProviderUnavailableError) as error:
        if len(texts) == 1 or isinstance(error, UnmatchedVectorsError):  # no text is the cause
            raise
        with limit_attempts(_HALF_ATTEMPTS):
            if not await _embeds_anything(embeddings, question=question):
                raise
            return await _Halves(embeddings, question, max_failures).embed(texts, error)


async def _embeds_anything(embeddings: Embeddings, *, question: bool) -> bool:
    try:
        await embeddings.embed([PROBE_TEXT], question=question)
    except MultichainError:
        return False
    return True


class _Halves:
    """Embeds the halves of a call that failed, and their halves where they fail, too."""

    def __init__(self, embeddings: Embeddings, question: bool, max_failures: int | None) -> None:
        self._embeddings, self._question = embeddings, question
        self._max_failures = max_failures
        self._failures = 0

    async def embed(self, texts: Sequence[str], error: MultichainError) -> list[Embedded]:
        """Return what each of ``texts`` yields, which together failed with ``error``."""
        if len(texts) == 1:
            self._failures += 1
            if self._max_failures is not None and self._failures > self._max_failures:
                raise error
            return [error]
        middle = (len(texts) + 1) // 2
        outcomes = [*await self._embed_part(texts[:middle]), *await self._embed_part(texts[middle:])]
        if isinstance(error, RejectedCallError) and not any(isinstance(each, MultichainError) for each in outcomes):
            self._embeddings.batch_size = min(self._embeddings.batch_size, middle)
        return outcomes

    async def _embed_part(self, texts: Sequence[str]) -> list[Embedded]:
        try:
            return list(await self._embeddings.embed(texts, question=self._question))
        except UnmatchedVectorsError:
            raise
        except (RejectedCallError, ProviderUnavailableError) as error:
            return await self.embed(texts, error)
