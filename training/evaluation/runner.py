"""Ask versions the examples of a dataset: the same examples, in turns, each version in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import CommandError

from ..progress import Progress
from ..versions.process import VersionProcess
from .dataset import Example
from .metrics import MetricValues, build_request, compute_metrics

_MAX_BATCH_SIZE = 16
"""Examples in one batch: as many as a profile has calls in flight per operation, so that no example waits for others.
"""
_MIN_TURNS = 8
"""Minimum number of turns: with fewer, other work of the machine in one turn would look like a slower version."""
_ANSWER_KIND, _IMAGE_KIND = "retrieval_qa", "image_generation"


@dataclass(frozen=True, slots=True)
class EvaluatedExample:
    """An example with a version's response and its metrics. ``answer_stage`` names the stage that answers questions."""

    example: Example
    response: dict[str, Any]
    metrics: MetricValues
    answer_stage: str

    @property
    def answer_output(self) -> dict[str, Any]:
        """Output fields of the stage that answers questions; empty where the example asks no question."""
        return self.response[self.answer_stage] if self.example.question else {}


def ask_versions(
    versions: Sequence[VersionProcess], examples: Sequence[Example], progress: Progress
) -> list[list[EvaluatedExample]]:
    """Send every example to every version, and compute the metrics.

    Versions take turns, and take turns at being first, so that other work of the machine affects all of them alike.

    Args:
        versions: The versions.
        examples: The examples.
        progress: Receives the number of examples that are done.

    Returns:
        Evaluated examples of each version, in order.

    Raises:
        CommandError: A version lacks a stage that an example needs, or does not answer.
    """
    stages = [(version.find_stage(_ANSWER_KIND), version.find_stage(_IMAGE_KIND)) for version in versions]
    for version, stage_pair in zip(versions, stages, strict=True):
        _require_stages(version, examples, *stage_pair)
        # without these the first responses would include the time of lazy loading
        version.ask([build_request(example, *stage_pair) for example in _choose_warm_up(examples)])
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
    """Return the first example of each kind: with a question, with a prompt, with both."""
    kinds = {(bool(example.question), bool(example.prompt)): example for example in reversed(examples)}
    return [*kinds.values()]


def _require_stages(version: VersionProcess, examples: Sequence[Example], answers: str, pictures: str) -> None:
    """Raise CommandError when an example needs a stage that the version lacks."""
    is_missing = {_ANSWER_KIND: not answers and any(e.question for e in examples)}
    is_missing[_IMAGE_KIND] = not pictures and any(e.prompt for e in examples)
    for kind, lacks in is_missing.items():
        if lacks:
            raise CommandError(f"{version.uri} has no stage of the kind {kind}, which the evaluation file needs")
