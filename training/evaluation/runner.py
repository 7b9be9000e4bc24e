"""Versions asked the rows of an evaluation file: the same rows, by turns, each version in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import CommandError

from ..progress import Progress
from ..versions.process import VersionProcess
from .dataset import Example
from .metrics import MetricValues, build_request, compute_metrics

_MAX_BATCH_SIZE = 16
"""Rows at once: what a profile has in flight of each kind of call, so that a row does not wait for others."""
_MIN_TURNS = 8
"""Turns at least: what the machine does in one of them would look like a slower version."""
_ANSWER_KIND, _IMAGE_KIND = "retrieval_qa", "image_generation"


@dataclass(frozen=True, slots=True)
class EvaluatedExample:
    """A row of an evaluation: what was asked and expected, what came, and what that is worth."""

    example: Example
    response: dict[str, Any]
    metrics: MetricValues
    answer_stage: str

    @property
    def answer_output(self) -> dict[str, Any]:
        """What the stage that answers gave; empty where it was not asked."""
        return self.response[self.answer_stage] if self.example.question else {}


def ask_versions(
    versions: Sequence[VersionProcess], examples: Sequence[Example], progress: Progress
) -> list[list[EvaluatedExample]]:
    """For each version its rows, in order. Raises CommandError.

    Versions take turns, and the turn to be first, so that what else the machine does falls on all of them alike.
    """
    stages = [(stage_names.find_stage(_ANSWER_KIND), stage_names.find_stage(_IMAGE_KIND)) for stage_names in versions]
    for version, stage_pair in zip(versions, stages, strict=True):
        _require_stages(version, examples, *stage_pair)
        version.ask(
            [build_request(stage_names, *stage_pair) for stage_names in _choose_warm_up(examples)]
        )  # they would pay for what is loaded late
    evaluated: list[list[EvaluatedExample]] = [[] for _ in versions]
    batch_size = min(_MAX_BATCH_SIZE, max(1, len(examples) // _MIN_TURNS))
    for turn, start in enumerate(range(0, len(examples), batch_size)):
        batch = examples[start : start + batch_size]
        for number in sorted(range(len(versions)), reverse=bool(turn % 2)):
            evaluated[number] += _ask_version(versions[number], batch, *stages[number])
        progress(min(start + batch_size, len(examples)), len(examples))
    return evaluated


def _ask_version(
    version: VersionProcess, examples: Sequence[Example], answers: str, pictures: str
) -> list[EvaluatedExample]:
    responses = version.ask([build_request(example, answers, pictures) for example in examples])
    return [
        EvaluatedExample(
            example, response, compute_metrics(example, response, version.stages, answers, pictures), answers
        )
        for example, response in zip(examples, responses, strict=True)
    ]


def _choose_warm_up(examples: Sequence[Example]) -> list[Example]:
    """The first that asks a question, and the first that asks for a picture."""
    kinds = {(bool(example.question), bool(example.prompt)): example for example in reversed(examples)}
    return [*kinds.values()]


def _require_stages(version: VersionProcess, examples: Sequence[Example], answers: str, pictures: str) -> None:
    """Raises CommandError when a row asks for what the version has no stage for."""
    is_missing = {_ANSWER_KIND: not answers and any(e.question for e in examples)}
    is_missing[_IMAGE_KIND] = not pictures and any(e.prompt for e in examples)
    for kind, lacks in is_missing.items():
        if lacks:
            raise CommandError(f"{version.uri} has no stage of the kind {kind}, which the evaluation file asks")
