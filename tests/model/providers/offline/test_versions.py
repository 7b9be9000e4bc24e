"""Documents of several years or versions: labels, the newest first, and the newest alone."""

import pytest

from model.excerpts import Excerpt
from model.passages import Chunk
from model.providers.offline.question import read_question
from model.providers.offline.quotation import Quotation
from model.providers.offline.versions import find_version, label_versions


def make_chunk(source: str, text: str = "", title: str = "", tags: tuple[str, ...] = ()) -> Chunk:
    return Chunk(source, title, "", 0, 0, len(text), text, tags)


@pytest.mark.parametrize(
    ("chunk", "version"),
    [
        (make_chunk("hr/handbook-2024.md"), "2024"),
        (make_chunk("archive/2019/handbook.md"), "2019"),
        (make_chunk("handbook.md", title="Handbook, valid from 1 May 2025"), "2025"),
        (make_chunk("prices-2023.csv", tags=("date=2025-01-01", "code=1999")), "2025"),
        (make_chunk("manual-v2.1.md"), "2.1"),
        (make_chunk("manual.md"), ""),
    ],
)
def test_version_of_a_document_is_found(chunk: Chunk, version: str) -> None:
    assert find_version(chunk) == version


def make_quotations(*pairs: tuple[str, str]) -> list[Quotation]:
    return [
        Quotation(text, number, 1.0 - number / 10, make_chunk(source, text), Excerpt("paragraph", text, 0))
        for number, (source, text) in enumerate(pairs)
    ]


FEES = make_quotations(
    ("fees-2023.md", "The fee is 110 euros a year."),
    ("fees-2025.md", "The fee is 135 euros a year."),
    ("other-2024.md", "Dogs are welcome in the yard."),
    ("fees-2024.md", "The fee is 120 euros a year."),
)


def list_labels(question: str, quotations: list[Quotation], limit: int = 3) -> list[tuple[str, str]]:
    return [(q.label, q.text) for q in label_versions(read_question(question), quotations, limit)]


def test_different_values_are_labelled_with_the_newest_first() -> None:
    assert list_labels("How much is the fee?", FEES) == [
        ("2025", "The fee is 135 euros a year."),
        ("2024", "The fee is 120 euros a year."),
        ("2023", "The fee is 110 euros a year."),
    ]
    assert [label for label, _ in list_labels("How much is the fee?", FEES, 2)] == ["2025", "2024"]


def test_question_for_what_holds_now_gets_the_newest_alone() -> None:
    assert list_labels("How much is the fee currently?", FEES) == [("", "The fee is 135 euros a year.")]


@pytest.mark.parametrize(
    ("question", "quotations"),
    [
        ("How much was the fee in 2023?", FEES),
        ("How much is the fee?", FEES[:1]),
        ("How much is the fee?", [FEES[0], FEES[2]]),
        ("How much is the fee?", make_quotations(("fees.md", "The fee is 1."), ("fees-2025.md", "The fee is 2."))),
    ],
)
def test_other_quotations_get_no_labels(question: str, quotations: list[Quotation]) -> None:
    assert list_labels(question, quotations) == []


def test_equal_texts_of_several_versions_are_quoted_once() -> None:
    same = make_quotations(("fees-2023.md", "The fee is 110 euros."), ("fees-2025.md", "The fee is 110 euros."))
    assert list_labels("How much is the fee?", same) == [("", "The fee is 110 euros.")]
