"""Check that an MLflow store exists before a command reads from it: MLflow would create an empty one instead."""

import os
from pathlib import Path

_STORE_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DATABRICKS_RUNTIME_VERSION")


def explain_missing_store() -> str:
    """Return a message if no store is configured and the current folder holds none; empty otherwise."""
    if any(map(os.environ.get, _STORE_VARIABLES)) or Path("mlflow.db").is_file():
        return ""
    return (
        f"there is no MLflow store in {Path.cwd()} (no mlflow.db); go to the folder where you ran "
        "python -m training run, or set MLFLOW_TRACKING_URI"
    )
