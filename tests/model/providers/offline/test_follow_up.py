"""Follow-up questions: ellipses, references, the subject of all earlier turns, and questions that stand alone."""

import pytest

from model.providers.offline.follow_up import complete_question


@pytest.mark.parametrize(
    ("earlier", "question", "completed"),
    [
        (["How many days of leave did we get in 2023?"], "And in 2024?", "How many days of leave did we get in 2024?"),
        (["What does the PT-310 cost?"], "And the PT-311?", "What does the PT-311 cost?"),
        (["What does HX-4419 mean?"], "and HX-4420?", "What does HX-4420 mean?"),
        (["When does the office in Graz open?"], "And in Paris?", "When does the office in Paris open?"),
        (["How many days off do I get for a wedding?"], "And for a move?", "How many days off do I get for a move?"),
        (["Wie viele Urlaubstage gab es in 2023?"], "Und in 2024?", "Wie viele Urlaubstage gab es in 2024?"),
        (["Quand ouvre le bureau à Lyon ?"], "Et à Paris ?", "Quand ouvre le bureau à Paris ?"),
        (
            ["What does the PT-310 cost?", "And the PT-311?"],
            "How long is its warranty?",
            "How long is its warranty? PT-311 cost",
        ),
        (
            ["Who leads the service team in Bologna?"],
            "What is her phone number?",
            "What is her phone number? leads service team Bologna",
        ),
        (["Who leads the service team?"], "How long does it take?", "How long does it take? leads service team"),
    ],
)
def test_follow_up_takes_the_subject_of_the_questions_before(earlier: list[str], question: str, completed: str) -> None:
    assert complete_question(question, earlier) == completed


@pytest.mark.parametrize(
    "question",
    [
        "How much deposit do I pay for a locker key?",
        "And how high is the penalty for late delivery?",
        "Wo liegt der Schlüssel zum Archiv?",
    ],
)
def test_question_that_stands_alone_is_kept(question: str) -> None:
    assert complete_question(question, ["How long is the warranty of the seals?"]) == question


def test_question_without_earlier_ones_is_kept() -> None:
    assert complete_question("And in 2024?", []) == "And in 2024?"
