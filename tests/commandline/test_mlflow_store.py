"""The store of MLflow: missing, out of reach, or in a folder whose name MLflow would escape."""

import os
import time
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient

from commandline import mlflow_store
from model.errors import CommandError
from tests import doors
from tests.conftest import Run
from tests.fixtures import EXERCISE
from training.versions import registry


@pytest.fixture(autouse=True)
def _unconfigured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "DATABRICKS_RUNTIME_VERSION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"])
def test_server_that_is_away_is_told_within_seconds_and_without_its_password(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = doors.find_free_port()
    monkeypatch.setenv(variable, f"http://bob:hunter2@127.0.0.1:{port}/mlflow")
    started = time.monotonic()
    assert mlflow_store.explain_unreachable_store() == (
        f"MLflow's server at 127.0.0.1:{port} cannot be reached (ConnectionError); start it, or set {variable} to "
        "another"
    )
    assert time.monotonic() - started < 30
    with pytest.raises(CommandError, match="cannot be reached"):
        registry.check_store()


@pytest.mark.parametrize("uri", ["", "sqlite:///x.db", "databricks", "file:///x"])
def test_store_without_a_server_is_not_looked_for(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert mlflow_store.explain_unreachable_store() == ""


def test_store_is_missing_without_a_variable_and_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"no MLflow store in {tmp_path}" in mlflow_store.explain_missing_store()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
    assert mlflow_store.explain_missing_store() == ""
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (tmp_path / "mlflow.db").touch()
    assert mlflow_store.explain_missing_store() == ""


@pytest.fixture
def experiment(store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the id of an experiment of the tests' store."""
    monkeypatch.chdir(store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store / 'mlflow.db'}")
    name = "to be deleted"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    return str(mlflow.create_experiment(name))


def test_deleted_experiment_is_told_with_the_command_that_brings_it_back(
    experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.check_store()
    MlflowClient().delete_experiment(experiment)
    with pytest.raises(CommandError) as refusal:
        registry.check_store()
    assert str(refusal.value) == (
        f"the experiment to be deleted is deleted; mlflow experiments restore -x {experiment} brings it back, or set "
        "MLFLOW_EXPERIMENT_NAME to another"
    )
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "987654321")
    with pytest.raises(CommandError, match="MLFLOW_EXPERIMENT_ID: there is no experiment 987654321"):
        registry.check_store()


def test_run_pays_nothing_while_the_tracking_server_is_away(run: Run, tmp_path: Path) -> None:
    uri = f"http://127.0.0.1:{doors.find_free_port()}"
    result = run("training", "run", "--documents", str(EXERCISE), MLFLOW_TRACKING_URI=uri)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: MLflow's server at 127.0.0.1:")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a %20", "ä?#&b"])
def test_folder_with_an_unusual_name_holds_its_store_and_no_other_folder_is_made(
    name: str, run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    trained = run("training", "run", "--documents", str(EXERCISE), folder=folder)
    assert trained.returncode == 0, trained.stderr
    answer = run("serving", "ask", "--question", "What is GPT-4?", folder=folder)
    assert "GPT-4 is a powerful language model developed by OpenAI. [1]" in answer.stdout, answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert sorted(path.name for path in folder.iterdir()) == ["index", "mlflow.db", "mlruns"]


def test_usual_folder_is_left_to_mlflow() -> None:
    before = dict(os.environ)
    mlflow_store.adapt_to_folder()
    assert dict(os.environ) == before
