"""Print the result or the estimate of a build: documents, chunks, tokens and cost."""

import click

from model.profile import Profile

from .indexing.build import BuildResult
from .indexing.estimate import BuildEstimate


def print_build(built: BuildResult) -> None:
    """Print the result of a build."""
    _print_loading(built)
    counts = f"{len(built.load_result.digests)} documents, {built.manifest.chunks} chunks"
    done = f"in {built.seconds:.1f} s"
    if built.changes and not built.changes.has_changes and not built.is_written:
        click.echo(f"The index of {counts} is up to date; documents read {done}:\n{built.folder}")
    else:
        click.echo(f"Built an index of {counts}, {built.manifest.dimension} dimensions, {done}:\n{built.folder}")
    if built.usage.input_tokens or not built.usage.cost_known:
        cost = f"for ${built.usage.cost:.6f}" if built.usage.cost_known else "at an unknown cost"
        click.echo(f"Embedded {built.usage.input_tokens:,} tokens {cost}")


def print_estimate(estimate: BuildEstimate) -> None:
    """Print the estimate of a build."""
    _print_loading(estimate)
    counts = f"{len(estimate.load_result.digests)} documents, {estimate.chunks} chunks"
    cost = (
        "at an unknown cost"
        if estimate.cost is None
        else f"for at most ${estimate.cost:.7f}"
        if estimate.cost
        else "at no cost"
    )
    click.echo(f"Would build an index of {counts}")
    click.echo(
        f"Would embed {estimate.missing_texts:,} texts, at most {estimate.tokens:,} tokens, "
        f"with {estimate.model} {cost}"
    )


def print_remote_index(profile: Profile) -> None:
    """Print which index of AI Search a build would describe."""
    from .indexing.ai_search import inspect_index  # Databricks' SDK takes half a second to import

    remote_index = inspect_index(profile)
    click.echo(
        f"Would describe the AI Search index {remote_index.name} of {remote_index.rows:,} rows; nothing is embedded"
    )


def _print_loading(result: BuildResult | BuildEstimate) -> None:
    for skipped in result.load_result.skipped:
        click.echo(f"Skipped {skipped.location}: {skipped.reason}")
    if result.rebuild_reason:
        click.echo(result.rebuild_reason)
    if result.changes:
        click.echo(f"Documents: {result.changes.in_words}")
