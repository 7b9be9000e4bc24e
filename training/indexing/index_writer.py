"""Chunks become an index folder: embedded, indexed, calibrated. The folder appears whole or not at all."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from model.errors import CommandError
from model.passages import Chunk
from model.profile import Profile
from model.retrieval.local import index, manifest
from model.retrieval.local.index import Index
from model.retrieval.local.lexical import Lexical
from model.runtime.usage import Usage

from ..progress import Progress
from .abstention import calibrate_threshold
from .embedding import TextEmbedder

_PART_PREFIX = ".multichain-part-"


@dataclass(frozen=True, slots=True)
class IndexContent:
    """What an index is of: chunks, the digest of each document, and how they were cut."""

    chunks: Sequence[Chunk]
    documents: Mapping[str, str]
    chunking: Mapping[str, int]
    language: str


def write_index_folder(
    content: IndexContent,
    profile: Profile,
    out: Path,
    progress: Progress,
    max_cost: float | None = None,
    previous: Index | None = None,
) -> tuple[manifest.Manifest, Usage]:
    """Writes the index of ``content`` into ``out`` in the place of what is there; gives what it says and what it cost.

    Vectors of texts that ``before`` has are taken from there, where the same model made them.
    """
    with replace_folder(out) as part:
        embedding = TextEmbedder(
            profile, [chunk.searchable_text for chunk in content.chunks], content.language, part / index.FIT_FOLDER
        )
        vectors = embedding.embed(content.chunks, progress, max_cost, previous)
        lexical = Lexical.build(content.chunks, content.language)
        embedder = index.write_index(
            part,
            chunks=content.chunks,
            vectors=vectors,
            lexical=lexical,
            support=calibrate_threshold(content.chunks, lexical),
            embedding=embedding.fingerprint,
            chunking=dict(content.chunking),
            documents=dict(content.documents),
            language=content.language,
        )
    return embedder, embedding.usage


@contextmanager
def replace_folder(out: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of ``out`` when all is written, and is gone otherwise.

    Raises CommandError when ``out`` holds something that is not an index.
    """
    check_folder(out)
    _remove_left_overs(out.parent)
    part = out.parent / f"{_PART_PREFIX}{uuid4().hex}"  # named before it is made, so that no signal comes in between
    try:
        part.mkdir()
        yield part
        _replace(out, part)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_folder(out: Path) -> None:
    """Raises CommandError when ``out`` holds something that is not an index."""
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]) and not (out / manifest.MANIFEST_FILE).is_file():
        raise CommandError(f"{out} exists and is not an index; give another --index, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)


def _remove_left_overs(folder: Path) -> None:
    """Removes what a killed build left."""
    for folder_left_over in folder.glob(_PART_PREFIX + "*"):
        shutil.rmtree(folder_left_over, ignore_errors=True)


def _replace(out: Path, part: Path) -> None:
    """Puts ``part`` in the place of ``out``, which stays where it was when that is interrupted."""
    old = part.with_name(part.name + "-old")
    try:
        if out.exists():
            out.rename(old)
        part.rename(out)
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(old, ignore_errors=True)
