"""What commands print of a build: what was read, made and paid."""

import click

from model.profile import Profile

from .indexing.build import Built
from .indexing.estimate import Estimate


def tell(built: Built) -> None:
    """Says what a build made."""
    _tell_read(built)
    counts = f"{len(built.loaded.digests)} documents, {built.manifest.chunks} chunks"
    done = f"in {built.seconds:.1f} s"
    if built.changes and not built.changes.any and not built.written:
        click.echo(f"The index of {counts} is as it would be built now; read {done}:\n{built.folder}")
    else:
        click.echo(f"Built an index of {counts}, {built.manifest.dimension} dimensions, {done}:\n{built.folder}")
    if built.spent.input_tokens or not built.spent.cost_known:
        cost = f"${built.spent.cost:.6f}" if built.spent.cost_known else "a cost that is not known"
        click.echo(f"Embedded {built.spent.input_tokens:,} tokens for {cost}")


def tell_estimate(told: Estimate) -> None:
    """Says what a build would do."""
    _tell_read(told)
    counts = f"{len(told.loaded.digests)} documents, {told.chunks} chunks"
    cost = "a cost that is not known" if told.cost is None else f"at most ${told.cost:.7f}" if told.cost else "no cost"
    click.echo(f"Would build an index of {counts}")
    click.echo(f"Would embed {told.wanted:,} texts, at most {told.tokens:,} tokens, with {told.model} for {cost}")


def tell_look(profile: Profile) -> None:
    """Says what a build would describe."""
    from .indexing.ai_search import look  # Databricks' SDK, half a second

    found = look(profile)
    click.echo(f"Would describe the AI Search index {found.name} of {found.rows:,} rows; nothing is embedded")


def _tell_read(told: Built | Estimate) -> None:
    for one in told.loaded.skipped:
        click.echo(f"Skipped {one.place}: {one.why}")
    if told.anew:
        click.echo(told.anew)
    if told.changes:
        click.echo(f"Documents: {told.changes.told}")
