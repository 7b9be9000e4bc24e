"""Slips in words that the corpus does not have: mended to what it has, counted less, and never in words that it has."""

from string import ascii_lowercase

import pytest

from model.passages import Chunk
from model.retrieval.local.lexical import Lexical
from model.text_analysis import correct_spelling


def lexical(*texts: str) -> Lexical:
    return Lexical.build([Chunk(f"{n}.txt", "", "", 0, 0, len(text), text) for n, text in enumerate(texts)], "english")


TEXTS = ("Temperatures rise in summer.", "Whales swim in the sea.", "A whale sang.")


@pytest.mark.parametrize("slip", ["tempreature", "temperture", "temperrature", "temporature", "temperatures", "whlaes"])
def test_one_slip_is_mended(slip: str) -> None:
    stems = lexical(*TEXTS).weights(slip)
    assert list(stems) == ["whale" if slip.startswith("wh") else "temperatur"]


@pytest.mark.parametrize("word", ["tepmreature", "sae", "rsie", "w1ales", "elephant"])
def test_more_slips_short_words_and_numbers_are_left(word: str) -> None:
    made = lexical(*TEXTS)
    assert list(made.weights(word)) == made.stems(word)


def test_a_mended_word_finds_its_text_and_counts_less_than_one_that_was_meant() -> None:
    made = lexical(*TEXTS)
    right, _ = made.scores("temperatures summer")
    slip, _ = made.scores("tempreatures summer")
    assert right.argmax() == slip.argmax() == 0
    assert 0 < slip[0] < right[0]
    assert made.scores("tepmreatures summer")[0][0] < slip[0]


def test_of_several_the_most_frequent_is_taken() -> None:
    rarity = {"planet": 2.0, "planer": 1.0, "plane": 3.0}
    assert correct_spelling("planex", lambda words: words, rarity, rarity.__getitem__, set(ascii_lowercase)) == "planer"
    assert correct_spelling("plan", lambda words: words, rarity, rarity.__getitem__, set(ascii_lowercase)) == ""
