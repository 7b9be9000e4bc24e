"""Chunks become vectors: what was embedded before is taken from where it is kept, and the rest within a limit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.errors import CommandError
from model.passages import Chunk
from model.profile import Profile
from model.providers import model_catalog, token_limits
from model.retrieval.local.index import FINGERPRINT_TEXT, Float32Array, Index
from model.runtime import usage
from model.runtime.event_loop import Engine

from ..progress import Progress
from . import embedding_cache

_BATCH = 512


class Embedding:
    """The embedding model of a profile at work."""

    def __init__(self, profile: Profile, texts: Sequence[str], language: str, fit: Path) -> None:
        """Fits it to ``texts`` where it can be fitted, into the folder ``fit``.

        Then asks it for the vector of a fixed text, which tells it from others of its name.
        """
        self._embedder, self._engine = profile.make_embedder(), Engine()
        if hasattr(self._embedder, "fit_to"):
            self._embedder = self._embedder.fit_to(texts, language, fit)
        self.spent = usage.Usage()
        self._probe = self._ask([FINGERPRINT_TEXT])

    @property
    def fingerprint(self) -> dict[str, Any]:
        """Provider, model, and the vector that it gives for a fixed text."""
        vector = np.round(self._probe[0], 6).tolist()
        return {"provider": self._embedder.provider, "model": self._embedder.model, "fingerprint": vector}

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self._embedder.provider}:{self._embedder.model}"

    def embed(
        self, chunks: Sequence[Chunk], progress: Progress, max_cost: float | None = None, before: Index | None = None
    ) -> Float32Array:
        """A row for each of ``chunks``; shape (chunks, dimension). Those of texts that ``before`` has come from there.

        Raises CommandError before more than ``max_cost`` US dollars are spent; what is embedded then is kept.
        """
        texts = [chunk.searchable_text for chunk in chunks]
        if self._embedder.provider == "offline":  # fitted to all texts, so each is made anew; and quicker so
            return self._all(texts, progress)
        kept = embedding_cache.Vectors(Path(embedding_cache.FILE), self.name)
        kept.verify(self._probe[0])
        kept.hold((chunk.searchable_text, chunk.source) for chunk in chunks)
        found = (indexed(before, texts) if before and self._made(before) else {}) | kept.kept(texts)
        wanted = [text for text in dict.fromkeys(texts) if text not in found]
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            self._check(batch, max_cost, len(wanted) - start)
            rows = self._ask(batch)
            kept.keep(batch, rows)
            found |= dict(zip(batch, rows, strict=True))
            progress(len(found), len(found) + len(wanted) - start - len(batch))
        return np.stack([found[text] for text in texts])

    def _made(self, index: Index) -> bool:
        """Whether this model made the vectors of ``index``."""
        told = index.manifest.embedding
        probe = np.array(told["fingerprint"], dtype=np.float32)
        return f"{told['provider']}:{told['model']}" == self.name and embedding_cache.same(probe, self._probe[0])

    def _all(self, texts: Sequence[str], progress: Progress) -> Float32Array:
        rows = []
        for start in range(0, len(texts), _BATCH):
            rows.append(self._ask(texts[start : start + _BATCH]))
            progress(min(start + _BATCH, len(texts)), len(texts))
        return np.concatenate(rows)

    def _ask(self, texts: Sequence[str]) -> Float32Array:
        with usage.track_usage() as used:
            rows: Float32Array = self._engine.run(self._embedder.embed(texts))
        self.spent += used.usage
        return rows

    def _check(self, batch: Sequence[str], max_cost: float | None, left: int) -> None:
        """Raises CommandError when the batch might cost more than is left."""
        if max_cost is None:
            return
        most = model_catalog.TokenCounts(input=sum(map(token_limits.count_tokens, batch)))
        cost = model_catalog.cost_of(self._embedder.provider, self._embedder.model, most)
        if cost is None:
            raise CommandError(
                f"the price of {self.name} is not known, so --max-cost cannot be kept; name a table of prices with "
                f"{model_catalog.CATALOG_VARIABLE}, or leave --max-cost out"
            )
        if self.spent.cost + cost > max_cost:
            rest = cost * left / len(batch)
            raise CommandError(
                f"stopped at ${self.spent.cost:.7f}, before --max-cost ${max_cost:.7f}: {left:,} chunks are not "
                f"embedded yet, which may cost ${rest:.7f}; run it again with a higher one: what is embedded is kept "
                f"in {Path(embedding_cache.FILE).absolute()}"
            )


def indexed(index: Index, texts: Sequence[str]) -> dict[str, Float32Array]:
    """Those of ``texts`` that ``index`` has a vector of, with it; shape (dimension,)."""
    wanted = set(texts)
    places = {text: n for n, text in enumerate(chunk.searchable_text for chunk in index.chunks) if text in wanted}
    rows = index.vectors.get_vectors(np.array(list(places.values()), dtype=np.int64))
    return dict(zip(places, rows, strict=True))
