"""Documents become an index folder: read, split, embedded, indexed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import CommandError, DocumentError
from model.profile import Profile
from model.retrieval.local.manifest import Manifest
from model.runtime.usage import Usage

from ..documents.chunking import split_document
from ..documents.load import LoadResult, load_documents
from ..progress import Progress
from . import index_update, index_writer
from .index_update import DocumentDiff, UpdateBase
from .index_writer import IndexContent


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What a build made, from what, and what is not as before when it went on from an index.

    It is not ``written`` when the index was as it would be. ``anew`` says why nothing that was there could be used.
    """

    folder: Path
    load_result: LoadResult
    manifest: Manifest
    usage: Usage
    seconds: float
    changes: DocumentDiff | None = None
    is_written: bool = True
    rebuild_reason: str = ""


def build_index(
    profile: Profile,
    documents: Sequence[object],
    out: Path,
    progress: Progress,
    max_cost: float | None = None,
    *,
    update: bool = False,
    **load_options: Any,
) -> BuildResult:
    """Builds the index of ``documents`` in the folder ``out``, replacing the index that is there; ``how`` is load's.

    With ``update`` it goes on from that index: vectors of texts that it holds are taken from it, and where no
    document and no setting changed it stays as it is. Raises DocumentError for documents that cannot be read, and
    CommandError when ``out`` holds something else or the embeddings would cost more than ``max_cost`` US dollars;
    those that were paid for are kept (vectors.py).
    """
    started = time.perf_counter()
    out = out.absolute()
    index_writer.check_folder(out)
    loaded, content = read_content(profile, documents, **load_options)
    start = index_update.find_update_base(out, profile, content.documents) if update else UpdateBase()
    if start.index and start.is_unchanged:
        manifest, spent = start.index.manifest, Usage()
    else:
        manifest, spent = index_writer.write_index_folder(content, profile, out, progress, max_cost, start.index)
    seconds = time.perf_counter() - started
    return BuildResult(out, loaded, manifest, spent, seconds, start.diff, not start.is_unchanged, start.rebuild_reason)


def read_content(profile: Profile, documents: Sequence[object], **load_options: Any) -> tuple[LoadResult, IndexContent]:
    """The documents, and what an index of them holds. Raises DocumentError, and CommandError without such an index."""
    if not profile.backend.IS_LOCAL:
        raise CommandError(
            f"{profile.name} searches in {profile.index['name']}, which AI Search keeps as its table is, so nothing is "
            "built here; add documents to the table, and measure a version by its URI"
        )
    loaded = load_documents(documents, **load_options)
    chunking, language = index_update.chunking_settings(profile)
    chunks = [chunk for document in loaded.documents for chunk in split_document(document, **chunking)]
    if not chunks:
        raise DocumentError("the documents hold headings alone; add some text to them")
    return loaded, IndexContent(chunks, loaded.digests, chunking, language)
