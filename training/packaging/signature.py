"""Make the MLflow signature of a model from its contract.

Inputs are one optional column of any type for each stage. No other form that was tried works with ``load_model``,
REST and ``spark_udf`` alike (docs/decisions.md). Outputs are named structs, so that Spark knows its result type.
"""

from typing import assert_never

from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, Array, ColSpec, DataType, Object, ParamSchema, ParamSpec, Property, Schema

from model.contract.fields import Field
from model.contract.stage_contract import META_FIELDS, Contract


def make_signature(contract: Contract) -> ModelSignature:
    """Return the signature of a model with the stages of ``contract``."""
    outputs = {name: stage.output_fields for name, stage in contract.stages.items()} | {"meta": META_FIELDS}
    any_type = AnyType()  # type: ignore[no-untyped-call]  # MLflow's class is untyped
    return ModelSignature(
        inputs=Schema([ColSpec(any_type, name=name, required=False) for name in contract.stages]),
        outputs=Schema([ColSpec(_struct_type(fields), name=name) for name, fields in outputs.items()]),
        params=ParamSchema([ParamSpec("describe", DataType.boolean, default=False)]),
    )


def _struct_type(fields: tuple[Field, ...]) -> Object:
    return Object([Property(field.name, _field_type(field)) for field in fields])


def _field_type(field: Field) -> DataType | Array | Object:
    match field.kind:
        case "text" | "image":
            return DataType.string
        case "integer":
            return DataType.long
        case "number":
            return DataType.double
        case "boolean":
            return DataType.boolean
        case "object":
            return _struct_type(field.fields)
        case "list":
            return Array(_struct_type(field.fields) if field.fields else DataType.string)
        case _:
            assert_never(field.kind)
