"""Define the JSON contract: the inputs and outputs of each stage, declared once.

The MLflow signature, validation, input example, ``describe`` and docs/contract.md are all made from these
declarations. A response contains no null: ``""``, ``[]``, ``0`` and ``false`` mean "none", because one null struct in
its output fails a whole ``spark_udf`` job.
"""

import dataclasses
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeAlias

from ..errors import InvalidRequestError
from .fields import Field, StageValues, empty_values

Response: TypeAlias = dict[str, StageValues]
"""The answer to one request: the output fields of every stage by name, and ``meta``."""

USAGE_FIELD = Field(
    "usage",
    "object",
    "What the stage consumed.",
    fields=(
        Field("input_tokens", "integer", "Tokens sent to a chat model."),
        Field("output_tokens", "integer", "Tokens that a chat model returned."),
        Field("images", "integer", "Images generated."),
        Field("cost", "number", "Cost in US dollars, as far as prices are known."),
        Field("cost_known", "boolean", "Whether cost contains every call."),
        Field("cached", "boolean", "Whether the result came from a cache."),
    ),
)
COMMON_FIELDS = (
    Field("ran", "boolean", "Whether the stage ran for this request."),
    Field("error", "text", "Error of the stage: a stable code, a colon, what to do. Empty on success."),
    Field("seconds", "number", "Duration of the stage."),
    Field("answered_by", "text", "Provider and model that answered."),
    Field("notes", "list", "Notes on the result, each a stable code, a colon, a sentence."),
    USAGE_FIELD,
)
META_FIELDS = (
    Field("version", "text", "The registered version that answered; empty before registration."),
    Field("trace_id", "text", "The MLflow trace of this request, when tracing is on."),
    Field("description", "text", 'The declarations as JSON, with params={"describe": true}.'),
)


RUN_FIELD = Field(
    "run", "boolean", "true runs the stage with what the profile says for the other fields; false does not."
)
"""Input of a stage without required fields. An empty object means "absent", as Spark's NULL does."""


@dataclasses.dataclass(frozen=True, slots=True)
class StageContract:
    """Inputs and outputs of one stage, beyond the fields that all stages have.

    Attributes:
        name: Name of the stage in the profile.
        inputs: Declared input fields.
        outputs: Declared output fields.
        kind: Kind of the stage.
        unless: Stage and boolean field; the stage is skipped when that field is true.
        providers: Provider of the stage by role.
    """

    name: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    kind: str = ""
    unless: tuple[str, str] | None = None
    providers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def input_fields(self) -> tuple[Field, ...]:
        """All input fields."""
        return self.inputs if any(field.required_from_caller for field in self.inputs) else (*self.inputs, RUN_FIELD)

    @property
    def output_fields(self) -> tuple[Field, ...]:
        """All output fields, the common ones last."""
        return self.outputs + COMMON_FIELDS

    def empty_values(self) -> StageValues:
        """Return the output fields of a stage that did not run."""
        return empty_values(self.output_fields)

    def find_output(self, name: str) -> Field | None:
        """Return the output field called ``name``, or None."""
        return next((field for field in self.output_fields if field.name == name), None)

    def parse(self, raw: object) -> StageValues:
        """Return the declared input fields of ``raw``, with the profile's defaults for absent ones.

        A field that is not declared is ignored, as MLflow ignores a column, unless its name is nearly a declared one: a
        misspelled filter must not be dropped.

        Raises:
            InvalidRequestError: ``raw`` is no object, or a field does not fit. The message names the field.
        """
        if not isinstance(raw, dict):
            raise InvalidRequestError(f"{self.name}: expected an object with {self._input_names}")
        self._refuse_misspelled(raw)
        return self.validate(
            {
                field.name: field.default if raw.get(field.name) is None else raw[field.name]
                for field in self.input_fields
            }
        )

    def validate(self, values: StageValues) -> StageValues:
        """Return ``values`` by field, each in its own type.

        Raises:
            InvalidRequestError: A required field is missing or a value does not fit. The message names the field.
        """
        present = [field for field in self.input_fields if field.required or values.get(field.name) is not None]
        return {field.name: self._parse_field(field, values.get(field.name)) for field in present}

    def serialize(self, raw: StageValues) -> StageValues:
        """Return the output fields of ``raw`` as declared.

        Raises:
            StageFailedError: A value has another type than declared.
        """
        return {field.name: field.serialize(raw[field.name]) for field in self.output_fields if field.name in raw}

    def example_values(self) -> StageValues:
        """Return a value for each input that is required or has an example; ``{"run": True}`` without any."""
        shown = [
            field
            for field in self.inputs
            if field.required_from_caller or (field.example is not None and field.default is None)
        ]
        return {field.name: field.example_value for field in shown} or {RUN_FIELD.name: True}

    def describe(self) -> StageValues:
        """Return the declaration as JSON."""
        return {
            "kind": self.kind,
            "inputs": [field.describe() for field in self.input_fields],
            "outputs": [field.describe() for field in self.output_fields],
            "unless": ".".join(self.unless or ()),
            "providers": dict(self.providers),
        }

    @property
    def _input_names(self) -> str:
        return ", ".join(field.name for field in self.input_fields)

    def _parse_field(self, field: Field, value: object) -> object:
        try:
            return field.parse(value)
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{self.name}.{field.name}: {error}") from None

    def _refuse_misspelled(self, raw: StageValues) -> None:
        names = [field.name for field in self.input_fields]
        for name in set(map(str, raw)) - set(names):
            near = get_close_matches(name.lower(), names, n=1, cutoff=0.8)
            if near:
                raise InvalidRequestError(f"{self.name}: expected the field {near[0]}, found a similar name")


@dataclasses.dataclass(frozen=True, slots=True)
class Contract:
    """The stages of a profile, in its order."""

    stages: Mapping[str, StageContract]

    def empty_response(self, version: str = "") -> Response:
        """Return a response in which no stage ran."""
        response = {name: stage.empty_values() for name, stage in self.stages.items()}
        return response | {"meta": empty_values(META_FIELDS) | {"version": version}}

    def example_request(self) -> Response:
        """Return a request that asks every stage."""
        return {name: stage.example_values() for name, stage in self.stages.items()}

    def input_names(self) -> set[str]:
        """Return the names of all input fields."""
        return {field.name for stage in self.stages.values() for field in stage.input_fields}
