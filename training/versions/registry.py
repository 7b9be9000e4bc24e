"""Versions, aliases and tags in the MLflow registry.

Tags' names and values keep to what Unity Catalog takes: names without dots, values of at most 256 characters.
"""

import json
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from textwrap import shorten

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from model.errors import CommandError
from model.retrieval.local import manifest

CHAMPION_ALIAS = "champion"
"""The alias that serving follows."""
FORGOTTEN_TAG = "forgotten"
"""The tag of a version that holds documents which were to be forgotten: their sources, as JSON."""
EVALUATION_TAG = "evaluation_run"
"""The tag of a version that names the run of its last evaluation."""
REPLACED_TAG, ROLLED_BACK_TAG = "replaced", "rolled_back"
"""Tags of a version: the one that was served before it, and when it was taken back."""
DECISION_TAG, REASON_TAG, USER_TAG, TIME_TAG = "gate_decision", "gate_reason", "gate_by", "gate_at"
"""Tags of a version: what its last try to be promoted came to, why, who ran it and when."""
_MAX_TAG, _UNITY_CATALOG_LEVELS = 256, 3


def check_name(name: str) -> None:
    """Raises CommandError for a name that the registry cannot take."""
    if registry_uri().startswith("databricks-uc") and name.count(".") != _UNITY_CATALOG_LEVELS - 1:
        raise CommandError(
            f"{name}: Unity Catalog takes names of three levels; give --name CATALOG.SCHEMA.NAME, in a "
            "catalog where you may create models"
        )


def register_model(uri: str, name: str, tags: Mapping[str, str] | None = None) -> str:
    """Registers the logged model ``uri`` as the next version of ``name``, with ``tags``; gives that version."""
    check_name(name)
    with redirect_stderr(StringIO()), translate_errors(name):  # it prints what the caller tells in its own words
        return str(mlflow.register_model(uri, name, tags=dict(tags or {})).version)


def copy_version(version: ModelVersion, name: str) -> str:
    """Copies a version to another registered model, which is made if it is not there; gives the new version."""
    check_name(name)
    uri = f"models:/{version.name}/{version.version}"
    with redirect_stderr(StringIO()), translate_errors(name), tempfile.TemporaryDirectory() as folder:
        if version.model_id:
            new_version = MlflowClient().copy_model_version(uri, name)
        else:  # its runs are in another store than the registry's, so MLflow knows no logged model to copy
            folder_of_model = mlflow.artifacts.download_artifacts(uri, dst_path=folder)
            new_version = mlflow.register_model(folder_of_model, name, tags=version.tags)
        tag_version(name, str(new_version.version), {"copied_from": f"{version.name}/{version.version}"})
        return str(new_version.version)


def find_champion(name: str) -> ModelVersion | None:
    """The version that is served, with its tags; None when there is none."""
    try:
        return MlflowClient().get_model_version_by_alias(name, CHAMPION_ALIAS)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}:
            return None
        raise


def find_version(name: str, number: str = "") -> ModelVersion:
    """A version by its number, else the newest. Raises CommandError."""
    if not number:
        newest = max(list_versions(name), key=lambda version: int(version.version), default=None)
        if newest is None:
            raise CommandError(f"{name} has no version; python -m training run makes one")
        number = str(newest.version)
    try:
        return MlflowClient().get_model_version(name, number)
    except MlflowException:
        raise CommandError(f"{name} has no version {number}; python -m training history lists them") from None


def list_versions(name: str) -> list[ModelVersion]:
    """All versions, without their aliases; none when there is no such model."""
    return [*MlflowClient().search_model_versions(f"name = '{name}'")]


def set_champion(name: str, version: str) -> None:
    """Points the serving alias at ``version``; versions before it stay as they are. Raises CommandError."""
    with translate_errors(name):
        MlflowClient().set_registered_model_alias(name, CHAMPION_ALIAS, version)


def tag_version(name: str, version: str, tags: Mapping[str, str]) -> None:
    """Tags a version."""
    with translate_errors(name):
        for key, value in tags.items():
            MlflowClient().set_model_version_tag(name, version, key, shorten(value, _MAX_TAG, placeholder=" …"))


def tag_uri(uri: str, tags: Mapping[str, str]) -> None:
    """Tags the version at ``uri``, where that is a registered one."""
    name, _, number = uri.removeprefix("models:/").partition("/")
    if uri.startswith("models:/") and number:
        tag_version(name, number, tags)
    elif uri.startswith("models:/") and "@" in name:
        name, _, alias = name.partition("@")
        tag_version(name, str(MlflowClient().get_model_version_by_alias(name, alias).version), tags)


def current_time() -> str:
    """The time, as tags hold it."""
    return datetime.now(tz=UTC).isoformat(timespec="seconds")


def current_user() -> str:
    """Who runs this, as MLflow knows it."""
    return str(resolve_tags().get("mlflow.user") or "unknown")


def registry_uri() -> str:
    """Where versions are registered."""
    return str(mlflow.get_registry_uri())


@dataclass(frozen=True, slots=True)
class VersionWithDocuments:
    """A version that holds documents, its aliases, and their sources."""

    version: str
    aliases: tuple[str, ...]
    sources: tuple[str, ...]


def find_holders(name: str, sources: Collection[str]) -> Iterator[VersionWithDocuments]:
    """The versions of ``name`` whose index has any of ``sources``, newest first."""
    for version in list_versions(name):
        sources_held = sorted(read_documents(f"models:/{name}/{version.version}").keys() & set(sources))
        if sources_held:
            full = MlflowClient().get_model_version(name, version.version)  # a search leaves out the aliases
            yield VersionWithDocuments(str(version.version), tuple(full.aliases), tuple(sources_held))


def mark_forgotten(name: str, holder: VersionWithDocuments) -> None:
    """Tags a version with the documents that it holds and should not."""
    client = MlflowClient()
    marked = json.loads(client.get_model_version(name, holder.version).tags.get(FORGOTTEN_TAG, "[]"))
    client.set_model_version_tag(name, holder.version, FORGOTTEN_TAG, json.dumps(sorted({*marked, *holder.sources})))


def read_documents(uri: str) -> dict[str, str]:
    """The sources in a version's index, each with its content's digest; none when it has none itself, or no longer."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            manifest_file = mlflow.artifacts.download_artifacts(
                f"{uri}/artifacts/index/{manifest.MANIFEST_FILE}", dst_path=folder
            )
        except (MlflowException, OSError):
            return {}
        return dict(json.loads(Path(manifest_file).read_text("utf-8")).get("documents", {}))


@contextmanager
def translate_errors(name: str) -> Iterator[None]:
    """Says in words what a registry refuses. Raises CommandError."""
    try:
        yield
    except MlflowException as error:
        if error.error_code == "PERMISSION_DENIED":
            raise CommandError(
                f"{current_user()} may not do that with {name}: in Unity Catalog only its owner, or who has MANAGE on "
                "it, moves aliases and sets tags, and CREATE MODEL VERSION makes versions; ask the owner for it"
            ) from None
        raise
