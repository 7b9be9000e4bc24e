"""The JSON contract: what a stage takes and gives, declared once.

The MLflow signature, the validation, the example, ``describe`` and docs/contract.md are all made from
these declarations. Nothing in a response is ever null: ``""``, ``[]``, ``0`` and ``false`` mean none,
because one null struct in its output fails a whole ``spark_udf`` job.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias, assert_never

from .errors import InvalidRequestError

Kind: TypeAlias = Literal["text", "image", "integer", "number", "boolean", "object", "list"]
Values: TypeAlias = dict[str, Any]
"""The fields of one stage by name: what it takes, or what it gives."""
Response: TypeAlias = dict[str, Values]
"""One answered request: every stage of the profile by name, and ``meta``."""


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field.

    ``least`` and ``most`` bound a whole number, or the characters of a text. ``fields`` are those of an
    object, or of each entry of a list. ``image`` is base64 text, which no reference may read.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    least: int = 0
    most: int = 0
    fields: tuple["Field", ...] = ()
    example: Any = None

    def read(self, value: object) -> object:
        """``value`` as this field's own type. Raises InvalidRequestError, which never repeats the value."""
        match self.kind:
            case "text" | "image":
                fits = isinstance(value, str) and bool(value.strip()) and len(value) <= self.most
            case "integer":
                value = int(value) if isinstance(value, float) and value.is_integer() else value
                fits = type(value) is int and self.least <= value <= self.most
            case "number":
                fits = isinstance(value, int | float) and not isinstance(value, bool)
            case "boolean":
                fits = isinstance(value, bool)
            case "object":
                fits = isinstance(value, dict) and value.keys() <= {field.name for field in self.fields}
            case "list":
                fits = isinstance(value, list)
            case _:
                assert_never(self.kind)
        if not fits:
            raise InvalidRequestError(f"expected {self.expectation}")
        return value

    @property
    def expectation(self) -> str:
        """What the field takes, in words."""
        match self.kind:
            case "text" | "image":
                return f"text of 1 to {self.most:,} characters"
            case "integer":
                return f"a whole number from {self.least} to {self.most}"
            case "number":
                return "a number"
            case "boolean":
                return "true or false"
            case "object":
                return f"an object with {', '.join(field.name for field in self.fields)}"
            case "list":
                return "a list"
            case _:
                assert_never(self.kind)

    @property
    def empty(self) -> object:
        """The value that means none."""
        match self.kind:
            case "text" | "image":
                return ""
            case "integer":
                return 0
            case "number":
                return 0.0
            case "boolean":
                return False
            case "object":
                return {field.name: field.empty for field in self.fields}
            case "list":
                return []
            case _:
                assert_never(self.kind)

    def describe(self) -> Values:
        """The declaration as JSON."""
        told: Values = {"name": self.name, "kind": self.kind, "description": self.description}
        if self.required:
            told["required"] = True
        if self.most:
            told |= {"least": self.least, "most": self.most}
        if self.fields:
            told["fields"] = [field.describe() for field in self.fields]
        return told


USAGE = Field(
    "usage",
    "object",
    "What the stage used.",
    fields=(
        Field("input_tokens", "integer", "Tokens sent to a chat model."),
        Field("output_tokens", "integer", "Tokens that it gave."),
        Field("images", "integer", "Pictures made."),
        Field("cost", "number", "Cost in US dollars, as far as it is known."),
        Field("cost_known", "boolean", "Whether cost is the whole cost."),
        Field("cached", "boolean", "Whether the result came out of a cache."),
    ),
)
COMMON = (
    Field("ran", "boolean", "Whether the stage was run for this request."),
    Field("error", "text", "Why it failed: a stable code, a colon, what to do. Empty when it did not."),
    Field("seconds", "number", "How long it took, from its start."),
    Field("answered_by", "text", "The provider and what it answered with."),
    USAGE,
)
META = (
    Field("version", "text", "The registered version that answered; empty before registration."),
    Field("trace_id", "text", "The MLflow trace of this request, when tracing is on."),
    Field("description", "text", 'The declarations as JSON, with params={"describe": true}.'),
)


@dataclass(frozen=True, slots=True)
class StageContract:
    """What one stage takes and gives, beyond the fields that all stages give."""

    name: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    @property
    def declared(self) -> tuple[Field, ...]:
        """All output fields, the common ones last."""
        return self.outputs + COMMON

    def empty(self) -> Values:
        """The fields of a stage that was not run."""
        return {field.name: field.empty for field in self.declared}

    def output(self, name: str) -> Field | None:
        """The output field of that name."""
        return next((field for field in self.declared if field.name == name), None)

    def read(self, given: object) -> Values:
        """The declared fields of ``given``; None counts as absent.

        Raises InvalidRequestError, naming the field. A field that is not declared is ignored, as MLflow
        ignores a column, unless its name is nearly a declared one: a misspelt filter must not be dropped.
        """
        if not isinstance(given, dict):
            raise InvalidRequestError(f"{self.name}: expected an object with {self._names}")
        self._refuse_misspelt(given)
        return {field.name: self._field(field, given) for field in self.inputs if self._wanted(field, given)}

    def example(self) -> Values:
        """The example values of the inputs that have one."""
        return {field.name: field.example for field in self.inputs if field.example is not None}

    def describe(self) -> Values:
        """The declaration as JSON."""
        return {
            "inputs": [field.describe() for field in self.inputs],
            "outputs": [field.describe() for field in self.declared],
        }

    @property
    def _names(self) -> str:
        return ", ".join(field.name for field in self.inputs)

    @staticmethod
    def _wanted(field: Field, given: Values) -> bool:
        return field.required or given.get(field.name) is not None

    def _field(self, field: Field, given: Values) -> object:
        try:
            return field.read(given.get(field.name))
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{self.name}.{field.name}: {error}") from None

    def _refuse_misspelt(self, given: Values) -> None:
        names = [field.name for field in self.inputs]
        for other in set(map(str, given)) - set(names):
            near = get_close_matches(other.lower(), names, n=1, cutoff=0.8)
            if near:
                raise InvalidRequestError(f"{self.name}: expected the field {near[0]}, found a name that is nearly it")


@dataclass(frozen=True, slots=True)
class Contract:
    """The stages of a profile, in its order."""

    stages: Mapping[str, StageContract]

    def empty(self, version: str = "") -> Response:
        """A response in which nothing ran."""
        response = {name: stage.empty() for name, stage in self.stages.items()}
        return response | {"meta": {field.name: field.empty for field in META} | {"version": version}}

    def example(self) -> Response:
        """A request that asks every stage."""
        return {name: stage.example() for name, stage in self.stages.items()}

    def describe(self) -> Values:
        """All declarations as JSON."""
        return {"stages": {name: stage.describe() for name, stage in self.stages.items()}}

    def fields(self) -> set[str]:
        """The names of all input fields."""
        return {field.name for stage in self.stages.values() for field in stage.inputs}
