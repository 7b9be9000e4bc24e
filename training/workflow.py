"""Run the steps from documents to a promoted version, and print the result of each step."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from model.errors import CommandError
from model.profile import Profile
from model.profile_validation import validate_profile
from model.retrieval.ai_search.description import RemoteIndex
from model.retrieval.local.index import Index

from .evaluation import dataset
from .evaluation.dataset import Example
from .indexing.build import build_index
from .packaging.log_model import log_model
from .progress import Progress
from .report import print_build
from .versions.history import MODEL_ENDS_TAG, REMOTE_INDEX_TAG, SIZE_TAGS


@dataclass(slots=True)
class StepTimer:
    """The seconds that each step took, by the step's name."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Measure the time of the block inside; a block that raises an error is not recorded."""
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def in_words(self) -> str:
        """Return the steps and their seconds on one line."""
        return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items())


def run_all(
    profile: str,
    documents: Sequence[object],
    index: Path,
    name: str,
    progress: Progress,
    max_cost: float | None = None,
    gate: "PromotionOptions | None" = None,
    **load_options: Any,
) -> None:
    """Check the models, build an index, and log, verify, register and promote a version with the index.

    Args:
        profile: Name of a profile, or its file.
        documents: Locations of the documents.
        index: Index folder, which is replaced.
        name: Registered model.
        progress: Called with the number of embedded chunks.
        max_cost: Highest cost of the embeddings in US dollars; None for no limit.
        gate: Basis of the promotion; None to check only the contract and the example.
        load_options: Options of ``load_documents``, and ``update``.

    Raises:
        MultichainError: A step failed. Later steps are not started.
    """
    steps = StepTimer()
    loaded_profile = Profile.read(profile)
    validate_profile(loaded_profile)
    with steps.step("preflight"):
        from .versions import registry  # MLflow takes two seconds to import

        registry.check_name(name)
        ends = run_preflight(loaded_profile)
    with steps.step("build"):
        build_or_describe(
            loaded_profile, documents, index, progress, max_cost, evaluation=gate.file if gate else None, **load_options
        )
    release(profile, index, name, ends, steps, gate)
    click.echo(f"Steps: {steps.in_words()}")


def build_or_describe(
    profile: Profile,
    documents: Sequence[object],
    index: Path,
    progress: Progress,
    max_cost: float | None = None,
    **load_options: Any,
) -> None:
    """Build the index of documents, or describe the profile's index of AI Search, and print the result.

    Args:
        profile: The profile.
        documents: Locations of the documents.
        index: Index folder.
        progress: Called with the number of embedded chunks.
        max_cost: Highest cost of the embeddings in US dollars; None for no limit.
        load_options: Options of ``load_documents``, and ``update``.

    Raises:
        DocumentError: The documents cannot be read, or there are none.
        CommandError: The folder contains something else, or the embeddings would cost more than ``max_cost``.
        MultichainError: A provider failed, or the index of AI Search cannot be reached or does not match the profile.
    """
    if profile.backend.is_local:
        print_build(build_index(profile, documents, index, progress, max_cost, **load_options))
        return
    from .indexing.ai_search import describe_index  # Databricks' SDK takes half a second to import

    remote_index = describe_index(profile, index)
    click.echo(f"Described the AI Search index {remote_index.name} of {remote_index.rows:,} rows:\n{index.absolute()}")


@dataclass(slots=True)
class PromotionOptions:
    """The basis of a promotion.

    Attributes:
        file: Evaluation file; None to check only the contract and the example.
        judge_model: Chat model that judges the answers; empty for none.
        force_reason: Reason to promote against the verdict; empty to obey the verdict.
        progress: Called with the number of evaluated examples.
        examples: Examples of the evaluation file, read at creation.
    """

    file: Path | None = None
    judge_model: str = ""
    force_reason: str = ""
    progress: Progress = field(default=lambda _done, _total: None)
    examples: Sequence[Example] = field(init=False)

    def __post_init__(self) -> None:
        """Read the examples of the evaluation file, before any step costs money.

        Raises:
            DocumentError: The file cannot be read, has another format, or contains no example.
        """
        self.examples = dataset.read_dataset(self.file).examples if self.file else ()


def release(
    profile: str, index: Path, name: str, tags: dict[str, str], steps: StepTimer, gate: PromotionOptions | None = None
) -> None:
    """Log an index as a model, verify and register the version, and promote the version through the gate.

    Args:
        profile: Name of the index's profile, or its file.
        index: Index folder.
        name: Registered model.
        tags: Tags of the version.
        steps: Timer of the steps.
        gate: Basis of the promotion; None to check only the contract and the example.

    Raises:
        MultichainError: A step failed, or the gate refused the version.
    """
    with steps.step("log"):
        uri = log_model(profile, index, tags=tags)
        click.echo(f"Logged the model {uri}")
    with steps.step("verify"):
        verify_in_process(uri)
    with steps.step("register"):
        from .versions.registry import register_model, registry_uri  # MLflow takes two seconds to import

        version = register_model(uri, name, tags | _size_tags(Profile.read(profile).open_index(index), index))
        click.echo(f"Registered version {version} of {name} in {registry_uri()}")
    with steps.step("gate"):
        promote_through_gate(name, version, name, gate or PromotionOptions())


def promote_through_gate(name: str, version: str, to: str, gate: PromotionOptions) -> None:
    """Promote a registered version through the gate, and print the verdict with its reasons.

    Args:
        name: Registered model of the version.
        version: Number of the version.
        to: Registered model that receives the champion.
        gate: Basis of the promotion.

    Raises:
        CommandError: The gate refused the version and no reason forces the promotion, or a model, version or
            privilege is missing.
    """
    from .promotion.promote import Evidence, decide_promotion, promote_version
    from .versions import registry

    challenger = registry.find_version(name, version)
    evidence = Evidence(gate.file.name, gate.examples, gate.judge_model) if gate.file else None
    decision = decide_promotion(challenger, to, evidence, gate.progress)
    champion, verdict = promote_version(challenger, decision, to, gate.force_reason), decision.verdict
    for comparison in verdict.comparisons:
        click.echo(comparison.as_line)
    if verdict.weakness:
        click.echo(f"Note: {verdict.weakness}")
    against = f" against version {decision.champion}" if decision.champion else ""
    reasons = "; ".join(verdict.reasons)
    if not champion:
        raise CommandError(
            f"version {challenger.version} of {name} is not promoted{against}: {reasons}. The version stays "
            f"registered, and the alias {registry.CHAMPION_ALIAS} does not move; --force REASON promotes the version "
            "despite the verdict"
        )
    click.echo(f"Promoted version {champion} of {to}{against}: {reasons}")
    if not verdict.is_promoted:
        click.echo(f"The promotion was forced: {gate.force_reason}")
    click.echo(f"The alias {registry.CHAMPION_ALIAS} points at this version: models:/{to}@{registry.CHAMPION_ALIAS}")


def _size_tags(index: Index | RemoteIndex, folder: Path) -> dict[str, str]:
    """Return the tags with the size of an index, or with the name and rows of an index of AI Search."""
    if isinstance(index, RemoteIndex):
        return {REMOTE_INDEX_TAG: f"{index.name}, {index.rows:,} rows"}
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return dict(zip(SIZE_TAGS, map(str, (len(index.manifest.documents), index.manifest.chunks, size)), strict=True))


def forget_everywhere(
    profile: str, sources: Sequence[str], index: Path, evaluations: Sequence[Path], name: str, progress: Progress
) -> None:
    """Remove documents from an index, the embedding cache and evaluation files, and release a version without them.

    A version is released when the index or the champion contained a document. Other versions that contain one are
    tagged and listed.

    Args:
        profile: Name of the index's profile, or its file.
        sources: Sources of the documents.
        index: Index folder.
        evaluations: Evaluation files.
        name: Registered model.
        progress: Called with the number of embedded chunks.

    Raises:
        CommandError: The index is in AI Search, no document was found, or nothing would be left in the index.
        MultichainError: The release failed.
    """
    from .forget import forget_documents
    from .versions.registry import CHAMPION_ALIAS, find_holders, mark_forgotten

    loaded_profile = Profile.read(profile)
    validate_profile(loaded_profile)
    if not loaded_profile.backend.is_local:
        raise CommandError(
            f"delete the documents in the table of the AI Search index {loaded_profile.index['name']}; versions "
            "contain no documents of such an index"
        )
    holders = list(find_holders(name, sources))
    removed = forget_documents(loaded_profile, sources, index, evaluations, progress)
    click.echo(
        f"Removed {removed.chunks:,} chunks of the index, {removed.vectors:,} kept vectors and "
        f"{removed.questions:,} questions"
    )
    if not (removed.chunks or removed.questions or holders):
        raise CommandError(
            f"no index, evaluation file or version contains {', '.join(sources)}; check the sources that answers cite"
        )
    if removed.chunks or any(CHAMPION_ALIAS in holder.aliases for holder in holders):
        release(profile, index, name, run_preflight(loaded_profile), StepTimer())
    for holder in holders:
        mark_forgotten(name, holder)
        click.echo(
            f"Version {holder.version} of {name} still contains {', '.join(holder.sources)}; delete the version if "
            "they must be removed there, too"
        )
    click.echo("The original documents were not deleted; a build from a location that contains them adds them again")


def run_preflight(profile: Profile, index: Index | RemoteIndex | None = None, *, quiet: bool = True) -> dict[str, str]:
    """Check the models of a profile, and print warnings and failures.

    Args:
        profile: The profile.
        index: Index whose embeddings have to equal those of the profile; None when there is no index yet.
        quiet: Print no findings that are in order.

    Returns:
        Tags for the version: the day on which each model ends, where the provider states one.

    Raises:
        CommandError: The profile cannot answer.
    """
    from .verification.preflight import check_models  # the other commands start faster without

    report = check_models(profile, index)
    for finding in report.findings:
        if finding.level != "ok" or not quiet:
            click.echo(f"{finding.level:6}{finding.message}")
    if report.has_failed:
        raise CommandError("preflight failed, so no further step was started; see the findings above")
    return {MODEL_ENDS_TAG: json.dumps(report.end_dates)} if report.end_dates else {}


def verify_in_process(uri: str) -> None:
    """Verify a version in a clean process, which has imported nothing yet.

    Raises:
        CommandError: A check failed.
    """
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "training", "verify", "--quiet", uri], check=False
    )
    if done.returncode:
        raise CommandError(f"{uri} failed verification, so no further step was started; see the failed checks above")
