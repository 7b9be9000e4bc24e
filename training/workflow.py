"""The whole line, from documents to a promoted version, each step timed and told."""

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
    """Tells each step as it ends, and all of them with their seconds at the end."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what runs inside."""
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def in_words(self) -> str:
        """The steps on one line."""
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
    """Looks ahead, builds, logs, verifies, registers and promotes; raises MultichainError at the first failure."""
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
    """Builds the index of the documents, or describes the one that lies elsewhere, and says what came of it."""
    if profile.backend.IS_LOCAL:
        print_build(build_index(profile, documents, index, progress, max_cost, **load_options))
        return
    from .indexing.ai_search import describe_index  # Databricks' SDK, half a second

    remote_index = describe_index(profile, index)
    click.echo(f"Described the AI Search index {remote_index.name} of {remote_index.rows:,} rows:\n{index.absolute()}")


@dataclass(slots=True)
class PromotionOptions:
    """What a promotion is decided on: an evaluation file and its rows, a judge's model if any; or why regardless."""

    file: Path | None = None
    judge_model: str = ""
    force_reason: str = ""
    progress: Progress = field(default=lambda _done, _total: None)
    examples: Sequence[Example] = field(init=False)

    def __post_init__(self) -> None:
        """Reads the rows, before anything is paid. Raises DocumentError for a file that is no evaluation."""
        self.examples = dataset.read_dataset(self.file).examples if self.file else ()


def release(
    profile: str, index: Path, name: str, tags: dict[str, str], steps: StepTimer, gate: PromotionOptions | None = None
) -> None:
    """Logs, verifies and registers an index, and promotes it through the gate."""
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
    """Promotes a registered version through the gate, and says why or why not. Raises CommandError when refused."""
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
    why = "; ".join(verdict.reasons)
    if not champion:
        raise CommandError(
            f"version {challenger.version} of {name} is not promoted{against}: {why}. It stays registered, and the "
            "alias where it was; --force REASON promotes it regardless"
        )
    click.echo(f"Promoted version {champion} of {to}{against}: {why}")
    if not verdict.is_promoted:
        click.echo(f"It was forced: {gate.force_reason}")
    click.echo(f"The alias {registry.CHAMPION_ALIAS} points at it: models:/{to}@{registry.CHAMPION_ALIAS}")


def _size_tags(index: Index | RemoteIndex, folder: Path) -> dict[str, str]:
    """The tags that tell how large an index is, or where it is."""
    if isinstance(index, RemoteIndex):
        return {REMOTE_INDEX_TAG: f"{index.name}, {index.rows:,} rows"}
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return dict(zip(SIZE_TAGS, map(str, (len(index.manifest.documents), index.manifest.chunks, size)), strict=True))


def forget_everywhere(
    profile: str, sources: Sequence[str], index: Path, evaluations: Sequence[Path], name: str, progress: Progress
) -> None:
    """Forgets documents: in the index, kept vectors and evaluation files, and in the version that is served."""
    from .forget import forget_documents
    from .versions.registry import CHAMPION_ALIAS, find_holders, mark_forgotten

    loaded_profile = Profile.read(profile)
    validate_profile(loaded_profile)
    if not loaded_profile.backend.IS_LOCAL:
        raise CommandError(
            f"delete the documents in the table of {loaded_profile.index['name']}; its versions hold none"
        )
    holders = list(find_holders(name, sources))
    removed = forget_documents(loaded_profile, sources, index, evaluations, progress)
    click.echo(
        f"Removed {removed.chunks:,} chunks of the index, {removed.vectors:,} kept vectors and "
        f"{removed.questions:,} questions"
    )
    if not (removed.chunks or removed.questions or holders):
        raise CommandError(f"nothing holds a document called {', '.join(sources)}; training history lists versions")
    if removed.chunks or any(CHAMPION_ALIAS in holder.aliases for holder in holders):
        release(profile, index, name, run_preflight(loaded_profile), StepTimer())
    for holder in holders:
        mark_forgotten(name, holder)
        click.echo(
            f"Version {holder.version} of {name} still holds {', '.join(holder.sources)}; delete it where that must go"
        )
    click.echo("The documents themselves are yours: a build of a place that has them brings them back")


def run_preflight(profile: Profile, index: Index | RemoteIndex | None = None, *, quiet: bool = True) -> dict[str, str]:
    """Runs preflight and says what it warns of, or all; gives the tags of a version. Raises CommandError."""
    from .verification.preflight import check_models  # not for every command

    report = check_models(profile, index)
    for finding in report.findings:
        if finding.level != "ok" or not quiet:
            click.echo(f"{finding.level:6}{finding.message}")
    if report.has_failed:
        raise CommandError("preflight failed, so nothing was begun and nothing paid; see above")
    return {MODEL_ENDS_TAG: json.dumps(report.end_dates)} if report.end_dates else {}


def verify_in_process(uri: str) -> None:
    """Verifies the version in a clean process. Raises CommandError when a check fails."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "training", "verify", "--quiet", uri], check=False
    )
    if done.returncode:
        raise CommandError(f"{uri} failed its verification, so it is not registered")
