"""Define the results of the workflow's steps, which report.py prints."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from model.retrieval.ai_search.description import RemoteIndex

from .forget import RemovalCounts
from .indexing.build import BuildResult
from .verification.token_measure import TokenMeasurement

if TYPE_CHECKING:  # they import MLflow, which takes two seconds
    from .promotion.promote import Decision
    from .verification.preflight import PreflightReport


@dataclass(frozen=True, slots=True)
class Preflight:
    """The findings on a profile's models. ``is_complete`` also prints those that are in order."""

    report: "PreflightReport"
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class DescribedIndex:
    """An index of AI Search that was described in ``folder``."""

    index: RemoteIndex
    folder: Path


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """The URI of a model that was logged."""

    uri: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The lines that ``python -m training verify`` printed."""

    lines: str


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered version, and the registry that has it."""

    name: str
    version: str
    registry: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """The decision of the gate on a version.

    Attributes:
        decision: The decision with its reasons.
        name: Registered model that receives the champion.
        champion: Version that the alias points at now; empty when the version was refused.
        force_reason: Reason for a promotion against the verdict.
    """

    decision: "Decision"
    name: str
    champion: str
    force_reason: str

    @property
    def opponent_in_words(self) -> str:
        """Which version the challenger was compared with; empty without a champion."""
        champion = self.decision.champion
        return f" against version {champion}" if champion else ""


@dataclass(frozen=True, slots=True)
class KeptChampion:
    """A champion that stays, since it was made from other documents than the ones that come with the project.

    Attributes:
        name: Registered model.
        version: The new version, which is registered and not promoted.
        champion: The version that stays champion.
    """

    name: str
    version: str
    champion: str


@dataclass(frozen=True, slots=True)
class RemainingVersion:
    """A version that still contains forgotten documents."""

    name: str
    version: str
    sources: Sequence[str]


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


StepResult = (
    Preflight
    | BuildResult
    | DescribedIndex
    | TokenMeasurement
    | LoggedModel
    | Verification
    | Registration
    | Promotion
    | KeptChampion
    | RemovalCounts
    | RemainingVersion
    | StepTimer
)
"""The result of a step."""
