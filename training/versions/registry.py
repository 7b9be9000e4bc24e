"""Read and change versions, aliases and tags in the MLflow registry.

Tags keep to what Unity Catalog accepts: names without dots, values of at most 256 characters.
"""

import json
import os
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from textwrap import shorten
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking.context.registry import resolve_tags

from commandline import mlflow_store
from model.errors import CommandError
from model.retrieval.local import manifest

CHAMPION_ALIAS = "champion"
"""Alias of the version that is served."""
FORGOTTEN_TAG = "forgotten"
"""Tag of a version that contains documents which were to be forgotten: their sources, as a JSON list."""
EVALUATION_TAG = "evaluation_run"
"""Tag of a version: the MLflow run of its last evaluation."""
REPLACED_TAG, ROLLED_BACK_TAG = "replaced", "rolled_back"
"""Tags of a version: the champion that the version replaced; when and by whom the version was rolled back."""
DECISION_TAG, REASON_TAG, USER_TAG, TIME_TAG = "gate_decision", "gate_reason", "gate_by", "gate_at"
"""Tags of a version: the gate's last decision, the reason, the user and the time."""
_DEFAULT_EXPERIMENT, _SQLITE = "0", "sqlite:///"
_MAX_TAG, _UNITY_CATALOG_LEVELS = 256, 3


def check_store() -> None:
    """Check that MLflow's store can be reached and takes new runs, before anything is paid.

    Raises:
        CommandError: A server of MLflow cannot be reached, or the experiment is deleted.
    """
    if explanation := mlflow_store.explain_unreachable_store():
        raise CommandError(explanation)
    uri = str(mlflow.get_tracking_uri())
    if uri.startswith(_SQLITE) and not Path(uri.removeprefix(_SQLITE)).is_file():
        return  # MLflow makes a new database
    client, name = MlflowClient(), os.environ.get("MLFLOW_EXPERIMENT_NAME", "")
    experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID", _DEFAULT_EXPERIMENT)
    try:
        experiment = client.get_experiment_by_name(name) if name else client.get_experiment(experiment_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST" or "MLFLOW_EXPERIMENT_ID" not in os.environ:
            return  # a workspace has no default experiment; MLflow makes one of its own
        raise CommandError(
            f"MLFLOW_EXPERIMENT_ID: there is no experiment {experiment_id} in {mlflow.get_tracking_uri()}; unset it, "
            "or name another"
        ) from None
    if experiment is not None and experiment.lifecycle_stage == "deleted":
        raise CommandError(
            f"the experiment {experiment.name} is deleted; mlflow experiments restore -x {experiment.experiment_id} "
            "brings it back, or set MLFLOW_EXPERIMENT_NAME to another"
        )


def check_name(name: str) -> None:
    """Check the name of a registered model.

    Raises:
        CommandError: The registry does not accept the name.
    """
    if registry_uri().startswith("databricks-uc") and name.count(".") != _UNITY_CATALOG_LEVELS - 1:
        raise CommandError(
            f"{name}: Unity Catalog expects names of three levels; give --name CATALOG.SCHEMA.NAME, in a "
            "catalog where you may create models"
        )


def register_model(uri: str, name: str, tags: Mapping[str, str] | None = None) -> str:
    """Register a logged model as the next version of a registered model.

    Args:
        uri: MLflow URI of the logged model.
        name: Registered model; created when there is none.
        tags: Tags of the new version.

    Returns:
        Number of the new version.

    Raises:
        CommandError: The registry does not accept the name or does not permit the change.
    """
    check_name(name)
    with redirect_stderr(StringIO()), translate_errors(name):  # MLflow prints what the caller reports
        return str(mlflow.register_model(uri, name, tags=dict(tags or {})).version)


def copy_version(version: ModelVersion, name: str) -> str:
    """Copy a version to another registered model.

    Args:
        version: The version.
        name: The other registered model; created when there is none.

    Returns:
        Number of the new version.

    Raises:
        CommandError: The registry does not accept the name or does not permit the change.
    """
    check_name(name)
    uri = f"models:/{version.name}/{version.version}"
    with redirect_stderr(StringIO()), translate_errors(name), tempfile.TemporaryDirectory() as folder:
        if version.model_id:
            new_version = MlflowClient().copy_model_version(uri, name)
        else:  # the runs are in another store than the registry, so MLflow knows no logged model to copy
            folder_of_model = mlflow.artifacts.download_artifacts(uri, dst_path=folder)
            new_version = mlflow.register_model(folder_of_model, name, tags=version.tags)
        tag_version(name, str(new_version.version), {"copied_from": f"{version.name}/{version.version}"})
        return str(new_version.version)


def find_champion(name: str) -> ModelVersion | None:
    """Return the version that is served, with its tags; None when there is none."""
    try:
        return MlflowClient().get_model_version_by_alias(name, CHAMPION_ALIAS)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND"}:
            return None
        raise


def find_other_champion(version: ModelVersion, name: str) -> str:
    """Return the number of the champion if it was made from other documents than a version; empty otherwise.

    A champion whose files no longer exist was made from none.

    Args:
        version: The version.
        name: Registered model of the champion.
    """
    champion = find_champion(name)
    if champion is None or (champion.name, champion.version) == (version.name, version.version):
        return ""
    manifest_entries = read_index_manifest(f"models:/{champion.name}/{champion.version}")
    own = read_documents(f"models:/{version.name}/{version.version}")
    is_other = "kind" in manifest_entries or not manifest_entries.get("documents", {}).keys() <= own.keys()
    return str(champion.version) if is_other else ""


def find_version(name: str, number: str = "") -> ModelVersion:
    """Return a version of a registered model.

    Args:
        name: Registered model.
        number: Number of the version; the newest version when empty.

    Raises:
        CommandError: There is no such version.
    """
    if not number:
        newest = max(list_versions(name), key=lambda version: int(version.version), default=None)
        if newest is None:
            raise CommandError(f"{name} has no version; python -m training run makes one")
        number = str(newest.version)
    try:
        with translate_errors(name):
            return MlflowClient().get_model_version(name, number)
    except MlflowException as error:
        if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            raise
        raise CommandError(f"{name} has no version {number}; python -m training history lists them") from None


def list_versions(name: str) -> list[ModelVersion]:
    """Return all versions without their aliases; none when there is no such model."""
    return [*MlflowClient().search_model_versions(f"name = '{name}'")]


def set_champion(name: str, version: str) -> None:
    """Point the alias ``champion`` at a version; earlier versions stay as they are.

    Args:
        name: Registered model.
        version: Number of the version.

    Raises:
        CommandError: The registry does not permit the change.
    """
    with translate_errors(name):
        MlflowClient().set_registered_model_alias(name, CHAMPION_ALIAS, version)


def tag_version(name: str, version: str, tags: Mapping[str, str]) -> None:
    """Set tags of a version; values are cut at 256 characters.

    Args:
        name: Registered model.
        version: Number of the version.
        tags: Values by name.

    Raises:
        CommandError: The registry does not permit the change.
    """
    with translate_errors(name):
        for key, value in tags.items():
            MlflowClient().set_model_version_tag(name, version, key, shorten(value, _MAX_TAG, placeholder=" …"))


def tag_uri(uri: str, tags: Mapping[str, str]) -> None:
    """Set tags of the version at ``uri``; do nothing when the URI names no registered version.

    Args:
        uri: MLflow URI.
        tags: Values by name.

    Raises:
        CommandError: The registry does not permit the change.
    """
    name, _, number = uri.removeprefix("models:/").partition("/")
    if uri.startswith("models:/") and number:
        tag_version(name, number, tags)
    elif uri.startswith("models:/") and "@" in name:
        name, _, alias = name.partition("@")
        tag_version(name, str(MlflowClient().get_model_version_by_alias(name, alias).version), tags)


def current_time() -> str:
    """Return the current time in UTC, in the format of tags."""
    return datetime.now(tz=UTC).isoformat(timespec="seconds")


def current_user() -> str:
    """Return the current user's name as MLflow knows it."""
    return str(resolve_tags().get("mlflow.user") or "unknown")


def registry_uri() -> str:
    """Return the URI of the registry."""
    return str(mlflow.get_registry_uri())


@dataclass(frozen=True, slots=True)
class VersionWithDocuments:
    """A version whose index contains documents, with its aliases and the sources of these documents."""

    version: str
    aliases: tuple[str, ...]
    sources: tuple[str, ...]


def find_holders(name: str, sources: Collection[str]) -> Iterator[VersionWithDocuments]:
    """Yield the versions whose index contains any of some documents.

    Args:
        name: Registered model.
        sources: Sources of the documents.
    """
    for version in list_versions(name):
        sources_held = sorted(read_documents(f"models:/{name}/{version.version}").keys() & set(sources))
        if sources_held:
            full_version = MlflowClient().get_model_version(name, version.version)  # a search omits the aliases
            yield VersionWithDocuments(str(version.version), tuple(full_version.aliases), tuple(sources_held))


def mark_forgotten(name: str, holder: VersionWithDocuments) -> None:
    """Tag a version with the documents that it contains and should not.

    Args:
        name: Registered model.
        holder: The version and the sources of these documents.
    """
    marked_sources = json.loads(find_version(name, holder.version).tags.get(FORGOTTEN_TAG, "[]"))
    with translate_errors(name):
        MlflowClient().set_model_version_tag(
            name, holder.version, FORGOTTEN_TAG, json.dumps(sorted({*marked_sources, *holder.sources}))
        )


def read_documents(uri: str) -> dict[str, str]:
    """Return the sources in a version's index, each with the digest of its content.

    The result is empty when the version has no index of its own, or its files no longer exist.
    """
    return dict(read_index_manifest(uri).get("documents", {}))


def read_index_manifest(uri: str) -> dict[str, Any]:
    """Return what the manifest of a version's index says; empty as the result of ``read_documents`` is."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            manifest_file = mlflow.artifacts.download_artifacts(
                f"{uri}/artifacts/index/{manifest.MANIFEST_FILE}", dst_path=folder
            )
        except (MlflowException, OSError):
            return {}
        return dict(json.loads(Path(manifest_file).read_text("utf-8")))


@contextmanager
def translate_errors(name: str) -> Iterator[None]:
    """Turn a refusal by the registry into an error that says which privilege is missing.

    Raises:
        CommandError: The user lacks a privilege.
    """
    try:
        yield
    except MlflowException as error:
        if error.error_code == "PERMISSION_DENIED":
            raise CommandError(
                f"{current_user()} lacks a privilege on {name}: in Unity Catalog, aliases and tags need ownership of "
                "the model or MANAGE, and new versions need CREATE MODEL VERSION; ask the owner"
            ) from None
        raise
