"""``python -m training``: from documents to a registered version."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import model
from commandline import Commands, store
from model import check as profiles
from model import description
from model.errors import CommandError
from model.profile import Profile

from .evaluation import Example, parsed, read
from .metrics import Figure
from .progress import bar

SHIPPED = Path(model.__file__).parent.parent / "documents"
"""The documents that come with the project."""

_PROFILE = click.option("--profile", default="offline", show_default=True, help="A profile's name, or its file.")
_INDEX = click.option(
    "--index", type=click.Path(path_type=Path), default=Path("index"), show_default=True, help="The index folder."
)


_MAX_COST = click.option(
    "--max-cost", type=click.FloatRange(min=0), help="Stop before embeddings cost more than these US dollars."
)


def _documents(command: Callable[..., Any]) -> Callable[..., Any]:
    """Takes --documents once or several times, each with one path or more."""
    option = click.option(
        "--documents",
        "first",
        multiple=True,
        help="A folder, file, pattern, address or Spark table; more may follow. [default: this project's documents]",
    )
    strict = click.option("--strict", is_flag=True, help="Stop at a document that cannot be read, not pass it over.")
    private = click.option("--private", is_flag=True, help="Allow addresses that lead into a private network.")
    update = click.option(
        "--update", is_flag=True, help="Go on from the index that is there: embed only what is new or changed."
    )
    return option(strict(private(update(click.argument("more", nargs=-1, metavar="[PATH]...")(command)))))


_NAME = click.option("--name", default="multichain", show_default=True, help="The registered model.")
_JUDGES = click.option(
    "--judges",
    default="",
    metavar="MODEL",
    help="A chat model that marks answers, such as openai:/gpt-4.1; it costs.",
)


def _gate(command: Callable[..., Any]) -> Callable[..., Any]:
    """Takes what a promotion is decided on."""
    evaluation = click.option(
        "--evaluation",
        type=click.Path(path_type=Path),
        help="Compare with the champion on these rows. [default: the contract and an example are enough]",
    )
    force = click.option("--force", default="", metavar="REASON", help="Promote regardless; the reason is kept.")
    return evaluation(_JUDGES(force(command)))


@click.group(cls=Commands)
def training() -> None:
    """Build an index, log it as a model, verify and register it."""


@training.command()
@_PROFILE
@_documents
@_INDEX
@_MAX_COST
@_NAME
@_gate
def run(  # noqa: PLR0913, PLR0917 - one for each option
    profile: str,
    first: tuple[str, ...],
    more: tuple[str, ...],
    index: Path,
    max_cost: float | None,
    name: str,
    evaluation: Path | None,
    judges: str,
    force: str,
    **how: bool,
) -> None:
    """The whole line: preflight, build, log, verify, register, promote if it is no worse than the champion."""
    from .run import Gate, run  # noqa: PLC0415

    with bar("Reading documents") as reading, bar("Embedding chunks") as progress, bar("Asking") as asking:
        documents, gate = _paths(Profile.read(profile), first, more), Gate(evaluation, judges, force, asking)
        run(profile, documents, index, name, progress, max_cost, gate, reading=reading, **how)


@training.command()
@_PROFILE
@_documents
@_INDEX
@_MAX_COST
@click.option("--dry-run", is_flag=True, help="Say what would be embedded and what that costs, and do nothing.")
def build(  # noqa: PLR0913, PLR0917 - one for each option
    profile: str,
    first: tuple[str, ...],
    more: tuple[str, ...],
    index: Path,
    max_cost: float | None,
    dry_run: bool,  # noqa: FBT001 - click passes flags so
    **how: bool,
) -> None:
    """Build the index of documents."""
    from .estimate import estimate  # noqa: PLC0415
    from .run import built, tell_estimate, tell_look  # noqa: PLC0415

    told = Profile.read(profile)
    profiles.check(told)
    with bar("Reading documents") as reading, bar("Embedding chunks") as progress:
        if dry_run and not told.kind.OWN:
            tell_look(told)
        elif dry_run:
            tell_estimate(estimate(told, _paths(told, first, more), index, reading=reading, **how))
        else:
            built(told, _paths(told, first, more), index, progress, max_cost, reading=reading, **how)


@training.command()
@_PROFILE
@click.option("--mermaid", is_flag=True, help="Print the drawing alone, as Mermaid.")
def describe(profile: str, mermaid: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Print the pipeline of a profile: stages, fields, references, providers."""
    told = description.describe(profiles.check(Profile.read(profile)))
    if not mermaid:
        click.echo(told["text"] + "\n\n* required, = the profile has a default\n")
    click.echo(told["mermaid"])


@training.command()
@_PROFILE
@_INDEX
def log(profile: str, index: Path) -> None:
    """Log an index as a model; prints the model's URI."""
    from .log import log  # noqa: PLC0415
    from .run import cleared  # noqa: PLC0415

    told = Profile.read(profile)
    profiles.check(told)
    click.echo(log(profile, index, tags=cleared(told, told.built(index))))


@training.command()
@_PROFILE
@_INDEX
def preflight(profile: str, index: Path) -> None:
    """Check a profile's models before anything is paid: reachable, permitted, when they end, the same embedding.

    Makes one tiny chat call and one tiny embedding call for each list of models, and never an image. The index is
    compared when it is there.
    """
    from .run import cleared  # noqa: PLC0415

    told = Profile.read(profile)
    profiles.check(told)
    cleared(told, told.built(index) if index.exists() else None, quiet=False)
    click.echo("Ready")


@training.command()
@click.argument("uri", required=False)
@click.option("--evaluation", type=click.Path(path_type=Path), help="A SQuAD file, or JSON lines.")
@click.option("--from-traces", is_flag=True, help="Take questions that people judged, and add them to --evaluation.")
@_PROFILE
@click.option("--beside", multiple=True, help="A profile whose search is measured for comparison, if it can be used.")
@_JUDGES
def evaluate(  # noqa: PLR0913, PLR0917 - one for each option
    uri: str | None,
    evaluation: Path | None,
    from_traces: bool,  # noqa: FBT001 - click passes flags so
    profile: str,
    beside: tuple[str, ...],
    judges: str,
) -> None:
    """Measure the version at URI on an evaluation file; or, without URI, a profile on a SQuAD file's paragraphs.

    Each figure has a 95 % interval. Figures, rows and pictures of a version are kept in MLflow. JSON lines hold
    question, answer (empty when the documents do not hold one), source, expected_response for judges, and prompt for
    pictures.
    """
    from . import evaluate  # noqa: PLC0415 - MLflow takes two seconds to import

    name, examples = ("judged questions", _judged(evaluation)) if from_traces else ("", [])
    if evaluation and (uri or not from_traces):
        name, examples = evaluation.name, read(evaluation).examples
    if not name:
        raise click.UsageError("give --evaluation FILE, --from-traces, or both")
    if uri:
        with bar("Asking") as asking:
            _show(evaluate.of_version(uri, name, examples, judges, asking))
    elif evaluation and not from_traces:
        for table in evaluate.of_profile(Profile.read(profile), evaluation, [Profile.read(name) for name in beside]):
            _show(table)


def _judged(file: Path | None) -> list[Example]:
    """The questions that people judged, which are added to ``file`` where there is one."""
    from .judged import added, judged  # noqa: PLC0415

    found = judged()
    lines = [json.dumps(line) for line in found.lines.values()]
    click.echo(f"{len(lines)} judged questions make rows", nl=False)
    click.echo(f", {added(file, found.lines)} of them new in {file.absolute()}" if file else "")
    if found.unexpected:
        click.echo(
            f"{found.unexpected} answers are bad and nobody said what was expected; serving ask --bad --expected"
        )
    if found.masked:
        click.echo(f"{found.masked} questions are masked in their traces, so no row can be made of them")
    if not lines:
        raise CommandError("no question was judged; python -m serving ask --good or --bad judges one")
    return [parsed(line) for line in lines]


def _stored() -> None:
    """Raises CommandError when there is no store to look into."""
    told = store.missing()
    if told:
        raise CommandError(told)


def _show(table: tuple[str, list[Figure]]) -> None:
    click.echo(f"\n{table[0]}")
    for figure in table[1]:
        click.echo(f"  {figure.told}")


@training.command()
@click.argument("version", required=False, default="")
@_NAME
@_gate
@click.option("--to", help="Copy the version to this model and promote it there, such as prod.assistants.multichain.")
def promote(  # noqa: PLR0913, PLR0917 - one for each option
    version: str, name: str, evaluation: Path | None, judges: str, force: str, to: str | None
) -> None:
    """Move the alias champion to VERSION, the newest by default, if nothing is worse than the champion beyond noise.

    Without --evaluation the version has to keep its contract and answer its example.
    """
    from .registry import find  # noqa: PLC0415
    from .run import Gate, promoted, verified  # noqa: PLC0415

    _stored()
    number = str(find(name, version).version)
    verified(f"models:/{name}/{number}")
    with bar("Asking") as asking:
        promoted(name, number, to or name, Gate(evaluation, judges, force, asking))


@training.command()
@click.argument("version", required=False, default="")
@_NAME
def rollback(version: str, name: str) -> None:
    """Move the alias champion back to the champion before, or to VERSION. Nothing is built."""
    from .promote import rollback  # noqa: PLC0415

    _stored()
    left, served = rollback(name, version)
    click.echo(f"The alias champion of {name} points at version {served} again; version {left} stays registered")


@training.command()
@_NAME
def history(name: str) -> None:
    """List the versions: aliases, why each was promoted or not, figures, models' ends, size of the index."""
    from .history import history  # noqa: PLC0415

    _stored()
    for line in history(name):
        click.echo(line)


@training.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_PROFILE
@_INDEX
@click.option("--evaluation", multiple=True, type=click.Path(path_type=Path), help="Remove its questions here, too.")
@_NAME
def forget(sources: tuple[str, ...], profile: str, index: Path, evaluation: tuple[Path, ...], name: str) -> None:
    """Remove documents, named as answers cite them, wherever they are kept; a version without them takes over.

    Older versions that hold them are listed, and are not rolled back to.
    """
    from .run import forgotten  # noqa: PLC0415

    with bar("Embedding chunks") as progress:
        forgotten(profile, sources, index, evaluation, name, progress)


@training.command()
@_NAME
@click.option("--documents", "first", multiple=True, help="Where the documents are, to see whether they changed.")
@click.argument("more", nargs=-1, metavar="[PATH]...")
@click.option("--days", default=7, show_default=True, type=click.IntRange(min=1), help="Whose answers are compared.")
def check(name: str, first: tuple[str, ...], more: tuple[str, ...], days: int) -> None:
    """For a scheduler: changed documents, models that end, answers that drift.

    Exit code 0 when all is as it was promoted; 8 for documents, 16 for models, 32 for answers, their sum for several.
    """
    from .check import check  # noqa: PLC0415

    _stored()
    code = 0
    for finding in check(name, [*first, *more], days):
        click.echo(f"{'WARN' if finding.code else 'ok':6}{finding.sentence}")
        code |= finding.code
    raise click.exceptions.Exit(code)


@training.command()
@click.argument("uri")
@click.option("--example", default="", metavar="JSON", help="A request for a model that is none of this project's.")
@click.option("--quiet", is_flag=True, help="Tell what is wrong and a summary, not every check.")
def verify(uri: str, example: str, quiet: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Check the saved version at URI: does it load, keep the contract, and answer?

    Tells its fingerprints, too, and whether this environment is its own. Of any other pyfunc it tells what works.
    """
    from .verify import verify  # noqa: PLC0415

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


def _paths(profile: Profile, first: tuple[str, ...], more: tuple[str, ...]) -> list[str]:
    """Where the documents are; nowhere for an index that lies elsewhere."""
    if profile.kind.OWN:
        return [*first, *more] or [str(SHIPPED)]
    if first or more:
        raise CommandError(f"the documents of {profile.index['name']} are in its table; leave --documents out")
    return []


if __name__ == "__main__":
    training(prog_name="python -m training")
