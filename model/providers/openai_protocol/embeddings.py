"""Embeddings from a server that speaks OpenAI's protocol.

Calls go through the SDK's ``post``, whose own method for embeddings sends a format even where the server refuses one.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import RejectedCallError, UnmatchedVectorsError
from ...interfaces import Float32Array, normalize_rows
from ...runtime import usage
from ...transport.error_mapping import InvalidResponseError
from ...transport.rate_limiter import Operation
from ...transport.refused_parameters import call_without_refused
from ...transport.response_cache import ResponseCache
from ...transport.retry import first_available
from .. import model_catalog
from ..embedding_prompts import EmbeddingPrompts
from ..server_facts import ModelLimits
from ..token_limits import MAX_INPUT_TOKENS, MAX_INPUTS, count_tokens, make_batches


class OpenAIEmbeddings:
    """One embedding model of a server.

    Args:
        endpoint: The operation whose rate limits the calls share.
        cache: Where the vectors of questions are kept.
        model: The name of the model.
        client: Returns the client of OpenAI's SDK.
        extra: Further parameters of each request, left out where the server refuses them.
        prompts: What is put before a question and before a passage.
        limits: What the server is known not to take.
        window: How many tokens of a text the model reads.
    """

    semantic = True
    batch_window = 0.001

    def __init__(
        self,
        endpoint: Operation,
        cache: ResponseCache,
        model: str,
        client: Callable[[], Awaitable[Any]],
        extra: Mapping[str, Any],
        prompts: EmbeddingPrompts | None = None,
        limits: ModelLimits | None = None,
        window: int = MAX_INPUT_TOKENS,
    ) -> None:
        self.provider, self.model = endpoint.provider, model
        self._operation, self._cache, self._client, self._extra = endpoint, cache, client, extra
        self._prompts, self._limits, self._window = prompts or EmbeddingPrompts(), limits or ModelLimits(), window

    @property
    def batch_size(self) -> int:
        """Largest number of texts in one call."""
        return self._limits.batch or MAX_INPUTS

    @batch_size.setter
    def batch_size(self, count: int) -> None:
        self._limits.batch = count

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:
        """Return one row of norm 1 for each text: shape (texts, dimension), float32.

        A text that exceeds the model's input limit is cut, with a note. The vectors of questions are cached
        (transport/response_cache.py); those of documents are saved by a build.

        Args:
            texts: The texts.
            question: Whether the texts are questions.

        Raises:
            UnmatchedVectorsError: The server returned another number of vectors, or vectors of several lengths.
            RejectedCallError: The server returned vectors that are not finite numbers.
            ProviderError: The server did not answer.
        """
        if question:
            return await self._embed_questions([self._prompts.question + text for text in texts])
        return await self._embed_texts([self._prompts.passage + text for text in texts])

    async def _embed_questions(self, questions: Sequence[str]) -> Float32Array:
        """Return the vectors of ``questions``: cached ones, and the rest by one call."""
        options = self._options()
        keys = {question: [self.provider, self.model, options, question] for question in questions}
        entries = {question: await self._cache.get(key) for question, key in keys.items()}
        missing = [question for question, entry in entries.items() if entry is None]
        embedded = dict(zip(missing, await self._embed_texts(missing), strict=True)) if missing else {}
        for question, vector in embedded.items():
            await self._cache.put(keys[question], {"vector": base64.b64encode(vector.tobytes()).decode()})
        vectors = embedded | {question: _decode_vector(entry) for question, entry in entries.items() if entry}
        if len({vector.shape for vector in vectors.values()}) > 1:  # the server has another model than when it cached
            return await self._embed_texts(questions)
        return np.stack([vectors[question] for question in questions])

    async def _embed_texts(self, texts: Sequence[str]) -> Float32Array:
        batches = [
            await self._embed_batch(batch) for batch in make_batches(texts, self.batch_size, max_tokens=self._window)
        ]
        if len({batch.shape[1] for batch in batches}) > 1:
            raise UnmatchedVectorsError(_describe_uneven(f"{self.provider}:{self.model}"))
        return normalize_rows(np.concatenate(batches))

    async def _embed_batch(self, batch: list[str]) -> Float32Array:
        name, reply = await first_available(
            {f"{self.provider}:{self.model}": ""},
            lambda _: self._post(batch),
            lambda _: self._operation.acquire(lambda: sum(map(count_tokens, batch))),
        )
        counts = reply.get("usage")
        tokens = counts.get("prompt_tokens") if isinstance(counts, Mapping) else None
        counted = None if tokens is None else model_catalog.TokenCounts(input=int(tokens))
        usage.record_usage(model_catalog.price_usage(self.provider, self.model, counted))
        return _parse_vectors(name, reply["data"], len(batch))

    async def _post(self, batch: list[str]) -> Mapping[str, Any]:
        """Return the body of the response."""

        async def post() -> Any:
            body = {"input": batch, "model": self.model, **self._options()}
            return await (await self._client()).post("/embeddings", cast_to=object, body=body)

        reply = await call_without_refused(post, self._extra, self._limits.refused)
        if not isinstance(reply, Mapping) or not isinstance(reply.get("data"), list):
            raise InvalidResponseError
        return reply

    def _options(self) -> dict[str, Any]:
        return {name: value for name, value in self._extra.items() if name not in self._limits.refused}


def _parse_vectors(name: str, rows: Sequence[Any], count: int) -> Float32Array:
    """Return the vectors of a response in the order of the texts; a server without indexes keeps that order.

    Raises:
        UnmatchedVectorsError: The vectors cannot be assigned to the texts, or have several lengths.
        RejectedCallError: A vector is not one of finite numbers.
    """
    indexes = [row.get("index") if isinstance(row, Mapping) else None for row in rows]
    if len(rows) == count and all(index is None for index in indexes):
        indexes = list(range(count))
    if sorted(index for index in indexes if isinstance(index, int)) != list(range(count)):
        raise UnmatchedVectorsError(
            f"{name} returned vectors that do not match the texts one to one; try again, or use another model"
        )
    try:
        vectors = [_parse_vector(row["embedding"]) for _, row in sorted(zip(indexes, rows, strict=True), key=_by_index)]
    except (ValueError, TypeError, LookupError):
        raise RejectedCallError(_describe_not_finite(name)) from None
    if len({vector.shape for vector in vectors}) > 1:
        raise UnmatchedVectorsError(_describe_uneven(name))
    stacked = np.stack(vectors)
    if stacked.ndim != 2 or not stacked.shape[1] or not np.isfinite(stacked).all():  # noqa: PLR2004 - rows and columns
        raise RejectedCallError(_describe_not_finite(name))
    return stacked


def _by_index(pair: tuple[Any, Any]) -> int:
    return int(pair[0])


def _parse_vector(embedding: str | Sequence[float]) -> Float32Array:
    """Return a vector that a server sent as numbers, or as base64 of little-endian 32-bit floats."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4").astype(np.float32)
    return np.array(embedding, dtype=np.float32)


def _describe_not_finite(name: str) -> str:
    return f"{name} returned vectors that are not finite numbers; try again, or use another model"


def _describe_uneven(name: str) -> str:
    return f"{name} returned vectors of different lengths; try again, or use another model"


def _decode_vector(entry: Mapping[str, str]) -> Float32Array:
    return np.frombuffer(base64.b64decode(entry["vector"]), np.float32)
