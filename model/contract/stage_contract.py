"""The JSON contract: what a stage takes and gives, declared once.

The MLflow signature, the validation, the example, ``describe`` and docs/contract.md are all made from
these declarations. Nothing in a response is ever null: ``""``, ``[]``, ``0`` and ``false`` mean none,
because one null struct in its output fails a whole ``spark_udf`` job.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeAlias

from ..errors import InvalidRequestError
from .fields import Field, Values

Response: TypeAlias = dict[str, Values]
"""One answered request: every stage of the profile by name, and ``meta``."""

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
    Field("notes", "list", "What to know beside it: each a stable code, a colon, a sentence."),
    USAGE,
)
META = (
    Field("version", "text", "The registered version that answered; empty before registration."),
    Field("trace_id", "text", "The MLflow trace of this request, when tracing is on."),
    Field("description", "text", 'The declarations as JSON, with params={"describe": true}.'),
)


RUN = Field("run", "boolean", "true runs the stage with what the profile says for the other fields; false does not.")
"""The input of a stage that requires no field: an empty object means absent, as Spark's NULL does."""


@dataclass(frozen=True, slots=True)
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
    providers: Mapping[str, str] = field(default_factory=dict)

    @property
    def taken(self) -> tuple[Field, ...]:
        """All input fields."""
        return self.inputs if any(one.demanded for one in self.inputs) else (*self.inputs, RUN)

    @property
    def declared(self) -> tuple[Field, ...]:
        """All output fields, the common ones last."""
        return self.outputs + COMMON

    def empty(self) -> Values:
        """The fields of a stage that was not run."""
        return {one.name: one.empty for one in self.declared}

    def output(self, name: str) -> Field | None:
        """The output field of that name."""
        return next((one for one in self.declared if one.name == name), None)

    def read(self, given: object) -> Values:
        """The declared fields of ``given``; None counts as absent, for which the field's default stands.

        Raises InvalidRequestError, naming the field. A field that is not declared is ignored, as MLflow
        ignores a column, unless its name is nearly a declared one: a misspelt filter must not be dropped.
        """
        if not isinstance(given, dict):
            raise InvalidRequestError(f"{self.name}: expected an object with {self._names}")
        self._refuse_misspelt(given)
        return self.check(
            {one.name: one.default if given.get(one.name) is None else given[one.name] for one in self.taken}
        )

    def check(self, values: Values) -> Values:
        """``values`` by field, each in its own type. Raises InvalidRequestError, naming the field."""
        wanted = [one for one in self.taken if one.required or values.get(one.name) is not None]
        return {one.name: self._read(one, values.get(one.name)) for one in wanted}

    def give(self, given: Values) -> Values:
        """The output fields of ``given``, as declared. Raises StageFailedError when one is not."""
        return {one.name: one.give(given[one.name]) for one in self.declared if one.name in given}

    def example(self) -> Values:
        """A value for each input that has an example or is required; of a stage without either, that it is to run."""
        shown = [one for one in self.inputs if one.demanded or (one.example is not None and one.default is None)]
        return {one.name: one.specimen for one in shown} or {RUN.name: True}

    def describe(self) -> Values:
        """The declaration as JSON."""
        return {
            "kind": self.kind,
            "inputs": [one.describe() for one in self.taken],
            "outputs": [one.describe() for one in self.declared],
            "unless": ".".join(self.unless or ()),
            "providers": dict(self.providers),
        }

    @property
    def _names(self) -> str:
        return ", ".join(one.name for one in self.taken)

    def _read(self, one: Field, value: object) -> object:
        try:
            return one.read(value)
        except InvalidRequestError as error:
            raise InvalidRequestError(f"{self.name}.{one.name}: {error}") from None

    def _refuse_misspelt(self, given: Values) -> None:
        names = [one.name for one in self.taken]
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
        return response | {"meta": {one.name: one.empty for one in META} | {"version": version}}

    def example(self) -> Response:
        """A request that asks every stage."""
        return {name: stage.example() for name, stage in self.stages.items()}

    def fields(self) -> set[str]:
        """The names of all input fields."""
        return {one.name for stage in self.stages.values() for one in stage.taken}
