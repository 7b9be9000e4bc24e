"""A document is removed from wherever this project kept it, and a version without it takes over.

Its chunks and vectors leave the index, its vectors the file of kept ones, its questions the evaluation files. Older
versions are copies: they are listed, and tagged so that none of them is rolled back to.
"""

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.errors import CommandError
from model.profile import Profile
from model.retrieval.local.index import Index

from .evaluation.dataset import source_of
from .indexing import embedding_cache as vectors
from .indexing import index_writer
from .indexing.index_writer import Content
from .packaging.log_model import same_embedding
from .progress import Progress


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed: chunks of the index, kept vectors, and questions."""

    chunks: int
    vectors: int
    questions: int


def forget(
    profile: Profile, sources: Sequence[str], folder: Path, evaluations: Sequence[Path], progress: Progress
) -> Removed:
    """Removes the documents ``sources`` from the index in ``folder``, from kept vectors and from ``evaluations``.

    What is removed already is passed over, so that it can be run again. Raises IndexFolderError, and CommandError
    when nothing would be left in the index, or its embeddings are not the profile's.
    """
    index = Index.open(folder)
    same_embedding(profile, index)
    gone = frozenset(sources)
    kept = [chunk for chunk in index.chunks if chunk.source not in gone]
    if not kept:
        raise CommandError(f"nothing would be left in {folder.absolute()}; remove that folder instead")
    questions = sum(_without(file, gone) for file in evaluations)
    removed = len(index.chunks) - len(kept)
    if removed or gone & index.manifest.documents.keys():
        told = index.manifest
        documents = {source: digest for source, digest in told.documents.items() if source not in gone}
        content = Content(kept, documents, told.chunking, told.language)
        index_writer.written(content, profile, folder.absolute(), progress, before=index)
    return Removed(removed, vectors.forget(Path(vectors.FILE), gone), questions)


def _without(file: Path, gone: frozenset[str]) -> int:
    """Removes the questions about ``gone`` from an evaluation file, which is replaced whole; gives how many."""
    try:
        text = file.read_text("utf-8")
        told, removed = _squad(text, gone) if file.suffix == ".json" else _lines(text, gone)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(
            f"{file.absolute()} is no evaluation file ({type(error).__name__}); it is as it was"
        ) from None
    if removed:
        _replace(file, told)
    return removed


def _lines(text: str, gone: frozenset[str]) -> tuple[str, int]:
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not (line.strip() and json.loads(line).get("source") in gone)]
    return "".join(kept), len(lines) - len(kept)


def _squad(text: str, gone: frozenset[str]) -> tuple[str, int]:
    """Paragraphs go with their questions; those behind them keep their numbers, so an empty one stays in the place."""
    told: dict[str, Any] = json.loads(text)
    removed = 0
    for source, paragraph in _paragraphs(told):
        if source in gone:
            removed += len(paragraph["qas"])
            paragraph.update(context="", qas=[])
    return json.dumps(told, ensure_ascii=False) + "\n", removed


def _paragraphs(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for article in told["data"]:
        for number, paragraph in enumerate(article["paragraphs"]):
            yield source_of(article["title"], number), paragraph


def _replace(file: Path, text: str) -> None:
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    Path(part).chmod(file.stat().st_mode)
    Path(part).replace(file)
