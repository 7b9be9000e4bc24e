"""Count how questions were answered, by their language and by the kind of answer that they ask for."""

from collections.abc import Iterator, Sequence
from typing import Any

from model.providers.offline.question import read_question

from .dataset import Example
from .statistics import Estimate, estimate_mean

OUTCOMES = ("right", "wrong", "wrongly abstained", "wrongly answered")
"""A wrong answer is one without the expected text; one is wrongly answered that the documents do not answer."""


def find_outcome(example: Example, reply: dict[str, Any]) -> str:
    """Return which of OUTCOMES a reply of the stage ``qa`` is."""
    if not example.is_answerable:
        return "right" if reply["abstained"] else "wrongly answered"
    if reply["abstained"]:
        return "wrongly abstained"
    return "right" if any(answer.lower() in reply["answer"].lower() for answer in example.answers) else "wrong"


def estimate_by_kind(examples: Sequence[Example], replies: Sequence[dict[str, Any]]) -> Iterator[Estimate]:
    """Yield the share of each outcome over all examples, then the share of right answers of each language and kind.

    Args:
        examples: The examples.
        replies: The output of the stage ``qa`` for each example.
    """
    outcomes = [find_outcome(example, reply) for example, reply in zip(examples, replies, strict=True)]
    for outcome in OUTCOMES:
        yield estimate_mean(outcome, [float(example_outcome == outcome) for example_outcome in outcomes])
    groups: dict[tuple[str, str], list[float]] = {}
    for example, outcome in zip(examples, outcomes, strict=True):
        question = read_question(example.question)
        kind = question.kind.replace("_", "/") if example.is_answerable else "no answer"
        groups.setdefault((question.language, kind), []).append(float(outcome == "right"))
    for (language, kind), values in sorted(groups.items()):
        yield estimate_mean(f"right, {language}, {kind}", values)
