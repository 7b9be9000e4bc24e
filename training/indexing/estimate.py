"""Estimate what a build would embed, and its cost, without calling a provider."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.profile import Profile
from model.providers import model_catalog, token_limits
from model.retrieval.local.index import Index

from ..documents.load import LoadOptions, LoadResult
from . import embedding_cache, index_update, index_writer
from .build import read_content
from .index_update import DocumentDiff, UpdateBase
from .text_embedder import vectors_from_index


@dataclass(frozen=True, slots=True)
class BuildEstimate:
    """Estimate of a build.

    Attributes:
        load_result: The documents that were read, and those that were skipped.
        chunks: Number of chunks.
        model: Embedding model as ``provider:model``; ``offline`` for the offline embeddings.
        missing_texts: Number of distinct texts without a vector in the index or the cache.
        tokens: Upper bound of the tokens of these texts.
        cost: Upper bound of their cost in US dollars; None if the price of the model is unknown.
        changes: Documents compared with the previous index; None without a previous index.
        rebuild_reason: Why the previous index cannot be reused; empty otherwise.
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
    profile: Profile,
    documents: Sequence[object],
    out: Path,
    *,
    update: bool = False,
    load_options: LoadOptions | None = None,
) -> BuildEstimate:
    """Read the documents and estimate a build of their index.

    No provider is called, so the estimate assumes that the provider still serves the model that made the stored
    vectors.

    Args:
        profile: The profile whose index would be built.
        documents: Folders, files, patterns, addresses and tables.
        out: The index folder.
        update: Assume that the build updates the index in ``out``.
        load_options: How to read the documents; None for the defaults.

    Raises:
        DocumentError: A document cannot be read, or no document has text.
        CommandError: ``out`` holds something that is not an index, the profile searches AI Search, or the cache
            cannot be used.
    """
    index_writer.check_folder(out.absolute())
    loaded, content = read_content(profile, documents, load_options)
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
    """Return the texts without a vector in the previous index and in the cache of the model ``name``."""
    embedding = previous.manifest.embedding if previous else {}
    distinct = list(texts)
    if previous and f"{embedding['provider']}:{embedding['model']}" == name and embedding["provider"] != "offline":
        indexed = vectors_from_index(previous, distinct)
        distinct = [text for text in distinct if text not in indexed]
    cached = embedding_cache.EmbeddingCache(Path(embedding_cache.CACHE_FILE), name).get(distinct)
    return [text for text in distinct if text not in cached]
