"""Define the commands that promote, roll back, list, monitor and verify versions."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commandline import mlflow_store
from commandline.options import SIGNED
from model.errors import CommandError

from ..progress import show_progress
from .options import NAME, document_options, gate_options

if TYPE_CHECKING:
    from ..documents.load import LoadOptions


@click.command()
@click.argument("version", required=False, default="")
@NAME
@gate_options
@click.option(
    "--to", help="Copy the version to this registered model and promote the copy, such as prod.assistants.multichain."
)
def promote(version: str, name: str, evaluation: Path | None, judges: str, force: str, to: str | None) -> None:
    """Verify VERSION, the newest by default, and move the alias champion to VERSION if no metric is worse beyond noise.

    Without --evaluation, the version only has to keep its contract and answer its example.
    """
    from ..report import print_results
    from ..versions.registry import find_version
    from ..workflow import PromotionOptions, promote_through_gate, verify_in_process

    require_store()
    number = str(find_version(name, version).version)
    print_results(verify_in_process(f"models:/{name}/{number}"))
    with show_progress("Asking") as asking:
        options = PromotionOptions(evaluation, judges, force, asking)
        print_results(promote_through_gate(name, number, to or name, options))


@click.command()
@click.argument("version", required=False, default="")
@NAME
def rollback(version: str, name: str) -> None:
    """Move the alias champion back to the previous champion, or to VERSION. Nothing is built."""
    from ..promotion.promote import roll_back

    require_store()
    previous, current = roll_back(name, version)
    click.echo(f"The alias champion of {name} points at version {current} again; version {previous} stays registered")


@click.command()
@NAME
def history(name: str) -> None:
    """List the versions, newest first: aliases, reason of the promotion, metrics, ends of models, index size."""
    from ..versions.history import list_history

    require_store()
    for line in list_history(name):
        click.echo(line)


@click.command()
@NAME
@document_options
@click.option(
    "--days",
    default=7,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of days whose answers are compared.",
)
def check(
    name: str, documents: tuple[str, ...], more_documents: tuple[str, ...], days: int, loading: "LoadOptions"
) -> None:
    """Check the champion for changed documents, models that end and answers that drift; meant for a scheduler.

    Without --documents, documents are not compared. The other options say how to read them, as they did at the build.

    The exit code is 0 without findings, 8 for documents, 16 for models, 32 for answers, and the sum of these for
    several findings.
    """
    from ..promotion.monitor import check_champion

    require_store()
    code = 0
    for finding in check_champion(name, [*documents, *more_documents], days, load_options=loading):
        click.echo(f"{'WARN' if finding.code else 'ok':6}{finding.message}")
        code |= finding.code
    raise click.exceptions.Exit(code)


@click.command()
@click.argument("uri")
@click.option("--example", default="", metavar="JSON", help="Request for a model that this project did not log.")
@SIGNED
@click.option("--quiet", is_flag=True, help="Print only failed checks, warnings and the summary.")
def verify(uri: str, example: str, signed: Path | None, quiet: bool) -> None:
    """Check the saved version at URI: whether it is what was logged, loads, keeps the contract and answers.

    A version of which a file was changed, or that lacks the signature which --signed asks for, is not loaded.

    Also prints the version's fingerprints, and whether this environment matches the version's. For a pyfunc model that
    this project did not log, prints which operations work.
    """
    from ..verification.verify import verify_version

    checks = []
    for check in verify_version(uri, example, signed):
        if check.problem or check.is_warning or not quiet:
            word = "WRONG" if check.problem else "warn" if check.is_warning else "" if check.detail else "ok"
            click.echo(
                f"{word:6}{check.name}{': ' if check.problem or check.detail else ''}{check.problem or check.detail}"
            )
        if not check.detail:
            checks.append(check)
    failed = sum(bool(check.problem) for check in checks)
    if failed:
        raise CommandError(f"{failed} of {len(checks)} checks failed")
    click.echo(f"Verified: {len(checks)} checks passed")


def require_store() -> None:
    """Check that an MLflow store exists, since MLflow would create an empty one, and can be reached.

    Raises:
        CommandError: MLflow is configured with no store, and the current folder contains none; or a server of MLflow
            cannot be reached.
    """
    explanation = mlflow_store.explain_missing_store() or mlflow_store.explain_unreachable_store()
    if explanation:
        raise CommandError(explanation)
