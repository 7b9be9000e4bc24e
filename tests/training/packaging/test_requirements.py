"""One set of versions everywhere: the locks, conda.yaml, the documentation, and what is installed."""

import re
import sys
import tomllib
from importlib.metadata import version

import pytest
import yaml

from model.errors import CommandError
from tests.fixtures import ROOT
from training.packaging.requirements import pin_closure


def pins(file: str) -> dict[str, str]:
    return dict(line.split("==") for line in (ROOT / file).read_text("utf-8").split())


LOCK = pins("requirements.lock")
COMPAT = pins("requirements-compat.lock")


def test_this_environment_is_one_of_the_two_locks() -> None:
    lock = COMPAT if version("pandas").startswith("2.") else LOCK
    assert {name: version(name) for name in lock} == lock


def test_the_locks_differ_in_pandas_alone() -> None:
    assert {
        name: COMPAT.get(name) for name in LOCK.items() ^ COMPAT.items() and LOCK if COMPAT.get(name) != LOCK[name]
    } == {"pandas": "2.3.3"}
    assert COMPAT.keys() - LOCK.keys() == {"pytz", "tzdata"}
    assert LOCK["pandas"].startswith("3.")


def test_conda_names_what_the_project_names_as_the_lock_pins_it() -> None:
    told = yaml.safe_load((ROOT / "conda.yaml").read_text("utf-8"))
    *packages, pip = told["dependencies"]
    assert (told["name"], told["channels"], packages) == (
        "multichain",
        ["conda-forge"],
        ["python=3.11", "openjdk=17", "pip"],
    )
    pinned = dict(pin.split("==") for pin in pip["pip"] if "==" in pin)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = [*project["dependencies"], *project["optional-dependencies"]["spark"]]
    assert pinned.keys() == {re.match(r"[\w-]+", name)[0].lower() for name in named}  # type: ignore[index]
    assert pinned.items() <= LOCK.items()


def test_the_fixed_packages_are_there() -> None:
    fixed = {"mlflow", "langchain", "langchain-openai", "langchain-community", "faiss-cpu", "cloudpickle", "pandas"}
    assert fixed <= LOCK.keys()


def test_what_a_version_requires_is_in_the_lock() -> None:
    lock = COMPAT if version("pandas").startswith("2.") else LOCK
    assert dict(pin.split("==") for pin in pin_closure(["mlflow", "faiss-cpu", "scikit-learn"])).items() <= lock.items()


def test_closure_follows_what_applies() -> None:
    assert pin_closure(["click"]) == [f"click=={version('click')}"]
    assert f"numpy=={version('numpy')}" in pin_closure(["faiss-cpu"])


def test_closure_of_what_is_not_installed() -> None:
    with pytest.raises(CommandError, match="the package no-such-thing is not installed"):
        pin_closure(["no-such-thing"])


def test_this_python_is_supported() -> None:
    assert (3, 11) <= sys.version_info < (3, 13)
