"""Documents become an index folder: split, embed, index. The folder appears whole or not at all."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.account import Usage
from model.errors import CommandError, DocumentError
from model.profile import Profile
from model.retrieval import index, manifest
from model.retrieval.lexical import Lexical

from .calibrate import calibrated
from .documents import Loaded, load
from .embed import Embedding, Progress
from .split import split

_PART = ".multichain-part-"


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made, and from what."""

    folder: Path
    loaded: Loaded
    manifest: manifest.Manifest
    spent: Usage


def build(
    profile: Profile,
    documents: Sequence[object],
    out: Path,
    progress: Progress,
    max_cost: float | None = None,
    **how: bool,
) -> Built:
    """Builds the index of ``documents`` in the folder ``out``, replacing the index that is there; ``how`` is load's.

    Raises DocumentError for documents that cannot be read, and CommandError when ``out`` holds something else or
    the embeddings would cost more than ``max_cost`` US dollars; those that were paid for are kept (vectors.py).
    """
    out = out.absolute()
    _check(out)
    loaded = load(documents, **how)
    settings = dict(profile.index)
    language = settings.pop("language")
    chunks = [chunk for document in loaded.documents for chunk in split(document, **settings)]
    if not chunks:
        raise DocumentError("the documents hold headings alone; add some text to them")
    texts = [chunk.searched for chunk in chunks]
    _clear(out.parent)
    part = Path(tempfile.mkdtemp(prefix=_PART, dir=out.parent))
    try:
        embedding = Embedding(profile, texts, language, part / index.FIT)
        vectors = embedding.embed(texts, progress, max_cost)
        lexical = Lexical.build(chunks, language)
        made = index.save(
            part,
            chunks=chunks,
            vectors=vectors,
            lexical=lexical,
            support=calibrated(chunks, lexical),
            embedding=embedding.fingerprint,
            chunking=settings,
            documents=loaded.digests,
            language=language,
        )
        _replace(out, part)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Built(out, loaded, made, embedding.spent)


def _check(out: Path) -> None:
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]) and not (out / manifest.FILE).is_file():
        raise CommandError(f"{out} exists and is not an index; give another --index, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)


def _clear(folder: Path) -> None:
    """Removes what a killed build left."""
    for left in folder.glob(_PART + "*"):
        shutil.rmtree(left, ignore_errors=True)


def _replace(out: Path, part: Path) -> None:
    """Puts ``part`` in the place of ``out``; ``part`` is then the old index."""
    part.chmod(0o755)
    old = Path(tempfile.mkdtemp(prefix=_PART, dir=out.parent))
    if out.exists():
        out.rename(old / "old")
    part.rename(out)
    shutil.rmtree(old)
