"""The commands about versions that are there: which serves, what is known of each."""

from pathlib import Path

import click

from commandline import mlflow_store
from model.errors import CommandError

from ..progress import bar
from .options import NAME, gate


@click.command()
@click.argument("version", required=False, default="")
@NAME
@gate
@click.option("--to", help="Copy the version to this model and promote it there, such as prod.assistants.multichain.")
def promote(version: str, name: str, evaluation: Path | None, judges: str, force: str, to: str | None) -> None:
    """Move the alias champion to VERSION, the newest by default, if nothing is worse than the champion beyond noise.

    Without --evaluation the version has to keep its contract and answer its example.
    """
    from ..versions.registry import find
    from ..workflow import Gate, promoted, verified

    stored()
    number = str(find(name, version).version)
    verified(f"models:/{name}/{number}")
    with bar("Asking") as asking:
        promoted(name, number, to or name, Gate(evaluation, judges, force, asking))


@click.command()
@click.argument("version", required=False, default="")
@NAME
def rollback(version: str, name: str) -> None:
    """Move the alias champion back to the champion before, or to VERSION. Nothing is built."""
    from ..promotion.promote import rollback

    stored()
    left, served = rollback(name, version)
    click.echo(f"The alias champion of {name} points at version {served} again; version {left} stays registered")


@click.command()
@NAME
def history(name: str) -> None:
    """List the versions: aliases, why each was promoted or not, figures, models' ends, size of the index."""
    from ..versions.history import history

    stored()
    for line in history(name):
        click.echo(line)


@click.command()
@NAME
@click.option("--documents", "first", multiple=True, help="Where the documents are, to see whether they changed.")
@click.argument("more", nargs=-1, metavar="[PATH]...")
@click.option("--days", default=7, show_default=True, type=click.IntRange(min=1), help="Whose answers are compared.")
def check(name: str, first: tuple[str, ...], more: tuple[str, ...], days: int) -> None:
    """For a scheduler: changed documents, models that end, answers that drift.

    Exit code 0 when all is as it was promoted; 8 for documents, 16 for models, 32 for answers, their sum for several.
    """
    from ..promotion.monitor import check

    stored()
    code = 0
    for finding in check(name, [*first, *more], days):
        click.echo(f"{'WARN' if finding.code else 'ok':6}{finding.sentence}")
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
    from ..verification.verify import verify

    checks = []
    for one in verify(uri, example):
        if one.wrong or not quiet:
            word = "WRONG" if one.wrong else "" if one.told else "ok"
            click.echo(f"{word:6}{one.name}{': ' if one.wrong or one.told else ''}{one.wrong or one.told}")
        if not one.told:
            checks.append(one)
    wrong = sum(bool(one.wrong) for one in checks)
    if wrong:
        raise CommandError(f"{wrong} of {len(checks)} checks failed")
    click.echo(f"Verified: {len(checks)} checks passed")


def stored() -> None:
    """Raises CommandError when there is no store to look into."""
    told = mlflow_store.missing()
    if told:
        raise CommandError(told)
