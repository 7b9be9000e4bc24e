"""Variables are declared in one module, read with their types, and refused with their names."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from model.config import environment
from model.config.environment import Variable
from model.errors import SettingError
from tests.fixtures import ROOT


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        (environment.DEADLINE_SECONDS, "1.5", 1.5),
        (environment.DEADLINE_SECONDS, "", math.inf),
        (environment.RESPONSE_BYTES, "0", 0),
        (environment.RESPONSE_BYTES, "", None),
        (environment.TRACES, "0.25", 0.25),
        (environment.TRACES_MASKED, "True", True),
        (environment.TRACES_MASKED, "0", False),
        (environment.WORKERS, "8", 8),
        (environment.CACHE_FOLDER, "/tmp/cache", "/tmp/cache"),  # noqa: S108 - a name
    ],
)
def test_variable_has_the_type_of_its_default(
    variable: Variable[Any], text: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable.name, text)
    assert variable.read() == value
    assert type(variable.read()) is type(value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        (environment.DEADLINE_SECONDS, "nan"),
        (environment.DEADLINE_SECONDS, "0"),
        (environment.RESPONSE_BYTES, "-1"),
        (environment.CACHE_BYTES, "0"),
        (environment.TRACES, "1.01"),
        (environment.TRACES_MASKED, "maybe"),
        (environment.WORKERS, "1.0"),
    ],
)
def test_invalid_value_is_refused_with_what_is_expected(
    variable: Variable[Any], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable.name, text)
    for read in (variable.read, environment.check_variables):
        with pytest.raises(SettingError) as error:
            read()
        assert str(error.value) == f"{variable.name} must be {variable.expected}"


def test_every_variable_in_the_code_is_declared() -> None:
    files = [
        file for folder in ("model", "training", "serving", "commandline") for file in (ROOT / folder).rglob("*.py")
    ]
    names = {name for file in files for name in re.findall(r"\bMULTICHAIN_[A-Z_]+\b", file.read_text("utf-8"))}
    assert names == {variable.name for variable in environment.VARIABLES}


def test_model_reads_the_environment_in_one_module() -> None:
    readers = {
        file.relative_to(ROOT).as_posix()
        for file in Path(ROOT / "model").rglob("*.py")
        if re.search(r"\bos\.(environ|getenv)\b", file.read_text("utf-8"))
    }
    assert readers == {"model/config/environment.py"}


@pytest.mark.parametrize(
    ("name", "value", "is_told"),
    [
        ("LANGSMITH_TRACING", "true", True),
        ("LANGCHAIN_TRACING_V2", "True", True),
        ("LANGSMITH_TRACING", "false", False),
        ("LANGSMITH_PROJECT", "true", False),
    ],
)
def test_tracing_that_sends_what_is_asked_to_others_is_told(
    name: str, value: str, is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert environment.describe_foreign_tracing().startswith(f"{name} is set, so LangChain sends") is is_told
