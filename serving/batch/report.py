"""Print the plan, the progress and the report of a batch: as sentences for people, or as lines of JSON."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from .run import Batch, BatchCounts
from .spark_run import SparkCounts

_REPORT_SECONDS = 5.0
_BATCH_API_SHARE = 0.5
"""Share of the usual price that the Batch API costs."""
Values = dict[str, Any]
Write = Callable[[str, Values], None]
"""Writes an event: its name, and its values."""


class BatchPrinter:
    """Prints a plan, progress and a report of a batch.

    Args:
        write: Writes each event: ``write_json`` or ``write_sentences``.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._next_report = time.monotonic() + _REPORT_SECONDS

    def print_plan(self, batch: Batch) -> None:
        """Print what a run asks, and what that costs."""
        counts, totals = batch.counts, batch.ledger.total()
        per_row = totals.cost_per_row
        values = {
            "rows": counts.rows,
            "answered": totals.rows,
            "to_ask": counts.to_ask,
            "stages": counts.stages,
            "input_tokens": counts.input_tokens,
            "dollars": None if per_row is None else round(per_row * counts.to_ask, 4),
            "dollars_batch_api": None if per_row is None else round(per_row * counts.to_ask * _BATCH_API_SHARE, 4),
            "version": batch.version,
            "repaid_calls": batch.asker.repaid_calls if batch.was_ended else 0,
        }
        self._write("plan", values)

    def print_progress(self, counts: BatchCounts) -> None:
        """Print where the run stands, every few seconds."""
        if time.monotonic() >= self._next_report:
            self._next_report = time.monotonic() + _REPORT_SECONDS
            self._write("progress", self._describe(counts))

    def print_report(self, batch: Batch, failures: Sequence[tuple[str, int]], out: Path) -> None:
        """Print what the run did, and what is left."""
        counts, totals = batch.counts, batch.ledger.total()
        left = max(counts.to_ask - counts.asked_rows, 0)
        per_row = counts.cost / counts.asked_rows if counts.asked_rows else 0.0
        rest = {"left": left, "dollars_left": round(per_row * left, 4), "seconds_left": round(counts.seconds_left, 1)}
        values = self._describe(counts) | rest | {"answered": totals.rows, "failures": dict(failures)}
        self._write("report", values | {"out": str(out.absolute())})

    def print_spark_report(self, counts: SparkCounts, out: Path) -> None:
        """Print what the output of a batch in Spark has."""
        values = {"answered": counts.rows, "failures": counts.errors, "dollars": round(counts.cost, 6)}
        self._write("spark", values | {"out": str(out.absolute())})

    def print_message(self, message: str) -> None:
        """Print a sentence."""
        self._write("message", {"message": message})

    @staticmethod
    def _describe(counts: BatchCounts) -> Values:
        return {
            "asked": counts.asked_rows,
            "to_ask": counts.to_ask,
            "failed": counts.failed,
            "errors": counts.errors,
            "tokens": counts.tokens,
            "dollars": round(counts.cost, 6),
            "rows_per_second": round(counts.rate, 2),
            "seconds_left": round(counts.seconds_left, 1),
            "seconds": round(counts.seconds, 1),
        }


def write_json(event: str, values: Values) -> None:
    """Print an event as a line of JSON."""
    click.echo(json.dumps({"event": event, **values}, ensure_ascii=False))


def write_sentences(event: str, values: Values) -> None:
    """Print an event as sentences."""
    for line in _FORMATS[event](values):
        click.echo(line)


def _format_spark(values: Values) -> list[str]:
    failures = [f"  {code}: {count} rows" for code, count in values["failures"].items()]
    return [f"{values['answered']} answers, ${values['dollars']:g}, in", values["out"], *failures]


def _format_message(values: Values) -> list[str]:
    return [values["message"]]


def _format_plan(values: Values) -> list[str]:
    dollars = values["dollars"]
    cost = "unknown; --limit 50 answers a sample first"
    if dollars is not None:
        cost = f"about ${dollars:g}, by the Batch API ${values['dollars_batch_api']:g} (by what rows cost so far)"
    work = f"{values['stages']} stages, {values['input_tokens']} tokens of input without passages, cost {cost}"
    lines = [f"{values['rows']} rows, {values['answered']} answered; {values['to_ask']} to ask: {work}"]
    if values["repaid_calls"]:
        lines.append(
            f"The last run did not end by itself: at most {values['repaid_calls']} calls that were under way are "
            "paid again"
        )
    return lines


def _format_progress(values: Values) -> list[str]:
    errors = ", ".join(f"{code} {count}" for code, count in values["errors"].items()) or "no errors"
    pace = f"{values['rows_per_second']:g} rows/s, {values['seconds_left']:g} s left"
    spent = f"{values['tokens']} tokens, ${values['dollars']:g}"
    return [f"{values['asked']} of {values['to_ask']} rows, {errors}, {spent}, {pace}"]


def _format_report(values: Values) -> list[str]:
    spent = f"{values['failed']} failed, {values['tokens']} tokens, ${values['dollars']:g}"
    lines = [f"Asked {values['asked']} rows in {values['seconds']:g} s: {spent}"]
    if values["left"]:
        lines.append(
            f"Left: {values['left']} rows, at the same rate about ${values['dollars_left']:g} and "
            f"{values['seconds_left']:g} s; the same command without --limit asks them"
        )
    lines += [f"  {code}: {count} rows" for code, count in values["failures"].items()]
    if values["failures"]:
        lines.append("--retry-failed asks them again")
    return [*lines, f"{values['answered']} answers in", values["out"]]


_FORMATS: Mapping[str, Callable[[Values], list[str]]] = {
    "plan": _format_plan,
    "progress": _format_progress,
    "report": _format_report,
    "message": _format_message,
    "spark": _format_spark,
}
