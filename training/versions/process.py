"""A saved version, which answers in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from model.errors import CommandError

Row = dict[str, Any]


@dataclass(slots=True)
class Version:
    """How a version describes itself, and a way to ask it.

    ``stages`` are its declarations, ``floors`` its profile's, ``number`` is empty for one that is not registered.
    """

    uri: str
    stages: dict[str, Row]
    _say: Callable[[str], Any]
    floors: dict[str, float] = field(default_factory=dict)
    number: str = ""
    model_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def ask(self, requests: Sequence[Row]) -> list[Row]:
        """The responses, in order. Raises CommandError."""
        if not requests:
            return []
        told = self._say(json.dumps([*requests]))
        if not isinstance(told, list) or len(told) != len(requests):
            raise CommandError(f"{self.uri} did not answer rows with as many responses; training verify says more")
        return told

    def stage(self, kind: str) -> str:
        """The first stage of a kind; empty when there is none."""
        return next((name for name, told in self.stages.items() if told["kind"] == kind), "")


@contextmanager
def opened(uri: str, environment: Mapping[str, str] | None = None) -> Iterator[Version]:
    """The version at ``uri``; nothing that it answers is kept for another. Raises CommandError."""
    told = {name: value for name, value in os.environ.items() if name != "MULTICHAIN_CACHE"}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "training.versions.worker", uri],
            env=told | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

        def say(line: str = "") -> Any:  # JSON
            """What the process answers to a line, or says by itself at its start."""
            return _understood(uri, _said(process, line), log)

        try:
            described = say()
            yield Version(
                uri,
                described["stages"],
                say,
                described.get("floors") or {},
                described["version"],
                described["model_id"] or "",
                described["metadata"],
            )
        finally:
            process.kill()
            process.communicate()


def _said(process: "subprocess.Popen[str]", line: str) -> str:
    """The line that comes back; empty when the process is gone."""
    if process.stdin is None or process.stdout is None:
        raise TypeError("the process was started without pipes")
    try:
        if line:
            process.stdin.write(line + "\n")
            process.stdin.flush()
        return process.stdout.readline()
    except BrokenPipeError:
        return ""


def _understood(uri: str, said: str, log: IO[str]) -> Any:  # JSON
    if not said:
        log.seek(0)
        last = (log.read().strip().splitlines() or ["no message"])[-1]
        raise CommandError(f"{uri} did not come through: {last}")
    answer = json.loads(said)
    if isinstance(answer, dict) and "error" in answer:
        raise CommandError(f"{uri}: {answer['error']}")
    return answer
