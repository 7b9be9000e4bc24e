"""What several test modules share: a small index, the pipeline over it, and a version logged from it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from model.pipeline import Pipeline
from model.profile import Profile
from model.retrieval.local.index import Index
from model.runtime.event_loop import Engine
from standin.app import StandIn
from standin.server import environment_variables, run_stand_in
from tests.fixtures import EXERCISE
from training.indexing.build import build_index
from training.packaging.log_model import log_model

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Inside = Callable[..., Result]

# What a test starts as a process of its own reaches nothing but this machine either.
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
    """The index of the exercise's three texts."""
    return build_index(
        profile, [EXERCISE], tmp_path_factory.mktemp("built") / "index", lambda _done, _total: None
    ).folder


@pytest.fixture(scope="session")
def pipeline(profile: Profile, index_folder: Path) -> Pipeline:
    return profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an MLflow store of its own, which MLflow uses in this process and those it starts."""
    folder = tmp_path_factory.mktemp("store")
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'mlflow.db'}"
    before = Path.cwd()
    os.chdir(folder)  # MLflow keeps artifacts below the current folder
    yield folder
    os.chdir(before)
    del os.environ["MLFLOW_TRACKING_URI"]


@pytest.fixture(scope="session")
def logged(store: Path, index_folder: Path) -> str:
    """The URI of a version of the offline profile over the exercise's texts."""
    assert store.is_dir()
    return log_model("offline", index_folder)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs ``python -m …`` in a folder of its own, without a store but the one there."""

    def started(*words: str, folder: Path = tmp_path, **environment: str) -> "subprocess.CompletedProcess[str]":
        told = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"} | environment
        command = [sys.executable, "-m", *words]
        return subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, check=False, timeout=240)

    return started


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Inside:
    """Runs a command in this process, since one of its own takes seconds to start; in a folder with its store."""

    def started(commands: click.Group, *words: str, folder: Path = tmp_path) -> Result:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        return CliRunner().invoke(commands, words)

    return started


@pytest.fixture(scope="session")
def _served() -> Iterator[tuple[StandIn, str]]:
    made = StandIn()
    with run_stand_in(made) as address:
        yield made, address


@pytest.fixture
def stand_in(_served: tuple[StandIn, str], monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A stand-in for the paid services, which every provider is pointed at."""
    made, address = _served
    made.script.reset()
    made.workspace.clear()
    made.azure.clear()
    made.secrets.clear()
    for name, value in environment_variables(address, made.key).items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def engine() -> Engine:
    """One of its own for each test: what it learns of a pace is no other's."""
    return Engine()
