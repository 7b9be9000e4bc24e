"""What a door needs to know of a stage, read from the version's own description."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

FieldDeclaration = Mapping[str, Any]
JsonSchema = dict[str, Any]
_COMMON_OUTPUTS = frozenset({"ran", "error", "seconds", "answered_by", "notes", "usage"})
"""Output fields that every stage has."""
_SIMPLE_TYPES = {"text": "string", "image": "string", "integer": "integer", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True, slots=True)
class DescribedStage:
    """A stage of the version.

    Attributes:
        name: Name of the stage in requests and responses.
        kind: Kind of the stage.
        inputs: Declarations of its input fields.
        outputs: Declarations of its output fields.
    """

    name: str
    kind: str
    inputs: Sequence[FieldDeclaration]
    outputs: Sequence[FieldDeclaration]

    @classmethod
    def list_all(cls, description: Mapping[str, Any]) -> list[Self]:
        """Return the stages of a description, in the profile's order."""
        return [
            cls(name, stage["kind"], stage["inputs"], stage["outputs"]) for name, stage in description["stages"].items()
        ]

    @property
    def main_input(self) -> str:
        """The field of a message to the stage, such as its question or prompt; empty when no text is required."""
        return next((field["name"] for field in self.inputs if field.get("required") and field["kind"] == "text"), "")

    @property
    def image_output(self) -> str:
        """The field with a picture; empty when there is none."""
        return next((field["name"] for field in self.outputs if field["kind"] == "image"), "")

    @property
    def text_output(self) -> str:
        """The field with the stage's text, such as its answer; empty for a stage that makes pictures."""
        if self.image_output:
            return ""
        return next((field["name"] for field in self._own_outputs() if field["kind"] == "text"), "")

    @property
    def has_sources(self) -> bool:
        """Whether the stage returns passages."""
        return any(field["name"] == "sources" and field["kind"] == "list" for field in self.outputs)

    @property
    def takes_history(self) -> bool:
        """Whether the stage takes earlier questions and answers."""
        return any(
            field["name"] == "history"
            and {"question", "answer"} <= {entry["name"] for entry in field.get("fields", ())}
            for field in self.inputs
        )

    @property
    def summary(self) -> str:
        """One sentence about the stage, from the descriptions of its fields."""
        needed = [str(field["description"]) for field in self.inputs if field.get("required")]
        returned = [str(field["description"]) for field in self._own_outputs() if field["kind"] in {"text", "image"}]
        return " ".join([f"Stage {self.name} ({self.kind}).", *needed, "Returns:", *returned[:1]]).strip()

    def make_input_schema(self) -> JsonSchema:
        """Return the JSON schema (2020-12) of the stage's input."""
        return _make_object_schema(self.inputs, takes_alternatives=False)

    def make_output_schema(self) -> JsonSchema:
        """Return the JSON schema (2020-12) of the stage's output, without the picture."""
        fields = [field for field in self.outputs if field["kind"] != "image"]
        return {
            "type": "object",
            "properties": {field["name"]: _make_output_schema(field) for field in fields},
            "required": [field["name"] for field in fields],
        }

    def _own_outputs(self) -> Iterator[FieldDeclaration]:
        return (field for field in self.outputs if field["name"] not in _COMMON_OUTPUTS)


def _make_object_schema(fields: Sequence[FieldDeclaration], *, takes_alternatives: bool) -> JsonSchema:
    schemas = {field["name"]: _make_input_schema(field) for field in fields}
    if takes_alternatives:
        schemas = {
            name: {"description": schema.pop("description", ""), "anyOf": [schema, {"type": "array", "items": schema}]}
            for name, schema in schemas.items()
        }
    required = [field["name"] for field in fields if field.get("required")]
    schema: JsonSchema = {"type": "object", "properties": schemas, "additionalProperties": False}
    return schema | ({"required": required} if required else {})


def _make_input_schema(field: FieldDeclaration) -> JsonSchema:
    """Return the schema of one input field; an object's values may each be a list of alternatives."""
    kind, entries = field["kind"], field.get("fields", ())
    schema: JsonSchema
    match kind:
        case "object":
            schema = _make_object_schema(entries, takes_alternatives=True)
        case "list":
            items = _make_object_schema(entries, takes_alternatives=False) if entries else {"type": "string"}
            schema = {"type": "array", "items": items} | ({"maxItems": field["most"]} if "most" in field else {})
        case _:
            schema = {"type": _SIMPLE_TYPES[kind], **_make_bounds(field)}
    return schema | {"description": field["description"]}


def _make_bounds(field: FieldDeclaration) -> JsonSchema:
    if "choices" in field:
        return {"enum": list(field["choices"])}
    if "most" not in field:
        return {}
    if field["kind"] == "text":
        return {"minLength": 1, "maxLength": field["most"]}
    return {"minimum": field["least"], "maximum": field["most"]}


def _make_output_schema(field: FieldDeclaration) -> JsonSchema:
    kind, entries = field["kind"], field.get("fields", ())
    properties = {entry["name"]: _make_output_schema(entry) for entry in entries}
    match kind:
        case "object":
            schema: JsonSchema = {"type": "object", "properties": properties}
        case "list":
            items = {"type": "object", "properties": properties} if entries else {"type": "string"}
            schema = {"type": "array", "items": items}
        case _:
            schema = {"type": _SIMPLE_TYPES[kind]}
    return schema | {"description": field["description"]}
