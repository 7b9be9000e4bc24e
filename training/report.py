"""Print the results of the workflow's steps, and the estimate of a build."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import singledispatch

import click

from model.profile import Profile

from . import step_results
from .documents.load import LoadResult
from .forget import RemovalCounts
from .indexing.build import BuildResult
from .indexing.estimate import BuildEstimate
from .verification.token_measure import TokenMeasurement


def print_results(results: Iterable[step_results.StepResult]) -> None:
    """Print each result as soon as its step has ended."""
    for result in results:
        print_result(result)


@singledispatch
def print_result(result: object) -> None:
    """Print the result of a step.

    Raises:
        TypeError: There is no function for this kind of result.
    """
    raise TypeError(type(result).__name__)


@print_result.register
def _print_preflight(preflight: step_results.Preflight) -> None:
    for finding in preflight.report.findings:
        if finding.level != "ok" or preflight.is_complete:
            click.echo(f"{finding.level:6}{finding.message}")


@print_result.register
def _print_described_index(described: step_results.DescribedIndex) -> None:
    index = described.index
    click.echo(f"Described the AI Search index {index.name} of {index.rows:,} rows:\n{described.folder}")


@print_result.register
def _print_token_measurement(measured: TokenMeasurement) -> None:
    if measured.factor:
        click.echo(f"{measured.model} counts up to {measured.factor:g} tokens of the documents for each estimated one")
    else:
        click.echo(f"Tokens of {measured.model} stay estimated: {measured.reason}")


@print_result.register
def _print_logged_model(logged: step_results.LoggedModel) -> None:
    click.echo(f"Logged the model {logged.uri}")


@print_result.register
def _print_verification(verification: step_results.Verification) -> None:
    click.echo(verification.lines, nl=False)


@print_result.register
def _print_registration(registration: step_results.Registration) -> None:
    click.echo(f"Registered version {registration.version} of {registration.name} in {registration.registry}")


@print_result.register
def _print_promotion(promotion: step_results.Promotion) -> None:
    verdict = promotion.decision.verdict
    for comparison in verdict.comparisons:
        click.echo(comparison.as_line)
    if verdict.weakness:
        click.echo(f"Note: {verdict.weakness}")
    if not promotion.champion:
        return
    against = promotion.opponent_in_words
    click.echo(f"Promoted version {promotion.champion} of {promotion.name}{against}: {'; '.join(verdict.reasons)}")
    if not verdict.is_promoted:
        click.echo(f"The promotion was forced: {promotion.force_reason}")
    click.echo(f"The alias champion points at this version: models:/{promotion.name}@champion")


@print_result.register
def _print_kept_champion(result: step_results.KeptChampion) -> None:
    click.echo(
        f"The alias champion stays at version {result.champion} of {result.name}, which was made from other documents "
        "than those that come with the project. "
        f"python -m training promote {result.version} --name {result.name} moves it"
    )
    click.echo(f"The new version is models:/{result.name}/{result.version}")


@print_result.register
def _print_removal(removal: RemovalCounts) -> None:
    click.echo(
        f"Removed {removal.chunks:,} chunks of the index, {removal.vectors:,} kept vectors and "
        f"{removal.questions:,} questions"
    )


@print_result.register
def _print_remaining_version(remaining: step_results.RemainingVersion) -> None:
    click.echo(
        f"Version {remaining.version} of {remaining.name} still contains {', '.join(remaining.sources)}; delete the "
        "version if they must be removed there, too"
    )


@print_result.register
def _print_steps(timer: step_results.StepTimer) -> None:
    click.echo(f"Steps: {', '.join(f'{name} {seconds:.1f} s' for name, seconds in timer.seconds.items())}")


@print_result.register
def _print_build(built: BuildResult) -> None:
    _print_loading(built)
    counts = f"{len(built.load_result.digests)} documents, {built.manifest.chunks} chunks"
    done = f"in {built.seconds:.1f} s"
    if built.changes and not built.changes.has_changes and not built.is_written:
        click.echo(f"The index of {counts} is up to date; documents read {done}:\n{built.folder}")
    else:
        click.echo(f"Built an index of {counts}, {built.manifest.dimension} dimensions, {done}:\n{built.folder}")
    for source, reason in built.failed_sources.items():
        click.echo(f"Without a vector, so found by words alone: {source}: {reason}")
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
        else f"for about ${estimate.cost:.7f}"
        if estimate.cost
        else "at no cost"
    )
    click.echo(f"Would build an index of {counts}")
    click.echo(
        f"Would embed {estimate.missing_texts:,} texts, about {estimate.tokens:,} tokens, with {estimate.model} {cost}"
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
    for note in result.load_result.notes:
        click.echo(f"Note: {note.location} {note.sentence}")
    for row in describe_loading(result.load_result):
        click.echo(row)
    if result.rebuild_reason:
        click.echo(result.rebuild_reason)
    if result.changes:
        click.echo(f"Documents: {result.changes.in_words}")


def describe_loading(load_result: LoadResult) -> Iterator[str]:
    """Yield the rows of the table that says what was read: files, blocks, languages, copies and skipped files."""
    blocks = Counter(str(block.kind) for document in load_result.documents for block in document.blocks)
    copies = {"in several documents": load_result.copies, "nearly the same as another": load_result.similar}
    rows: dict[str, Mapping[str, int]] = {
        "Files": load_result.kinds,
        "Blocks": blocks,
        "Languages": load_result.languages,
        "Scanned pages": {"": load_result.scanned_pages},
        "Passages": copies,
        "Skipped": load_result.skipped_kinds,
    }
    for name, counts in rows.items():
        ranked = sorted(counts.items(), key=lambda pair: -pair[1])
        cells = ", ".join(f"{count:,} {kind}".rstrip() for kind, count in ranked if count)
        if cells:
            yield f"{name:13} {cells}"
