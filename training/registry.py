"""Versions and aliases in the MLflow registry."""

import json
import tempfile
from collections.abc import Collection, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from model.retrieval import manifest

ALIAS = "champion"
"""The alias that serving follows."""
FORGOTTEN = "forgotten"
"""The tag of a version that holds documents which were to be forgotten: their sources, as JSON."""


def register(uri: str, name: str, tags: dict[str, str] | None = None) -> str:
    """Registers the logged model ``uri`` as the next version of ``name``, with ``tags``; gives that version."""
    with redirect_stderr(StringIO()):  # it prints what the caller tells in its own words; errors are raised
        return str(mlflow.register_model(uri, name, tags=tags).version)


def promote(name: str, version: str) -> None:
    """Points the serving alias at ``version``; versions before it stay as they are."""
    MlflowClient().set_registered_model_alias(name, ALIAS, version)


def store() -> str:
    """Where versions are registered."""
    return str(mlflow.get_registry_uri())


@dataclass(frozen=True, slots=True)
class Held:
    """A version that holds documents, its aliases, and their sources."""

    version: str
    aliases: tuple[str, ...]
    sources: tuple[str, ...]


def holding(name: str, sources: Collection[str]) -> Iterator[Held]:
    """The versions of ``name`` whose index has any of ``sources``, newest first."""
    client = MlflowClient()
    for version in client.search_model_versions(f"name = '{name}'"):
        held = sorted(_documents(f"models:/{name}/{version.version}").intersection(sources))
        if held:
            full = client.get_model_version(name, version.version)  # a search leaves out the aliases
            yield Held(str(version.version), tuple(full.aliases), tuple(held))


def mark_forgotten(name: str, held: Held) -> None:
    """Tags a version with the documents that it holds and should not."""
    client = MlflowClient()
    before = json.loads(client.get_model_version(name, held.version).tags.get(FORGOTTEN, "[]"))
    client.set_model_version_tag(name, held.version, FORGOTTEN, json.dumps(sorted({*before, *held.sources})))


def _documents(uri: str) -> set[str]:
    """The sources in a version's index; none when it has no index, or is not there any more."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            place = mlflow.artifacts.download_artifacts(f"{uri}/artifacts/index/{manifest.FILE}", dst_path=folder)
        except (MlflowException, OSError):
            return set()
        return set(json.loads(Path(place).read_text("utf-8"))["documents"])
