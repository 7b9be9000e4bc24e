"""The command ``batch``: answer the rows of a table, each once."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import ServingError
from .ask import CHAMPION_URI

_EXIT_FAILURES, _EXIT_STOPPED = 3, 4
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
@click.option(
    "--max-cost",
    type=click.FloatRange(min=0),
    help="US dollars after which no further row is begun; with --spark or --batch-api, beyond which nothing is.",
)
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
    from ..batch.options import BatchOptions
    from ..batch.report import BatchPrinter, write_json, write_sentences
    from ..batch.row_answers import forget_replies
    from ..batch.run import open_batch

    printer = BatchPrinter(write_json if as_json else write_sentences)
    batch_options = BatchOptions(source, out, **options)
    if spark:
        if batch_api:
            raise ServingError(
                "--batch-api cannot be used with --spark, whose tasks wait for each answer; leave one out"
            )
        _run_in_spark(printer, batch_options, target, dry_run=dry_run)
        return
    with open_batch(batch_options, _make_opener(target, batch_api=batch_api)) as opened:
        spare_collector()
        plan = opened.make_plan()
        printer.print_plan(plan)
        if dry_run:
            return
        if batch_api and batch_options.max_cost is not None:
            plan.check_cost(batch_options.max_cost)
        batches = OpenAIBatches(opened.ledger, opened.ledger_folder, printer.print_message) if batch_api else None
        is_complete = opened.run(printer.print_progress, batches.answer_collected if batches else None)
        failures = opened.ledger.count_failures()[:_MOST_FREQUENT]
        if not failures:  # the replies of a failed row's other stages are not paid again by --retry-failed
            forget_replies(opened.ledger_folder)
        printer.print_report(opened.counts, opened.ledger.total(), failures, out)
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


def _run_in_spark(printer: Any, options: Any, target: str, *, dry_run: bool) -> None:
    """Answer a table in Spark, and print what was done.

    Raises:
        ServingError: The target is no version, the table does not fit, or Spark failed.
    """
    from ..batch.spark_run import open_spark_run
    from ..targets import is_remote, load_target

    if is_remote(target) or options.out.suffix:
        raise ServingError("--spark needs a version such as models:/multichain@champion, and a folder as --out")
    with open_spark_run(options, target, load_target(target).describe()) as run:
        printer.print_plan(run.plan)
        if dry_run:
            return
        if options.max_cost is not None:
            run.plan.check_cost(options.max_cost)
        counts, totals, errors = run.answer()
        failures = list(errors.items())[:_MOST_FREQUENT]
        printer.print_report(counts, totals, failures, options.out)
        if failures:
            raise click.exceptions.Exit(_EXIT_FAILURES)
