"""The commands about versions that are there: which serves, what is known of each."""

from pathlib import Path

import click

from commandline import mlflow_store
from model.errors import CommandError

from ..progress import show_progress
from .options import NAME, gate_options


@click.command()
@click.argument("version", required=False, default="")
@NAME
@gate_options
@click.option("--to", help="Copy the version to this model and promote it there, such as prod.assistants.multichain.")
def promote(version: str, name: str, evaluation: Path | None, judges: str, force: str, to: str | None) -> None:
    """Move the alias champion to VERSION, the newest by default, if nothing is worse than the champion beyond noise.

    Without --evaluation the version has to keep its contract and answer its example.
    """
    from ..versions.registry import find_version
    from ..workflow import PromotionOptions, promote_through_gate, verify_in_process

    require_store()
    number = str(find_version(name, version).version)
    verify_in_process(f"models:/{name}/{number}")
    with show_progress("Asking") as asking:
        promote_through_gate(name, number, to or name, PromotionOptions(evaluation, judges, force, asking))


@click.command()
@click.argument("version", required=False, default="")
@NAME
def rollback(version: str, name: str) -> None:
    """Move the alias champion back to the champion before, or to VERSION. Nothing is built."""
    from ..promotion.promote import roll_back

    require_store()
    previous, current = roll_back(name, version)
    click.echo(f"The alias champion of {name} points at version {current} again; version {previous} stays registered")


@click.command()
@NAME
def history(name: str) -> None:
    """List the versions: aliases, why each was promoted or not, figures, models' ends, size of the index."""
    from ..versions.history import list_history

    require_store()
    for line in list_history(name):
        click.echo(line)


@click.command()
@NAME
@click.option("--documents", multiple=True, help="Where the documents are, to see whether they changed.")
@click.argument("more_documents", nargs=-1, metavar="[PATH]...")
@click.option("--days", default=7, show_default=True, type=click.IntRange(min=1), help="Whose answers are compared.")
def check(name: str, documents: tuple[str, ...], more_documents: tuple[str, ...], days: int) -> None:
    """For a scheduler: changed documents, models that end, answers that drift.

    Exit code 0 when all is as it was promoted; 8 for documents, 16 for models, 32 for answers, their sum for several.
    """
    from ..promotion.monitor import check_champion

    require_store()
    code = 0
    for finding in check_champion(name, [*documents, *more_documents], days):
        click.echo(f"{'WARN' if finding.code else 'ok':6}{finding.message}")
        code |= finding.code
    raise click.exceptions.Exit(code)


@click.command()
@click.argument("uri")
@click.option("--example", default="", metavar="JSON", help="A request for a model that is none of this project's.")
@click.option("--quiet", is_flag=True, help="Tell what is wrong and a summary, not every check.")
def verify(uri: str, example: str, quiet: bool) -> None:
    """Check the saved version at URI: does it load, keep the contract, and answer?

    Tells its fingerprints, too, and whether this environment is its own. Of any other pyfunc it tells what works.
    """
    from ..verification.verify import verify_version

    checks = []
    for check in verify_version(uri, example):
        if check.problem or not quiet:
            word = "WRONG" if check.problem else "" if check.detail else "ok"
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
    """Raises CommandError when there is no store to look into."""
    explanation = mlflow_store.explain_missing_store()
    if explanation:
        raise CommandError(explanation)
