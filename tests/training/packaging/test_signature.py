"""The signature has an optional column for each stage, and a struct for each stage's outputs."""

from typing import Any

import pytest
from mlflow.types import DataType
from mlflow.types.schema import Array, Object, Property

from model.contract.fields import FIELD_KINDS, Field, FieldKind
from model.contract.stage_contract import Contract, StageContract
from training.packaging.signature import make_signature

ENTRY = (Field("text", "text"), Field("score", "number"))
COMMON = ["ran", "error", "seconds", "answered_by", "notes", "usage"]


def make_contract(*outputs: Field) -> Contract:
    """Return a contract with a stage of these outputs, and another without any."""
    stages = {"qa": StageContract("qa", (), outputs), "draw": StageContract("draw", (), ())}
    return Contract(stages)


def read_output_type(field: Field) -> Any:
    """Return the type that the signature has for an output field."""
    column = make_signature(make_contract(field)).outputs.inputs[0].type
    return {entry.name: entry.dtype for entry in column.properties}[field.name]


def test_inputs_are_optional_columns_of_any_type_in_order() -> None:
    assert make_signature(make_contract()).inputs.to_dict() == [
        {"type": "any", "name": "qa", "required": False},
        {"type": "any", "name": "draw", "required": False},
    ]


def test_outputs_are_required_structs_of_all_fields_and_meta_last() -> None:
    columns = make_signature(make_contract(Field("answer", "text"))).outputs.to_dict()
    assert [(column["name"], column["type"], column["required"]) for column in columns] == [
        ("qa", "object", True),
        ("draw", "object", True),
        ("meta", "object", True),
    ]
    assert [set(column["properties"]) for column in columns] == [
        {"answer", *COMMON},
        {*COMMON},
        {"version", "trace_id", "description"},
    ]


def test_common_fields_have_the_types_that_spark_receives() -> None:
    properties = make_signature(make_contract()).outputs.to_dict()[0]["properties"]
    assert {name: properties[name]["type"] for name in COMMON} == {
        "ran": "boolean",
        "error": "string",
        "seconds": "double",
        "answered_by": "string",
        "notes": "array",
        "usage": "object",
    }
    usage = properties["usage"]["properties"]
    assert (usage["input_tokens"]["type"], usage["cost"]["type"], usage["cached"]["type"]) == (
        "long",
        "double",
        "boolean",
    )


def test_only_parameter_is_describe_which_is_off() -> None:
    assert make_signature(make_contract()).params.to_dict() == [
        {"name": "describe", "type": "boolean", "default": False, "shape": None}
    ]


@pytest.mark.parametrize(
    ("kind", "column_type"),
    [
        ("text", DataType.string),
        ("image", DataType.string),
        ("integer", DataType.long),
        ("number", DataType.double),
        ("boolean", DataType.boolean),
        ("list", Array(DataType.string)),
    ],
)
def test_kind_of_a_field_becomes_a_type_of_mlflow(kind: FieldKind, column_type: Any) -> None:
    assert read_output_type(Field("a", kind)) == column_type


def test_object_and_list_with_fields_become_structs() -> None:
    struct = Object([Property("text", DataType.string), Property("score", DataType.double)])
    assert read_output_type(Field("a", "object", fields=ENTRY)) == struct
    assert read_output_type(Field("a", "list", fields=ENTRY)) == Array(struct)


def test_nested_fields_keep_their_structure() -> None:
    nested = Field("a", "list", fields=(Field("b", "object", fields=(Field("c", "list", fields=ENTRY),)),))
    struct = Object([Property("text", DataType.string), Property("score", DataType.double)])
    assert read_output_type(nested) == Array(Object([Property("b", Object([Property("c", Array(struct))]))]))


def test_every_kind_of_field_has_a_type() -> None:
    for kind in FIELD_KINDS:
        assert read_output_type(Field("a", kind, fields=ENTRY)) is not None


def test_undeclared_kind_is_refused() -> None:
    undeclared: Any = "date"
    with pytest.raises(AssertionError, match="date"):
        make_signature(make_contract(Field("a", undeclared)))
