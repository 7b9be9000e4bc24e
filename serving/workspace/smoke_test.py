"""Ten minutes against a workspace, from nothing to teardown, with a written report: what worked, in how many seconds.

What it makes has names of its own, and is removed at the end, also after a step that failed.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..endpoint import connection
from ..endpoint.invocation import ask_endpoint, describe_endpoint, find_wrong_answers
from ..endpoint.updates import ReportLine
from ..errors import ServingError
from .teardown import find_resources, remove_resources


@dataclass(slots=True)
class SmokeReport:
    """Steps with what became of them and their seconds."""

    lines: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def failed_steps(self) -> list[str]:
        """The steps that failed."""
        return [name for name, outcome, _ in self.lines if outcome != "ok"]

    @contextmanager
    def step(self, name: str, report: ReportLine) -> Iterator[None]:
        """Times a step; what goes wrong in it is kept, and the next ones are run."""
        started = time.perf_counter()
        outcome = "ok"
        try:
            yield
        except ServingError as error:
            outcome = error.message
        self.lines.append((name, outcome, time.perf_counter() - started))
        report(f"{'ok' if outcome == 'ok' else 'WRONG':6}{name}: {self.lines[-1][2]:.1f} s")

    def to_markdown(self, host: str) -> str:
        """As Markdown."""
        rows = [f"| {name} | {seconds:.1f} | {' '.join(outcome.split())} |" for name, outcome, seconds in self.lines]
        time_of_report = datetime.now(tz=UTC).isoformat(timespec="seconds")
        head = [f"# Smoke test of {host}", "", f"{time_of_report}, {'failed' if self.failed_steps else 'passed'}.", ""]
        return "\n".join([*head, "| step | seconds | outcome |", "| --- | --- | --- |", *rows]) + "\n"


def run_smoke_test(name: str, endpoint: str, profile: str, out: Path, report_line: ReportLine) -> None:
    """Runs it with a registered model ``name``; the report goes to ``out``. Raises ServingError when a step failed."""
    client, report = connection.connect_workspace(), SmokeReport()
    with report.step("train, register, promote", report_line), tempfile.TemporaryDirectory() as folder:
        _run_command("training", "run", "--name", name, "--profile", profile, "--index", f"{folder}/index")
    if not report.failed_steps:
        with report.step("deploy", report_line):
            _run_command(
                "serving", "deploy", "--name", name, "--endpoint", endpoint, "--environment", "dev", "--watch", "0"
            )
    if not report.failed_steps:
        with report.step("ask the example", report_line), connection.translate_errors(f"asking {endpoint}"):
            problems = list(find_wrong_answers(client, endpoint, []))
            if problems:
                raise ServingError(problems[0])
        with report.step("ask ten times", report_line), connection.translate_errors(f"asking {endpoint}"):
            stage, fields = next(iter(describe_endpoint(client, endpoint)["example"].items()))
            for _ in range(10):
                ask_endpoint(client, endpoint, {stage: fields})
        with report.step("status", report_line):
            _run_command("serving", "status", "--name", name, "--endpoint", endpoint)
    with report.step("teardown", report_line):
        own_resources = [resource for resource in find_resources(client, name) if resource.name in {name, endpoint}]
        remove_resources(own_resources, report_line)
        remaining = [
            resource.in_words for resource in find_resources(client, name) if resource.name in {name, endpoint}
        ]
        if remaining:
            raise ServingError(f"still there: {', '.join(remaining)}")
    out.write_text(report.to_markdown(str(client.config.host)), "utf-8")
    report_line(str(out.absolute()))
    if report.failed_steps:
        raise ServingError(f"failed: {', '.join(report.failed_steps)}; the report says why")


def _run_command(*words: str) -> None:
    """A command of this project. Raises ServingError with its last line."""
    done = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-m", *words], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServingError(
            (done.stderr.strip().splitlines() or ["it ended without a word"])[-1].removeprefix("Error: ")
        )
