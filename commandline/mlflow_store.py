"""Whether there is a store of MLflow's to look into: MLflow would make an empty one in the current folder."""

import os
from pathlib import Path

_NAMED = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DATABRICKS_RUNTIME_VERSION")


def missing() -> str:
    """What to say when there is none, neither named nor here; empty when there is one."""
    if any(map(os.environ.get, _NAMED)) or Path("mlflow.db").is_file():
        return ""
    return (
        f"there is no store in {Path.cwd()} (no mlflow.db); go to the folder where you ran python -m training run, "
        "or set MLFLOW_TRACKING_URI"
    )
