"""What a build would do, and cost, before it does anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.profile import Profile
from model.providers import model_catalog, token_limits
from model.retrieval.local.index import Index

from ..documents.load import Loaded
from . import embedding_cache, index_writer
from . import index_update as changes
from .build import read
from .embedding import indexed
from .index_update import Changes, Start


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a build would make: ``wanted`` texts embedded, of at most ``tokens``, for at most ``cost`` US dollars.

    ``cost`` is None where the model's price is not known.
    """

    loaded: Loaded
    chunks: int
    model: str
    wanted: int
    tokens: int
    cost: float | None
    changes: Changes | None
    anew: str = ""


def estimate(profile: Profile, documents: Sequence[object], out: Path, *, update: bool = False, **how: Any) -> Estimate:
    """Reads the documents and asks no provider: that the model is still the one that made what is kept is assumed.

    Raises DocumentError and CommandError as build does.
    """
    index_writer.check(out.absolute())
    loaded, content = read(profile, documents, **how)
    start = changes.start(out, profile, content.documents) if update else Start()
    model = profile.make_embedder(index=start.before)
    texts = dict.fromkeys(chunk.searchable_text for chunk in content.chunks)
    name = f"{model.provider}:{model.model}"
    wanted = [] if start.same else _wanted(texts, name, start.before)
    tokens = sum(map(token_limits.count_tokens, wanted))
    cost = (
        0.0
        if not wanted
        else model_catalog.cost_of(model.provider, model.model, model_catalog.TokenCounts(input=tokens))
    )
    if model.provider == "offline":
        name, cost = "offline", 0.0
    return Estimate(loaded, len(content.chunks), name, len(wanted), tokens, cost, start.changes, start.anew)


def _wanted(texts: Iterable[str], name: str, before: Index | None) -> list[str]:
    """Those that no index and no file keeps the vector of."""
    told = before.manifest.embedding if before else {}
    asked = list(texts)
    if before and f"{told['provider']}:{told['model']}" == name and told["provider"] != "offline":
        known = indexed(before, asked)
        asked = [text for text in asked if text not in known]
    kept = embedding_cache.Vectors(Path(embedding_cache.FILE), name).kept(asked)
    return [text for text in asked if text not in kept]
