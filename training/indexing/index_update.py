"""Compare an index with the current documents and settings, to decide what an update can reuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from model.errors import IndexFolderError
from model.profile import Profile
from model.retrieval.local.index import Index


@dataclass(frozen=True, slots=True)
class DocumentDiff:
    """Sources of documents that are new, changed, removed and unchanged; each group sorted."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]

    @classmethod
    def between(cls, previous: Mapping[str, str], current: Mapping[str, str]) -> "DocumentDiff":
        """Compare two states of the documents.

        Args:
            previous: SHA-256 of each document by source, when the index was built.
            current: SHA-256 of each document by source now.
        """
        common = sorted(previous.keys() & current.keys())
        return cls(
            tuple(sorted(current.keys() - previous.keys())),
            tuple(source for source in common if previous[source] != current[source]),
            tuple(sorted(previous.keys() - current.keys())),
            tuple(source for source in common if previous[source] == current[source]),
        )

    @property
    def has_changes(self) -> bool:
        """Whether any document is new, changed or removed."""
        return bool(self.new or self.changed or self.removed)

    @property
    def in_words(self) -> str:
        """The number of documents in each group, as text."""
        counts = {"new": self.new, "changed": self.changed, "removed": self.removed, "unchanged": self.unchanged}
        return ", ".join(f"{len(sources):,} {word}" for word, sources in counts.items())


@dataclass(frozen=True, slots=True)
class UpdateBase:
    """Starting point of an incremental build.

    Attributes:
        index: The existing index; None if there is none or it cannot be used.
        diff: The documents compared with those of the index; None without an index.
        is_unchanged: Whether documents, settings and embedding model are those of the index.
        rebuild_reason: Why an existing index cannot be used; empty otherwise.
    """

    index: Index | None = None
    diff: DocumentDiff | None = None
    is_unchanged: bool = False
    rebuild_reason: str = ""


def find_update_base(folder: Path, profile: Profile, documents: Mapping[str, str]) -> UpdateBase:
    """Return the starting point of an update.

    Args:
        folder: The index folder; may be absent.
        profile: The profile whose index is updated.
        documents: SHA-256 of each current document by source.
    """
    if not folder.exists():
        return UpdateBase()
    try:
        index = Index.open(folder)
    except IndexFolderError as error:
        return UpdateBase(rebuild_reason=f"The whole index is rebuilt: {error}")
    diff = DocumentDiff.between(index.manifest.documents, documents)
    return UpdateBase(index, diff, is_unchanged=not diff.has_changes and has_same_settings(index, profile))


def chunking_settings(profile: Profile) -> tuple[dict[str, int], str]:
    """Return the settings by which a profile splits documents, and the language of its index."""
    chunking = {name: profile.index[name] for name in ("chunk_size", "overlap")}
    return chunking, str(profile.index["language"])


def has_same_settings(index: Index, profile: Profile) -> bool:
    """Return whether a profile would build an index with the same settings and embedding model.

    Args:
        index: The existing index.
        profile: The profile.
    """
    embedder, manifest = profile.make_embedder(index=index), index.manifest
    chunking, language = chunking_settings(profile)
    return (embedder.provider, embedder.model, chunking, language) == (
        manifest.embedding["provider"],
        manifest.embedding["model"],
        manifest.chunking,
        manifest.language,
    )
