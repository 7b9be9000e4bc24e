"""Versions asked the rows of an evaluation file: the same rows, by turns, each version in a process of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.errors import CommandError

from ..progress import Progress
from ..versions.process import Version
from .dataset import Example
from .metrics import Values, measured, request

_TOGETHER = 16
"""Rows at once: what a profile has in flight of each kind of call, so that a row does not wait for others."""
_TURNS = 8
"""Turns at least: what the machine does in one of them would look like a slower version."""
_ANSWERS, _PICTURES = "retrieval_qa", "image_generation"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an evaluation: what was asked and expected, what came, and what that is worth."""

    example: Example
    response: dict[str, Any]
    values: Values
    answers: str

    @property
    def told(self) -> dict[str, Any]:
        """What the stage that answers gave; empty where it was not asked."""
        return self.response[self.answers] if self.example.question else {}


def rows(versions: Sequence[Version], examples: Sequence[Example], progress: Progress) -> list[list[Row]]:
    """For each version its rows, in order. Raises CommandError.

    Versions take turns, and the turn to be first, so that what else the machine does falls on all of them alike.
    """
    stages = [(one.stage(_ANSWERS), one.stage(_PICTURES)) for one in versions]
    for version, two in zip(versions, stages, strict=True):
        _able(version, examples, *two)
        version.ask([request(one, *two) for one in _first(examples)])  # they would pay for what is loaded late
    made: list[list[Row]] = [[] for _ in versions]
    most = min(_TOGETHER, max(1, len(examples) // _TURNS))
    for turn, begun in enumerate(range(0, len(examples), most)):
        together = examples[begun : begun + most]
        for number in sorted(range(len(versions)), reverse=bool(turn % 2)):
            made[number] += _asked(versions[number], together, *stages[number])
        progress(min(begun + most, len(examples)), len(examples))
    return made


def _asked(version: Version, examples: Sequence[Example], answers: str, pictures: str) -> list[Row]:
    responses = version.ask([request(example, answers, pictures) for example in examples])
    return [
        Row(example, response, measured(example, response, version.stages, answers, pictures), answers)
        for example, response in zip(examples, responses, strict=True)
    ]


def _first(examples: Sequence[Example]) -> list[Example]:
    """The first that asks a question, and the first that asks for a picture."""
    kinds = {(bool(one.question), bool(one.prompt)): one for one in reversed(examples)}
    return [*kinds.values()]


def _able(version: Version, examples: Sequence[Example], answers: str, pictures: str) -> None:
    """Raises CommandError when a row asks for what the version has no stage for."""
    wanted = {_ANSWERS: not answers and any(e.question for e in examples)}
    wanted[_PICTURES] = not pictures and any(e.prompt for e in examples)
    for kind, lacks in wanted.items():
        if lacks:
            raise CommandError(f"{version.uri} has no stage of the kind {kind}, which the evaluation file asks")
