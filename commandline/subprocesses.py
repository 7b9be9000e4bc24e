"""Run modules of this project in processes of their own, and read what they say."""

import os
import subprocess
import sys
from collections.abc import Mapping


def run_module(*words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``python -m`` with ``words`` and wait for the end.

    Args:
        *words: Name of the module, and its arguments.
        environment: Environment variables that are added to those of this process.

    Returns:
        The ended process with its output, its errors and its exit code.
    """
    return subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", *words],
        env=os.environ | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def read_last_line(text: str, if_empty: str = "no message") -> str:
    """Return the last line of a text, such as the errors of a process, which ends with its cause.

    Args:
        text: The text.
        if_empty: The result for a text without a line.
    """
    return (text.strip().splitlines() or [if_empty])[-1]
