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

JsonObject = dict[str, Any]


@dataclass(slots=True)
class VersionProcess:
    """How a version describes itself, and a way to ask it.

    ``stages`` are its declarations, ``floors`` its profile's, ``number`` is empty for one that is not registered.
    """

    uri: str
    stages: dict[str, JsonObject]
    _exchange: Callable[[str], Any]
    floors: dict[str, float] = field(default_factory=dict)
    number: str = ""
    model_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def ask(self, requests: Sequence[JsonObject]) -> list[JsonObject]:
        """The responses, in order. Raises CommandError."""
        if not requests:
            return []
        responses = self._exchange(json.dumps([*requests]))
        if not isinstance(responses, list) or len(responses) != len(requests):
            raise CommandError(f"{self.uri} did not answer rows with as many responses; training verify says more")
        return responses

    def find_stage(self, kind: str) -> str:
        """The first stage of a kind; empty when there is none."""
        return next((name for name, declaration in self.stages.items() if declaration["kind"] == kind), "")


@contextmanager
def open_version(uri: str, environment: Mapping[str, str] | None = None) -> Iterator[VersionProcess]:
    """The version at ``uri``; nothing that it answers is kept for another. Raises CommandError."""
    inherited = {name: value for name, value in os.environ.items() if name != "MULTICHAIN_CACHE"}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "training.versions.worker", uri],
            env=inherited | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )

        def exchange(line: str = "") -> Any:  # JSON
            """What the process answers to a line, or says by itself at its start."""
            return _parse_line(uri, _exchange_line(process, line), log)

        try:
            described = exchange()
            yield VersionProcess(
                uri,
                described["stages"],
                exchange,
                described.get("floors") or {},
                described["version"],
                described["model_id"] or "",
                described["metadata"],
            )
        finally:
            process.kill()
            process.communicate()


def _exchange_line(process: "subprocess.Popen[str]", line: str) -> str:
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


def _parse_line(uri: str, line: str, log: IO[str]) -> Any:  # JSON
    if not line:
        log.seek(0)
        last_line = (log.read().strip().splitlines() or ["no message"])[-1]
        raise CommandError(f"{uri} did not come through: {last_line}")
    answer = json.loads(line)
    if isinstance(answer, dict) and "error" in answer:
        raise CommandError(f"{uri}: {answer['error']}")
    return answer
