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
from .indexing.build import build
from .packaging.log_model import log
from .progress import Progress
from .report import tell
from .versions.history import ELSEWHERE, ENDS, SIZE


@dataclass(slots=True)
class Steps:
    """Tells each step as it ends, and all of them with their seconds at the end."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what runs inside."""
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started

    def told(self) -> str:
        """The steps on one line."""
        return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.seconds.items())


def run(
    profile: str,
    documents: Sequence[object],
    index: Path,
    name: str,
    progress: Progress,
    max_cost: float | None = None,
    gate: "Gate | None" = None,
    **how: Any,
) -> None:
    """Looks ahead, builds, logs, verifies, registers and promotes; raises MultichainError at the first failure."""
    steps = Steps()
    told = Profile.read(profile)
    validate_profile(told)
    with steps.step("preflight"):
        from .versions import registry  # MLflow takes two seconds to import

        registry.check(name)
        ends = cleared(told)
    with steps.step("build"):
        built(told, documents, index, progress, max_cost, evaluation=gate.file if gate else None, **how)
    released(profile, index, name, ends, steps, gate)
    click.echo(f"Steps: {steps.told()}")


def built(
    profile: Profile,
    documents: Sequence[object],
    index: Path,
    progress: Progress,
    max_cost: float | None = None,
    **how: Any,
) -> None:
    """Builds the index of the documents, or describes the one that lies elsewhere, and says what came of it."""
    if profile.backend.IS_LOCAL:
        tell(build(profile, documents, index, progress, max_cost, **how))
        return
    from .indexing.ai_search import described  # Databricks' SDK, half a second

    found = described(profile, index)
    click.echo(f"Described the AI Search index {found.name} of {found.rows:,} rows:\n{index.absolute()}")


@dataclass(slots=True)
class Gate:
    """What a promotion is decided on: an evaluation file and its rows, a judge's model if any; or why regardless."""

    file: Path | None = None
    judge: str = ""
    force: str = ""
    progress: Progress = field(default=lambda _done, _total: None)
    examples: Sequence[Example] = field(init=False)

    def __post_init__(self) -> None:
        """Reads the rows, before anything is paid. Raises DocumentError for a file that is no evaluation."""
        self.examples = dataset.read(self.file).examples if self.file else ()


def released(
    profile: str, index: Path, name: str, tags: dict[str, str], steps: Steps, gate: Gate | None = None
) -> None:
    """Logs, verifies and registers an index, and promotes it through the gate."""
    with steps.step("log"):
        uri = log(profile, index, tags=tags)
        click.echo(f"Logged the model {uri}")
    with steps.step("verify"):
        verified(uri)
    with steps.step("register"):
        from .versions.registry import register, store  # MLflow takes two seconds to import

        version = register(uri, name, tags | _size(Profile.read(profile).open_index(index), index))
        click.echo(f"Registered version {version} of {name} in {store()}")
    with steps.step("gate"):
        promoted(name, version, name, gate or Gate())


def promoted(name: str, version: str, to: str, gate: Gate) -> None:
    """Promotes a registered version through the gate, and says why or why not. Raises CommandError when refused."""
    from .promotion.promote import Evidence, decide, promote
    from .versions import registry

    challenger = registry.find(name, version)
    evidence = Evidence(gate.file.name, gate.examples, gate.judge) if gate.file else None
    decision = decide(challenger, to, evidence, gate.progress)
    served, verdict = promote(challenger, decision, to, gate.force), decision.verdict
    for comparison in verdict.comparisons:
        click.echo(comparison.told)
    if verdict.weak:
        click.echo(f"Note: {verdict.weak}")
    against = f" against version {decision.champion}" if decision.champion else ""
    why = "; ".join(verdict.reasons)
    if not served:
        raise CommandError(
            f"version {challenger.version} of {name} is not promoted{against}: {why}. It stays registered, and the "
            "alias where it was; --force REASON promotes it regardless"
        )
    click.echo(f"Promoted version {served} of {to}{against}: {why}")
    if not verdict.promoted:
        click.echo(f"It was forced: {gate.force}")
    click.echo(f"The alias {registry.ALIAS} points at it: models:/{to}@{registry.ALIAS}")


def _size(index: Index | RemoteIndex, folder: Path) -> dict[str, str]:
    """The tags that tell how large an index is, or where it is."""
    if isinstance(index, RemoteIndex):
        return {ELSEWHERE: f"{index.name}, {index.rows:,} rows"}
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return dict(zip(SIZE, map(str, (len(index.manifest.documents), index.manifest.chunks, size)), strict=True))


def forgotten(
    profile: str, sources: Sequence[str], index: Path, evaluations: Sequence[Path], name: str, progress: Progress
) -> None:
    """Forgets documents: in the index, kept vectors and evaluation files, and in the version that is served."""
    from .forget import forget
    from .versions.registry import ALIAS, holding, mark_forgotten

    told = Profile.read(profile)
    validate_profile(told)
    if not told.backend.IS_LOCAL:
        raise CommandError(f"delete the documents in the table of {told.index['name']}; its versions hold none")
    held = list(holding(name, sources))
    removed = forget(told, sources, index, evaluations, progress)
    click.echo(
        f"Removed {removed.chunks:,} chunks of the index, {removed.vectors:,} kept vectors and "
        f"{removed.questions:,} questions"
    )
    if not (removed.chunks or removed.questions or held):
        raise CommandError(f"nothing holds a document called {', '.join(sources)}; training history lists versions")
    if removed.chunks or any(ALIAS in one.aliases for one in held):
        released(profile, index, name, cleared(told), Steps())
    for one in held:
        mark_forgotten(name, one)
        click.echo(
            f"Version {one.version} of {name} still holds {', '.join(one.sources)}; delete it where that must go"
        )
    click.echo("The documents themselves are yours: a build of a place that has them brings them back")


def cleared(profile: Profile, index: Index | RemoteIndex | None = None, *, quiet: bool = True) -> dict[str, str]:
    """Runs preflight and says what it warns of, or all; gives the tags of a version. Raises CommandError."""
    from .verification.preflight import preflight  # not for every command

    report = preflight(profile, index)
    for finding in report.findings:
        if finding.level != "ok" or not quiet:
            click.echo(f"{finding.level:6}{finding.sentence}")
    if report.failed:
        raise CommandError("preflight failed, so nothing was begun and nothing paid; see above")
    return {ENDS: json.dumps(report.ends)} if report.ends else {}


def verified(uri: str) -> None:
    """Verifies the version in a clean process. Raises CommandError when a check fails."""
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "training", "verify", "--quiet", uri], check=False
    )
    if done.returncode:
        raise CommandError(f"{uri} failed its verification, so it is not registered")
