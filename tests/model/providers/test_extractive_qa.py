"""Quoted answers: every sentence stands in its source, and nothing is said that is not there."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from model.contract.events import discard
from model.interfaces import Reply
from model.passages import Chunk, Passage
from model.providers.extractive_qa import NO_ANSWER, ExtractiveAnswerer
from model.retrieval.local.lexical import Lexical

TEXTS = [
    "The pump runs at 40 degrees. It was built in Graz. The pump needs oil once a year.",
    "The boiler heats water. The boiler was built in Linz in 1987.",
    "Birds sing in the garden.",
]


CHUNKS = [Chunk(f"{n}.txt", f"Text {n}", "", 0, 0, len(text), text) for n, text in enumerate(TEXTS)]
LEXICAL = Lexical.build(CHUNKS, "english")


def passages(scores: Sequence[float] = (0.5, 0.4, 0.1), support: float = 0.5) -> list[Passage]:
    return [Passage(chunk, score, support) for chunk, score in zip(CHUNKS, scores, strict=True)]


@pytest.fixture
def extractive() -> ExtractiveAnswerer:
    return ExtractiveAnswerer(LEXICAL, quotes=2, margin=0.4)


def ask(extractive: ExtractiveAnswerer, question: str, found: Sequence[Passage]) -> Reply:
    return asyncio.run(extractive.answer(question, found, discard))


def test_it_quotes_the_sentence_that_holds_what_was_asked(extractive: ExtractiveAnswerer) -> None:
    reply = ask(extractive, "How much oil does the pump need?", passages())
    assert reply.text.startswith("The pump needs oil once a year. [1]")
    assert (reply.cited, reply.abstained, reply.answered_by) == (frozenset({0}), False, "offline:extractive")


def test_two_sentences_of_two_sources(extractive: ExtractiveAnswerer) -> None:
    reply = ask(extractive, "What was built?", passages())
    assert reply.text == "It was built in Graz. [1] The boiler was built in Linz in 1987. [2]"
    assert reply.cited == frozenset({0, 1})


def test_one_sentence_when_one_is_wanted() -> None:
    single = ExtractiveAnswerer(LEXICAL, quotes=1)
    assert ask(single, "What was built?", passages()).text == "It was built in Graz. [1]"


@pytest.mark.parametrize("question", ["Who discovered penicillin?", "Is the moon made of green cheese?", "??"])
def test_it_abstains(question: str, extractive: ExtractiveAnswerer) -> None:
    reply = ask(extractive, question, passages())
    assert (reply.text, reply.abstained, reply.cited) == (NO_ANSWER, True, frozenset())


def test_it_abstains_below_what_its_build_found() -> None:
    careful = ExtractiveAnswerer(LEXICAL, abstain_below=0.3)
    assert ask(careful, "What was built?", passages(support=0.29)).abstained
    assert not ask(careful, "What was built?", passages(support=0.3)).abstained


def test_it_abstains_without_passages(extractive: ExtractiveAnswerer) -> None:
    assert ask(extractive, "What was built?", []).abstained


def test_the_same_sentence_of_overlapping_chunks_is_quoted_once(extractive: ExtractiveAnswerer) -> None:
    text = "The boiler heats water. The pump needs oil once a year."
    first = Chunk("a.txt", "", "", 0, 0, len(text), text)
    overlap = Chunk("a.txt", "", "", 0, 24, len(text), text[24:])
    reply = ask(extractive, "Does the pump need oil?", [Passage(first, 0.5), Passage(overlap, 0.4)])
    assert reply.text == "The pump needs oil once a year. [1]"


def test_every_sentence_is_a_quotation(extractive: ExtractiveAnswerer) -> None:
    for question in (
        "What was built in Linz?",
        "What heats water?",
        "Where do birds sing?",
        "What runs at 40 degrees?",
    ):
        reply = ask(extractive, question, passages())
        for quote, number in re.findall(r"(.+?) \[(\d)\] ?", reply.text):
            assert quote in TEXTS[int(number) - 1]
            assert int(number) - 1 in reply.cited
