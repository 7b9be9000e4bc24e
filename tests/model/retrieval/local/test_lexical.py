"""Spelling correction: a word that the corpus lacks becomes one of the corpus, with a lower weight."""

from string import ascii_lowercase

import pytest

from model.passages import Chunk
from model.retrieval.local.lexical import Lexical
from model.text_analysis import correct_spelling


def build_lexical(*texts: str) -> Lexical:
    return Lexical.build([Chunk(f"{n}.txt", "", "", 0, 0, len(text), text) for n, text in enumerate(texts)], "english")


TEXTS = ("Temperatures rise in summer.", "Whales swim in the sea.", "A whale sang.")


@pytest.mark.parametrize("word", ["tempreature", "temperture", "temperrature", "temporature", "temperatures", "whlaes"])
def test_word_with_one_typing_error_is_corrected(word: str) -> None:
    stems = build_lexical(*TEXTS).weights(word)
    assert list(stems) == ["whale" if word.startswith("wh") else "temperatur"]


@pytest.mark.parametrize("word", ["tepmreature", "sae", "rsie", "w1ales", "elephant"])
def test_word_far_from_the_corpus_or_too_short_is_not_corrected(word: str) -> None:
    lexical = build_lexical(*TEXTS)
    assert list(lexical.weights(word)) == lexical.stems(word)


def test_corrected_word_finds_its_text_with_a_lower_score() -> None:
    lexical = build_lexical(*TEXTS)
    correct_scores, _ = lexical.scores("temperatures summer")
    corrected_scores, _ = lexical.scores("tempreatures summer")
    assert correct_scores.argmax() == corrected_scores.argmax() == 0
    assert 0 < corrected_scores[0] < correct_scores[0]
    assert lexical.scores("tepmreatures summer")[0][0] < corrected_scores[0]


def test_correction_prefers_the_most_frequent_word() -> None:
    rarity = {"planet": 2.0, "planer": 1.0, "plane": 3.0}
    assert correct_spelling("planex", lambda words: words, rarity, rarity.__getitem__, set(ascii_lowercase)) == "planer"
    assert correct_spelling("plan", lambda words: words, rarity, rarity.__getitem__, set(ascii_lowercase)) == ""


def test_only_the_first_hundred_words_of_a_question_are_corrected() -> None:
    lexical = build_lexical(*TEXTS)
    beyond = [f"zzz{first}{second}" for first in ascii_lowercase for second in ascii_lowercase[:4]]
    first, last = (lexical.weights(" ".join(words)) for words in (["temperture", *beyond], [*beyond, "temperture"]))
    assert "temperatur" in first
    assert "temperatur" not in last
    assert len(last) == len(first) == len(beyond) + 1
