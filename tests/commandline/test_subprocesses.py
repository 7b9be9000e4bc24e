"""Modules run in processes of their own, and their last words are read."""

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commandline.subprocesses import read_last_line, run_module

SCRIPT = """\
import json, os, sys
print(json.dumps([sys.executable, sys.argv[1:], os.environ.get("MULTICHAIN_A"), os.environ.get("MULTICHAIN_B")]))
print("a warning", file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a module that prints what it received."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report_call.py").write_text(SCRIPT, "utf-8")
    return "report_call"


@pytest.mark.parametrize("exit_code", [0, 3])
def test_module_gives_its_output_errors_and_exit_code(exit_code: int, module: str) -> None:
    process = run_module(module, str(exit_code), "two words", "")
    executable, words, _, _ = json.loads(process.stdout)
    assert (executable, words) == (sys.executable, [str(exit_code), "two words", ""])
    assert (process.stderr, process.returncode) == ("a warning\n", exit_code)


def test_environment_is_added_to_that_of_the_caller(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAIN_A", "a")
    monkeypatch.setenv("MULTICHAIN_B", "b")
    assert json.loads(run_module(module, "0").stdout)[2:] == ["a", "b"]
    assert json.loads(run_module(module, "0", environment={"MULTICHAIN_B": "c"}).stdout)[2:] == ["a", "c"]
    assert os.environ["MULTICHAIN_B"] == "b"


def test_module_that_does_not_exist_says_so(module: str) -> None:
    process = run_module(module + "_absent")
    assert process.returncode == 1
    assert read_last_line(process.stderr).endswith("No module named report_call_absent")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("first\nlast", "last"),
        ("first\nlast\n\n \n", "last"),
        ("first\r\nlast\r\n", "last"),
        ("  only  ", "only"),
        ("first\n  indented", "  indented"),
        ("", "no message"),
        (" \n\t\n", "no message"),
    ],
)
def test_last_line_is_that_with_text(text: str, line: str) -> None:
    assert read_last_line(text) == line


def test_empty_text_gives_the_callers_words() -> None:
    assert read_last_line("\n", "it ended without a word") == "it ended without a word"
    assert read_last_line("", if_empty="") == ""
    assert read_last_line("a", "unused") == "a"


@given(st.text(), st.text(st.characters(categories=["L", "N"]), min_size=1))
def test_text_before_the_last_line_has_no_effect(before: str, last_line: str) -> None:
    assert read_last_line(f"{before}\n{last_line}\n") == last_line
