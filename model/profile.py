"""A profile: which stages there are, and which providers answer them. It is read here, and built in one screen."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from . import imports, settings
from .contract import Contract, StageContract
from .errors import ProfileError
from .field import Values
from .pipeline import Pipeline
from .providers import provider
from .retrieval.index import Index
from .retrieval.retriever import Retriever
from .source import Source
from .stages import Stage, kind
from .stages.base import Fields

FOLDER = Path(__file__).parent / "profiles"
PARTS = ("embeddings", "index", "stages")
COMMON = ("kind", "unless")
"""What every stage of a profile takes, beside its kind's settings and the defaults of its fields."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The settings of a profile, as its file holds them; check.py says what is wrong with them."""

    name: str
    source: Source
    embeddings: Values
    index: Values
    stages: dict[str, Values]

    @classmethod
    def read(cls, name: str) -> Self:
        """The profile of that name, or in the file at that path. Raises ProfileError."""
        file = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
            raise ProfileError(f"there is no profile {name}; use one of {known}, or the path of a file")
        source = Source(file)
        told = source.values
        if not (isinstance(told, dict) and all(isinstance(told.get(part), dict) and told[part] for part in PARTS)):
            raise ProfileError(f"{source.place()}: it is not a profile: it needs embeddings, index and stages")
        for part in told.keys() - set(PARTS):
            raise ProfileError(f"{source.place(part)}: there is no part {part}; {settings.meant(part, PARTS)}")
        return cls(file.stem, source, **told)

    @property
    def contract(self) -> Contract:
        """What its stages take and give. Raises ProfileError."""
        return Contract({name: self._declared(name, *self._fields(name)) for name in self.stages})

    @property
    def requires(self) -> set[str]:
        """The distributions that it serves with."""
        made = [stage for stage in self.stages.values() if stage["kind"] == "runnable"]
        runnables = {name for stage in made for name in ("langchain-core", *stage.get("requires", ()))}
        named = {name for path in self.paths for name in imports.distributions(path)}
        return (
            runnables | named | {one for told in self._providers() for one in provider(told["provider"]).requires(told)}
        )

    @property
    def paths(self) -> set[str]:
        """The import paths that it names."""
        return {path for stage in self.stages.values() for path in (stage.get("runnable"),) if path} | {
            told["model"] for told in self._providers() if told["provider"] == "langchain"
        }

    def retriever(self, index: Index) -> Retriever:
        """The search in ``index``."""
        return Retriever(index, self.embedder())

    def pipeline(self, retriever: Retriever) -> Pipeline:
        """The multi-chain over what ``retriever`` finds."""
        made = {name: self._stage(name, retriever) for name in self.stages}
        contract = Contract({name: self._declared(name, stage.inputs, stage.outputs) for name, stage in made.items()})
        return Pipeline(contract, made)

    def embedder(self) -> Any:  # noqa: ANN401 - what a provider module gives is checked where it is written
        """The embeddings that documents and questions share."""
        return _made(self.embeddings, "embeddings", None)

    def settings(self, name: str) -> Values:
        """What the entry of a stage holds for its kind's constructor."""
        taken = settings.names(kind(self.stages[name]["kind"]))
        return {key: value for key, value in self.stages[name].items() if key in taken}

    def _fields(self, name: str) -> tuple[Fields, Fields]:
        return kind(self.stages[name]["kind"]).declare(name, **self.settings(name))

    def _declared(self, name: str, inputs: Fields, outputs: Fields) -> StageContract:
        told = self.stages[name]
        inputs = tuple(replace(one, default=told.get(one.name)) for one in inputs)
        served = {key: value["provider"] for key, value in told.items() if is_provider(value)}
        stage, _, field = str(told.get("unless", "")).partition(".")
        return StageContract(name, inputs, outputs, told["kind"], (stage, field) if stage else None, served)

    def _stage(self, name: str, retriever: Retriever) -> Stage:
        own = self.settings(name)
        parts = {key: _made(value, key, retriever.index) for key, value in own.items() if is_provider(value)}
        try:
            made: Stage = settings.call(kind(self.stages[name]["kind"]), own | parts, name=name, retriever=retriever)
        except ProfileError as error:
            raise ProfileError(f"{self.source.place('stages', name)}: {name}: {error}") from None
        return made

    def _providers(self) -> Iterator[Values]:
        yield self.embeddings
        for stage in self.stages.values():
            yield from filter(is_provider, stage.values())


def is_provider(value: object) -> bool:
    """Whether an entry of a stage names a provider."""
    return isinstance(value, dict) and "provider" in value


def _made(told: Values, role: str, index: Index | None) -> Any:  # noqa: ANN401
    """What the provider named in ``told`` gives for ``role``: embeddings, chat or images."""
    return settings.call(getattr(provider(told["provider"]), role), provided(told), index=index)


def provided(told: Values) -> Values:
    """The settings of a provider's entry, without its name."""
    return {name: value for name, value in told.items() if name != "provider"}
