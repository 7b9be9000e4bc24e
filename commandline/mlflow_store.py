"""Check MLflow's store before a command uses it: that it exists, can be reached, and lies where MLflow finds it."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

_STORE_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DATABRICKS_RUNTIME_VERSION")
_ARTIFACT_ROOT = "_MLFLOW_SERVER_ARTIFACT_ROOT"
"""MLflow's variable with the address below which a local store keeps artifacts."""
_LOCAL_STORE = "sqlite:///mlflow.db"
_SAFE_CHARACTERS = "/~"
_MAX_SECONDS = 5.0
"""Seconds within which a tracking server must answer."""


def explain_missing_store() -> str:
    """Return a message if no store is configured and the current folder holds none; empty otherwise."""
    if _is_configured() or Path("mlflow.db").is_file():
        return ""
    return (
        f"there is no MLflow store in {Path.cwd()} (no mlflow.db); go to the folder where you ran "
        "python -m training run, or set MLFLOW_TRACKING_URI"
    )


def explain_unreachable_store() -> str:
    """Return a message if a configured tracking server or registry cannot be reached; empty otherwise.

    MLflow itself tries for minutes.
    """
    import requests  # a tenth of a second, for servers alone

    for variable in _STORE_VARIABLES[:2]:
        parts = urlsplit(os.environ.get(variable, ""))
        if parts.scheme in {"http", "https"}:
            host = parts.netloc.rpartition("@")[2]  # without a password
            try:
                requests.get(f"{parts.scheme}://{parts.netloc}/health", timeout=_MAX_SECONDS, stream=True).close()
            except requests.RequestException as error:
                kind = type(error).__name__
                return f"MLflow's server at {host} cannot be reached ({kind}); start it, or set {variable} to another"
    return ""


def adapt_to_folder() -> None:
    """Let MLflow use a local store in a folder whose name has characters that addresses escape, such as ``a %20``.

    MLflow 3.17 escapes the path of its database and unescapes paths of artifacts as if they were addresses, so that it
    makes folders of other names and misses its own. Each process that uses the store calls this function first.
    """
    folder = str(Path.cwd())
    if _is_configured() or quote(folder, _SAFE_CHARACTERS) == folder:
        return
    os.environ["MLFLOW_TRACKING_URI"] = _LOCAL_STORE
    os.environ.setdefault(_ARTIFACT_ROOT, (Path.cwd() / "mlruns").as_uri())
    from mlflow.store.artifact import local_artifact_repo  # takes two seconds

    repository: Any = local_artifact_repo  # MLflow exports the function to nobody
    convert = repository.local_file_uri_to_path
    repository.local_file_uri_to_path = lambda uri: convert(uri) if uri.startswith("file:") else uri


def _is_configured() -> bool:
    return any(os.environ.get(variable, _LOCAL_STORE) not in {"", _LOCAL_STORE} for variable in _STORE_VARIABLES)
