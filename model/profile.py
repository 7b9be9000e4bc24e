"""Read a profile and build the pipeline from it. This is where stages, providers and the index are put together."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeGuard

from .config import import_paths
from .config.settings import call_factory, find_protocol, list_settings, suggest
from .config.yaml_file import YamlFile
from .contract.fields import StageValues
from .contract.stage_contract import Contract, StageContract
from .errors import ConfigError, ProfileError
from .interfaces import ROLES
from .pipeline import Pipeline
from .providers import ModelFolder, load_provider, make_provider, provider_settings
from .providers.server_facts import ANY_SERVER, ServerFacts
from .retrieval import backends
from .retrieval.backends import Backend
from .retrieval.local.index import Index
from .retrieval.retriever import Retriever
from .stages import Stage, load_kind
from .stages.base import Fields, StageName
from .transport.rate_limiter import RateLimits

PROFILES_FOLDER = Path(__file__).parent / "profiles"
SECTIONS = ("embeddings", "index", "stages")
"""Sections of a profile; one whose index is remote may omit ``embeddings``."""
RETRIEVER = "retriever"
"""Section that says where passages are (retrieval/backends.py)."""
GATE = "gate"
"""Optional section: the floor of each metric for a promotion, or its maximum where less is better.
"""
MODEL_SETTINGS = ("model", "models", "chat_models")
"""Settings of a provider that name models: one, or a list in order of preference."""
LOCAL_PROVIDERS = frozenset({"offline", "sentence_transformers", "langchain"})
"""Providers whose models run in this process, or, for ``langchain``, where the profile's class says."""
COMMON_SETTINGS = ("kind", "unless")
"""Settings of every stage, beside those of its kind and the defaults of its fields."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The settings of a profile as its file holds them. profile_validation.py says what is wrong with them."""

    name: str
    yaml_file: YamlFile
    index: StageValues
    stages: dict[str, StageValues]
    embeddings: StageValues = field(default_factory=dict)
    gate: Any = field(default_factory=dict)
    retriever_kind: str = backends.DEFAULT
    facts: ServerFacts = field(default_factory=ServerFacts, compare=False)
    """What is known of the profile's servers, to which calls add what they learn."""

    @classmethod
    def read(cls, name: str) -> Self:
        """Return the profile called ``name``, or that of the file at the path ``name``.

        Raises:
            ProfileError: There is no such profile, or the file is none.
        """
        file = Path(name) if name.endswith((".yaml", ".yml")) else PROFILES_FOLDER / f"{name}.yaml"
        if not file.is_file():
            names = ", ".join(sorted(path.stem for path in PROFILES_FOLDER.glob("*.yaml")))
            raise ProfileError(f"there is no profile {name}; use one of {names}, or the path of a file")
        source = YamlFile(file)
        return cls(file.stem, source, **_read_sections(source))

    @property
    def backend(self) -> Backend:
        """The kind of index that contains the profile's passages."""
        return backends.load_backend(self.retriever_kind)

    @property
    def contract(self) -> Contract:
        """Inputs and outputs of the stages."""
        return Contract({name: self._stage_contract(name, *self._declare_fields(name)) for name in self.stages})

    @property
    def distributions(self) -> set[str]:
        """Distributions that a version of this profile needs."""
        runnable_stages = [stage for stage in self.stages.values() if stage["kind"] == "runnable"]
        runnables = {name for stage in runnable_stages for name in ("langchain-core", *stage.get("requires", ()))}
        from_paths = {name for path in self.import_paths for name in import_paths.find_distributions(path)}
        from_providers = {
            distribution
            for _, role, entry in self.entries
            for provider in (load_provider(entry["provider"]).locate(ANY_SERVER),)
            for distribution in provider.find_distributions(provider.complete_settings(role, entry))
        }
        return runnables | from_paths | from_providers | self.backend.find_distributions()

    @property
    def import_paths(self) -> set[str]:
        """Import paths that the profile names."""
        return {path for stage in self.stages.values() for path in (stage.get("runnable"),) if path} | {
            entry["model"] for _, _, entry in self.entries if entry["provider"] == "langchain"
        }

    @property
    def entries(self) -> list[tuple[str, str, StageValues]]:
        """Every use of a provider: stage (empty for the index), role, and entry."""
        stage_entries = [
            (stage, role, stage_setting)
            for stage, entry in self.stages.items()
            for role, stage_setting in entry.items()
            if is_provider(stage_setting)
        ]
        return [("", "embeddings", self.embeddings), *stage_entries] if self.embeddings else stage_entries

    @property
    def embedding_folder(self) -> Path | None:
        """Folder of the embedding model that is logged with a version; None when there is none."""
        if not self.embeddings:
            return None
        return load_provider(self.embeddings["provider"]).find_model_folder(provider_settings(self.embeddings))

    @property
    def databricks_endpoints(self) -> list[str]:
        """Databricks endpoints that the profile calls.

        A version declares them, which permits the calls where it is served.
        """
        databricks_entries = [entry for _, _, entry in self.entries if entry["provider"] == "databricks"]
        return sorted(
            {name for entry in databricks_entries for key in MODEL_SETTINGS for name in named_models(entry, key)}
        )

    def open_index(self, folder: Path) -> Any:  # an Index, or what described one elsewhere
        """Open what a build left in ``folder``.

        Raises:
            IndexFolderError: The folder holds no index of this profile's kind.
        """
        return self.backend.open_index(folder)

    def make_retriever(self, index: Any, files: str = "") -> Retriever:  # what a build left
        """Return the retriever over an index.

        Args:
            index: The opened index: local, or the description of one in AI Search.
            files: The folder of the embedding model that was logged with the version; empty for none.

        Raises:
            ProfileError: A setting of the embeddings is invalid.
        """
        return self.backend.make_retriever(index, partial(self.make_embedder, files=files))

    def make_pipeline(self, retriever: Retriever) -> Pipeline:
        """Return the pipeline over ``retriever``.

        Raises:
            ProfileError: A stage cannot be made with its settings.
        """
        stages = {name: self._make_stage(name, retriever) for name in self.stages}
        contract = Contract(
            {name: self._stage_contract(name, stage.inputs, stage.outputs) for name, stage in stages.items()}
        )
        return Pipeline(contract, stages)

    def make_embedder(self, index: Index | None = None, files: str = "") -> Any:
        """Return the embeddings of the profile.

        Args:
            index: The index whose fitted embeddings to use; None before a build.
            files: The folder of the embedding model that was logged with the version; empty for none.

        Returns:
            The embeddings, or None for a profile without embeddings.

        Raises:
            ProfileError: A setting of the embeddings is invalid.
        """
        if not self.embeddings:
            return None
        folder = ModelFolder(Path(files)) if files else None
        return make_provider(self.embeddings, "embeddings", index, folder, self.facts)

    def stage_settings(self, name: str) -> StageValues:
        """Return the settings of a stage for its kind's constructor."""
        names = list_settings(load_kind(self.stages[name]["kind"]))
        return {key: value for key, value in self.stages[name].items() if key in names}

    def find_pace(self, provider: str, role: str) -> StageValues | None:
        """Return the pace of a provider's calls in a role: that of the first entry that sets one.

        Chat models, rerankers and image generators of one provider share a pace, since they call the same models.
        """
        return next(
            (
                entry["pace"]
                for _, other_role, entry in self.entries
                if entry["provider"] == provider
                and entry.get("pace")
                and (other_role == "embeddings") == (role == "embeddings")
            ),
            None,
        )

    def count_calls_at_once(self) -> int:
        """Return how many calls of chat and image models one process makes at once, at most."""
        concurrency: dict[tuple[str, str], int] = {}
        for stage, setting, entry in self.entries:
            if stage:
                role = provider_role(load_kind(self.stages[stage]["kind"]), setting)
                pace = self.find_pace(entry["provider"], role) or {}
                calls = pace.get("concurrency", RateLimits().concurrency)
                concurrency |= {(kind, entry["provider"]): calls for kind in _list_paced_kinds(role, entry)}
        return sum(concurrency.values())

    def _declare_fields(self, name: str) -> tuple[Fields, Fields]:
        return load_kind(self.stages[name]["kind"]).declare_fields(name, **self.stage_settings(name))

    def _stage_contract(self, name: str, inputs: Fields, outputs: Fields) -> StageContract:
        entry = self.stages[name]
        inputs = tuple(replace(input_field, default=entry.get(input_field.name)) for input_field in inputs)
        providers = {key: value["provider"] for key, value in entry.items() if is_provider(value)}
        stage, _, field = str(entry.get("unless", "")).partition(".")
        return StageContract(name, inputs, outputs, entry["kind"], (stage, field) if stage else None, providers)

    def _make_stage(self, name: str, retriever: Retriever) -> Stage:
        kind = load_kind(self.stages[name]["kind"])
        settings = self.stage_settings(name)
        try:
            providers = {
                key: self._make_stage_provider(entry, provider_role(kind, key), retriever.index)
                for key, entry in settings.items()
                if is_provider(entry)
            }
            stage: Stage = call_factory(kind, settings | providers, StageName(name), retriever)
        except ConfigError as error:
            raise ProfileError(f"{self.yaml_file.locate('stages', name)}: {name}: {error}") from None
        return stage

    def _make_stage_provider(self, entry: StageValues, role: str, index: Index | None) -> Any:
        pace = self.find_pace(entry["provider"], role)
        return make_provider(entry | {"pace": pace} if pace else entry, role, index, self.facts)


def _read_sections(source: YamlFile) -> StageValues:
    """Return the sections of a profile's file.

    Raises:
        ProfileError: A section is missing or unknown.
    """
    contents = source.values if isinstance(source.values, dict) else {}
    passages, sections = str(contents.get(RETRIEVER, backends.DEFAULT)), [*SECTIONS, RETRIEVER, GATE]
    if passages not in backends.BACKENDS:
        suggestion = suggest(passages, backends.BACKENDS)
        raise ProfileError(f"{source.locate(RETRIEVER)}: there is no retriever {passages}; {suggestion}")
    required = [
        part
        for part in SECTIONS
        if part in contents or part != "embeddings" or backends.load_backend(passages).is_local
    ]
    if not all(isinstance(contents.get(part), dict) and contents[part] for part in required):
        raise ProfileError(
            f"{source.locate()}: it is not a profile: it needs {', '.join(required[:-1])} and stages, "
            "each with settings"
        )
    for part in contents.keys() - set(sections):
        raise ProfileError(f"{source.locate(part)}: there is no part {part}; {suggest(part, sections)}")
    return {part: value for part, value in contents.items() if part != RETRIEVER} | {"retriever_kind": passages}


def named_models(entry: StageValues, key: str) -> list[str]:
    """Return the models that a setting of a provider's entry names."""
    value = entry.get(key) or []
    return [value] if isinstance(value, str) else value


def is_provider(value: object) -> TypeGuard[StageValues]:
    """Return whether a stage's setting is a provider's entry."""
    return isinstance(value, dict) and "provider" in value


def _list_paced_kinds(role: str, entry: StageValues) -> list[str]:
    """Return the kinds of calls, with a pace each, that an entry makes: none for what runs on this machine."""
    if "pace" not in list_settings(load_provider(entry["provider"]).factories[role]):
        return []
    if role != "images":
        return ["chat"]
    return ["images"] * bool(entry.get("models")) + ["chat"] * bool(entry.get("chat_models"))


def provider_role(kind: type[Stage], setting: str) -> str:
    """Return the role of the provider that a stage takes as ``setting``: by its annotation, or else by its name."""
    protocol = find_protocol(list_settings(kind)[setting])
    return ROLES.get(protocol, setting) if protocol else setting
