"""Whether there is a store of MLflow's to look into: MLflow would make an empty one in the current folder."""

import os
from pathlib import Path

_STORE_VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DATABRICKS_RUNTIME_VERSION")


def explain_missing_store() -> str:
    """What to say when there is none, neither named nor here; empty when there is one."""
    if any(map(os.environ.get, _STORE_VARIABLES)) or Path("mlflow.db").is_file():
        return ""
    return (
        f"there is no store in {Path.cwd()} (no mlflow.db); go to the folder where you ran python -m training run, "
        "or set MLFLOW_TRACKING_URI"
    )
