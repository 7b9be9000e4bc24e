"""Embed chunks: reuse vectors of the previous index and of the cache, and embed the rest within a cost limit."""

from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from model.config import environment
from model.errors import CommandError, MultichainError, RejectedCallError
from model.interfaces import Embeddings, FittableEmbeddings
from model.passages import Chunk
from model.profile import Profile
from model.providers import model_catalog, token_limits
from model.retrieval.embedding_calls import Embedded, embed_each
from model.retrieval.local.index import FINGERPRINT_TEXT, Float32Array, Index
from model.runtime import usage
from model.runtime.event_loop import Engine

from ..progress import Progress
from . import embedding_cache

_BATCH_SIZE = 512
_MAX_FAILURES = 16
"""How many texts of a batch may fail alone; with more of them the model, or its window, is wrong for the documents."""
T = TypeVar("T")


class TextEmbedder:
    """The embedding model of a profile, with its usage so far."""

    def __init__(self, profile: Profile, texts: Sequence[str], language: str, fit: Path) -> None:
        """Fit the model to ``texts`` where it can be fitted, and embed a fixed text as its fingerprint.

        Args:
            profile: The profile that names the embedding model.
            texts: The texts of all chunks.
            language: Language of the texts.
            fit: Folder for the files of a fitted model.
        """
        self._embedder, self._engine = profile.make_embedder(), Engine()
        if isinstance(self._embedder, FittableEmbeddings):
            self._embedder = self._embedder.fit_to(texts, language, fit)
        self.usage = usage.Usage()
        self._fingerprint_vector = self._track(self._embedder.embed([FINGERPRINT_TEXT]))[0]
        self.failed_sources: dict[str, str] = {}
        """The error of each document of which a text could not be embedded, by source."""

    @property
    def fingerprint(self) -> dict[str, Any]:
        """``provider``, ``model`` and ``fingerprint``: the model's vector of a fixed text, to six decimals."""
        vector = np.round(self._fingerprint_vector, 6).tolist()
        return {"provider": self._embedder.provider, "model": self._embedder.model, "fingerprint": vector}

    @property
    def name(self) -> str:
        """Provider and model, as ``provider:model``."""
        return f"{self._embedder.provider}:{self._embedder.model}"

    def embed(
        self, chunks: Sequence[Chunk], progress: Progress, max_cost: float | None = None, previous: Index | None = None
    ) -> Float32Array:
        """Return a row for each of ``chunks``; shape (chunks, dimension).

        Args:
            chunks: The chunks.
            progress: Callback for the number of texts that have a vector, of all.
            max_cost: Limit in US dollars; None for no limit.
            previous: An index whose vectors are reused if the same model made them.

        Raises:
            CommandError: The next batch would exceed ``max_cost``, or its price is unknown. Vectors that were embedded
                before stay in the cache.
            RejectedCallError: More than 16 texts of a batch failed alone, or all of the documents.
            ProviderError: The server did not answer.
        """
        texts = [chunk.searchable_text for chunk in chunks]
        if self._embedder.provider == "offline":  # fitted to all texts, so earlier vectors do not fit; faster, too
            return self._embed_all(texts, progress)
        cache = embedding_cache.EmbeddingCache(Path(embedding_cache.CACHE_FILE), self.name)
        cache.check_model(self._fingerprint_vector)
        cache.record_sources((chunk.searchable_text, chunk.source) for chunk in chunks)
        vectors_by_text = (
            vectors_from_index(previous, texts) if previous and self._has_made(previous) else {}
        ) | cache.get(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in vectors_by_text]
        failures: dict[str, MultichainError] = {}
        for start in range(0, len(missing), _BATCH_SIZE):
            batch = missing[start : start + _BATCH_SIZE]
            self._check_cost(batch, max_cost, len(missing) - start)
            outcomes = self._embed_batch(batch)
            embedded = {text: row for text, row in outcomes.items() if not isinstance(row, MultichainError)}
            failures |= {text: row for text, row in outcomes.items() if isinstance(row, MultichainError)}
            if embedded:
                cache.put(list(embedded), np.stack(list(embedded.values())))
            vectors_by_text |= embedded
            progress(len(vectors_by_text), len(vectors_by_text) + len(missing) - start - len(batch))
        if failures and not vectors_by_text:
            raise next(iter(failures.values()))
        self.failed_sources = {
            chunk.source: str(failures[chunk.searchable_text]) for chunk in chunks if chunk.searchable_text in failures
        }
        no_vector = np.zeros_like(self._fingerprint_vector)  # found by its words alone
        return np.stack([vectors_by_text.get(text, no_vector) for text in texts])

    def _has_made(self, index: Index) -> bool:
        """Return whether this model made the vectors of ``index``."""
        embedding = index.manifest.embedding
        is_same_name = f"{embedding['provider']}:{embedding['model']}" == self.name
        return is_same_name and embedding_cache.is_same_model(embedding["fingerprint"], self._fingerprint_vector)

    def _embed_all(self, texts: Sequence[str], progress: Progress) -> Float32Array:
        rows = []
        for start in range(0, len(texts), _BATCH_SIZE):
            rows.append(self._track(self._embedder.embed(texts[start : start + _BATCH_SIZE])))
            progress(min(start + _BATCH_SIZE, len(texts)), len(texts))
        return np.concatenate(rows)

    def _embed_batch(self, texts: Sequence[str]) -> dict[str, Embedded]:
        """Return what each text yields: a vector, or an error of its own.

        Raises:
            RejectedCallError: A vector has another length than that of the fingerprint, so the model has changed.
        """
        outcomes = self._track(embed_each(self._embedder, texts, max_failures=_MAX_FAILURES))
        shape = self._fingerprint_vector.shape
        if any(not isinstance(row, MultichainError) and row.shape != shape for row in outcomes):
            raise RejectedCallError(f"{self.name} changed the length of its vectors during the build; build again")
        return dict(zip(texts, outcomes, strict=True))

    def _track(self, call: Coroutine[Any, Any, T]) -> T:
        """Return the result of ``call``, and record its usage."""
        with usage.track_usage() as used:
            result = self._engine.run(call)
        self.usage += used.usage
        return result

    def _check_cost(self, batch: Sequence[str], max_cost: float | None, remaining: int) -> None:
        """Raise CommandError when the batch might exceed ``max_cost`` or has no known price."""
        if max_cost is None:
            return
        token_counts = model_catalog.TokenCounts(input=sum(map(token_limits.count_tokens, batch)))
        cost = model_catalog.cost_of(self._embedder.provider, self._embedder.model, token_counts)
        if cost is None:
            raise CommandError(
                f"the price of {self.name} is unknown, so --max-cost cannot be enforced; name a table of prices in "
                f"{environment.PRICES.name}, or omit --max-cost"
            )
        if self.usage.cost + cost > max_cost:
            rest = cost * remaining / len(batch)
            raise CommandError(
                f"stopped at ${self.usage.cost:.7f}, before --max-cost ${max_cost:.7f}: {remaining:,} chunks are not "
                f"embedded yet and may cost ${rest:.7f}; run the command again with a higher --max-cost: the vectors "
                f"so far are kept in {Path(embedding_cache.CACHE_FILE).absolute()}"
            )


def has_same_model(profile: Profile, index: Index) -> bool:
    """Return whether the embedding model of a profile still gives the vectors with which ``index`` was built.

    Args:
        profile: The profile, which names the model as the index does.
        index: The index.

    Raises:
        ProviderError: The server did not answer.
    """
    embedder = profile.make_embedder(index=index)
    if embedder.provider == "offline":  # made on this machine, from the index itself
        return True
    return has_same_vector(embedder, index.manifest.embedding)


def has_same_vector(embedder: Embeddings, embedding: Mapping[str, Any]) -> bool:
    """Return whether an embedding model gives the vector of the fixed text that an index was built with.

    Args:
        embedder: The model.
        embedding: What the manifest of the index says of its embedding model.

    Raises:
        ProviderError: The server did not answer.
    """
    vector = Engine().run(embedder.embed([FINGERPRINT_TEXT]))[0]
    return embedding_cache.is_same_model(embedding["fingerprint"], vector)


def vectors_from_index(index: Index, texts: Sequence[str]) -> dict[str, Float32Array]:
    """Return the vectors that ``index`` has for ``texts``.

    Args:
        index: An index.
        texts: Texts as they were embedded; those that the index lacks, or has no vector for, are omitted.

    Returns:
        Vectors by text, each of shape (dimension,).
    """
    requested_texts = set(texts)
    positions = {
        text: n for n, text in enumerate(chunk.searchable_text for chunk in index.chunks) if text in requested_texts
    }
    rows = index.vectors.get_vectors(np.array(list(positions.values()), dtype=np.int64))
    return {text: row for text, row in zip(positions, rows, strict=True) if row.any()}
