"""Messages are lines of JSON on standard output; whatever else is printed goes to standard error."""

import json
import subprocess
import sys
import textwrap

import pytest

from training.versions.json_lines import describe_error


def run_script(script: str) -> "subprocess.CompletedProcess[str]":
    """Run a script that imports ``write_json_lines``."""
    code = "from training.versions.json_lines import write_json_lines\n" + textwrap.dedent(script)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)


def test_each_message_is_one_line_and_prints_go_to_standard_error() -> None:
    process = run_script("""
        import os

        def make_messages():
            print("a library prints")
            os.write(1, b"so does its native code\\n")
            yield {"a": "line\\nbreak and Größe \\u2028"}
            yield [1, 2.5, None, True]

        write_json_lines(make_messages())
    """)
    messages = [json.loads(line) for line in process.stdout.split("\n")[:-1]]
    assert messages == [{"a": "line\nbreak and Größe \u2028"}, [1, 2.5, None, True]]
    assert sorted(process.stderr.splitlines()) == ["a library prints", "so does its native code"]


def test_value_without_json_is_written_as_its_text() -> None:
    process = run_script("""
        from datetime import date
        from pathlib import Path

        write_json_lines([{"day": date(2026, 5, 1), "path": Path("a/b")}])
    """)
    assert json.loads(process.stdout) == {"day": "2026-05-01", "path": "a/b"}


def test_message_is_written_before_the_next_one_is_made() -> None:
    """End the process without a flush while the second message is made."""
    process = run_script("""
        import os

        def make_messages():
            yield "first"
            os._exit(3)

        write_json_lines(make_messages())
    """)
    assert (process.stdout, process.returncode) == ('"first"\n', 3)


def test_module_imports_nothing_else_of_this_project() -> None:
    process = run_script("""
        import sys

        names = {name for name in sys.modules if name.partition(".")[0] in {"model", "training", "serving"}}
        write_json_lines([sorted(names)])
    """)
    assert json.loads(process.stdout) == ["training", "training.versions", "training.versions.json_lines"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("no question"), "no question"),
        (ValueError("first line\nsecond line"), "first line"),
        (ValueError("\n  first line\nsecond line"), "first line"),
        (ValueError("Failed to predict. Error: no question"), "no question"),
        (ValueError("input: {'a': 1}\nError: KeyError. Error:  no question\nmore"), "no question"),
        (ValueError(), "ValueError"),
        (ValueError(" \n"), "ValueError"),
        (KeyError("qa"), "'qa'"),
        (AssertionError("Error: "), "AssertionError"),
    ],
)
def test_error_is_described_by_the_first_line_after_its_prefix(error: Exception, sentence: str) -> None:
    assert describe_error(error) == sentence
