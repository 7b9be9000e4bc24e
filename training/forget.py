"""Remove documents from the index, the embedding cache and evaluation files.

Registered versions are copies of their index and are not changed here; ``training.workflow`` lists and tags those that
contain a removed document, so that no rollback serves them.
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
    """Numbers of removed chunks of the index, vectors of the embedding cache, and evaluation questions."""

    chunks: int
    vectors: int
    questions: int


def forget_documents(
    profile: Profile, sources: Sequence[str], folder: Path, evaluations: Sequence[Path], progress: Progress
) -> RemovalCounts:
    """Remove documents from an index, the embedding cache of the current folder, and evaluation files.

    Documents that are absent are ignored, so the call can be repeated.

    Args:
        profile: Profile that the index was built with.
        sources: Sources of the documents.
        folder: Index folder.
        evaluations: Evaluation files in SQuAD's format (``.json``) or JSON lines.
        progress: Called with the number of embedded chunks, while the index is written again.

    Returns:
        Numbers of removed items.

    Raises:
        IndexFolderError: The folder contains no index, or is damaged.
        CommandError: Another process writes to the index, no chunk would be left in it, its embeddings are not the
            profile's, or a file cannot be read as an evaluation file.
    """
    with index_writer.lock_folder(folder.absolute()):
        return _forget_locked(profile, sources, folder, evaluations, progress)


def _forget_locked(
    profile: Profile, sources: Sequence[str], folder: Path, evaluations: Sequence[Path], progress: Progress
) -> RemovalCounts:
    """Remove documents as ``forget_documents`` does, while no other process writes to the index."""
    index = Index.open(folder)
    check_embedding(profile, index)
    forgotten_sources = frozenset(sources)
    remaining = [chunk for chunk in (chunk.without(forgotten_sources) for chunk in index.chunks) if chunk]
    if not remaining:
        raise CommandError(f"no chunk would be left in the index {folder.absolute()}; delete the folder instead")
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
    """Remove the questions about documents from an evaluation file, which is replaced atomically.

    Returns:
        Number of removed questions.

    Raises:
        CommandError: The file cannot be read, or is no evaluation file.
    """
    try:
        text = file.read_text("utf-8")
        content, removed = (
            _remove_from_squad(text, forgotten_sources)
            if file.suffix == ".json"
            else _remove_from_lines(text, forgotten_sources)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CommandError(
            f"{file.absolute()} cannot be read as an evaluation file ({type(error).__name__}); the file was not "
            "changed. Name a SQuAD file or JSON lines"
        ) from None
    if removed:
        _replace_file(file, content)
    return removed


def _remove_from_lines(text: str, forgotten_sources: frozenset[str]) -> tuple[str, int]:
    lines = text.splitlines(keepends=True)
    remaining = [line for line in lines if not (line.strip() and json.loads(line).get("source") in forgotten_sources)]
    return "".join(remaining), len(lines) - len(remaining)


def _remove_from_squad(text: str, forgotten_sources: frozenset[str]) -> tuple[str, int]:
    """Return the content without the paragraphs of documents, and the number of removed questions.

    A removed paragraph stays as an empty one, because a paragraph's source contains its number in the article.
    """
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
