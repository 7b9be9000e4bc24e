"""The commands that make an index and a version of it."""

from pathlib import Path

import click

from model import profile_validation as profiles
from model.contract import description
from model.profile import Profile

from ..progress import bar
from .options import INDEX, MAX_COST, NAME, PROFILE, documents, gate, paths


@click.command()
@PROFILE
@documents
@INDEX
@MAX_COST
@NAME
@gate
def run(
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
    from ..workflow import Gate, run

    with bar("Reading documents") as reading, bar("Embedding chunks") as progress, bar("Asking") as asking:
        given, on = paths(Profile.read(profile), first, more), Gate(evaluation, judges, force, asking)
        run(profile, given, index, name, progress, max_cost, on, reading=reading, **how)


@click.command()
@PROFILE
@documents
@INDEX
@MAX_COST
@click.option("--dry-run", is_flag=True, help="Say what would be embedded and what that costs, and do nothing.")
def build(
    profile: str,
    first: tuple[str, ...],
    more: tuple[str, ...],
    index: Path,
    max_cost: float | None,
    dry_run: bool,
    **how: bool,
) -> None:
    """Build the index of documents."""
    from ..indexing.estimate import estimate
    from ..report import tell_estimate, tell_look
    from ..workflow import built

    told = Profile.read(profile)
    profiles.validate_profile(told)
    with bar("Reading documents") as reading, bar("Embedding chunks") as progress:
        if dry_run and not told.backend.IS_LOCAL:
            tell_look(told)
        elif dry_run:
            tell_estimate(estimate(told, paths(told, first, more), index, reading=reading, **how))
        else:
            built(told, paths(told, first, more), index, progress, max_cost, reading=reading, **how)


@click.command()
@PROFILE
@click.option("--mermaid", is_flag=True, help="Print the drawing alone, as Mermaid.")
def describe(profile: str, mermaid: bool) -> None:
    """Print the pipeline of a profile: stages, fields, references, providers."""
    told = description.describe_contract(profiles.validate_profile(Profile.read(profile)))
    if not mermaid:
        click.echo(told["text"] + "\n\n* required, = the profile has a default\n")
    click.echo(told["mermaid"])


@click.command()
@PROFILE
@INDEX
def log(profile: str, index: Path) -> None:
    """Log an index as a model; prints the model's URI."""
    from ..packaging.log_model import log
    from ..workflow import cleared

    told = Profile.read(profile)
    profiles.validate_profile(told)
    click.echo(log(profile, index, tags=cleared(told, told.open_index(index))))


@click.command()
@PROFILE
@INDEX
def preflight(profile: str, index: Path) -> None:
    """Check a profile's models before anything is paid: reachable, permitted, when they end, the same embedding.

    Makes one tiny chat call and one tiny embedding call for each list of models, and never an image. The index is
    compared when it is there.
    """
    from ..workflow import cleared

    told = Profile.read(profile)
    profiles.validate_profile(told)
    cleared(told, told.open_index(index) if index.exists() else None, quiet=False)
    click.echo("Ready")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@PROFILE
@INDEX
@click.option("--evaluation", multiple=True, type=click.Path(path_type=Path), help="Remove its questions here, too.")
@NAME
def forget(sources: tuple[str, ...], profile: str, index: Path, evaluation: tuple[Path, ...], name: str) -> None:
    """Remove documents, named as answers cite them, wherever they are kept; a version without them takes over.

    Older versions that hold them are listed, and are not rolled back to.
    """
    from ..workflow import forgotten

    with bar("Embedding chunks") as progress:
        forgotten(profile, sources, index, evaluation, name, progress)
