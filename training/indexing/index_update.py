"""What became of documents since an index was built."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from model.errors import IndexFolderError
from model.profile import Profile
from model.retrieval.local.index import Index


@dataclass(frozen=True, slots=True)
class Changes:
    """Sources that are new, that hold other content now, that are gone, and that are as they were."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    same: tuple[str, ...]

    @classmethod
    def between(cls, before: Mapping[str, str], now: Mapping[str, str]) -> "Changes":
        """Of two maps from source to content's digest."""
        both = sorted(before.keys() & now.keys())
        return cls(
            tuple(sorted(now.keys() - before.keys())),
            tuple(source for source in both if before[source] != now[source]),
            tuple(sorted(before.keys() - now.keys())),
            tuple(source for source in both if before[source] == now[source]),
        )

    @property
    def any(self) -> bool:
        """Whether anything is not as it was."""
        return bool(self.new or self.changed or self.gone)

    @property
    def told(self) -> str:
        """In words."""
        counts = {"new": self.new, "changed": self.changed, "gone": self.gone, "as before": self.same}
        return ", ".join(f"{len(sources):,} {word}" for word, sources in counts.items())


@dataclass(frozen=True, slots=True)
class Start:
    """What a build goes on from: an index or none, and why none; what changed since, and whether anything did."""

    before: Index | None = None
    changes: Changes | None = None
    same: bool = False
    anew: str = ""


def start(folder: Path, profile: Profile, documents: Mapping[str, str]) -> Start:
    """What an update of the index in ``folder`` to ``documents``, source → digest, goes on from."""
    if not folder.exists():
        return Start()
    try:
        before = Index.open(folder)
    except IndexFolderError as error:
        return Start(anew=f"All is built anew: {error}")
    told = Changes.between(before.manifest.documents, documents)
    return Start(before, told, same=not told.any and built_so(before, profile))


def settings(profile: Profile) -> tuple[dict[str, int], str]:
    """How the profile cuts documents, and the language of its words."""
    told = dict(profile.index)
    return told, str(told.pop("language"))


def built_so(index: Index, profile: Profile) -> bool:
    """Whether ``profile`` would build it with the same settings and embedding model."""
    ours, theirs = profile.make_embedder(index=index), index.manifest
    chunking, language = settings(profile)
    return (ours.provider, ours.model, chunking, language) == (
        theirs.embedding["provider"],
        theirs.embedding["model"],
        theirs.chunking,
        theirs.language,
    )
