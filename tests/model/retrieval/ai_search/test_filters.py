"""Filters of AI Search: which column and which values each field of a filter becomes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import InvalidRequestError
from model.retrieval.ai_search.columns import ColumnMapping
from model.retrieval.ai_search.filters import build_conditions, format_as_clause, format_as_object

LAYOUT = ColumnMapping("a.b.c", {"text": "chunk", "source": "path", "page": "page_number"}, ["draft", "year", "team"])
TYPES = {"page_number": "int", "draft": "boolean", "year": "bigint", "team": "string"}


@pytest.mark.parametrize(
    ("filter_values", "conditions"),
    [
        ({}, {}),
        ({"source": "a.md"}, {"path": ["a.md"]}),
        ({"source": ["b.md", "a.md", "b.md"]}, {"path": ["b.md", "a.md", "b.md"]}),
        ({"source": []}, {"path": []}),
        ({"page": 3}, {"page_number": [3]}),
        ({"page": [0, -3]}, {"page_number": [0, -3]}),
        ({"page": ["12", "-12", "--12", "1.0", "x", "", "+1"]}, {"page_number": [12, -12]}),
        ({"tag": "team=a=b"}, {"team": ["a=b"]}),
        ({"tag": ["team=", "team"]}, {"team": ["", ""]}),
        ({"tag": ["year=2024", "year=soon", "year=-1"]}, {"year": [2024, -1]}),
        ({"tag": ["draft=true", "draft=false", "draft=True", "draft=1"]}, {"draft": [True, False]}),
        ({"source": "a.md", "tag": "team=x"}, {"path": ["a.md"], "team": ["x"]}),
    ],
)
def test_filter_becomes_values_by_column(filter_values: dict[str, Any], conditions: dict[str, list[Any]]) -> None:
    built_conditions = build_conditions(filter_values, LAYOUT, TYPES)
    assert built_conditions == conditions
    assert [list(map(type, values)) for values in built_conditions.values()] == [
        list(map(type, values)) for values in conditions.values()
    ]


@pytest.mark.parametrize("sql_type", ["tinyint", "smallint", "int", "integer", "bigint", "long"])
def test_values_of_an_integer_column_are_integers(sql_type: str) -> None:
    assert build_conditions({"tag": "year=7"}, LAYOUT, {"year": sql_type}) == {"year": [7]}


@pytest.mark.parametrize("types", [{}, {"year": "string"}, {"year": "date"}])
def test_values_of_other_columns_are_text(types: dict[str, str]) -> None:
    assert build_conditions({"tag": "year=7", "page": 7}, LAYOUT, types) == {"year": ["7"], "page_number": ["7"]}


@pytest.mark.parametrize(
    ("filter_values", "message"),
    [
        (
            {"title": "A"},
            "filter.title: the index has no column for it; it can be narrowed by source, page, tag",
        ),
        (
            {"text": "A"},
            "filter.text: the index has no column for it; it can be narrowed by source, page, tag",
        ),
        (
            {"tag": ["team=a", "year=1"]},
            "filter.tag: expected values of one name; ask for those of another one by one",
        ),
        ({"tag": "month=5"}, "filter.tag: expected name=value, where name is one of draft, year, team"),
        ({"tag": "5"}, "filter.tag: expected name=value, where name is one of draft, year, team"),
    ],
)
def test_filter_that_the_index_cannot_apply_is_refused(filter_values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        build_conditions(filter_values, LAYOUT, TYPES)
    assert str(error.value) == message


def test_tag_is_refused_where_the_index_has_no_tags() -> None:
    with pytest.raises(InvalidRequestError) as error:
        build_conditions({"tag": "team=a"}, ColumnMapping("a.b.c", {"text": "t", "source": "s"}), {})
    assert str(error.value) == "filter.tag: the index has no column for it; it can be narrowed by source"


def test_object_contains_text_as_it_is() -> None:
    conditions = {"path": ["maße.md", 'a"b\\c\n'], "year": []}
    formatted = format_as_object(conditions)
    assert list(formatted) == ["filters_json"]
    assert "maße.md" in formatted["filters_json"]
    assert json.loads(formatted["filters_json"]) == conditions


@pytest.mark.parametrize(
    ("conditions", "clause"),
    [
        ({"year": [1, -2]}, "year IN (1, -2)"),
        ({"draft": [True, False]}, "draft IN (true, false)"),
        ({"path": ["", "'", "maße 😀"]}, "path IN ('', '''', 'maße 😀')"),
        ({"path": ["a"], "year": [1], "draft": [True]}, "path IN ('a') AND year IN (1) AND draft IN (true)"),
    ],
)
def test_clause_quotes_text_alone(conditions: dict[str, list[Any]], clause: str) -> None:
    assert format_as_clause(conditions) == {"filter_string": clause}


@pytest.mark.parametrize("value", ["\\", "a\tb", "\x00", "\x7f", "\u2028", "\u202e"])
def test_clause_refuses_what_cannot_be_quoted_safely(value: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        format_as_clause({"year": [1], "path": ["a", value]})
    assert str(error.value) == "filter: this index takes no backslash and no control character in a value"


@given(st.lists(st.text(st.characters(blacklist_characters="\\").filter(str.isprintable)), min_size=1))
def test_quotes_of_a_clause_are_balanced(values: list[str]) -> None:
    """Outside of the quoted values stand only commas and spaces."""
    clause = format_as_clause({"path": values})["filter_string"]
    outside = clause.removeprefix("path IN (").removesuffix(")").split("'")[::2]
    assert set("".join(outside)) <= {",", " "}
    assert clause.count("'") == 2 * len(values) + 2 * sum(value.count("'") for value in values)
