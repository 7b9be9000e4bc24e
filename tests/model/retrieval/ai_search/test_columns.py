"""Columns of an AI Search index: defaults, what a query requests, and problems of the settings."""

from typing import Any

import pytest

from model.config.settings import SettingProblem
from model.retrieval.ai_search.columns import COLUMN_FIELDS, INTEGER_TYPES, ColumnMapping
from model.retrieval.ai_search.retriever import AISearchBackend

find_problems = AISearchBackend().find_problems

NAME = "main.docs.handbook"
BAD_NAME = SettingProblem(("name",), "name must be that of an index in Unity Catalog, catalog.schema.index")
BAD_FIELDS = SettingProblem(
    ("columns",), "columns must name those of text and source, and maybe of title, heading, page, start, end"
)
BAD_COLUMN = SettingProblem(("columns",), "columns and tags must name columns: letters, digits and _")


def test_fields_are_columns_of_their_names_by_default() -> None:
    mapping = ColumnMapping(NAME)
    assert mapping.columns == {name: name for name in ("text", "source", "title", "heading", "page", "start", "end")}
    assert (mapping.tags, mapping.search, mapping.language) == ([], "hybrid", "english")
    assert mapping.requested_columns == list(COLUMN_FIELDS)
    assert mapping.filter_fields == ["source", "title", "heading", "page"]


def test_each_column_is_requested_once_in_order() -> None:
    mapping = ColumnMapping(NAME, {"text": "body", "source": "path", "title": "path"}, ["team", "body", "year"])
    assert mapping.requested_columns == ["body", "path", "team", "year"]


@pytest.mark.parametrize(
    ("columns", "tags", "fields"),
    [
        ({"text": "t", "source": "s"}, [], ["source"]),
        ({"text": "t", "source": "s"}, ["a", "b"], ["source", "tag"]),
        ({"text": "t", "page": "p", "source": "s", "start": "x", "end": "y"}, [], ["page", "source"]),
    ],
)
def test_filter_fields_are_those_with_a_column(columns: dict[str, str], tags: list[str], fields: list[str]) -> None:
    assert ColumnMapping(NAME, columns, tags).filter_fields == fields


@pytest.mark.parametrize(
    "settings",
    [
        {"name": NAME},
        {"name": "my-catalog.docs_2.über"},
        {"name": NAME, "columns": {"text": "a", "source": "_b"}, "tags": ["Team_1"]},
        {"name": NAME, "search": "full_text", "language": "german"},
    ],
)
def test_valid_settings_have_no_problem(settings: dict[str, Any]) -> None:
    assert list(find_problems(settings)) == []


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"name": "docs.handbook"}, BAD_NAME),
        ({"name": "a.main.docs.handbook"}, BAD_NAME),
        ({"name": "main..handbook"}, BAD_NAME),
        ({"name": "main.docs.hand book"}, BAD_NAME),
        ({"name": f"{NAME}\n"}, BAD_NAME),
        (
            {"name": NAME, "language": "germn"},
            SettingProblem(("language",), "there is no language germn; did you mean german?"),
        ),
        ({"name": NAME, "columns": {"text": "a"}}, BAD_FIELDS),
        ({"name": NAME, "columns": {"source": "a"}}, BAD_FIELDS),
        ({"name": NAME, "columns": {"text": "a", "source": "b", "tag": "c"}}, BAD_FIELDS),
        ({"name": NAME, "columns": {"text": "a b", "source": "b", "tag": "c"}}, BAD_FIELDS),
        ({"name": NAME, "columns": {"text": "1a", "source": "b"}}, BAD_COLUMN),
        ({"name": NAME, "columns": {"text": "", "source": "b"}}, BAD_COLUMN),
        ({"name": NAME, "columns": {"text": "a", "source": "a.b"}}, BAD_COLUMN),
        ({"name": NAME, "tags": ["team", "te-am"]}, BAD_COLUMN),
    ],
)
def test_invalid_value_is_the_only_problem(settings: dict[str, Any], problem: SettingProblem) -> None:
    assert list(find_problems(settings)) == [problem]


def test_all_invalid_values_are_reported() -> None:
    settings = {"name": "x", "language": "germn", "tags": ["a b"]}
    assert [problem.path for problem in find_problems(settings)] == [
        ("name",),
        ("language",),
        ("columns",),
    ]


def test_settings_of_another_type_are_reported_before_values() -> None:
    assert [problem.path for problem in find_problems({"name": "x", "tags": "team"})] == [("tags",)]


def test_integer_types_are_lower_case_names_of_sql() -> None:
    assert {"int", "integer", "bigint", "long", "smallint", "tinyint"} == INTEGER_TYPES
