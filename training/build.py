"""Documents become an index folder: split, embed, index. The folder appears whole or not at all."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.engine import Engine
from model.errors import CommandError, DocumentError
from model.profile import Profile
from model.retrieval import index, manifest
from model.retrieval.chunks import Chunk

from .documents import Loaded, load
from .split import split

_BATCH = 512
_PART = ".multichain-part-"

Progress = Callable[[int, int], None]
"""Told how many of how many texts are embedded."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made, and from what."""

    folder: Path
    loaded: Loaded
    manifest: manifest.Manifest


def build(profile: Profile, documents: Sequence[Path], out: Path, progress: Progress) -> Built:
    """Builds the index of ``documents`` in the folder ``out``, replacing the index that is there.

    Raises DocumentError for documents that cannot be read and CommandError when ``out`` holds something else.
    """
    out = out.absolute()
    _check(out)
    loaded = load(documents)
    settings = dict(profile.index)
    language = settings.pop("language")
    chunks = [chunk for document in loaded.documents for chunk in split(document, **settings)]
    if not chunks:
        raise DocumentError("the documents hold headings alone; add some text to them")
    _clear(out.parent)
    part = Path(tempfile.mkdtemp(prefix=_PART, dir=out.parent))
    try:
        made = index.save(
            part,
            chunks=chunks,
            vectors=_embedded(profile, chunks, progress),
            embedding=fingerprint(profile),
            chunking=settings,
            documents={document.source: document.digest for document in loaded.documents},
            language=language,
        )
        _replace(out, part)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Built(out, loaded, made)


def fingerprint(profile: Profile) -> dict[str, object]:
    """What tells the profile's embedding model: provider, model, and the vector that it gives for a fixed text."""
    embedder = profile.embedder()
    vector = np.round(Engine().run(embedder.embed([index.PROBE]))[0], 6).tolist()
    return {"provider": embedder.provider, "model": embedder.model, "fingerprint": vector}


def _embedded(profile: Profile, chunks: Sequence[Chunk], progress: Progress) -> index.Vectors:
    embedder, engine = profile.embedder(), Engine()
    vectors = []
    for start in range(0, len(chunks), _BATCH):
        texts = [chunk.searched for chunk in chunks[start : start + _BATCH]]
        vectors.append(engine.run(embedder.embed(texts)))
        progress(min(start + _BATCH, len(chunks)), len(chunks))
    return np.concatenate(vectors)


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
