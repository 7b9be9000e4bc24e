"""Remove logged models that a killed process left unfinished. Each holds a copy of an index."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

_NEWEST = 100
"""Number of models of the experiment that are looked at, newest first."""
LOGGED_FROM_TAG = "logged_from"
"""Tag of a logged model: the machine and the temporary folder of the process that logs it."""


def describe_process(folder: Path) -> dict[str, str]:
    """Return the tag by which a later process sees whether this one has ended.

    Args:
        folder: Temporary folder that this process holds; the folder of a killed process is removed by the next one.
    """
    return {LOGGED_FROM_TAG: f"{socket.gethostname()}:{folder}"}


def remove_unfinished_models(experiment: str) -> None:
    """Remove the unfinished models of an experiment whose processes on this machine have ended.

    Args:
        experiment: Id of the experiment.
    """
    from mlflow import MlflowClient  # in the process that logs alone
    from mlflow.entities.logged_model_status import LoggedModelStatus
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    client = MlflowClient()
    with suppress(MlflowException, NotImplementedError):  # no right to remove, or a store without such models
        for model in client.search_logged_models([experiment], max_results=_NEWEST):  # no store can filter by status
            host, _, folder = model.tags.get(LOGGED_FROM_TAG, "").partition(":")
            has_ended = host == socket.gethostname() and not Path(folder).exists()
            if has_ended and model.status == LoggedModelStatus.PENDING:
                artifacts: Any = get_artifact_repository(model.artifact_location)  # MLflow's class is untyped
                artifacts.delete_artifacts()
                client.delete_logged_model(model.model_id)
