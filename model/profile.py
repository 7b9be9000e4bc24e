"""A profile: which stages there are, and which providers answer them. It is read here, and built in one screen."""

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any, Self

import yaml

from .errors import ProfileError
from .pipeline import Pipeline
from .providers import provider
from .retrieval.index import Index
from .retrieval.retriever import Retriever
from .stages import KINDS, Stage

FOLDER = Path(__file__).parent / "profiles"

Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """The settings of a profile, as its file holds them."""

    name: str
    embeddings: Settings
    index: Settings
    stages: dict[str, Settings]

    @classmethod
    def read(cls, name: str) -> Self:
        """The profile of that name, or in the file at that path. Raises ProfileError."""
        file = Path(name) if name.endswith(".yaml") else FOLDER / f"{name}.yaml"
        try:
            told = yaml.safe_load(file.read_text("utf-8"))
            return cls(name=file.stem, **told)
        except FileNotFoundError:
            known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
            raise ProfileError(f"there is no profile {name}; use one of {known}, or the path of a file") from None
        except (yaml.YAMLError, TypeError, AttributeError):
            raise ProfileError(f"{file} is not a profile: it needs embeddings, index and stages") from None

    @property
    def requires(self) -> set[str]:
        """The distributions that its providers serve with."""
        return {name for settings in self._providers() for name in provider(settings["provider"]).REQUIRES}

    def pipeline(self, index: Index) -> Pipeline:
        """The multi-chain over ``index``."""
        retriever = Retriever(index, self.embedder())
        return Pipeline({name: self._stage(name, dict(told), retriever) for name, told in self.stages.items()})

    def embedder(self) -> Any:  # noqa: ANN401 - what a provider module gives is checked where it is written
        """The embeddings that documents and questions share."""
        return _made(self.embeddings, "embeddings", None)

    def _stage(self, name: str, told: Settings, retriever: Retriever) -> Stage:
        kind = told.pop("kind", None)
        if kind not in KINDS:
            raise ProfileError(f"profile {self.name}, stage {name}: its kind is one of {', '.join(KINDS)}")
        parts = {key: _made(value, key, retriever.index) for key, value in told.items() if isinstance(value, dict)}
        try:
            return KINDS[kind](retriever, **(told | parts))
        except TypeError:
            raise ProfileError(f"profile {self.name}, stage {name}: {_takes(KINDS[kind])}") from None

    def _providers(self) -> Iterator[Settings]:
        yield self.embeddings
        for stage in self.stages.values():
            yield from (value for value in stage.values() if isinstance(value, dict))


def _made(told: Settings, role: str, index: Index | None) -> Any:  # noqa: ANN401
    """What the provider named in ``told`` gives for ``role``: embeddings, chat or images."""
    settings = dict(told)
    make = getattr(provider(settings.pop("provider", "")), role)
    if "index" in signature(make).parameters:
        settings["index"] = index
    try:
        return make(**settings)
    except TypeError:
        raise ProfileError(f"{role}: {_takes(make)}") from None


def _takes(made: Any) -> str:  # noqa: ANN401
    names = [name for name in signature(made).parameters if name not in {"index", "retriever", "self"}]
    return f"a setting is missing or unknown; it takes {', '.join(names) or 'none'}"
