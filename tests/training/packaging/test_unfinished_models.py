"""Models that a killed process left unfinished are removed; those of running processes and finished ones are not."""

from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from training.packaging.unfinished_models import describe_process, remove_unfinished_models


@pytest.fixture
def experiment(store: Path, request: pytest.FixtureRequest) -> str:
    assert store.is_dir()
    return str(mlflow.create_experiment(request.node.name))


def start_model(experiment: str, tags: dict[str, str]) -> tuple[str, Path]:
    """Begin to log a model; return its id and the folder of its files."""
    model = MlflowClient().create_logged_model(experiment, "multichain", tags=tags)
    folder = Path(model.artifact_location)
    folder.mkdir(parents=True)
    (folder / "index").write_text("a copy", "utf-8")
    return str(model.model_id), folder


def test_models_of_killed_processes_are_removed_with_their_files(experiment: str, tmp_path: Path) -> None:
    _, killed = start_model(experiment, describe_process(tmp_path / "gone"))
    running, running_files = start_model(experiment, describe_process(tmp_path))
    elsewhere, _ = start_model(experiment, {"logged_from": f"another-machine:{tmp_path / 'gone'}"})
    foreign, _ = start_model(experiment, {})
    finished, _ = start_model(experiment, describe_process(tmp_path / "gone"))
    MlflowClient().finalize_logged_model(finished, "READY")
    remove_unfinished_models(experiment)
    remaining = {model.model_id for model in MlflowClient().search_logged_models([experiment])}
    assert remaining == {running, elsewhere, foreign, finished}
    assert (killed.exists(), running_files.exists()) == (False, True)


def test_store_that_does_not_permit_removal_is_left_alone(store: Path) -> None:
    assert store.is_dir()
    remove_unfinished_models("no such experiment")
