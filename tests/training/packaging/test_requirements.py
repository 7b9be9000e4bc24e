"""The same package versions in the locks, conda.yaml and this environment."""

import re
import sys
import tomllib
from importlib.metadata import version

import pytest
import yaml

from model.errors import CommandError
from tests.fixtures import ROOT
from training.packaging.requirements import pin_closure


def read_pins(file: str) -> dict[str, str]:
    """Return the version of each distribution in a lock, by name."""
    return dict(word.split("==") for word in (ROOT / file).read_text("utf-8").split() if "==" in word)


LOCK = read_pins("requirements.lock")
DEVELOPMENT = read_pins("requirements-dev.lock")
COMPAT = read_pins("requirements-compat.lock")


def test_environment_equals_the_lock_that_made_it() -> None:
    lock = COMPAT if version("pandas").startswith("2.") else DEVELOPMENT
    assert {name: version(name) for name in lock} == lock


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock", "requirements-compat.lock"])
def test_every_distribution_of_a_lock_has_hashes(file: str) -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / file).read_text("utf-8").strip())
    assert len(entries) == len(read_pins(file))
    assert [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)] == []


def test_locks_differ_only_in_pandas_and_its_dependencies() -> None:
    differences = {name: COMPAT.get(name) for name, pin in DEVELOPMENT.items() if COMPAT.get(name) != pin}
    assert differences == {"pandas": "2.3.3"}
    assert COMPAT.keys() - DEVELOPMENT.keys() == {"pytz", "tzdata"}
    assert LOCK["pandas"].startswith("3.")


def test_lock_is_what_the_development_lock_has_without_its_tools() -> None:
    assert LOCK.items() <= DEVELOPMENT.items()
    assert {"pytest", "mypy", "ruff", "hypothesis", "langchain-tests"} <= DEVELOPMENT.keys() - LOCK.keys()


def test_conda_environment_pins_the_project_dependencies_as_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "conda.yaml").read_text("utf-8"))
    *packages, pip = environment["dependencies"]
    assert (environment["name"], environment["channels"], packages) == (
        "multichain",
        ["conda-forge"],
        ["python=3.11", "openjdk=17", "pip"],
    )
    pins = dict(pin.split("==") for pin in pip["pip"] if "==" in pin)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    dependencies = [*project["dependencies"], *project["optional-dependencies"]["spark"]]
    assert pins.keys() == {re.match(r"[\w-]+", name)[0].lower() for name in dependencies}  # type: ignore[index]
    assert pins.items() <= LOCK.items()


def test_lock_contains_the_fixed_packages() -> None:
    fixed = {"mlflow", "langchain", "langchain-openai", "langchain-community", "faiss-cpu", "cloudpickle", "pandas"}
    assert fixed <= LOCK.keys()


def test_closure_of_a_versions_packages_is_in_the_lock() -> None:
    lock = COMPAT if version("pandas").startswith("2.") else LOCK
    assert dict(pin.split("==") for pin in pin_closure(["mlflow", "faiss-cpu", "scikit-learn"])).items() <= lock.items()


def test_closure_follows_only_dependencies_that_apply() -> None:
    assert pin_closure(["click"]) == [f"click=={version('click')}"]
    assert f"numpy=={version('numpy')}" in pin_closure(["faiss-cpu"])


def test_closure_of_a_missing_package_is_refused() -> None:
    with pytest.raises(CommandError, match="the package no-such-thing is not installed"):
        pin_closure(["no-such-thing"])


def test_python_version_is_supported() -> None:
    assert (3, 11) <= sys.version_info < (3, 13)
