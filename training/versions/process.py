"""Run a saved version in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from commandline.subprocesses import read_last_line
from model.errors import CommandError

JsonObject = dict[str, Any]


@dataclass(slots=True)
class VersionProcess:
    """A version that answers in its own process, with its description.

    Attributes:
        uri: MLflow URI of the version.
        stages: Declarations by stage.
        floors: Floors of the version's profile by metric.
        number: Number in the registry; empty when the version is not registered.
        model_id: MLflow's id of the logged model; empty when unknown.
        metadata: Metadata of the MLflow model.
    """

    uri: str
    stages: dict[str, JsonObject]
    _exchange: Callable[[str], Any]
    floors: dict[str, float] = field(default_factory=dict)
    number: str = ""
    model_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def ask(self, requests: Sequence[JsonObject]) -> list[JsonObject]:
        """Return the responses to requests, in order.

        Raises:
            CommandError: The process ended, or the version refused the requests or returned another number of
                responses.
        """
        if not requests:
            return []
        responses = self._exchange(json.dumps([*requests]))
        if not isinstance(responses, list) or len(responses) != len(requests):
            raise CommandError(f"{self.uri} did not return one response per request; run python -m training verify")
        return responses

    def find_stage(self, kind: str) -> str:
        """Return the name of the first stage of a kind; empty when there is none."""
        return next((name for name, declaration in self.stages.items() if declaration["kind"] == kind), "")


@contextmanager
def open_version(uri: str, environment: Mapping[str, str] | None = None) -> Iterator[VersionProcess]:
    """Start the process of the version at ``uri``, and end it with the context.

    MULTICHAIN_CACHE is unset in the process, so that no version receives replies that another version paid for.

    Args:
        uri: MLflow URI of the version.
        environment: Environment variables that are added to those of this process.

    Raises:
        CommandError: The version cannot be loaded.
    """
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
            """Return the process's reply to a line; without a line, the description that comes first."""
            return _parse_line(uri, _exchange_line(process, line), log)

        try:
            description = exchange()
            yield VersionProcess(
                uri,
                description["stages"],
                exchange,
                description.get("floors") or {},
                description["version"],
                description["model_id"] or "",
                description["metadata"],
            )
        finally:
            process.kill()
            process.communicate()


def _exchange_line(process: "subprocess.Popen[str]", line: str) -> str:
    """Return the line that comes back; empty when the process has ended."""
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
        raise CommandError(f"the process of {uri} ended: {read_last_line(log.read())}")
    answer = json.loads(line)
    if isinstance(answer, dict) and "error" in answer:
        raise CommandError(f"{uri}: {answer['error']}")
    return answer
