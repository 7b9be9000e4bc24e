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

from ..documents.chunking import split
from ..documents.load import Loaded, load
from ..progress import Progress
from . import index_update as changes
from . import index_writer
from .index_update import Changes, Start
from .index_writer import Content


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made, from what, and what is not as before when it went on from an index.

    It is not ``written`` when the index was as it would be. ``anew`` says why nothing that was there could be used.
    """

    folder: Path
    loaded: Loaded
    manifest: Manifest
    spent: Usage
    seconds: float
    changes: Changes | None = None
    written: bool = True
    anew: str = ""


def build(
    profile: Profile,
    documents: Sequence[object],
    out: Path,
    progress: Progress,
    max_cost: float | None = None,
    *,
    update: bool = False,
    **how: Any,
) -> Built:
    """Builds the index of ``documents`` in the folder ``out``, replacing the index that is there; ``how`` is load's.

    With ``update`` it goes on from that index: vectors of texts that it holds are taken from it, and where no
    document and no setting changed it stays as it is. Raises DocumentError for documents that cannot be read, and
    CommandError when ``out`` holds something else or the embeddings would cost more than ``max_cost`` US dollars;
    those that were paid for are kept (vectors.py).
    """
    started = time.perf_counter()
    out = out.absolute()
    index_writer.check(out)
    loaded, content = read(profile, documents, **how)
    start = changes.start(out, profile, content.documents) if update else Start()
    if start.before and start.same:
        made, spent = start.before.manifest, Usage()
    else:
        made, spent = index_writer.written(content, profile, out, progress, max_cost, start.before)
    seconds = time.perf_counter() - started
    return Built(out, loaded, made, spent, seconds, start.changes, not start.same, start.anew)


def read(profile: Profile, documents: Sequence[object], **how: Any) -> tuple[Loaded, Content]:
    """The documents, and what an index of them holds. Raises DocumentError, and CommandError without such an index."""
    if not profile.backend.IS_LOCAL:
        raise CommandError(
            f"{profile.name} searches in {profile.index['name']}, which AI Search keeps as its table is, so nothing is "
            "built here; add documents to the table, and measure a version by its URI"
        )
    loaded = load(documents, **how)
    chunking, language = changes.settings(profile)
    chunks = [chunk for document in loaded.documents for chunk in split(document, **chunking)]
    if not chunks:
        raise DocumentError("the documents hold headings alone; add some text to them")
    return loaded, Content(chunks, loaded.digests, chunking, language)
