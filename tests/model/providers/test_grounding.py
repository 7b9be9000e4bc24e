"""Notes on answers that cite nothing, or hold numbers and names of no passage."""

import pytest

from model.passages import Chunk, Passage
from model.providers.grounding import note_weaknesses
from model.runtime import usage

PASSAGE = Passage(
    Chunk("pool.md", "Pool", "Pool > Hours", 0, 0, 0, "The pool of Kassel opens at 10:00 and costs 1,420 euros."), 1.0
)


def list_notes(text: str, cited: set[int], question: str = "When does it open?") -> list[str]:
    with usage.track_usage() as account:
        note_weaknesses(text, cited, question, [PASSAGE])
    return account.notes


@pytest.mark.parametrize(
    "text",
    [
        "It opens at 10:00. [1]",
        "The pool of Kassel costs 1420 euros. [1]",
        "1. It opens.\n2. It closes. [1]",
        "Yes. It is the Pool. [1]",
        "Die Öffnung des Beckens ist um 10:00 und nicht später. [1]",
    ],
)
def test_answer_from_the_passages_has_no_note(text: str) -> None:
    assert list_notes(text, {0}) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It opens at 12 hours. [1]", "12"),
        ("It was built by Margaret Halden. [1]", "Margaret, Halden"),
        ("It costs 20 euros or 1,421 euros. [1]", "20, 1,421"),
        ("It costs 20 euros, 30 euros, 40 euros and 50 euros. [1]", "20, 30, 40 and 1 more"),
    ],
)
def test_number_or_name_of_no_passage_is_noted(text: str, words: str) -> None:
    assert list_notes(text, {0}) == [f"unsupported: in no passage and not in the question: {words}"]


def test_word_of_the_question_is_no_invention() -> None:
    assert list_notes("In Graz it is not open. [1]", {0}, "Is it open in Graz?") == []


def test_answer_without_a_citation_is_noted() -> None:
    assert list_notes("It opens at 10:00.", set()) == ["uncited: no sentence of the answer cites a passage"]


def test_answer_without_passages_has_no_note() -> None:
    with usage.track_usage() as account:
        note_weaknesses("It opens at 12.", set(), "When?", [])
    assert account.notes == []
