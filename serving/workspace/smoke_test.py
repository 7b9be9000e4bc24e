"""Ten minutes against a workspace, from nothing to teardown, with a written report: what worked, in how many seconds.

What it makes has names of its own, and is removed at the end, also after a step that failed.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..endpoint import connection
from ..endpoint.invocation import ask, described, wrong
from ..errors import ServingError
from .teardown import removed, things

Tell = Callable[[str], None]


@dataclass(slots=True)
class Report:
    """Steps with what became of them and their seconds."""

    lines: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """The steps that failed."""
        return [name for name, outcome, _ in self.lines if outcome != "ok"]

    @contextmanager
    def step(self, name: str, tell: Tell) -> Iterator[None]:
        """Times a step; what goes wrong in it is kept, and the next ones are run."""
        started = time.perf_counter()
        outcome = "ok"
        try:
            yield
        except ServingError as error:
            outcome = error.message
        self.lines.append((name, outcome, time.perf_counter() - started))
        tell(f"{'ok' if outcome == 'ok' else 'WRONG':6}{name}: {self.lines[-1][2]:.1f} s")

    def written(self, host: str) -> str:
        """As Markdown."""
        rows = [f"| {name} | {seconds:.1f} | {' '.join(outcome.split())} |" for name, outcome, seconds in self.lines]
        now = datetime.now(tz=UTC).isoformat(timespec="seconds")
        head = [f"# Smoke test of {host}", "", f"{now}, {'failed' if self.failed else 'passed'}.", ""]
        return "\n".join([*head, "| step | seconds | outcome |", "| --- | --- | --- |", *rows]) + "\n"


def smoke(name: str, endpoint: str, profile: str, out: Path, tell: Tell) -> None:
    """Runs it with a registered model ``name``; the report goes to ``out``. Raises ServingError when a step failed."""
    client, report = connection.workspace(), Report()
    with report.step("train, register, promote", tell), tempfile.TemporaryDirectory() as folder:
        _run("training", "run", "--name", name, "--profile", profile, "--index", f"{folder}/index")
    if not report.failed:
        with report.step("deploy", tell):
            _run("serving", "deploy", "--name", name, "--endpoint", endpoint, "--environment", "dev", "--watch", "0")
    if not report.failed:
        with report.step("ask the example", tell), connection.refused(f"asking {endpoint}"):
            bad = list(wrong(client, endpoint, []))
            if bad:
                raise ServingError(bad[0])
        with report.step("ask ten times", tell), connection.refused(f"asking {endpoint}"):
            stage, fields = next(iter(described(client, endpoint)["example"].items()))
            for _ in range(10):
                ask(client, endpoint, {stage: fields})
        with report.step("status", tell):
            _run("serving", "status", "--name", name, "--endpoint", endpoint)
    with report.step("teardown", tell):
        ours = [one for one in things(client, name) if one.name in {name, endpoint}]
        removed(ours, tell)
        left = [one.told for one in things(client, name) if one.name in {name, endpoint}]
        if left:
            raise ServingError(f"still there: {', '.join(left)}")
    out.write_text(report.written(str(client.config.host)), "utf-8")
    tell(str(out.absolute()))
    if report.failed:
        raise ServingError(f"failed: {', '.join(report.failed)}; the report says why")


def _run(*words: str) -> None:
    """A command of this project. Raises ServingError with its last line."""
    done = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServingError(
            (done.stderr.strip().splitlines() or ["it ended without a word"])[-1].removeprefix("Error: ")
        )
