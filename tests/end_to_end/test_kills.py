"""Commands that are killed at ten fixed points lose nothing and do nothing twice, and the next command goes on."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest
from mlflow.entities.model_registry import ModelVersion

from benchmarks import kills
from model.retrieval.local.index import Index
from training.versions import registry

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
KILLING = """
import functools, importlib, os, signal, sys
from training.__main__ import training
module_name, attribute, moment, count = sys.argv[1:5]
owner = importlib.import_module(module_name)
*classes, name = attribute.split(".")
owner = functools.reduce(getattr, classes, owner)
function, calls = getattr(owner, name), 0
def call_and_die(*arguments, **options):
    global calls
    calls += 1
    if calls == int(count) and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = function(*arguments, **options)
    if calls == int(count) and moment == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return result
setattr(owner, name, call_and_die)
sys.argv = ["training", *sys.argv[5:]]
training()
"""
"""Runs a command of ``python -m training`` in which a function kills the process when it is called."""


class KillPoint(NamedTuple):
    """Where a command is killed, and whether another version serves afterwards.

    ``function`` is a module and an attribute of it; the process dies ``before`` or ``after`` its call number ``count``.
    """

    command: str
    function: str
    moment: str
    changes_champion: bool = False
    count: int = 1


KILL_POINTS = [
    KillPoint("run", "training.indexing.index_writer:_replace", "before"),
    KillPoint("run", "pathlib:Path.rename", "after"),
    KillPoint("run", "training.indexing.index_writer:_replace", "after"),
    KillPoint("run", "training.packaging.log_model:_run_job", "before"),
    KillPoint("run", "training.packaging.log_model:_run_job", "after"),
    KillPoint("run", "training.versions.registry:register_model", "after"),
    KillPoint("run", "training.versions.registry:set_champion", "before"),
    KillPoint("run", "training.versions.registry:set_champion", "after", changes_champion=True),
    KillPoint("rollback", "training.versions.registry:set_champion", "after", changes_champion=True),
    KillPoint("forget", "training.forget:embedding_cache.forget_sources", "before"),
]
FORGOTTEN = "guide/trust.md"
COMMANDS = kills.COMMANDS | {"rollback": ["rollback"], "forget": ["forget", FORGOTTEN]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Enter a folder with a store of two versions."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("store")
        scratch = tmp_path_factory.mktemp("scratch")
        patch.chdir(folder)
        patch.setenv("TMPDIR", str(scratch))
        patch.setattr(tempfile, "tempdir", str(scratch))
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
        uri = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        for _ in range(2):
            complete(COMMANDS["run"])
        yield folder
        mlflow.set_tracking_uri(uri)


def complete(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "training", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


def read_champion() -> str:
    champion = registry.find_champion(kills.NAME)
    assert champion is not None
    return str(champion.version)


def list_promoted() -> list[ModelVersion]:
    return [each for each in registry.list_versions(kills.NAME) if each.tags.get(registry.DECISION_TAG) == "promoted"]


@pytest.mark.parametrize(
    "point", KILL_POINTS, ids=lambda point: f"{point.command}, {point.moment} {point.function.split(':')[1]}"
)
@pytest.mark.usefixtures("store")
def test_killed_command_loses_nothing_and_the_next_goes_on(point: KillPoint) -> None:
    before = read_champion()
    command = COMMANDS[point.command]
    module, attribute = point.function.split(":")
    killed = subprocess.run(
        [sys.executable, "-c", KILLING, module, attribute, point.moment, str(point.count), *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(kills.find_problems()) == []
    assert (read_champion() != before) is point.changes_champion
    if not point.changes_champion:
        newest_promoted = max(int(version.version) for version in list_promoted())
        assert newest_promoted == int(read_champion()), "the history names a promotion that did not happen"
    complete(COMMANDS["run"] if point.command == "rollback" else command)
    assert read_champion() == str(max(int(version.version) for version in registry.list_versions(kills.NAME)))
    assert list(kills.find_problems()) == []


@pytest.mark.usefixtures("store")
def test_nothing_is_left_after_the_last_command() -> None:
    assert list(kills.find_left_overs()) == []
    assert FORGOTTEN not in Index.open(Path("index")).manifest.documents
