"""Extractive answers: every sentence is a quotation from its source, or the answerer abstains."""

import asyncio
import re
from collections.abc import Sequence

import pytest

from model.blocks import BlockKind, BlockSpan, make_fields
from model.contract.events import discard
from model.interfaces import Reply
from model.passages import Chunk, Passage
from model.providers.offline.extractive_qa import NO_ANSWER, ExtractiveAnswerer
from model.retrieval.local.lexical import Lexical
from model.runtime import usage

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
    assert reply.text == (
        "The pump runs at 40 degrees. It was built in Graz. The pump needs oil once a year. [1] "
        "The boiler was built in Linz in 1987. [2]"
    )
    assert reply.cited == frozenset({0, 1})


def test_answer_with_quotes_1_quotes_one_passage() -> None:
    answerer = ExtractiveAnswerer(LEXICAL, quotes=1)
    text = "The pump runs at 40 degrees. It was built in Graz. The pump needs oil once a year. [1]"
    assert answer_question(answerer, "What was built?", make_passages()).text == text


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


def make_answer(question: str, *texts: str) -> tuple[Reply, list[str]]:
    """Answer from chunks with the given texts, each of a source such as ``0-2023.txt``; return the notes as well."""
    chunks = [Chunk(f"{n}-{2023 + n}.txt", "", "", 0, 0, len(text), text) for n, text in enumerate(texts)]
    answerer = ExtractiveAnswerer(Lexical.build(chunks, "english"), abstain_below=0.3)
    with usage.track_usage() as account:
        reply = answer_question(answerer, question, [Passage(chunk, 0.5, 0.5) for chunk in chunks])
    return reply, account.notes


@pytest.mark.parametrize(
    ("question", "word"),
    [
        ("What does ERR-4032 mean for the pump?", "ERR-4032"),
        ("When was the pump of Singapore built?", "Singapore"),
        ("How did the pump of Singapore change from 1987 to 4031?", "Singapore"),
    ],
)
def test_name_that_no_document_has_is_noted_and_not_answered(question: str, word: str) -> None:
    reply, notes = make_answer(question, "The pump was built in 1987. ERR-4031 means that it is dry.")
    assert reply.abstained
    assert notes == [f"not_in_documents: no document mentions {word}"]


def test_comparison_quotes_both_with_their_names() -> None:
    texts = "The fee for the pump is 110 euros.", "Dogs are welcome.", "The fee for the pump is 135 euros."
    reply, notes = make_answer("How did the fee for the pump change from 2023 to 2025?", *texts)
    assert reply.text == "2023: The fee for the pump is 110 euros. [1] · 2025: The fee for the pump is 135 euros. [3]"
    assert (reply.cited, notes) == (frozenset({0, 2}), [])


def test_versions_are_told_apart_and_the_newest_comes_first() -> None:
    texts = "The fee for the pump is 110 euros.", "The fee for the pump is 135 euros."
    reply, _ = make_answer("How high is the fee for the pump?", *texts)
    assert reply.text == "2024: The fee for the pump is 135 euros. [2] · 2023: The fee for the pump is 110 euros. [1]"


def test_answer_has_at_most_400_characters() -> None:
    text = " ".join(
        f"The pump number {number} is painted in a colour that nobody likes at all." for number in range(20)
    )
    reply, _ = make_answer("Which pump is painted?", text)
    assert 200 < len(reply.text) <= 400


@pytest.mark.parametrize(("support", "abstained"), [(0.2, False), (0.14, True)])
def test_comparison_whose_things_are_found_needs_half_the_support(support: float, *, abstained: bool) -> None:
    texts = ["EPDM rubber stands a heat of 130 degrees.", "FKM rubber stands a heat of 205 degrees."]
    chunks = [Chunk(f"{n}.txt", "", "", 0, 0, len(text), text) for n, text in enumerate(texts)]
    passages = [Passage(chunk, 0.5, support) for chunk in chunks]
    answerer = ExtractiveAnswerer(Lexical.build(chunks, "english"), abstain_below=0.3)
    reply = answer_question(answerer, "Which rubber stands more heat, EPDM or FKM?", passages)
    assert reply.abstained is abstained
    assert answer_question(answerer, "Which rubber stands heat?", passages).abstained


def test_parts_of_a_comparison_are_searched_one_by_one(answerer: ExtractiveAnswerer) -> None:
    parts = asyncio.run(answerer.split_question("Which is heavier, the FM-1 or the FM-2?"))
    assert parts == ["Which is heavier, the FM-1 or the", "Which is heavier, the or the FM-2?"]
    assert asyncio.run(answerer.split_question("How heavy is it?")) == ["How heavy is it?"]


RECORD = "name: Ana Ruiz; role: Managing Director; phone: 4711"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the salary of the managing director?", ""),
        ("What is the telephone number of the managing director?", RECORD),
        ("What is the role of Ana Ruiz?", RECORD),
        ("Who is the managing director?", RECORD),
        ("What is the price of the managing director?", RECORD),
    ],
)
def test_record_answers_what_is_asked_of_a_thing_where_it_says_so(question: str, answer: str) -> None:
    record = make_fields([("name", "Ana Ruiz"), ("role", "Managing Director"), ("phone", "4711")]).text
    texts: dict[str, tuple[str, BlockKind]] = {
        "people.csv": (record, "fields"),
        "pay.txt": ("A salary is paid on the 27th of each month.", "paragraph"),
    }
    chunks = [
        Chunk(source, "", "", 0, 0, len(text), text, (), (BlockSpan(kind, 0, len(text)),))
        for source, (text, kind) in texts.items()
    ]
    reply = answer_question(
        ExtractiveAnswerer(Lexical.build(chunks, "english")), question, [Passage(chunk, 0.5, 0.5) for chunk in chunks]
    )
    assert (reply.text.partition(" [")[0], reply.abstained) == (answer or NO_ANSWER, not answer)
