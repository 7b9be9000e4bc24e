"""A profile: which stages there are, and which providers answer them. It is read here, and built in one screen."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from .config import arguments as settings
from .config import import_paths
from .config.yaml_file import Source
from .contract.fields import Values
from .contract.stage_contract import Contract, StageContract
from .errors import ProfileError
from .pipeline import Pipeline
from .providers import provider
from .retrieval import backends
from .retrieval.local.index import Index
from .retrieval.retriever import Retriever
from .stages import Stage, kind
from .stages.base import Fields

FOLDER = Path(__file__).parent / "profiles"
PARTS = ("embeddings", "index", "stages")
"""What a profile has; one whose index is not its own may leave embeddings out."""
RETRIEVER = "retriever"
"""The part that says where passages lie (retrieval/kinds.py)."""
GATE = "gate"
"""The part that a profile may have: measures of a version, each with the least that it must reach to be promoted, or
the most where less is better."""
MODELS = ("model", "models", "chat_models")
"""The settings of a provider's entry that name models: one, or a list in order of preference."""
COMMON = ("kind", "unless")
"""What every stage of a profile takes, beside its kind's settings and the defaults of its fields."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The settings of a profile, as its file holds them; check.py says what is wrong with them."""

    name: str
    source: Source
    index: Values
    stages: dict[str, Values]
    embeddings: Values = field(default_factory=dict)
    gate: Any = field(default_factory=dict)
    passages: str = backends.DEFAULT

    @classmethod
    def read(cls, name: str) -> Self:
        """The profile of that name, or in the file at that path. Raises ProfileError."""
        file = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
        if not file.is_file():
            known = ", ".join(sorted(path.stem for path in FOLDER.glob("*.yaml")))
            raise ProfileError(f"there is no profile {name}; use one of {known}, or the path of a file")
        source = Source(file)
        return cls(file.stem, source, **_parts(source))

    @property
    def kind(self) -> ModuleType:
        """Where its passages lie."""
        return backends.kind(self.passages)

    @property
    def contract(self) -> Contract:
        """What its stages take and give. Raises ProfileError."""
        return Contract({name: self._declared(name, *self._fields(name)) for name in self.stages})

    @property
    def requires(self) -> set[str]:
        """The distributions that it serves with."""
        made = [stage for stage in self.stages.values() if stage["kind"] == "runnable"]
        runnables = {name for stage in made for name in ("langchain-core", *stage.get("requires", ()))}
        named = {name for path in self.paths for name in import_paths.distributions(path)}
        served = {one for _, _, told in self.entries for one in provider(told["provider"]).requires(told)}
        searched: set[str] = self.kind.requires(self.index)
        return runnables | named | served | searched

    @property
    def paths(self) -> set[str]:
        """The import paths that it names."""
        return {path for stage in self.stages.values() for path in (stage.get("runnable"),) if path} | {
            told["model"] for _, _, told in self.entries if told["provider"] == "langchain"
        }

    @property
    def entries(self) -> list[tuple[str, str, Values]]:
        """Where each provider is named: the stage (empty for the index), the role, and the entry."""
        named = [
            (stage, role, told)
            for stage, entry in self.stages.items()
            for role, told in entry.items()
            if is_provider(told)
        ]
        return [("", "embeddings", self.embeddings), *named] if self.embeddings else named

    @property
    def folder(self) -> Path | None:
        """The folder of the embedding model that a version is logged with; None when it needs none."""
        if not self.embeddings:
            return None
        module = provider(self.embeddings["provider"])
        return module.folder(provided(self.embeddings)) if hasattr(module, "folder") else None

    @property
    def endpoints(self) -> list[str]:
        """The endpoints of Databricks that it asks: a version declares them, and may then ask them where it serves."""
        asked = [told for _, _, told in self.entries if told["provider"] == "databricks"]
        return sorted({name for told in asked for key in MODELS for name in models(told, key)})

    def built(self, folder: Path) -> Any:  # an Index, or what described one elsewhere
        """What a build left in ``folder``. Raises IndexFolderError."""
        return self.kind.built(folder)

    def retriever(self, index: Any, files: str = "") -> Retriever:  # what a build left
        """The search in ``index``; ``files`` is where the embedding model's folder lies now."""
        made: Retriever = self.kind.retriever(index, partial(self.embedder, files))
        return made

    def pipeline(self, retriever: Retriever) -> Pipeline:
        """The multi-chain over what ``retriever`` finds."""
        made = {name: self._stage(name, retriever) for name in self.stages}
        contract = Contract({name: self._declared(name, stage.inputs, stage.outputs) for name, stage in made.items()})
        return Pipeline(contract, made)

    def embedder(self, files: str = "", index: Index | None = None) -> Any:
        """The embeddings that documents and questions share, as ``index`` was fitted, if it was; None without any."""
        if not self.embeddings:
            return None
        return made(self.embeddings, "embeddings", files=files, index=index)

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
        parts = {key: made(value, key, index=retriever.index) for key, value in own.items() if is_provider(value)}
        try:
            stage: Stage = settings.call(kind(self.stages[name]["kind"]), own | parts, name=name, retriever=retriever)
        except ProfileError as error:
            raise ProfileError(f"{self.source.place('stages', name)}: {name}: {error}") from None
        return stage


def _parts(source: Source) -> Values:
    """The parts of a profile's file, each of which is known. Raises ProfileError."""
    told = source.values if isinstance(source.values, dict) else {}
    passages, known = str(told.get(RETRIEVER, backends.DEFAULT)), [*PARTS, RETRIEVER, GATE]
    if passages not in backends.MODULES:
        meant = settings.meant(passages, backends.MODULES)
        raise ProfileError(f"{source.place(RETRIEVER)}: there is no retriever {passages}; {meant}")
    needed = [part for part in PARTS if part in told or part != "embeddings" or backends.kind(passages).OWN]
    if not all(isinstance(told.get(part), dict) and told[part] for part in needed):
        raise ProfileError(
            f"{source.place()}: it is not a profile: it needs {', '.join(needed[:-1])} and stages, each with settings"
        )
    for part in told.keys() - set(known):
        raise ProfileError(f"{source.place(part)}: there is no part {part}; {settings.meant(part, known)}")
    return {part: value for part, value in told.items() if part != RETRIEVER} | {"passages": passages}


def models(told: Values, key: str) -> list[str]:
    """The models that a setting of a provider's entry names."""
    named = told.get(key) or []
    return [named] if isinstance(named, str) else named


def is_provider(value: object) -> bool:
    """Whether an entry of a stage names a provider."""
    return isinstance(value, dict) and "provider" in value


def made(told: Values, role: str, **parts: object) -> Any:
    """What the provider named in ``told`` gives for ``role``: embeddings, chat or images."""
    return settings.call(getattr(provider(told["provider"]), role), provided(told), **parts)


def provided(told: Values) -> Values:
    """The settings of a provider's entry, without its name."""
    return {name: value for name, value in told.items() if name != "provider"}
