"""The command ``batch``: answer the rows of a table, each once."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import ServingError
from .ask import CHAMPION_URI

_EXIT_FAILURES, _EXIT_STOPPED = 3, 4
_OPTION_NAMES = {
    "limit": "--limit",
    "updates": "--update",
    "retried_codes": "--retry-failed",
    "max_cost": "--max-cost",
    "dry_run": "--dry-run",
    "batch_api": "--batch-api",
}
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
@click.option("--batch-api", is_flag=True, help="Send calls by OpenAI's or Azure's Batch API, at half the price.")
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
    from ..batch.report import BatchPrinter, write_json, write_sentences
    from ..batch.row_answers import forget_replies
    from ..batch.run import BatchOptions, open_batch

    printer = BatchPrinter(write_json if as_json else write_sentences)
    if spark:
        _run_in_spark(printer, source, out, target, options | {"dry_run": dry_run, "batch_api": batch_api})
        return
    with open_batch(BatchOptions(source, out, **options), _make_opener(target, batch_api=batch_api)) as opened:
        spare_collector()
        printer.print_plan(opened)
        if dry_run:
            return
        if batch_api and options["max_cost"] is not None:
            _check_cost(opened, options["max_cost"])
        batches = OpenAIBatches(opened.ledger, opened.ledger_folder, printer.print_message) if batch_api else None
        is_complete = opened.run(printer.print_progress, batches.answer_collected if batches else None)
        failures = opened.ledger.count_failures()[:_MOST_FREQUENT]
        if not failures:  # the replies of a failed row's other stages are not paid again by --retry-failed
            forget_replies(opened.ledger_folder)
        printer.print_report(opened, failures, out)
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
    from ..targets import is_remote, open_target

    if batch_api and is_remote(target):
        raise ServingError(f"--batch-api is for versions that are loaded here, such as {CHAMPION_URI}; leave it out")

    def open_with_folder(folder: Path) -> Any:
        if batch_api:
            collect_calls(folder)
        elif not is_remote(target):
            keep_replies(folder)
        return open_target(target)

    return open_with_folder


def _run_in_spark(printer: Any, source: Path, out: Path, target: str, options: dict[str, Any]) -> None:
    """Answer a table in Spark, and print what the output has then.

    Raises:
        ServingError: An option has no meaning in Spark, or Spark failed.
    """
    from ..batch.spark_run import make_spark_batch, run_spark_batch
    from ..doors.described_stage import DescribedStage
    from ..targets import is_remote, load_target

    allowed = {"entries", "key"}
    if refused := sorted(_OPTION_NAMES[name] for name, value in options.items() if value and name not in allowed):
        raise ServingError(
            f"{', '.join(refused)} cannot be used with --spark; Spark asks what is new in the table, once"
        )
    if is_remote(target) or out.suffix:
        raise ServingError("--spark needs a version such as models:/multichain@champion, and a folder as --out")
    stages = DescribedStage.list_all(load_target(target).describe())
    batch_in_spark = make_spark_batch(str(source), out, target, stages, options["entries"], options["key"])
    counts = run_spark_batch(batch_in_spark)
    printer.print_spark_report(counts, out)
    if counts.errors:
        raise click.exceptions.Exit(_EXIT_FAILURES)


def _check_cost(opened: Any, max_cost: float) -> None:
    """Check, before anything is sent, that a batch of the Batch API costs at most so much.

    Raises:
        ServingError: It is likely to cost more, or no row was answered yet by which its cost could be told.
    """
    to_ask, per_row = opened.counts.to_ask, opened.ledger.total().cost_per_row
    if per_row is None and to_ask:
        raise ServingError(
            "--max-cost with --batch-api needs a sample, by which the cost can be told: --limit 50 first"
        )
    expected = (per_row or 0.0) * to_ask
    if expected > max_cost:
        raise ServingError(
            f"the {to_ask} rows would cost up to about ${expected:g}, more than --max-cost {max_cost:g}; "
            "nothing was sent"
        )
