"""What a build would do, and cost, before it does anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.profile import Profile
from model.providers import model_catalog, token_limits
from model.retrieval.local.index import Index

from ..documents.load import LoadResult
from . import embedding_cache, index_update, index_writer
from .build import read_content
from .embedding import vectors_from_index
from .index_update import DocumentDiff, UpdateBase


@dataclass(frozen=True, slots=True)
class BuildEstimate:
    """What a build would make: ``wanted`` texts embedded, of at most ``tokens``, for at most ``cost`` US dollars.

    ``cost`` is None where the model's price is not known.
    """

    load_result: LoadResult
    chunks: int
    model: str
    missing_texts: int
    tokens: int
    cost: float | None
    changes: DocumentDiff | None
    rebuild_reason: str = ""


def estimate_build(
    profile: Profile, documents: Sequence[object], out: Path, *, update: bool = False, **load_options: Any
) -> BuildEstimate:
    """Reads the documents and asks no provider: that the model is still the one that made what is kept is assumed.

    Raises DocumentError and CommandError as build does.
    """
    index_writer.check_folder(out.absolute())
    loaded, content = read_content(profile, documents, **load_options)
    start = index_update.find_update_base(out, profile, content.documents) if update else UpdateBase()
    model = profile.make_embedder(index=start.index)
    texts = dict.fromkeys(chunk.searchable_text for chunk in content.chunks)
    name = f"{model.provider}:{model.model}"
    missing = [] if start.is_unchanged else _find_missing(texts, name, start.index)
    tokens = sum(map(token_limits.count_tokens, missing))
    cost = (
        0.0
        if not missing
        else model_catalog.cost_of(model.provider, model.model, model_catalog.TokenCounts(input=tokens))
    )
    if model.provider == "offline":
        name, cost = "offline", 0.0
    return BuildEstimate(
        loaded, len(content.chunks), name, len(missing), tokens, cost, start.diff, start.rebuild_reason
    )


def _find_missing(texts: Iterable[str], name: str, previous: Index | None) -> list[str]:
    """Those that no index and no file keeps the vector of."""
    embedding = previous.manifest.embedding if previous else {}
    distinct = list(texts)
    if previous and f"{embedding['provider']}:{embedding['model']}" == name and embedding["provider"] != "offline":
        embedder_name = vectors_from_index(previous, distinct)
        distinct = [text for text in distinct if text not in embedder_name]
    cached = embedding_cache.EmbeddingCache(Path(embedding_cache.CACHE_FILE), name).get(distinct)
    return [text for text in distinct if text not in cached]
