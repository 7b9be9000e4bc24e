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

from .evaluation.dataset import paragraph_source
from .indexing import embedding_cache, index_writer
from .indexing.index_writer import IndexContent
from .packaging.log_model import check_embedding
from .progress import Progress


@dataclass(frozen=True, slots=True)
class RemovalCounts:
    """What was removed: chunks of the index, kept vectors, and questions."""

    chunks: int
    vectors: int
    questions: int


def forget_documents(
    profile: Profile, sources: Sequence[str], folder: Path, evaluations: Sequence[Path], progress: Progress
) -> RemovalCounts:
    """Removes the documents ``sources`` from the index in ``folder``, from kept vectors and from ``evaluations``.

    What is removed already is passed over, so that it can be run again. Raises IndexFolderError, and CommandError
    when nothing would be left in the index, or its embeddings are not the profile's.
    """
    index = Index.open(folder)
    check_embedding(profile, index)
    forgotten_sources = frozenset(sources)
    remaining = [chunk for chunk in index.chunks if chunk.source not in forgotten_sources]
    if not remaining:
        raise CommandError(f"nothing would be left in {folder.absolute()}; remove that folder instead")
    questions = sum(_remove_from_file(file, forgotten_sources) for file in evaluations)
    removed = len(index.chunks) - len(remaining)
    if removed or forgotten_sources & index.manifest.documents.keys():
        manifest = index.manifest
        documents = {source: digest for source, digest in manifest.documents.items() if source not in forgotten_sources}
        content = IndexContent(remaining, documents, manifest.chunking, manifest.language)
        index_writer.write_index_folder(content, profile, folder.absolute(), progress, previous=index)
    return RemovalCounts(
        removed, embedding_cache.forget_sources(Path(embedding_cache.CACHE_FILE), forgotten_sources), questions
    )


def _remove_from_file(file: Path, forgotten_sources: frozenset[str]) -> int:
    """Removes the questions about ``gone`` from an evaluation file, which is replaced whole; gives how many."""
    try:
        text = file.read_text("utf-8")
        content, removed = (
            _remove_from_squad(text, forgotten_sources)
            if file.suffix == ".json"
            else _remove_from_lines(text, forgotten_sources)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(
            f"{file.absolute()} is no evaluation file ({type(error).__name__}); it is as it was"
        ) from None
    if removed:
        _replace_file(file, content)
    return removed


def _remove_from_lines(text: str, forgotten_sources: frozenset[str]) -> tuple[str, int]:
    lines = text.splitlines(keepends=True)
    remaining = [line for line in lines if not (line.strip() and json.loads(line).get("source") in forgotten_sources)]
    return "".join(remaining), len(lines) - len(remaining)


def _remove_from_squad(text: str, forgotten_sources: frozenset[str]) -> tuple[str, int]:
    """Paragraphs go with their questions; those behind them keep their numbers, so an empty one stays in the place."""
    content: dict[str, Any] = json.loads(text)
    removed = 0
    for source, paragraph in _list_paragraphs(content):
        if source in forgotten_sources:
            removed += len(paragraph["qas"])
            paragraph.update(context="", qas=[])
    return json.dumps(content, ensure_ascii=False) + "\n", removed


def _list_paragraphs(content: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for article in content["data"]:
        for number, paragraph in enumerate(article["paragraphs"]):
            yield paragraph_source(article["title"], number), paragraph


def _replace_file(file: Path, text: str) -> None:
    handle, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    Path(part).chmod(file.stat().st_mode)
    Path(part).replace(file)
