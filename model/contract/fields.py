"""Define one declared field of a stage: the values that it accepts, returns, and uses for "none"."""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeGuard, assert_never

from ..errors import InvalidRequestError, StageFailedError

FieldKind: TypeAlias = Literal["text", "image", "integer", "number", "boolean", "object", "list"]
FIELD_KINDS: tuple[FieldKind, ...] = ("text", "image", "integer", "number", "boolean", "object", "list")
StageValues: TypeAlias = dict[str, Any]
"""Values of one stage's fields by name: its inputs or its outputs."""

REFERENCE_PATTERN = re.compile(r"\{(?P<stage>[\w-]+)\.(?P<field>[^{}]*)\}")
"""A reference to a field of another stage, ``{stage.field}``."""

MAX_ALTERNATIVES, MAX_ALTERNATIVE_LENGTH = 10_000, 10_000
"""Most values of one field of an object, such as a filter, and most characters of each."""


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field of a stage.

    Attributes:
        name: Name of the field in requests and responses.
        kind: Type of the value; ``image`` is base64 text that no reference may read.
        description: One sentence for documentation and clients.
        required: Whether the stage needs a value.
        minimum: Smallest whole number, where ``maximum`` is set.
        maximum: Largest whole number, most characters of a text, or most entries of a list; 0 for no bound.
        fields: Fields of an object, or of each entry of a list. A list without them holds texts.
        choices: Texts of which the value is one; empty when any text will do.
        example: A value for documentation and for the model's input example.
        default: Value of the profile for an absent input.
    """

    name: str
    kind: FieldKind
    description: str = ""
    required: bool = False
    minimum: int = 0
    maximum: int = 0
    fields: tuple["Field", ...] = ()
    choices: tuple[str, ...] = ()
    example: Any = None
    default: Any = None

    def parse(self, value: object) -> object:
        """Return ``value`` in this input's own type.

        A list may also be given as a reference to a list; references.py follows it.

        Raises:
            InvalidRequestError: The value does not fit. The message says what was expected and never repeats the value.
        """
        match self.kind:
            case "text" | "image":
                fits = isinstance(value, str) and bool(value.strip()) and len(value) <= (self.maximum or len(value))
                fits = fits and (not self.choices or value in self.choices)
            case "integer":
                value = int(value) if isinstance(value, float) and value.is_integer() else value
                fits = type(value) is int and (not self.maximum or self.minimum <= value <= self.maximum)
            case "number":
                fits = isinstance(value, int | float) and not isinstance(value, bool)
            case "boolean":
                value = parse_boolean(value)
                fits = isinstance(value, bool)
            case "object":
                fits = isinstance(value, dict) and value.keys() <= {field.name for field in self.fields}
                if fits:
                    self._check_alternatives(value)  # type: ignore[arg-type]  # an object, as it fits
            case "list":
                fits = isinstance(value, str) and bool(REFERENCE_PATTERN.fullmatch(value))
                is_list = isinstance(value, list) and len(value) <= (self.maximum or len(value))
                fits = fits or (is_list and all(map(self._fits_entry, value)))  # type: ignore[call-overload]  # a list
            case _:
                assert_never(self.kind)
        if not fits:
            raise InvalidRequestError(f"expected {self.expectation}")
        return value

    def serialize(self, value: object) -> object:  # noqa: PLR0911 - one for each kind
        """Return ``value`` as a response carries it; None becomes the empty value.

        Raises:
            StageFailedError: The value has another type than the field declares.
        """
        if value is None:
            return self.empty_value
        match self.kind:
            case "object" if isinstance(value, dict):
                return {field.name: field.serialize(value.get(field.name)) for field in self.fields}
            case "list" if isinstance(value, list | tuple):
                entry = Field(self.name, "object" if self.fields else "text", fields=self.fields)
                return [entry.serialize(entry_value) for entry_value in value]
            case "integer" if _is_finite(value) and value == int(value):
                return int(value)
            case "number" if _is_finite(value):
                return float(value)
            case "text" | "image" if isinstance(value, str):
                return value
            case "boolean" if isinstance(value, bool):
                return value
        raise StageFailedError(f"its output {self.name} is declared as {self.kind} and is not; mend the stage")

    @property
    def expectation(self) -> str:  # noqa: PLR0911 - one for each kind
        """The values that the field accepts, in words."""
        match self.kind:
            case "text" if self.choices:
                return f"one of {', '.join(self.choices)}"
            case "text" | "image":
                return f"text of 1 to {self.maximum:,} characters" if self.maximum else "text"
            case "integer":
                return f"a whole number from {self.minimum} to {self.maximum}" if self.maximum else "a whole number"
            case "number":
                return "a number"
            case "boolean":
                return "true or false"
            case "object":
                return f"an object with {', '.join(field.name for field in self.fields)}"
            case "list":
                required = [field.name for field in self.fields if field.required]
                bound = f"at most {self.maximum:,} " if self.maximum else ""
                return f"a list of {bound}{'objects with ' + ', '.join(required) if self.fields else 'texts'}"
            case _:
                assert_never(self.kind)

    @property
    def empty_value(self) -> object:
        """The value that means "none"."""
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
                return empty_values(self.fields)
            case "list":
                return []
            case _:
                assert_never(self.kind)

    @property
    def required_from_caller(self) -> bool:
        """Whether a request must contain the field."""
        return self.required and self.default is None

    @property
    def example_value(self) -> object:  # noqa: PLR0911 - one for each kind
        """A value that fits: the declared example, or a plain one."""
        if self.example is not None:
            return self.example
        match self.kind:
            case "text" | "image":
                return self.choices[0] if self.choices else "text"
            case "integer":
                return max(self.minimum, 1)
            case "number":
                return 1.0
            case "boolean":
                return True
            case "object":
                return {field.name: field.example_value for field in self.fields}
            case "list":
                return [{field.name: field.example_value for field in self.fields} if self.fields else "text"]
            case _:
                assert_never(self.kind)

    def describe(self) -> StageValues:
        """Return the declaration as JSON.

        Of a default the declaration says only that there is one, since it may be a private prompt.
        """
        declaration: StageValues = {"name": self.name, "kind": self.kind, "description": self.description}
        if self.required_from_caller:
            declaration["required"] = True
        if self.default is not None:
            declaration["default"] = True
        if self.maximum:
            declaration |= {"least": self.minimum, "most": self.maximum}
        if self.choices:
            declaration["choices"] = list(self.choices)
        if self.fields:
            declaration["fields"] = [field.describe() for field in self.fields]
        return declaration

    def _check_alternatives(self, values: StageValues) -> None:
        """Check each value of an object, or each of its list of values, by the kind of its field.

        Raises:
            InvalidRequestError: A value does not fit. The message names its field.
        """
        for field in self.fields:
            value = values.get(field.name)
            alternatives = value if isinstance(value, list) else [value]
            if len(alternatives) > MAX_ALTERNATIVES or not all(map(field._is_alternative, alternatives)):  # noqa: SLF001 - of its own class
                expected = field.expectation
                raise InvalidRequestError(
                    f"{field.name}: expected {expected}, or a list of at most {MAX_ALTERNATIVES:,}"
                )

    def _is_alternative(self, value: object) -> bool:
        """Return whether a value is of the field's kind; null is absent, and a text may be a reference."""
        if value is None or (isinstance(value, str) and REFERENCE_PATTERN.fullmatch(value)):
            return True
        if self.kind == "text":
            return isinstance(value, str) and len(value) <= MAX_ALTERNATIVE_LENGTH
        try:
            self.parse(value)
        except InvalidRequestError:
            return False
        return True

    def _fits_entry(self, entry: object) -> bool:
        """Return whether ``entry`` can stand in this list: a text, or an object whose declared fields fit.

        Raises:
            InvalidRequestError: A text of the object is too long. The message names its field.
        """
        if not self.fields:
            return isinstance(entry, str)
        if not isinstance(entry, dict):
            return False
        for field in self.fields:
            value = entry.get(field.name)
            if isinstance(value, str) and field.maximum and len(value) > field.maximum:
                raise InvalidRequestError(f"expected {field.expectation} for {field.name} of each object")
        try:
            for field in self.fields:
                if entry.get(field.name):
                    field.parse(entry[field.name])
                elif field.required and field.name not in entry:  # a null is an empty text
                    return False
        except InvalidRequestError:
            return False
        return True


def parse_boolean(value: object) -> object:
    """Return the boolean that a number 0 or 1, or a text ``true``, ``false``, ``0`` or ``1`` means; else ``value``."""
    text = value.strip().casefold() if isinstance(value, str) else value
    if isinstance(text, str | int | float):
        return {"true": True, "1": True, 1: True, "false": False, "0": False, 0: False}.get(text, value)
    return value


def _is_finite(value: object) -> TypeGuard[int | float]:
    """Return whether a value is a number that JSON has: no boolean, no NaN, no infinity."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def empty_values(fields: Iterable[Field]) -> StageValues:
    """Return the value that means "none" for each field, by name."""
    return {field.name: field.empty_value for field in fields}
