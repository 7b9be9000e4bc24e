"""Statements and phrases of sentences: only the content of the sentence is extracted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.diagram.from_text.part_of_speech import strip_markup
from model.diagram.from_text.statements import extract_phrases, extract_statements


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "LangChain is a framework designed to simplify the creation of applications using large language models.",
            [
                "LangChain | is | framework",
                "framework | designed to simplify | creation of applications",
                "creation of applications | using | large language models",
            ],
        ),
        ("A futuristic city with flying cars", ["futuristic city | with | flying cars"]),
        (
            "A CEO leads engineering, sales and marketing.",
            ["CEO | leads | engineering", "CEO | leads | sales", "CEO | leads | marketing"],
        ),
        (
            "Photosynthesis turns water and light into sugar.",
            ["Photosynthesis | turns | water", "Photosynthesis | turns | light", "Photosynthesis | turns into | sugar"],
        ),
        ("User -> API gateway → index", ["User |  | API gateway", "API gateway |  | index"]),
        ("The water cycle: evaporation, rain", ["water cycle |  | evaporation", "water cycle |  | rain"]),
        ("The index folder holds `index.faiss`.", ["index folder | holds | index.faiss"]),
        ("LangChain never had the class.", ["LangChain | never had | class"]),
        ("A model that fails its test is not served.", []),
        ("The dog barks, and the cat sleeps on the sofa.", ["cat | sleeps on | sofa"]),
        ("LangChain cuts the documents into chunks.", ["LangChain | cuts | documents", "documents | into | chunks"]),
    ],
)
def test_extract_statements_returns_subject_relation_object(text: str, expected: list[str]) -> None:
    assert [
        f"{statement.subject} | {statement.relation} | {statement.object}" for statement in extract_statements(text)
    ] == expected


def test_extract_phrases_returns_the_phrases_of_a_sentence() -> None:
    assert extract_phrases("GPT-4 is a powerful language model developed by OpenAI.") == [
        "GPT-4",
        "powerful language model",
        "OpenAI",
    ]


def test_strip_markup_removes_emphasis_links_and_citations() -> None:
    assert strip_markup("**Bold** [link](http://x) `code` is cited. [1]") == "Bold link code is cited."


@given(st.text(max_size=200))
def test_statements_of_any_text_have_subject_and_object(text: str) -> None:
    for statement in extract_statements(text):
        assert statement.subject
        assert statement.object


def test_contracted_negation_stays_in_the_statement() -> None:
    assert list(extract_statements("Cats don't eat dogs.")) == list(extract_statements("Cats do not eat dogs."))
