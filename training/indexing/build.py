"""Build an index folder from documents: read, split, embed and index them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from model.errors import CommandError
from model.profile import Profile
from model.retrieval.local.manifest import Manifest
from model.retrieval.local.settings import AUTO_LANGUAGE, ColumnRoles
from model.runtime.usage import Usage

from ..documents.chunking import split_document
from ..documents.copies import count_similar, group_similar, merge_copies
from ..documents.load import LoadOptions, LoadResult, load_documents
from ..progress import Progress
from . import index_update, index_writer
from .index_update import DocumentDiff, UpdateBase
from .index_writer import IndexContent, WrittenIndex
from .text_embedder import has_same_model

_OTHER_MODEL = "The whole index is rebuilt: the embedding model gives other vectors than when the index was built."


@dataclass(frozen=True, slots=True)
class BuildResult:
    """The index that a build produced or left unchanged.

    Attributes:
        folder: Absolute path of the index folder.
        load_result: The documents that were read, and those that were skipped.
        manifest: Manifest of the index.
        usage: Usage of the embedding model; empty when nothing was embedded.
        seconds: Duration of the build.
        changes: Documents compared with the previous index; None without a previous index.
        is_written: False when no document and no setting changed, so that the index was left as it was.
        rebuild_reason: Why the previous index could not be reused; empty otherwise.
        failed_sources: The error of each document of which a text has no vector, by source.
    """

    folder: Path
    load_result: LoadResult
    manifest: Manifest
    usage: Usage
    seconds: float
    changes: DocumentDiff | None = None
    is_written: bool = True
    rebuild_reason: str = ""
    failed_sources: Mapping[str, str] = field(default_factory=dict)


def build_index(
    profile: Profile,
    documents: Sequence[object],
    out: Path,
    progress: Progress,
    max_cost: float | None = None,
    *,
    update: bool = False,
    load_options: LoadOptions | None = None,
) -> BuildResult:
    """Build the index of ``documents`` and replace the index in ``out``.

    Args:
        profile: The profile whose index is built.
        documents: Folders, files, patterns, addresses and tables.
        out: The index folder.
        progress: Callback for the number of embedded texts.
        max_cost: Limit for the cost of embedding, in US dollars; None for no limit.
        update: Reuse vectors of the index in ``out``, and leave the index as it is where no document and no setting
            changed.
        load_options: How to read the documents; None for the defaults.

    Returns:
        The index, its cost and what changed.

    Raises:
        DocumentError: A document cannot be read, or no document has text.
        CommandError: ``out`` holds something that is not an index, another process writes to ``out``, the profile
            searches AI Search, or embedding would exceed ``max_cost``. Vectors that were paid for stay in the cache
            (embedding_cache.py).
    """
    started = time.perf_counter()
    out = out.absolute()
    index_writer.check_folder(out)
    with index_writer.lock_folder(out):
        loaded, content = read_content(profile, documents, load_options)
        start = index_update.find_update_base(out, profile, content.documents) if update else UpdateBase()
        if start.index and start.is_unchanged and not has_same_model(profile, start.index):
            start = replace(start, is_unchanged=False, rebuild_reason=_OTHER_MODEL)
        if start.index and start.is_unchanged:
            written = WrittenIndex(start.index.manifest)
        else:
            written = index_writer.write_index_folder(content, profile, out, progress, max_cost, start.index)
    return BuildResult(
        out,
        loaded,
        written.manifest,
        written.usage,
        time.perf_counter() - started,
        start.diff,
        not start.is_unchanged,
        start.rebuild_reason,
        written.failed_sources,
    )


def read_content(
    profile: Profile, documents: Sequence[object], load_options: LoadOptions | None = None
) -> tuple[LoadResult, IndexContent]:
    """Read documents and split them into chunks.

    Args:
        profile: The profile with the settings of the index.
        documents: Folders, files, patterns, addresses and tables.
        load_options: How to read the documents; None for the defaults.

    Returns:
        The documents, and the content of their index.

    Raises:
        DocumentError: A document cannot be read, or no document has text.
        CommandError: The profile searches AI Search, where nothing is built.
    """
    if not profile.backend.is_local:
        raise CommandError(
            f"{profile.name} searches in {profile.index['name']}, which AI Search keeps in step with its table, so "
            "there is no index to build; add documents to the table, and evaluate a version by its URI"
        )
    loaded = load_documents(documents, complete_options(profile, load_options))
    chunking, language = index_update.chunking_settings(profile)
    if language == AUTO_LANGUAGE:
        loaded.tell_languages()
    chunks = merge_copies(chunk for document in loaded.documents for chunk in split_document(document, **chunking))
    grouped = group_similar(chunks)
    loaded.copies = sum(bool(chunk.copies) for chunk in grouped)
    loaded.similar = count_similar(grouped)
    return loaded, IndexContent(grouped, loaded.digests, chunking, language)


def complete_options(profile: Profile, load_options: LoadOptions | None) -> LoadOptions:
    """Return the options with the profile's roles of columns and its readers, where the caller named none.

    Args:
        profile: The profile.
        load_options: What the caller named; None for nothing.
    """
    options = load_options or LoadOptions()
    roles = profile.index.get("columns")
    if roles and options.columns == ColumnRoles():
        options = replace(options, columns=ColumnRoles(**roles))
    return replace(options, readers={**profile.index.get("readers", {}), **options.readers})
