"""Rows of AI Search become passages: numbers, defaults, tags and support."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.passages import Chunk, Passage
from model.retrieval.ai_search.columns import ColumnMapping
from model.retrieval.ai_search.results import SupportMeasure, parse_passages
from model.text_analysis import Analyser

LAYOUT = ColumnMapping(
    "a.b.c", {"text": "body", "source": "path", "page": "page", "start": "start", "end": "end"}, ["team", "year"]
)
COLUMNS = ["body", "path", "page", "start", "end", "team", "year", "score"]
ROW = {"body": "A red fox", "path": "a.md", "page": 2, "start": 10, "end": 19, "team": "x", "year": 2024, "score": 0.5}


def make_measure(question: str = "red fox") -> SupportMeasure:
    return SupportMeasure(question, Analyser())


def parse_rows(*rows: dict[str, Any], types: dict[str, str] | None = None) -> list[Passage]:
    response = {
        "manifest": {"columns": [{"name": name} for name in COLUMNS]},
        "result": {"data_array": [[(ROW | row)[name] for name in COLUMNS] for row in rows]},
    }
    return parse_passages(response, LAYOUT, {"year": "int"} if types is None else types, make_measure())


def test_row_becomes_a_passage_with_its_score_and_support() -> None:
    assert parse_rows({}) == [
        Passage(Chunk("a.md", "", "", 2, 10, 19, "A red fox", ("team=x", "year=2024")), score=0.5, support=1.0)
    ]


def test_passages_stay_in_the_order_of_the_rows() -> None:
    passages = parse_rows({"path": "b", "score": 0.1}, {"path": "a", "score": 0.9}, {"path": "b", "score": 0.1})
    assert [(passage.chunk.source, passage.score) for passage in passages] == [("b", 0.1), ("a", 0.9), ("b", 0.1)]


@pytest.mark.parametrize(
    ("column", "value", "field", "expected"),
    [
        ("page", "7", "page", 7),
        ("page", 7.0, "page", 7),
        ("page", "7.0", "page", 7),
        ("page", None, "page", 0),
        ("start", None, "start", 0),
        ("end", None, "end", 9),
        ("end", 0, "end", 0),
        ("body", None, "text", ""),
        ("path", 5, "source", "5"),
        ("team", None, "tags", ("year=2024",)),
        ("team", "", "tags", ("team=", "year=2024")),
        ("team", True, "tags", ("team=true", "year=2024")),
        ("team", False, "tags", ("team=false", "year=2024")),
        ("year", "2024", "tags", ("team=x", "year=2024")),
        ("year", 2024.0, "tags", ("team=x", "year=2024")),
        ("year", 0, "tags", ("team=x", "year=0")),
    ],
)
def test_value_of_a_column_is_converted(column: str, value: Any, field: str, expected: Any) -> None:
    (passage,) = parse_rows({column: value})
    assert getattr(passage.chunk, field) == expected


def test_tag_without_an_integer_type_stays_as_it_is() -> None:
    (passage,) = parse_rows({"year": "2024.0"}, types={})
    assert passage.chunk.tags == ("team=x", "year=2024.0")


@pytest.mark.parametrize(
    ("score", "expected"), [("0.25", 0.25), (1, 1.0), (0.12345649, 0.123456), (0.12345651, 0.123457)]
)
def test_score_is_rounded_to_six_digits(score: Any, expected: float) -> None:
    assert parse_rows({"score": score})[0].score == expected


@pytest.mark.parametrize("result", [{}, {"data_array": []}, {"data_array": None}, None])
def test_response_without_rows_has_no_passages(result: Any) -> None:
    manifest = {"columns": [{"name": name} for name in COLUMNS]}
    assert parse_passages({"manifest": manifest, "result": result}, LAYOUT, {}, make_measure()) == []
    assert parse_passages({"manifest": manifest}, LAYOUT, {}, make_measure()) == []


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({}, KeyError),
        ({"manifest": {"columns": [{}]}}, KeyError),
        ({"manifest": None}, TypeError),
        ({"manifest": {"columns": [{"name": "body"}]}, "result": {"data_array": [["a", 1]]}}, ValueError),
        ({"manifest": {"columns": [{"name": "body"}]}, "result": {"data_array": [["a"]]}}, KeyError),
    ],
)
def test_response_of_another_shape_raises_an_error(response: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_passages(response, LAYOUT, {}, make_measure())


@pytest.mark.parametrize(
    ("question", "text", "support"),
    [
        ("Which foxes are red?", "A red fox", 1.0),
        ("Which foxes are red?", "The fox", 0.5),
        ("red blue fox", "RED red red", 0.333333),
        ("red blue fox", "blue foxes", 0.666667),
        ("red red fox", "red", 0.5),
        ("red", "", 0.0),
        ("", "red", 0.0),
        ("??", "red", 0.0),
    ],
)
def test_support_is_the_share_of_the_stems_of_the_question(question: str, text: str, support: float) -> None:
    assert make_measure(question).measure(text) == support


def test_support_counts_title_and_heading() -> None:
    layout = ColumnMapping("a.b.c", {"text": "text", "source": "source", "title": "title", "heading": "heading"})
    names = ["text", "source", "title", "heading", "score"]
    response = {
        "manifest": {"columns": [{"name": name} for name in names]},
        "result": {"data_array": [["It runs.", "a", "Fox", "Red > Blue", 1], ["It runs.", "a", None, "Red", 1]]},
    }
    passages = parse_passages(response, layout, {}, make_measure("red blue fox runs"))
    assert [passage.support for passage in passages] == [1.0, 0.5]


words = st.lists(st.sampled_from(["fox", "red", "whale", "blue", "swims"]), max_size=6).map(" ".join)


@given(words, words, words)
def test_longer_text_has_no_less_support(question: str, text: str, addition: str) -> None:
    measure = make_measure(question)
    assert 0 <= measure.measure(text) <= measure.measure(f"{text} {addition}") <= 1
    assert measure.measure(question) == bool(question)
