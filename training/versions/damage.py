"""Tell whether the files of a saved version are still those that were logged, without loading the version."""

import json
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from commandline.saved_version import find_changes
from model.retrieval.local import manifest


def find_damage(uri: str) -> str:
    """Return what is wrong with the files of the version at ``uri``; empty when nothing is.

    Args:
        uri: MLflow URI of the version.

    Raises:
        MlflowException: The store cannot be reached, or does not permit reading.
    """
    try:
        folder = Path(mlflow.artifacts.download_artifacts(uri))
    except FileNotFoundError:
        return "its files no longer exist"
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST) and "No such artifact" not in error.message:
            raise
        return "its files no longer exist"
    if not (folder / "MLmodel").is_file():
        return "its files no longer exist"
    return next(find_changes(folder), "") or _find_changed_index_file(folder / "artifacts" / "index")


def _find_changed_index_file(index: Path) -> str:
    """Return a sentence about the first file that differs from the index's own manifest, of whichever format.

    Versions that are older than their own manifests have only this one.
    """
    if not (index / manifest.MANIFEST_FILE).is_file():
        return ""
    try:
        checksums = dict(json.loads((index / manifest.MANIFEST_FILE).read_bytes()).get("files", {}))
    except (ValueError, TypeError, AttributeError):
        return "the manifest of its index cannot be read"
    for name, expected in checksums.items():
        if not (index / name).is_file():
            return f"artifacts/index/{name} is missing"
        if manifest.compute_checksum(index / name) != expected:
            return f"artifacts/index/{name} was changed"
    return ""
