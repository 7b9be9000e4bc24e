"""Fields from a profile's short form and from JSON schemas."""

from typing import Any

import pytest

from model.contract.fields import FIELD_KINDS, Field, FieldKind
from model.contract.json_schema import parse_declarations, parse_json_schema
from model.errors import ProfileError

UNKNOWN_TYPE = "what {} is cannot be told from the Runnable's schema; declare inputs and outputs"


@pytest.mark.parametrize("kind", FIELD_KINDS)
@pytest.mark.parametrize("required", [True, False])
def test_short_declaration_limits_texts_alone(kind: FieldKind, required: bool) -> None:
    maximum = 100_000 if kind == "text" else 0
    assert parse_declarations({"a": kind}, required=required) == (Field("a", kind, required=required, maximum=maximum),)
    assert parse_declarations({"a": {"kind": kind}}, required=required) == parse_declarations(
        {"a": kind}, required=required
    )


def test_full_declaration_sets_each_property() -> None:
    declared = {
        "style": {
            "kind": "text",
            "description": "The form.",
            "required": False,
            "most": 9,
            "choices": ["map", "flow"],
            "example": "map",
        },
        "k": {"kind": "integer", "least": 2, "most": 7},
    }
    assert parse_declarations(declared, required=True) == (
        Field("style", "text", "The form.", maximum=9, choices=("map", "flow"), example="map"),
        Field("k", "integer", required=True, minimum=2, maximum=7),
    )


def test_inner_field_is_optional_unless_it_says_otherwise() -> None:
    declared = {"rows": {"kind": "list", "fields": {"text": {"kind": "text", "required": True}, "page": "integer"}}}
    (field,) = parse_declarations(declared, required=True)
    assert field == Field(
        "rows",
        "list",
        required=True,
        fields=(Field("text", "text", required=True, maximum=100_000), Field("page", "integer")),
    )


def test_no_declarations_are_no_fields() -> None:
    assert parse_declarations({}, required=True) == ()


@pytest.mark.parametrize("declaration", ["string", "", None, ["text"], {"most": 3}, {"kind": "text", "maximum": 3}])
def test_invalid_declaration_lists_kinds_and_keys(declaration: object) -> None:
    with pytest.raises(ProfileError) as error:
        parse_declarations({"good": "text", "bad": declaration}, required=True)
    assert str(error.value) == (
        "the field bad is declared by a kind (text, image, integer, number, boolean, object, list), or by an object "
        "with kind, description, required, least, most, fields, choices, example"
    )


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "string"}, Field("a", "text", maximum=100_000)),
        ({"type": "integer"}, Field("a", "integer")),
        ({"type": "number"}, Field("a", "number")),
        ({"type": "boolean"}, Field("a", "boolean")),
        ({"type": "string", "title": "A"}, Field("a", "text", "A", maximum=100_000)),
        ({"type": "string", "title": "A", "description": "B"}, Field("a", "text", "B", maximum=100_000)),
        ({"type": "string", "enum": ["x", 1, "y"]}, Field("a", "text", maximum=100_000, choices=("x", "y"))),
        ({"type": "array", "items": {"type": "string"}, "title": "A"}, Field("a", "list", "A")),
        (
            {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}},
            Field("a", "list", fields=(Field("n", "number"),)),
        ),
        (
            {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]},
            Field("a", "object", fields=(Field("n", "number", required=True),)),
        ),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, Field("a", "integer")),
        ({"oneOf": [{"type": "integer"}, {"type": "null"}], "title": "A"}, Field("a", "integer", "A")),
        (
            {"anyOf": [{"type": "integer", "title": "Inner"}, {"type": "null"}], "description": "Outer"},
            Field("a", "integer", "Outer"),
        ),
        ({"$ref": "#/$defs/Count"}, Field("a", "integer", "How many.")),
        ({"anyOf": [{"$ref": "#/$defs/Count"}, {"type": "null"}]}, Field("a", "integer", "How many.")),
        ({"type": "array", "items": {"$ref": "#/$defs/Row"}}, Field("a", "list", fields=(Field("page", "integer"),))),
        (
            {"anyOf": [{"$ref": "#/$defs/AIMessage"}, {"$ref": "#/$defs/AIMessageChunk"}]},
            Field("a", "text", "The message's text.", maximum=100_000),
        ),
        ({"type": "object", "title": "AIMessage", "properties": {}}, Field("a", "text", maximum=100_000)),
    ],
)
def test_schema_of_a_property_becomes_a_field(schema: dict[str, Any], field: Field) -> None:
    definitions = {
        "Count": {"type": "integer", "description": "How many."},
        "Row": {"type": "object", "properties": {"page": {"type": "integer"}}},
    }
    root = {"type": "object", "properties": {"a": schema}, "$defs": definitions}
    assert parse_json_schema(root, "input") == (field,)


def test_fields_have_the_order_of_the_schema_and_its_required_names() -> None:
    properties = {"b": {"type": "integer"}, "a": {"type": "number"}, "c": {"type": "boolean"}}
    assert parse_json_schema({"type": "object", "properties": properties, "required": ["c", "a"]}, "input") == (
        Field("b", "integer"),
        Field("a", "number", required=True),
        Field("c", "boolean", required=True),
    )


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "string"}, Field("output", "text", required=True, maximum=100_000)),
        ({"type": "array", "items": {"type": "string"}}, Field("output", "list", required=True)),
        (
            {"$ref": "#/$defs/Count", "$defs": {"Count": {"type": "integer"}}},
            Field("output", "integer", required=True),
        ),
    ],
)
def test_schema_without_object_is_one_required_field(schema: dict[str, Any], field: Field) -> None:
    assert parse_json_schema(schema, "output") == (field,)


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({}, "output"),
        ({"type": "object"}, "output"),
        ({"type": "null"}, "output"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "output"),
        ({"type": "array", "items": {"type": "number"}}, "output"),
        ({"type": "array"}, "output"),
        ({"type": "object", "properties": {"a": {"type": "object"}}}, "a"),
        ({"type": "object", "properties": {"a": {}}}, "a"),
        ({"type": "array", "items": {"type": "object", "properties": {"b": {"type": "null"}}}}, "b"),
    ],
)
def test_schema_that_no_contract_can_hold_names_the_field(schema: dict[str, Any], name: str) -> None:
    with pytest.raises(ProfileError) as error:
        parse_json_schema(schema, "output")
    assert str(error.value) == UNKNOWN_TYPE.format(name)
