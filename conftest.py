"""Run the documentation's examples as tests.

Each example is typed in a copy of the project and has to print what the documentation shows.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

os.environ |= {  # MLflow reads them once
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "false",
}

ROOT = Path(__file__).parent
_ADDRESS = "127.0.0.1:5000"
"""Address of the server that examples call. Each example gets a server on a port of its own."""
_SERVER = """
rm -f up.log  # that of the example before has the word that is waited for
python -m serving up --port $UP > up.log &
trap 'kill $!; wait $! || true' EXIT
until grep -qs Serving up.log; do kill -0 $!; sleep 0.2; done
"""


def matches(expected: str, printed: str) -> bool:
    """Return whether ``printed`` equals ``expected``, in which ``...`` stands for any text."""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def add_server(script: str) -> str:
    """Return a script that starts a server before ``script`` calls it."""
    from tests.doors import find_free_port  # MLflow, two seconds, for the examples that need a server

    port = find_free_port()
    return f"UP={port}\n{_SERVER}{script.replace(_ADDRESS, f'127.0.0.1:{port}')}"


def run_script(example: Example, script: str) -> str:
    """Run a script in the copy of the project and return its output.

    Args:
        example: Example whose document has the copy.
        script: Script for Bash.

    Returns:
        The standard output.

    Raises:
        AssertionError: The script failed.
    """
    folder, environment = example.namespace["folder"], example.namespace["environment"]
    command = ["/bin/bash", "-euc", script]
    process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


class Scripts(CodeBlockParser):
    """``sh`` blocks: they have to succeed. A block that calls a server with curl gets a running one."""

    language = "sh"

    def evaluate(self, example: Example) -> None:
        script = str(example.parsed)
        if script.startswith("curl"):
            script = add_server(script.replace("curl ", "curl -sf ", 1))
        run_script(example, script)


class Sessions(CodeBlockParser):
    """``console`` blocks: the line after ``$`` is run, and has to print the following lines."""

    language = "console"

    def evaluate(self, example: Example) -> None:
        command, _, expected = str(example.parsed).removeprefix("$ ").partition("\n")
        printed = run_script(example, command)
        assert matches(expected, printed), printed


class Programs(CodeBlockParser):
    """``python`` blocks: each runs in a process of its own. The ``text`` block after it shows the output."""

    language = "python"

    def evaluate(self, example: Example) -> None:
        script = f"python - <<'END'\n{example.parsed}\nEND"
        script = add_server(script) if _ADDRESS in script else script
        example.namespace["printed"] = run_script(example, script)


class Outputs(CodeBlockParser):
    """``text`` blocks: the output of the program before."""

    language = "text"

    def evaluate(self, example: Example) -> None:
        assert matches(str(example.parsed), example.namespace["printed"]), example.namespace["printed"]


def make_copy(namespace: dict[str, Any]) -> None:
    """Copy the project's files to a temporary folder, with this environment as its .venv."""
    folder = Path(tempfile.mkdtemp(prefix="multichain-readme-"))
    git = [shutil.which("git") or "git", "ls-files"]
    tracked_files = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked_files.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(Path(sys.executable).parent.parent)
    (folder / ".venv" / "ready").touch()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "MAKE", "MFLAGS"))}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    namespace |= {"folder": folder, "environment": environment}


def remove_copy(namespace: dict[str, Any]) -> None:
    """Remove the copy."""
    shutil.rmtree(namespace["folder"])


pytest_collect_file = Sybil(
    parsers=[Scripts(), Sessions(), Programs(), Outputs()],
    patterns=[
        "README.md",
        "docs/new-stage.md",
        "docs/providers.md",
        "docs/champion.md",
        "docs/extending.md",
        "docs/documents.md",
        "docs/doors.md",
        "docs/batch.md",
    ],
    setup=make_copy,
    teardown=remove_copy,
).pytest()
