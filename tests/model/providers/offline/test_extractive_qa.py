"""Extractive answers: every sentence is a quotation from its source, or the answerer abstains."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from model.contract.events import discard
from model.interfaces import Reply
from model.passages import Chunk, Passage
from model.providers.offline.extractive_qa import NO_ANSWER, ExtractiveAnswerer
from model.retrieval.local.lexical import Lexical

TEXTS = [
    "The pump runs at 40 degrees. It was built in Graz. The pump needs oil once a year.",
    "The boiler heats water. The boiler was built in Linz in 1987.",
    "Birds sing in the garden.",
]


CHUNKS = [Chunk(f"{n}.txt", f"Text {n}", "", 0, 0, len(text), text) for n, text in enumerate(TEXTS)]
LEXICAL = Lexical.build(CHUNKS, "english")


def make_passages(scores: Sequence[float] = (0.5, 0.4, 0.1), support: float = 0.5) -> list[Passage]:
    return [Passage(chunk, score, support) for chunk, score in zip(CHUNKS, scores, strict=True)]


@pytest.fixture
def answerer() -> ExtractiveAnswerer:
    return ExtractiveAnswerer(LEXICAL, quotes=2, margin=0.4)


def answer_question(answerer: ExtractiveAnswerer, question: str, passages: Sequence[Passage]) -> Reply:
    return asyncio.run(answerer.answer(question, passages, discard))


def test_answer_quotes_sentence_that_answers_the_question(answerer: ExtractiveAnswerer) -> None:
    reply = answer_question(answerer, "How much oil does the pump need?", make_passages())
    assert reply.text.startswith("The pump needs oil once a year. [1]")
    assert (reply.cited, reply.abstained, reply.answered_by) == (frozenset({0}), False, "offline:extractive")


def test_answer_quotes_two_sentences_of_two_sources(answerer: ExtractiveAnswerer) -> None:
    reply = answer_question(answerer, "What was built?", make_passages())
    assert reply.text == "It was built in Graz. [1] The boiler was built in Linz in 1987. [2]"
    assert reply.cited == frozenset({0, 1})


def test_answer_with_quotes_1_has_one_sentence() -> None:
    answerer = ExtractiveAnswerer(LEXICAL, quotes=1)
    assert answer_question(answerer, "What was built?", make_passages()).text == "It was built in Graz. [1]"


@pytest.mark.parametrize("question", ["Who discovered penicillin?", "Is the moon made of green cheese?", "??"])
def test_answer_abstains_from_unrelated_question(question: str, answerer: ExtractiveAnswerer) -> None:
    reply = answer_question(answerer, question, make_passages())
    assert (reply.text, reply.abstained, reply.cited) == (NO_ANSWER, True, frozenset())


def test_answer_abstains_when_support_is_below_threshold() -> None:
    answerer = ExtractiveAnswerer(LEXICAL, abstain_below=0.3)
    assert answer_question(answerer, "What was built?", make_passages(support=0.29)).abstained
    assert not answer_question(answerer, "What was built?", make_passages(support=0.3)).abstained


def test_answer_abstains_without_passages(answerer: ExtractiveAnswerer) -> None:
    assert answer_question(answerer, "What was built?", []).abstained


def test_answer_quotes_sentence_of_overlapping_chunks_once(answerer: ExtractiveAnswerer) -> None:
    text = "The boiler heats water. The pump needs oil once a year."
    first = Chunk("a.txt", "", "", 0, 0, len(text), text)
    overlap = Chunk("a.txt", "", "", 0, 24, len(text), text[24:])
    reply = answer_question(answerer, "Does the pump need oil?", [Passage(first, 0.5), Passage(overlap, 0.4)])
    assert reply.text == "The pump needs oil once a year. [1]"


def test_answer_sentences_are_quotations_of_their_sources(answerer: ExtractiveAnswerer) -> None:
    for question in (
        "What was built in Linz?",
        "What heats water?",
        "Where do birds sing?",
        "What runs at 40 degrees?",
    ):
        reply = answer_question(answerer, question, make_passages())
        for quote, number in re.findall(r"(.+?) \[(\d)\] ?", reply.text):
            assert quote in TEXTS[int(number) - 1]
            assert int(number) - 1 in reply.cited
