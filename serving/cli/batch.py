"""The command ``batch``: answer the rows of a table, each once."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import ServingError
from .ask import CHAMPION_URI

_EXIT_FAILURES, _EXIT_STOPPED = 3, 4
_REPORT_SECONDS = 5.0
_REMOTE_SCHEMES = ("http://", "https://", "endpoints:/")
_OPTION_NAMES = {
    "limit": "--limit",
    "updates": "--update",
    "retried_codes": "--retry-failed",
    "max_cost": "--max-cost",
    "dry_run": "--dry-run",
    "batch_api": "--batch-api",
}
_BATCH_API_SHARE = 0.5
"""Share of the usual price that the Batch API costs."""
_MOST_FREQUENT = 10
_CODES = re.compile(r"[a-z_]+(,[a-z_]+)*")


def _parse_codes(_context: click.Context, _parameter: click.Parameter, value: str | None) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not _CODES.fullmatch(value):
        raise click.BadParameter("expected codes such as deadline,provider_busy; write the option last, or with =CODES")
    return frozenset(value.split(","))


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of parts, or one file.")
@click.option(
    "--target",
    default=CHAMPION_URI,
    show_default=True,
    help="Who answers: models:/NAME@ALIAS, a folder, http://HOST:PORT, or endpoints:/NAME.",
)
@click.option("--map", "entries", multiple=True, metavar="STAGE.FIELD=COLUMN", help="Column of a field; repeatable.")
@click.option(
    "--key", default="", metavar="COLUMN", help="Column that names each row. [default: a hash of its request]"
)
@click.option("--limit", default=0, type=click.IntRange(min=0), help="Most rows that are asked now; the rest later.")
@click.option("--update", "updates", is_flag=True, help="Ask rows that are new, changed, or of another version.")
@click.option(
    "--retry-failed",
    "retried_codes",
    is_flag=False,
    flag_value="all",
    default=None,
    callback=_parse_codes,
    metavar="[CODES]",
    help="Ask failed rows again: all, or those with these codes.",
)
@click.option("--dry-run", is_flag=True, help="Print rows, calls, tokens and dollars, and ask nothing.")
@click.option("--max-cost", type=click.FloatRange(min=0), help="US dollars after which no further row is begun.")
@click.option("--batch-api", is_flag=True, help="Send calls by OpenAI's Batch API: half the price, within a day.")
@click.option("--spark", is_flag=True, help="Answer a table of Spark, or its new files, by spark_udf.")
@click.option("--json", "as_json", is_flag=True, help="Print progress and report as lines of JSON.")
def batch(
    source: Path, out: Path, target: str, dry_run: bool, batch_api: bool, spark: bool, as_json: bool, **options: Any
) -> None:
    """Answer the rows of a table: Parquet, CSV, JSON lines, a folder of them, or a Delta table.

    What is answered is written at once, and is never asked again: after any end, the same command goes on. Columns with
    the names of fields map by themselves. The exit code is 0 when all rows are answered, 3 when some failed, and 4 when
    --max-cost ended the run.
    """
    from commandline.long_lived import spare_collector

    from ..batch.openai_batches import OpenAIBatches
    from ..batch.row_answers import forget_replies
    from ..batch.run import BatchOptions, open_batch

    printer = _JsonPrinter() if as_json else _TextPrinter()
    if spark:
        _run_in_spark(printer, source, out, target, options | {"dry_run": dry_run, "batch_api": batch_api})
        return
    with open_batch(BatchOptions(source, out, **options), _make_opener(target, batch_api=batch_api)) as opened:
        spare_collector()
        counts = opened.measure()
        printer.print_plan(counts, opened)
        if dry_run:
            return
        if batch_api and options["max_cost"] is not None:
            _check_cost(counts, opened, options["max_cost"])
        batches = OpenAIBatches(opened.ledger, opened.ledger_folder, printer.print_message) if batch_api else None
        is_complete = opened.run(printer.print_progress, batches.answer_collected if batches else None)
        failures = opened.ledger.count_failures()[:_MOST_FREQUENT]
        if not failures:  # the replies of a failed row's other stages are not paid again by --retry-failed
            forget_replies(opened.ledger_folder)
        printer.print_report(counts, opened, failures, out)
        if not is_complete:
            raise click.exceptions.Exit(_EXIT_STOPPED)
        if failures:
            raise click.exceptions.Exit(_EXIT_FAILURES)


def _make_opener(target: str, *, batch_api: bool) -> Callable[[Path], Any]:
    """Return a function that opens a target, for a batch whose ledger is in the folder that is passed.

    Raises:
        ServingError: The Batch API is wanted for a target that is not loaded here.
    """
    from ..batch.openai_batches import collect_calls
    from ..batch.row_answers import keep_replies
    from ..targets import open_target

    is_remote = target.startswith(_REMOTE_SCHEMES)
    if batch_api and is_remote:
        raise ServingError(f"--batch-api is for versions that are loaded here, such as {CHAMPION_URI}; leave it out")

    def open_with_folder(folder: Path) -> Any:
        if batch_api:
            collect_calls(folder)
        elif not is_remote:
            keep_replies(folder)
        return open_target(target)

    return open_with_folder


def _run_in_spark(printer: "_Printer", source: Path, out: Path, target: str, options: dict[str, Any]) -> None:
    """Answer a table in Spark, and print what the output has then.

    Raises:
        ServingError: An option has no meaning in Spark, or Spark failed.
    """
    from ..batch.spark_run import make_spark_batch, run_spark_batch
    from ..doors.described_stage import DescribedStage
    from ..targets import load_target

    allowed = {"entries", "key"}
    if refused := sorted(_OPTION_NAMES[name] for name, value in options.items() if value and name not in allowed):
        raise ServingError(
            f"{', '.join(refused)} cannot be used with --spark; Spark asks what is new in the table, once"
        )
    if target.startswith(_REMOTE_SCHEMES) or out.suffix:
        raise ServingError("--spark needs a version such as models:/multichain@champion, and a folder as --out")
    stages = DescribedStage.list_all(load_target(target).describe())
    batch_in_spark = make_spark_batch(str(source), out, target, stages, options["entries"], options["key"])
    counts = run_spark_batch(batch_in_spark)
    printer.print_spark_report(counts, out)
    if counts.errors:
        raise click.exceptions.Exit(_EXIT_FAILURES)


def _check_cost(counts: Any, opened: Any, max_cost: float) -> None:
    """Check, before anything is sent, that a batch of the Batch API costs at most so much.

    Raises:
        ServingError: It is likely to cost more, or no row was answered yet by which its cost could be told.
    """
    totals = opened.ledger.total()
    if not totals.rows and counts.to_ask:
        raise ServingError(
            "--max-cost with --batch-api needs a sample, by which the cost can be told: --limit 50 first"
        )
    expected = totals.cost / max(totals.rows, 1) * counts.to_ask
    if expected > max_cost:
        raise ServingError(
            f"the {counts.to_ask} rows would cost up to about ${expected:g}, more than --max-cost {max_cost:g}; "
            "nothing was sent"
        )


class _Printer:
    """Prints a plan, progress and a report. Subclasses say how."""

    def __init__(self) -> None:
        self._next_report = time.monotonic() + _REPORT_SECONDS

    def print_plan(self, counts: Any, opened: Any) -> None:
        """Print what a run asks, and what that costs."""
        totals = opened.ledger.total()
        per_row = totals.cost / totals.rows if totals.rows else None
        values = {
            "rows": counts.rows,
            "answered": totals.rows,
            "to_ask": counts.to_ask,
            "stages": counts.stages,
            "input_tokens": counts.input_tokens,
            "dollars": None if per_row is None else round(per_row * counts.to_ask, 4),
            "dollars_batch_api": None if per_row is None else round(per_row * counts.to_ask * _BATCH_API_SHARE, 4),
            "version": opened.version,
            "repaid_calls": opened.asker.repaid_calls if opened.was_ended else 0,
        }
        self.write("plan", values)

    def print_progress(self, counts: Any) -> None:
        """Print where the run stands, every few seconds."""
        if time.monotonic() >= self._next_report:
            self._next_report = time.monotonic() + _REPORT_SECONDS
            self.write("progress", self._describe(counts))

    def print_report(self, counts: Any, opened: Any, failures: list[tuple[str, int]], out: Path) -> None:
        """Print what the run did, and what is left."""
        totals = opened.ledger.total()
        left = max(counts.to_ask - counts.asked_rows, 0)
        per_row = counts.cost / counts.asked_rows if counts.asked_rows else 0.0
        rest = {"left": left, "dollars_left": round(per_row * left, 4), "seconds_left": round(counts.seconds_left, 1)}
        values = self._describe(counts) | rest | {"answered": totals.rows, "failures": dict(failures)}
        self.write("report", values | {"out": str(out.absolute())})

    def print_spark_report(self, counts: Any, out: Path) -> None:
        """Print what the output of a batch in Spark has."""
        values = {"answered": counts.rows, "failures": counts.errors, "dollars": round(counts.cost, 6)}
        self.write("spark", values | {"out": str(out.absolute())})

    def print_message(self, message: str) -> None:
        """Print a sentence."""
        self.write("message", {"message": message})

    def write(self, event: str, values: dict[str, Any]) -> None:
        """Print one event."""
        raise NotImplementedError

    @staticmethod
    def _describe(counts: Any) -> dict[str, Any]:
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


class _JsonPrinter(_Printer):
    """Prints each event as a line of JSON."""

    def write(self, event: str, values: dict[str, Any]) -> None:
        """Print one event."""
        click.echo(json.dumps({"event": event, **values}, ensure_ascii=False))


class _TextPrinter(_Printer):
    """Prints sentences."""

    def write(self, event: str, values: dict[str, Any]) -> None:
        """Print one event."""
        formats = {
            "plan": self._plan,
            "progress": self._progress,
            "report": self._report,
            "message": self._message,
            "spark": self._spark,
        }
        for line in formats[event](values):
            click.echo(line)

    @staticmethod
    def _spark(values: dict[str, Any]) -> list[str]:
        failures = [f"  {code}: {count} rows" for code, count in values["failures"].items()]
        return [f"{values['answered']} answers, ${values['dollars']:g}, in", values["out"], *failures]

    @staticmethod
    def _message(values: dict[str, Any]) -> list[str]:
        return [values["message"]]

    @staticmethod
    def _plan(values: dict[str, Any]) -> list[str]:
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

    @staticmethod
    def _progress(values: dict[str, Any]) -> list[str]:
        errors = ", ".join(f"{code} {count}" for code, count in values["errors"].items()) or "no errors"
        pace = f"{values['rows_per_second']:g} rows/s, {values['seconds_left']:g} s left"
        spent = f"{values['tokens']} tokens, ${values['dollars']:g}"
        return [f"{values['asked']} of {values['to_ask']} rows, {errors}, {spent}, {pace}"]

    def _report(self, values: dict[str, Any]) -> list[str]:
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
