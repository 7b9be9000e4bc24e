"""Fixtures for several test modules: a small index, the pipeline over it, and a version logged from it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from model.pipeline import Pipeline
from model.profile import Profile
from model.retrieval.local.index import Index
from model.runtime.event_loop import Engine
from standin.app import StandIn
from standin.server import environment_variables, run_stand_in
from tests.fixtures import EXERCISE
from training.indexing.build import build_index
from training.packaging.log_model import log_model

settings.register_profile("fuzz", max_examples=10_000)  # make fuzz

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Inside = Callable[..., Result]

# Processes that a test starts do not reach the network either.
os.environ |= {
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}


@pytest.fixture(scope="session")
def profile() -> Profile:
    return Profile.read("offline")


@pytest.fixture(scope="session")
def index_folder(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an index of the exercise's three texts."""
    return build_index(
        profile, [EXERCISE], tmp_path_factory.mktemp("built") / "index", lambda _done, _total: None
    ).folder


@pytest.fixture(scope="session")
def pipeline(profile: Profile, index_folder: Path) -> Pipeline:
    return profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a folder with an MLflow store of its own, which this process and its child processes use."""
    folder = tmp_path_factory.mktemp("store")
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    previous_folder = Path.cwd()
    os.chdir(folder)  # MLflow keeps artifacts below the current folder
    yield folder
    os.chdir(previous_folder)
    del os.environ["MLFLOW_TRACKING_URI"]


@pytest.fixture(scope="session")
def logged(store: Path, index_folder: Path) -> str:
    """Return the URI of a version of the offline profile over the exercise's texts."""
    assert store.is_dir()
    return log_model("offline", index_folder)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs ``python -m …`` in a folder, with the store of that folder and no other."""

    def run_module(*words: str, folder: Path = tmp_path, **environment: str) -> "subprocess.CompletedProcess[str]":
        variables = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"} | environment
        command = [sys.executable, "-m", *words]
        return subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, text=True, check=False, timeout=240
        )

    return run_module


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inside:
    """Return a function that runs a command in this process, because a new process takes seconds to start."""

    def run_command(commands: click.Group, *words: str, folder: Path = tmp_path) -> Result:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        return CliRunner().invoke(commands, words)

    return run_command


@pytest.fixture(scope="session")
def _running_stand_in() -> Iterator[tuple[StandIn, str]]:
    server = StandIn()
    with run_stand_in(server) as address:
        yield server, address


@pytest.fixture
def stand_in(_running_stand_in: tuple[StandIn, str], monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return the stand-in for the paid services, reset, with the variables that point every provider at it."""
    server, address = _running_stand_in
    server.script.reset()
    server.workspace.clear()
    server.azure.clear()
    server.secrets.clear()
    for name, value in environment_variables(address, server.key).items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def engine() -> Engine:
    """Return a new engine, whose limiters have learned nothing from other tests."""
    return Engine()
