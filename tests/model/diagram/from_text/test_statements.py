"""Statements: nothing is said that the sentence does not say."""

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
def test_statements(text: str, expected: list[str]) -> None:
    assert [f"{told.subject} | {told.relation} | {told.object}" for told in extract_statements(text)] == expected


def test_phrases() -> None:
    assert extract_phrases("GPT-4 is a powerful language model developed by OpenAI.") == [
        "GPT-4",
        "powerful language model",
        "OpenAI",
    ]


def test_plain() -> None:
    assert strip_markup("**Bold** [link](http://x) `code` is cited. [1]") == "Bold link code is cited."


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for told in extract_statements(text):
        assert told.subject
        assert told.object
