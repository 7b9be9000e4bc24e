"""The JSON contract: what a stage takes and gives, declared once.

The MLflow signature, the validation, the example, ``describe`` and docs/contract.md are all made from
these declarations. Nothing in a response is ever null: ``""``, ``[]``, ``0`` and ``false`` mean none,
because one null struct in its output fails a whole ``spark_udf`` job.
"""

import dataclasses
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeAlias

from ..errors import InvalidRequestError
from .fields import Field, StageValues

Response: TypeAlias = dict[str, StageValues]
"""One answered request: every stage of the profile by name, and ``meta``."""

USAGE_FIELD = Field(
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
COMMON_FIELDS = (
    Field("ran", "boolean", "Whether the stage was run for this request."),
    Field("error", "text", "Why it failed: a stable code, a colon, what to do. Empty when it did not."),
    Field("seconds", "number", "How long it took, from its start."),
    Field("answered_by", "text", "The provider and what it answered with."),
    Field("notes", "list", "What to know beside it: each a stable code, a colon, a sentence."),
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
"""The input of a stage that requires no field: an empty object means absent, as Spark's NULL does."""


@dataclasses.dataclass(frozen=True, slots=True)
class StageContract:
    """What one stage takes and gives, beyond the fields that all stages give.

    ``unless`` is the stage and the field, a boolean, whose being true skips this stage. ``providers`` names
    who serves it, by role.
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
        """The fields of a stage that was not run."""
        return {field.name: field.empty_value for field in self.output_fields}

    def find_output(self, name: str) -> Field | None:
        """The output field of that name."""
        return next((field for field in self.output_fields if field.name == name), None)

    def parse(self, raw: object) -> StageValues:
        """The declared fields of ``given``; None counts as absent, for which the field's default stands.

        Raises InvalidRequestError, naming the field. A field that is not declared is ignored, as MLflow
        ignores a column, unless its name is nearly a declared one: a misspelt filter must not be dropped.
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
        """``values`` by field, each in its own type. Raises InvalidRequestError, naming the field."""
        present = [field for field in self.input_fields if field.required or values.get(field.name) is not None]
        return {field.name: self._parse_field(field, values.get(field.name)) for field in present}

    def serialize(self, raw: StageValues) -> StageValues:
        """The output fields of ``given``, as declared. Raises StageFailedError when one is not."""
        return {field.name: field.serialize(raw[field.name]) for field in self.output_fields if field.name in raw}

    def example_values(self) -> StageValues:
        """A value for each input that has an example or is required; of a stage without either, that it is to run."""
        shown = [
            field
            for field in self.inputs
            if field.required_from_caller or (field.example is not None and field.default is None)
        ]
        return {field.name: field.example_value for field in shown} or {RUN_FIELD.name: True}

    def describe(self) -> StageValues:
        """The declaration as JSON."""
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
                raise InvalidRequestError(f"{self.name}: expected the field {near[0]}, found a name that is nearly it")


@dataclasses.dataclass(frozen=True, slots=True)
class Contract:
    """The stages of a profile, in its order."""

    stages: Mapping[str, StageContract]

    def empty_response(self, version: str = "") -> Response:
        """A response in which nothing ran."""
        response = {name: stage.empty_values() for name, stage in self.stages.items()}
        return response | {"meta": {field.name: field.empty_value for field in META_FIELDS} | {"version": version}}

    def example_request(self) -> Response:
        """A request that asks every stage."""
        return {name: stage.example_values() for name, stage in self.stages.items()}

    def input_names(self) -> set[str]:
        """The names of all input fields."""
        return {field.name for stage in self.stages.values() for field in stage.input_fields}
