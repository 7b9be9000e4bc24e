"""Write an index folder from chunks: embed and index. The folder appears complete or not at all."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from model.errors import CommandError
from model.passages import Chunk
from model.profile import Profile
from model.retrieval.local import index, manifest
from model.retrieval.local.index import Index
from model.retrieval.local.lexical import Lexical
from model.retrieval.local.settings import AUTO_LANGUAGE
from model.runtime.usage import Usage

from ..documents.language import DEFAULT_LANGUAGE
from ..progress import Progress
from .text_embedder import TextEmbedder

_PART_PREFIX, _OLD_SUFFIX = ".multichain-part-", "-old"


@dataclass(frozen=True, slots=True)
class IndexContent:
    """Content of an index.

    Attributes:
        chunks: The chunks of all documents.
        documents: SHA-256 of each document by source.
        chunking: Settings by which documents were split.
        language: The setting of the profile: a language, or ``auto`` where each chunk names its own.
    """

    chunks: Sequence[Chunk]
    documents: Mapping[str, str]
    chunking: Mapping[str, int]
    language: str


@dataclass(frozen=True, slots=True)
class WrittenIndex:
    """An index that was written, or left as it was.

    Attributes:
        manifest: The manifest.
        usage: Usage of the embedding model.
        failed_sources: The error of each document of which a text has no vector, by source.
    """

    manifest: manifest.Manifest
    usage: Usage = field(default_factory=Usage)
    failed_sources: Mapping[str, str] = field(default_factory=dict)


def write_index_folder(
    content: IndexContent,
    profile: Profile,
    out: Path,
    progress: Progress,
    max_cost: float | None = None,
    previous: Index | None = None,
) -> WrittenIndex:
    """Build an index and atomically replace the index in ``out``.

    Args:
        content: The chunks and how they were made.
        profile: The profile that names the embedding model.
        out: The index folder.
        progress: Callback for the number of embedded texts.
        max_cost: Limit for the cost of embedding, in US dollars; None for no limit.
        previous: An index whose vectors are reused if the same model made them.

    Raises:
        CommandError: ``out`` holds something that is not an index, or embedding would exceed ``max_cost``.
    """
    with replace_folder(out) as part:
        fallback = DEFAULT_LANGUAGE if content.language == AUTO_LANGUAGE else content.language
        lexical = Lexical.build(content.chunks, fallback)
        texts = [chunk.searchable_text for chunk in content.chunks]
        embedding = TextEmbedder(profile, texts, lexical.languages[0], part / index.FIT_FOLDER)
        vectors = embedding.embed(content.chunks, progress, max_cost, previous)
        written_manifest = index.write_index(
            part,
            chunks=content.chunks,
            vectors=vectors,
            lexical=lexical,
            embedding=embedding.fingerprint,
            chunking=dict(content.chunking),
            documents=dict(content.documents),
            language=content.language,
        )
    return WrittenIndex(written_manifest, embedding.usage, embedding.failed_sources)


@contextmanager
def replace_folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``out`` that replaces ``out`` at the end, and is removed after an error.

    Raises:
        CommandError: ``out`` holds something that is not an index, or another process writes to ``out``.
    """
    check_folder(out)
    with lock_folder(out):
        part = (
            out.parent / f"{_PART_PREFIX}{out.name}-{uuid4().hex}"
        )  # known before mkdir, so that any signal cleans up
        try:
            part.mkdir()
            yield part
            _replace(out, part)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextmanager
def lock_folder(out: Path) -> Iterator[None]:
    """Keep other processes from writing to the index folder ``out``, and repair what a killed one left.

    A process that holds the lock may take it again.

    Raises:
        CommandError: Another process writes to ``out``.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out.with_name(f".{out.name}.lock"), timeout=0, is_singleton=True)
    try:
        lock.acquire()
    except Timeout:
        raise CommandError(
            f"another process writes to the index {out}; wait for its end, or give another --index"
        ) from None
    try:
        _repair(out)
        yield
    finally:
        if lock.lock_counter == 1:  # removed while it is held: whoever waits for the lock makes a new file
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def check_folder(out: Path) -> None:
    """Check that an index may be written to ``out``, and create the parent folder.

    Raises:
        CommandError: ``out`` holds something that is not an index.
    """
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]) and not (out / manifest.MANIFEST_FILE).is_file():
        raise CommandError(f"{out} exists and is not an index folder; choose another --index, or remove {out}")
    out.parent.mkdir(parents=True, exist_ok=True)


def _repair(out: Path) -> None:
    """Put back the index that a killed process had set aside, and remove the temporary folders that it left."""
    name = re.compile(rf"{re.escape(_PART_PREFIX + out.name)}-[0-9a-f]{{32}}({_OLD_SUFFIX})?")
    left_overs = [path for path in out.parent.iterdir() if name.fullmatch(path.name)]
    for old in (path for path in left_overs if path.name.endswith(_OLD_SUFFIX)):
        if not out.exists():
            old.rename(out)
    for left_over in left_overs:
        shutil.rmtree(left_over, ignore_errors=True)


def _replace(out: Path, part: Path) -> None:
    """Move ``part`` to ``out``; restore the previous ``out`` if the move is interrupted."""
    old = part.with_name(part.name + _OLD_SUFFIX)
    try:
        if out.exists():
            out.rename(old)
        part.rename(out)
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        shutil.rmtree(old, ignore_errors=True)
