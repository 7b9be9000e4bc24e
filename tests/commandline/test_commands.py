"""A command that fails prints a message and no traceback, and libraries are quiet."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner, Result
from mlflow.exceptions import MlflowException

from commandline.commands import Commands
from model.errors import CommandError, DocumentError, MultichainError

UNEXPECTED = (
    "Error: an unexpected error occurred ({}); run the command again with MULTICHAIN_TRACEBACK=1 for the traceback, "
    "and report the error\n"
)


class CopiedMultichainError(Exception):
    """Class of a version's copy, which has the same name as the class of this project."""


CopiedMultichainError.__name__ = "MultichainError"


class CopiedDocumentError(CopiedMultichainError):
    """Error of a version's copy."""


@pytest.fixture(autouse=True)
def _restored_signal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the signal of termination back to the tests, and unset the variable that shows tracebacks."""
    monkeypatch.delenv("MULTICHAIN_TRACEBACK", raising=False)
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def run_failing(error: BaseException, *words: str) -> Result:
    """Run a command that raises the error."""

    @click.group(cls=Commands)
    def commands() -> None: ...

    @commands.command()
    def fail() -> None:
        click.echo("before")
        raise error

    return CliRunner().invoke(commands, words or ["fail"])


@pytest.mark.parametrize("error", [MultichainError("no key"), CommandError("no key"), DocumentError("no key")])
def test_error_of_this_project_is_printed_as_its_message(error: Exception) -> None:
    result = run_failing(error)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "before\n", "Error: no key\n")


def test_tracing_that_sends_what_is_asked_to_others_is_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    assert run_failing(CommandError("no key")).stderr == (
        "Warning: LANGSMITH_TRACING is set, so LangChain sends questions, passages and answers to LangSmith; "
        "unset it to keep them\nError: no key\n"
    )


def test_message_of_several_lines_is_printed_in_full() -> None:
    assert run_failing(CommandError("first\nsecond")).stderr == "Error: first\nsecond\n"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError("disk full"), "disk full"),
        (FileNotFoundError(2, "No such file", "a.txt"), "[Errno 2] No such file: 'a.txt'"),
        (MlflowException("no such model\nstack"), "no such model"),
        (CopiedDocumentError("from a copy"), "from a copy"),
        (OSError(), "OSError"),
        (ConnectionResetError("\nmore"), "ConnectionResetError"),
    ],
)
def test_error_of_the_system_is_printed_as_its_first_line(error: Exception, sentence: str) -> None:
    result = run_failing(error)
    assert (result.exit_code, result.stderr) == (1, f"Error: {sentence}\n")


@pytest.mark.parametrize("error", [ValueError("secret"), KeyError("secret"), ZeroDivisionError(), RuntimeError()])
def test_unexpected_error_is_named_by_its_class_alone(error: Exception) -> None:
    result = run_failing(error)
    assert (result.exit_code, result.stderr) == (1, UNEXPECTED.format(type(error).__name__))


def test_absent_package_is_named_with_the_python_that_lacks_it() -> None:
    result = run_failing(ModuleNotFoundError("No module named 'filelock'", name="filelock"))
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: this Python ({sys.executable}) has no package filelock; activate the environment in which multichain "
        "is installed, or install it here with pip install -e .\n"
    )


@pytest.mark.parametrize("error", [ValueError("no digits"), OSError("disk full")])
def test_traceback_is_shown_on_request(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_TRACEBACK", "1")
    result = run_failing(error)
    assert result.exception is error
    assert result.stderr == ""


def test_traceback_of_an_explained_error_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_TRACEBACK", "1")
    assert run_failing(CommandError("no key")).stderr == "Error: no key\n"


@pytest.mark.parametrize(
    ("error", "exit_code", "stderr"),
    [
        (click.ClickException("bad"), 1, "Error: bad\n"),
        (click.exceptions.Exit(7), 7, ""),
        (click.Abort(), 1, "Aborted!\n"),
        (SystemExit(3), 3, ""),
    ],
)
def test_ends_that_click_knows_pass_unchanged(error: BaseException, exit_code: int, stderr: str) -> None:
    result = run_failing(error)
    assert (result.exit_code, result.stderr) == (exit_code, stderr)


def test_wrong_option_is_a_usage_error() -> None:
    result = run_failing(ValueError(), "fail", "--nope")
    assert result.exit_code == 2
    assert "Error: No such option" in result.stderr


def test_termination_ends_a_command_so_that_it_cleans_up() -> None:
    cleanups: list[str] = []

    @click.group(cls=Commands)
    def commands() -> None: ...

    @commands.command()
    def wait() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        finally:
            cleanups.append("clean")

    assert CliRunner().invoke(commands, ["wait"]).exit_code == 143
    assert cleanups == ["clean"]


@pytest.mark.parametrize(
    ("variables", "values"),
    [
        ({}, ["ERROR", "false", "quiet"]),
        (
            {
                "MLFLOW_LOGGING_LEVEL": "DEBUG",
                "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "true",
                "GIT_PYTHON_REFRESH": "w",
            },
            ["DEBUG", "true", "w"],
        ),
    ],
)
def test_libraries_are_quiet_unless_the_environment_says_so(variables: dict[str, str], values: list[str]) -> None:
    names = ["MLFLOW_LOGGING_LEVEL", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "GIT_PYTHON_REFRESH"]
    code = (
        "import json, logging, os, commandline.commands\n"
        f"print(json.dumps([*map(os.environ.get, {names!r}), logging.getLogger('alembic').level]))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in names} | variables
    output = subprocess.check_output([sys.executable, "-c", code], env=environment)
    assert json.loads(output) == [*values, 30]
