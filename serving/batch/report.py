"""Print the plan, the progress and the report of a batch: as sentences for people, or as lines of JSON."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from .counts import BatchCounts, BatchPlan, BatchTotals

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

    def print_plan(self, plan: BatchPlan) -> None:
        """Print what a run asks, what that costs, and how many calls of a run that was ended it pays again."""
        counts, cost = plan.counts, plan.cost
        values = {
            "rows": counts.rows,
            "answered": plan.totals.rows,
            "to_ask": counts.to_ask,
            "stages": counts.stages,
            "input_tokens": counts.input_tokens,
            "dollars": None if cost is None else round(cost, 4),
            "dollars_batch_api": None if cost is None or not plan.has_batch_api else round(cost * _BATCH_API_SHARE, 4),
            "version": plan.version,
            "repaid_calls": plan.repaid_calls,
        }
        self._write("plan", values)

    def print_progress(self, counts: BatchCounts) -> None:
        """Print where the run stands, every few seconds."""
        if time.monotonic() >= self._next_report:
            self._next_report = time.monotonic() + _REPORT_SECONDS
            self._write("progress", self._describe(counts))

    def print_report(
        self, counts: BatchCounts, totals: BatchTotals, failures: Sequence[tuple[str, int]], out: Path
    ) -> None:
        """Print what the run did, what is left, and how often the rows of all runs failed, by code."""
        left = max(counts.to_ask - counts.asked_rows, 0)
        per_row = counts.cost / counts.asked_rows if counts.asked_rows else 0.0
        rest = {"left": left, "dollars_left": round(per_row * left, 4), "seconds_left": round(counts.seconds_left, 1)}
        values = self._describe(counts) | rest | {"answered": totals.rows, "failures": dict(failures)}
        self._write("report", values | {"out": str(out.absolute())})

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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _format_message(values: Values) -> list[str]:
    return [values["message"]]


def _format_plan(values: Values) -> list[str]:
    cost = "unknown; --limit 50 answers a sample first"
    if values["dollars"] is not None:
        half_price = values["dollars_batch_api"]
        by_batch_api = "" if half_price is None else f", by the Batch API ${half_price:g}"
        cost = f"about ${values['dollars']:g}{by_batch_api} (by what rows cost so far)"
    tokens = f"{values['input_tokens']} tokens of input without passages"
    work = f"{_count(values['stages'], 'stage')}, {tokens}, cost {cost}"
    lines = [f"{_count(values['rows'], 'row')}, {values['answered']} answered; {values['to_ask']} to ask: {work}"]
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
    return [f"{values['asked']} of {_count(values['to_ask'], 'row')}, {errors}, {spent}, {pace}"]


def _format_report(values: Values) -> list[str]:
    spent = f"{values['failed']} failed, {values['tokens']} tokens, ${values['dollars']:g}"
    lines = [f"Asked {_count(values['asked'], 'row')} in {values['seconds']:g} s: {spent}"]
    if values["left"]:
        lines.append(
            f"Left: {_count(values['left'], 'row')}, at the same rate about ${values['dollars_left']:g} and "
            f"{values['seconds_left']:g} s; the same command without --limit asks them"
        )
    lines += [f"  {code}: {_count(count, 'row')}" for code, count in values["failures"].items()]
    if values["failures"]:
        lines.append("--retry-failed asks them again")
    return [*lines, f"{_count(values['answered'], 'answer')} in", values["out"]]


_FORMATS: Mapping[str, Callable[[Values], list[str]]] = {
    "plan": _format_plan,
    "progress": _format_progress,
    "report": _format_report,
    "message": _format_message,
}
