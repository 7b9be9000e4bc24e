"""Embed chunks: reuse vectors of the previous index and of the cache, and embed the rest within a cost limit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.config import environment
from model.errors import CommandError
from model.interfaces import FittableEmbeddings
from model.passages import Chunk
from model.profile import Profile
from model.providers import model_catalog, token_limits
from model.retrieval.local.index import FINGERPRINT_TEXT, Float32Array, Index
from model.runtime import usage
from model.runtime.event_loop import Engine

from ..progress import Progress
from . import embedding_cache

_BATCH_SIZE = 512


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
        self._fingerprint_vector = self._call_embedder([FINGERPRINT_TEXT])

    @property
    def fingerprint(self) -> dict[str, Any]:
        """``provider``, ``model`` and ``fingerprint``: the model's vector of a fixed text, to six decimals."""
        vector = np.round(self._fingerprint_vector[0], 6).tolist()
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
        """
        texts = [chunk.searchable_text for chunk in chunks]
        if self._embedder.provider == "offline":  # fitted to all texts, so earlier vectors do not fit; faster, too
            return self._embed_all(texts, progress)
        cache = embedding_cache.EmbeddingCache(Path(embedding_cache.CACHE_FILE), self.name)
        cache.check_model(self._fingerprint_vector[0])
        cache.record_sources((chunk.searchable_text, chunk.source) for chunk in chunks)
        vectors_by_text = (
            vectors_from_index(previous, texts) if previous and self._has_made(previous) else {}
        ) | cache.get(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in vectors_by_text]
        for start in range(0, len(missing), _BATCH_SIZE):
            batch = missing[start : start + _BATCH_SIZE]
            self._check_cost(batch, max_cost, len(missing) - start)
            rows = self._call_embedder(batch)
            cache.put(batch, rows)
            vectors_by_text |= dict(zip(batch, rows, strict=True))
            progress(len(vectors_by_text), len(vectors_by_text) + len(missing) - start - len(batch))
        return np.stack([vectors_by_text[text] for text in texts])

    def _has_made(self, index: Index) -> bool:
        """Return whether this model made the vectors of ``index``."""
        embedding = index.manifest.embedding
        probe = np.array(embedding["fingerprint"], dtype=np.float32)
        return f"{embedding['provider']}:{embedding['model']}" == self.name and embedding_cache.is_same_model(
            probe, self._fingerprint_vector[0]
        )

    def _embed_all(self, texts: Sequence[str], progress: Progress) -> Float32Array:
        rows = []
        for start in range(0, len(texts), _BATCH_SIZE):
            rows.append(self._call_embedder(texts[start : start + _BATCH_SIZE]))
            progress(min(start + _BATCH_SIZE, len(texts)), len(texts))
        return np.concatenate(rows)

    def _call_embedder(self, texts: Sequence[str]) -> Float32Array:
        with usage.track_usage() as used:
            rows: Float32Array = self._engine.run(self._embedder.embed(texts))
        self.usage += used.usage
        return rows

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


def vectors_from_index(index: Index, texts: Sequence[str]) -> dict[str, Float32Array]:
    """Return the vectors that ``index`` has for ``texts``.

    Args:
        index: An index.
        texts: Texts as they were embedded; those that the index lacks are omitted.

    Returns:
        Vectors by text, each of shape (dimension,).
    """
    requested_texts = set(texts)
    positions = {
        text: n for n, text in enumerate(chunk.searchable_text for chunk in index.chunks) if text in requested_texts
    }
    rows = index.vectors.get_vectors(np.array(list(positions.values()), dtype=np.int64))
    return dict(zip(positions, rows, strict=True))
