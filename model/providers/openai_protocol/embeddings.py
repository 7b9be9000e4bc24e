"""Embeddings from a server that speaks OpenAI's protocol."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ProviderError
from ...interfaces import Vectors, normed
from ...runtime import usage
from ...transport.error_mapping import answered, reading
from ...transport.rate_limiter import Endpoint
from ...transport.response_cache import Cache
from ...transport.retry import first
from .. import model_catalog
from ..token_limits import MOST_INPUTS, batches, tokens


class ServedEmbeddings:
    """One embedding model of a server; ``client`` gives what creates embeddings, ``extra`` what it is asked with."""

    semantic = True
    together, pause = MOST_INPUTS, 0.001

    def __init__(
        self,
        endpoint: Endpoint,
        cache: Cache,
        model: str,
        client: Callable[[], Awaitable[Any]],
        extra: Mapping[str, Any],
    ) -> None:
        self.provider, self.model = endpoint.provider, model
        self._endpoint, self._cache, self._client, self._extra = endpoint, cache, client, extra

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Vectors:
        """One row for each text, of norm 1; shape (texts, dimension). A text beyond the model's input is cut.

        Vectors of questions are kept for those who ask again (cache.py); those of documents are kept by a build.
        Raises ProviderError for an answer of another number of vectors, or with some that are no numbers.
        """
        if question:
            return await self._known(texts)
        return await self._embedded(texts)

    async def _known(self, questions: Sequence[str]) -> Vectors:
        """The vectors of ``questions``: those that are kept, and the others in one call."""
        names = {question: [self.provider, self.model, dict(self._extra), question] for question in questions}
        found = {question: await self._cache.found(name) for question, name in names.items()}
        asked = [question for question, told in found.items() if told is None]
        made = dict(zip(asked, await self._embedded(asked), strict=True)) if asked else {}
        for question, vector in made.items():
            await self._cache.keep(names[question], {"vector": base64.b64encode(vector.tobytes()).decode()})
        kept = {question: _vector(told) for question, told in found.items() if told is not None}
        return np.stack([(made | kept)[question] for question in questions])

    async def _embedded(self, texts: Sequence[str]) -> Vectors:
        return normed(np.concatenate([await self._asked(batch) for batch in batches(texts)]))

    async def _asked(self, batch: list[str]) -> Vectors:
        async def ask(_: str) -> Any:  # the SDK's response
            client = await self._client()
            with reading():
                return answered(await client.create(input=batch, model=self.model, **self._extra), "data")

        size = sum(map(tokens, batch))
        name, reply = await first({f"{self.provider}:{self.model}": ""}, ask, lambda _: self._endpoint.turn(size))
        counted = model_catalog.Tokens(input=reply.usage.prompt_tokens if reply.usage else 0)
        usage.spend(model_catalog.priced(self.provider, self.model, counted))
        rows = sorted(reply.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(len(batch))):
            raise ProviderError(f"{name} answered with other vectors than it was asked for; try again, or name another")
        vectors = np.array([row.embedding for row in rows], dtype=np.float32)
        if vectors.ndim != 2 or not np.isfinite(vectors).all():  # noqa: PLR2004 - rows and columns
            raise ProviderError(f"{name} answered with vectors that are no numbers; try again, or name another")
        return vectors


def _vector(told: Mapping[str, str]) -> Vectors:
    return np.frombuffer(base64.b64decode(told["vector"]), np.float32)
