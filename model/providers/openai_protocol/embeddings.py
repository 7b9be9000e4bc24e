"""Embeddings from a server that speaks OpenAI's protocol."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import RejectedCallError
from ...interfaces import Float32Array, normalize_rows
from ...runtime import usage
from ...transport.error_mapping import parsing_response, require_field
from ...transport.rate_limiter import Operation
from ...transport.response_cache import ResponseCache
from ...transport.retry import first_available
from .. import model_catalog
from ..token_limits import MAX_INPUTS, count_tokens, make_batches


class OpenAIEmbeddings:
    """One embedding model of a server.

    Args:
        endpoint: The operation whose rate limits the calls share.
        cache: Where the vectors of questions are kept.
        model: The name of the model.
        client: Returns the SDK's resource that creates embeddings.
        extra: Further arguments of each request.
    """

    semantic = True
    batch_size, batch_window = MAX_INPUTS, 0.001

    def __init__(
        self,
        endpoint: Operation,
        cache: ResponseCache,
        model: str,
        client: Callable[[], Awaitable[Any]],
        extra: Mapping[str, Any],
    ) -> None:
        self.provider, self.model = endpoint.provider, model
        self._operation, self._cache, self._client, self._request_options = endpoint, cache, client, extra

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:
        """Return one row of norm 1 for each text: shape (texts, dimension), float32.

        A text that exceeds the model's input limit is cut, with a note. The vectors of questions are cached
        (transport/response_cache.py); those of documents are saved by a build.

        Args:
            texts: The texts.
            question: Whether the texts are questions.

        Raises:
            RejectedCallError: The server returned another number of vectors, or vectors that are not finite numbers.
            ProviderError: The server did not answer.
        """
        if question:
            return await self._embed_questions(texts)
        return await self._embed_texts(texts)

    async def _embed_questions(self, questions: Sequence[str]) -> Float32Array:
        """Return the vectors of ``questions``: cached ones, and the rest by one call."""
        keys = {question: [self.provider, self.model, dict(self._request_options), question] for question in questions}
        entries = {question: await self._cache.get(key) for question, key in keys.items()}
        missing = [question for question, entry in entries.items() if entry is None]
        embedded = dict(zip(missing, await self._embed_texts(missing), strict=True)) if missing else {}
        for question, vector in embedded.items():
            await self._cache.put(keys[question], {"vector": base64.b64encode(vector.tobytes()).decode()})
        cached = {question: _decode_vector(entry) for question, entry in entries.items() if entry is not None}
        return np.stack([(embedded | cached)[question] for question in questions])

    async def _embed_texts(self, texts: Sequence[str]) -> Float32Array:
        return normalize_rows(np.concatenate([await self._embed_batch(batch) for batch in make_batches(texts)]))

    async def _embed_batch(self, batch: list[str]) -> Float32Array:
        async def call(_: str) -> Any:  # the SDK's response
            client = await self._client()
            with parsing_response():
                return require_field(
                    await client.create(input=batch, model=self.model, **self._request_options), "data"
                )

        size = sum(map(count_tokens, batch))
        name, reply = await first_available(
            {f"{self.provider}:{self.model}": ""}, call, lambda _: self._operation.acquire(size)
        )
        counted = model_catalog.TokenCounts(input=reply.usage.prompt_tokens if reply.usage else 0)
        usage.record_usage(model_catalog.price_usage(self.provider, self.model, counted))
        rows = sorted(reply.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(len(batch))):
            raise RejectedCallError(
                f"{name} returned vectors that do not match the texts one to one; try again, or use another model"
            )
        vectors = np.array([row.embedding for row in rows], dtype=np.float32)
        if vectors.ndim != 2 or not np.isfinite(vectors).all():  # noqa: PLR2004 - rows and columns
            raise RejectedCallError(
                f"{name} returned vectors that are not finite numbers; try again, or use another model"
            )
        return vectors


def _decode_vector(entry: Mapping[str, str]) -> Float32Array:
    return np.frombuffer(base64.b64decode(entry["vector"]), np.float32)
