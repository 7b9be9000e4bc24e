"""What became of documents since an index was built."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from model.errors import IndexFolderError
from model.profile import Profile
from model.retrieval.local.index import Index


@dataclass(frozen=True, slots=True)
class DocumentDiff:
    """Sources that are new, that hold other content now, that are gone, and that are as they were."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]

    @classmethod
    def between(cls, previous: Mapping[str, str], current: Mapping[str, str]) -> "DocumentDiff":
        """Of two maps from source to content's digest."""
        common = sorted(previous.keys() & current.keys())
        return cls(
            tuple(sorted(current.keys() - previous.keys())),
            tuple(source for source in common if previous[source] != current[source]),
            tuple(sorted(previous.keys() - current.keys())),
            tuple(source for source in common if previous[source] == current[source]),
        )

    @property
    def has_changes(self) -> bool:
        """Whether anything is not as it was."""
        return bool(self.new or self.changed or self.removed)

    @property
    def in_words(self) -> str:
        """In words."""
        counts = {"new": self.new, "changed": self.changed, "gone": self.removed, "as before": self.unchanged}
        return ", ".join(f"{len(sources):,} {word}" for word, sources in counts.items())


@dataclass(frozen=True, slots=True)
class UpdateBase:
    """What a build goes on from: an index or none, and why none; what changed since, and whether anything did."""

    index: Index | None = None
    diff: DocumentDiff | None = None
    is_unchanged: bool = False
    rebuild_reason: str = ""


def find_update_base(folder: Path, profile: Profile, documents: Mapping[str, str]) -> UpdateBase:
    """What an update of the index in ``folder`` to ``documents``, source → digest, goes on from."""
    if not folder.exists():
        return UpdateBase()
    try:
        index = Index.open(folder)
    except IndexFolderError as error:
        return UpdateBase(rebuild_reason=f"All is built anew: {error}")
    diff = DocumentDiff.between(index.manifest.documents, documents)
    return UpdateBase(index, diff, is_unchanged=not diff.has_changes and has_same_settings(index, profile))


def chunking_settings(profile: Profile) -> tuple[dict[str, int], str]:
    """How the profile cuts documents, and the language of its words."""
    chunking = dict(profile.index)
    return chunking, str(chunking.pop("language"))


def has_same_settings(index: Index, profile: Profile) -> bool:
    """Whether ``profile`` would build it with the same settings and embedding model."""
    embedder, manifest = profile.make_embedder(index=index), index.manifest
    chunking, language = chunking_settings(profile)
    return (embedder.provider, embedder.model, chunking, language) == (
        manifest.embedding["provider"],
        manifest.embedding["model"],
        manifest.chunking,
        manifest.language,
    )
