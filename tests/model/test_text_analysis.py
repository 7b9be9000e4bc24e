"""Text analysis: stems and sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.text_analysis import Analyser, Sentence, split_sentences


@pytest.mark.parametrize(
    ("text", "stems"),
    [
        ("Tell me about LangChain.", ["langchain"]),
        ("What are the STAGES of a running pipeline?", ["stage", "run", "pipelin"]),
        ("Who are you?", ["who", "are", "you"]),
        ("GPT-4", ["gpt", "4"]),
        ("", []),
        ("?!", []),
    ],
)
def test_stems_omit_stop_words_unless_a_text_has_only_those(text: str, stems: list[str]) -> None:
    assert Analyser().stems(text) == stems


def test_stems_of_other_languages_keep_stop_words() -> None:
    assert Analyser("german").stems("Die Häuser") == ["die", "haus"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One is here. Two is there!", ["One is here.", "Two is there!"]),
        ('He said "It is so." Then he left.', ['He said "It is so."', "Then he left."]),
        ("Version 3.5 has e.g. this", ["Version 3.5 has e.g. this"]),
        (
            "He met J. R. Smith in the U.S. Army. Then he left.",
            ["He met J. R. Smith in the U.S. Army.", "Then he left."],
        ),
        ("Dr. No is at St. Ives. 5 saw him.", ["Dr. No is at St. Ives.", "5 saw him."]),
        ("Version 3.5 has approx. 10 parts.", ["Version 3.5 has approx. 10 parts."]),
        ("# A heading here\n\nA line\nthat goes on.", ["A line\nthat goes on."]),
        ("- first item\n- second item\n1. third item", ["first item", "second item", "third item"]),
        ("| a | b |\n| c | d |", []),
        ("Word", []),
        ("", []),
    ],
)
def test_split_sentences_handles_abbreviations_and_markdown(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split_sentences(text)] == expected


@given(st.text(alphabet=st.sampled_from("ab .!?\n-#*\"')(1"), max_size=80))
def test_text_at_start_of_sentence_is_the_sentence(text: str) -> None:
    for sentence in split_sentences(text):
        assert text[sentence.start : sentence.start + len(sentence.text)] == sentence.text


def test_split_sentences_returns_start_of_each_sentence() -> None:
    assert list(split_sentences("  One is.  Two is.")) == [Sentence("One is.", 2), Sentence("Two is.", 11)]
