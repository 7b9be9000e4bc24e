"""Outcomes of answers, by language and kind of question."""

from typing import Any

import pytest

from training.evaluation.dataset import Example
from training.evaluation.question_kinds import estimate_by_kind, find_outcome


def make_reply(answer: str = "", *, abstained: bool = False) -> dict[str, Any]:
    return {"answer": answer, "abstained": abstained}


ANSWERABLE = Example("How much is the fee?", ("135 euros",))
UNANSWERABLE = Example("Wer leitet die Feuerwehr?", is_answerable=False)


@pytest.mark.parametrize(
    ("example", "reply", "outcome"),
    [
        (ANSWERABLE, make_reply("The fee is 135 Euros. [1]"), "right"),
        (ANSWERABLE, make_reply("The fee is 110 euros. [1]"), "wrong"),
        (ANSWERABLE, make_reply(abstained=True), "wrongly abstained"),
        (UNANSWERABLE, make_reply(abstained=True), "right"),
        (UNANSWERABLE, make_reply("Ana. [1]"), "wrongly answered"),
    ],
)
def test_outcome_of_a_reply(example: Example, reply: dict[str, Any], outcome: str) -> None:
    assert find_outcome(example, reply) == outcome


def test_shares_of_outcomes_and_of_right_answers_by_kind() -> None:
    examples = [ANSWERABLE, ANSWERABLE, UNANSWERABLE, Example("Who leads the team?", ("Ana",))]
    replies = [make_reply("135 euros"), make_reply("110"), make_reply("Ana"), make_reply(abstained=True)]
    estimates = {estimate.name: (estimate.value, estimate.count) for estimate in estimate_by_kind(examples, replies)}
    assert estimates == {
        "right": (0.25, 4),
        "wrong": (0.25, 4),
        "wrongly abstained": (0.25, 4),
        "wrongly answered": (0.25, 4),
        "right, english, number": (0.5, 2),
        "right, english, person": (0.0, 1),
        "right, german, no answer": (0.0, 1),
    }
