"""A response has exactly the fields that its version declares, each of its type."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.contract.fields import Field
from model.contract.stage_contract import Contract, StageContract
from training.versions.response_shape import find_shape_errors

VALUES: dict[str, Any] = {
    "text": "a",
    "image": "iVBORw0=",
    "integer": 3,
    "number": 0.5,
    "boolean": True,
    "object": {},
    "list": [],
}
"""A right value of each kind."""


def declare(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"qa": {"outputs": list(fields)}}


def declare_kind(kind: str) -> dict[str, Any]:
    return declare({"name": "a", "kind": kind})


def declare_entries(kind: str) -> dict[str, Any]:
    """Return the declaration of a field that has entries with a text and a number."""
    fields = [{"name": "text", "kind": "text"}, {"name": "score", "kind": "number"}]
    return declare({"name": "sources", "kind": kind, "fields": fields})


@pytest.mark.parametrize("kind", VALUES)
def test_value_of_the_declared_kind_has_no_error(kind: str) -> None:
    assert find_shape_errors({"qa": {"a": VALUES[kind]}}, declare_kind(kind)) == []


@pytest.mark.parametrize("kind", VALUES)
def test_null_is_an_error_of_every_kind(kind: str) -> None:
    assert find_shape_errors({"qa": {"a": None}}, declare_kind(kind)) == [f"qa.a is not {kind}"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 3),
        ("text", ["a"]),
        ("image", b"a"),
        ("integer", 3.0),
        ("integer", "3"),
        ("integer", True),
        ("number", False),
        ("number", "0.5"),
        ("boolean", 1),
        ("boolean", "true"),
        ("object", [{}]),
        ("object", "{}"),
        ("list", {}),
        ("list", "a"),
    ],
)
def test_value_of_another_kind_is_named_by_its_path(kind: str, value: Any) -> None:
    assert find_shape_errors({"qa": {"a": value}}, declare_kind(kind)) == [f"qa.a is not {kind}"]


def test_whole_number_is_a_number() -> None:
    assert find_shape_errors({"qa": {"a": 1}}, declare_kind("number")) == []


@pytest.mark.parametrize("values", [{}, {"b": 1}, {"a": 1, "b": 1}])
def test_missing_or_undeclared_field_is_an_error(values: dict[str, Any]) -> None:
    errors = find_shape_errors({"qa": values}, declare_kind("integer"))
    assert errors == ["qa has other fields than the version declares"]


def test_missing_stages_are_listed_in_the_order_of_declaration() -> None:
    declarations = {name: {"outputs": []} for name in ("qa", "draw", "talk")}
    assert find_shape_errors({"draw": {}}, declarations) == ["qa is missing", "talk is missing"]


def test_stage_that_is_not_declared_is_ignored() -> None:
    assert find_shape_errors({"qa": {"a": "x"}, "meta": {"version": "1"}}, declare_kind("text")) == []


def test_each_field_of_each_stage_is_checked() -> None:
    declarations = {
        name: {"outputs": [{"name": "a", "kind": "text"}, {"name": "b", "kind": "list"}]} for name in ("qa", "draw")
    }
    errors = find_shape_errors({"qa": {"a": 1, "b": 2}, "draw": {"a": "x", "b": 2}}, declarations)
    assert sorted(errors) == ["draw.b is not list", "qa.a is not text", "qa.b is not list"]


@pytest.mark.parametrize(
    ("sources", "errors"),
    [
        ([], []),
        ([{"text": "a", "score": 1.0}], []),
        ([{"text": "a", "score": 1.0}, {"text": "b"}], ["qa.sources has other fields than the version declares"]),
        ([{"text": "a", "score": 1.0}, {"text": 3, "score": None}],
         ["qa.sources.text is not text", "qa.sources.score is not number"]),
        ([None, "text"], ["qa.sources is not object"]),
        ([{"text": 3, "score": 1.0}, {"text": 4, "score": 1.0}],
         ["qa.sources.text is not text"]),
    ],
)  # fmt: skip
def test_every_entry_of_a_list_is_checked(sources: list[Any], errors: list[str]) -> None:
    found_errors = find_shape_errors({"qa": {"sources": sources}}, declare_entries("list"))
    assert list(dict.fromkeys(found_errors)) == errors


@pytest.mark.parametrize(("kind", "value"), [("list", 3), ("list", {"text": 3}), ("object", [{"text": 3}])])
def test_entries_of_a_value_of_another_kind_are_not_checked(kind: str, value: Any) -> None:
    assert find_shape_errors({"qa": {"sources": value}}, declare_entries(kind)) == [f"qa.sources is not {kind}"]


def test_fields_of_an_object_are_checked() -> None:
    declarations = declare_entries("object")
    assert find_shape_errors({"qa": {"sources": {"text": "a", "score": 2}}}, declarations) == []
    assert find_shape_errors({"qa": {"sources": {"text": "a", "score": "2"}}}, declarations) == [
        "qa.sources.score is not number"
    ]


def test_list_without_declared_fields_holds_anything() -> None:
    assert find_shape_errors({"qa": {"a": ["note", 3]}}, declare({"name": "a", "kind": "list", "fields": []})) == []


@given(st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(sorted(VALUES)), max_size=6))
def test_empty_response_of_a_contract_has_the_declared_shape(kinds: Any) -> None:
    outputs = tuple(Field(name, kind) for name, kind in kinds.items())
    stage = StageContract("qa", (), outputs)
    response = Contract({"qa": stage}).empty_response()
    assert find_shape_errors(response, {"qa": stage.describe()}) == []
