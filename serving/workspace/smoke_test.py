"""Run a smoke test in a workspace, from training to teardown, and report the result and duration of each step.

The test takes about ten minutes. Its model and endpoint have names of their own, and are removed at the end, also after
a failed step.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from commandline.subprocesses import read_last_line, run_module

from ..endpoint import connection
from ..endpoint.invocation import ask_endpoint, describe_endpoint, find_wrong_answers
from ..endpoint.updates import ReportLine
from ..errors import ServingError
from .teardown import find_resources, remove_resources


@dataclass(slots=True)
class SmokeReport:
    """The results of the steps.

    Attributes:
        lines: Name, outcome (``ok`` or an error message) and seconds of each step.
    """

    lines: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def failed_steps(self) -> list[str]:
        """Names of the failed steps."""
        return [name for name, outcome, _ in self.lines if outcome != "ok"]

    @contextmanager
    def step(self, name: str, report: ReportLine) -> Iterator[None]:
        """Time the step in the block, and record its outcome. A ServingError fails the step and is not raised.

        Args:
            name: Name of the step.
            report: Receives a line about the outcome.
        """
        started = time.perf_counter()
        outcome = "ok"
        try:
            yield
        except ServingError as error:
            outcome = error.message
        self.lines.append((name, outcome, time.perf_counter() - started))
        report(f"{'ok' if outcome == 'ok' else 'WRONG':6}{name}: {self.lines[-1][2]:.1f} s")

    def to_markdown(self, host: str) -> str:
        """Return the report on the workspace at ``host`` as Markdown, with a table of the steps."""
        rows = [f"| {name} | {seconds:.1f} | {' '.join(outcome.split())} |" for name, outcome, seconds in self.lines]
        time_of_report = datetime.now(tz=UTC).isoformat(timespec="seconds")
        head = [f"# Smoke test of {host}", "", f"{time_of_report}, {'failed' if self.failed_steps else 'passed'}.", ""]
        return "\n".join([*head, "| step | seconds | outcome |", "| --- | --- | --- |", *rows]) + "\n"


def run_smoke_test(name: str, endpoint: str, profile: str, out: Path, report_line: ReportLine) -> None:
    """Run the smoke test, and write its report.

    Args:
        name: Registered model for this test alone, as CATALOG.SCHEMA.MODEL.
        endpoint: Endpoint for this test alone.
        profile: Profile of the version.
        out: File for the report.
        report_line: Receives a line for each step.

    Raises:
        ServingError: A step failed.
    """
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
            raise ServingError(f"not removed: {', '.join(remaining)}")
    out.write_text(report.to_markdown(str(client.config.host)), "utf-8")
    report_line(str(out.absolute()))
    if report.failed_steps:
        raise ServingError(f"failed steps: {', '.join(report.failed_steps)}; the report gives the reasons")


def _run_command(*words: str) -> None:
    """Run a command of this project; raise ServingError with the last line of its errors when the command fails."""
    completed = run_module(*words)
    if completed.returncode:
        raise ServingError(read_last_line(completed.stderr).removeprefix("Error: "))
