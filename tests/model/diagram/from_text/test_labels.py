"""Labels of nodes: whole phrases in the document's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.diagram.from_text.labels import MAX_LABEL, make_label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Ask the folder owner for consent by mail.", "Ask the folder owner for consent by mail"),
        ("Press *Cal 1*.", "Press Cal 1"),
        ("Find the set with `backup --list`.\n", "Find the set with backup --list"),
        ("  a\n b  ", "a b"),
        (
            "Copy the recordings to a USB stick on the desk of the laboratory; the reset deletes them.",
            "Copy the recordings to a USB stick on the desk of the laboratory",
        ),
        (
            "Rinse the probe with deionised water (from the tank) and dab it dry with a tissue",
            "Rinse the probe with deionised water and dab it dry with a tissue",
        ),
        (
            "framework designed to simplify the creation of applications using large language models",
            "framework designed to simplify the creation of applications",
        ),
        (
            "Die alte Batterie mit einem Kunststoffspatel heraushebeln, kein Metall dazu benutzen.",
            "Die alte Batterie mit einem Kunststoffspatel heraushebeln",
        ),
        ("x" * 90, "x" * MAX_LABEL),
    ],
)
def test_label_is_cut_after_a_whole_clause_or_phrase(text: str, label: str) -> None:
    assert make_label(text) == label


@given(st.text(max_size=200))
def test_label_is_one_line_of_bounded_length(text: str) -> None:
    label = make_label(text)
    assert len(label) <= MAX_LABEL
    assert "\n" not in label
