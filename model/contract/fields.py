"""One declared field of a stage: what it takes, what it gives, and the value that means none."""

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, assert_never

from ..errors import InvalidRequestError, StageFailedError

Kind: TypeAlias = Literal["text", "image", "integer", "number", "boolean", "object", "list"]
KINDS: tuple[Kind, ...] = ("text", "image", "integer", "number", "boolean", "object", "list")
Values: TypeAlias = dict[str, Any]
"""The fields of one stage by name: what it takes, or what it gives."""

REFERENCE = re.compile(r"\{(?P<stage>[\w-]+)\.(?P<field>[^{}]*)\}")
"""How one stage refers to a field of another."""


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field.

    ``least`` and ``most`` bound a whole number, or the characters of a text, which is one of ``choices`` where
    there are any. ``fields`` are those of an object, or of each entry of a list; a list without them holds
    texts. ``image`` is base64 text, which no reference may read. ``default`` stands for an absent input.
    """

    name: str
    kind: Kind
    description: str = ""
    required: bool = False
    least: int = 0
    most: int = 0
    fields: tuple["Field", ...] = ()
    choices: tuple[str, ...] = ()
    example: Any = None
    default: Any = None

    def read(self, value: object) -> object:
        """``value`` as this input's own type. Raises InvalidRequestError, which never repeats the value.

        A list may also be a reference to one; plan.py follows it, or makes it an error.
        """
        match self.kind:
            case "text" | "image":
                fits = isinstance(value, str) and bool(value.strip()) and len(value) <= (self.most or len(value))
                fits = fits and (not self.choices or value in self.choices)
            case "integer":
                value = int(value) if isinstance(value, float) and value.is_integer() else value
                fits = type(value) is int and (not self.most or self.least <= value <= self.most)
            case "number":
                fits = isinstance(value, int | float) and not isinstance(value, bool)
            case "boolean":
                fits = isinstance(value, bool)
            case "object":
                fits = isinstance(value, dict) and value.keys() <= {field.name for field in self.fields}
            case "list":
                fits = isinstance(value, str) and bool(REFERENCE.fullmatch(value))
                fits = fits or (isinstance(value, list) and all(map(self._entry, value)))
            case _:
                assert_never(self.kind)
        if not fits:
            raise InvalidRequestError(f"expected {self.expectation}")
        return value

    def give(self, value: object) -> object:  # noqa: PLR0911 - one for each kind
        """``value`` as this output, with None as what means none. Raises StageFailedError for another kind."""
        if value is None:
            return self.empty
        match self.kind:
            case "object" if isinstance(value, dict):
                return {field.name: field.give(value.get(field.name)) for field in self.fields}
            case "list" if isinstance(value, list | tuple):
                entry = Field(self.name, "object" if self.fields else "text", fields=self.fields)
                return [entry.give(one) for one in value]
            case "integer" if isinstance(value, int | float) and not isinstance(value, bool) and value == int(value):
                return int(value)
            case "number" if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
            case "text" | "image" if isinstance(value, str):
                return value
            case "boolean" if isinstance(value, bool):
                return value
        raise StageFailedError(f"its output {self.name} is declared as {self.kind} and is not; mend the stage")

    @property
    def expectation(self) -> str:  # noqa: PLR0911 - one for each kind
        """What the field takes, in words."""
        match self.kind:
            case "text" if self.choices:
                return f"one of {', '.join(self.choices)}"
            case "text" | "image":
                return f"text of 1 to {self.most:,} characters" if self.most else "text"
            case "integer":
                return f"a whole number from {self.least} to {self.most}" if self.most else "a whole number"
            case "number":
                return "a number"
            case "boolean":
                return "true or false"
            case "object":
                return f"an object with {', '.join(field.name for field in self.fields)}"
            case "list":
                required = [field.name for field in self.fields if field.required]
                return f"a list of {'objects with ' + ', '.join(required) if self.fields else 'texts'}"
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

    @property
    def demanded(self) -> bool:
        """Whether a request must have it."""
        return self.required and self.default is None

    @property
    def specimen(self) -> object:  # noqa: PLR0911 - one for each kind
        """A value that fits: the declared example, or a plain one."""
        if self.example is not None:
            return self.example
        match self.kind:
            case "text" | "image":
                return self.choices[0] if self.choices else "text"
            case "integer":
                return max(self.least, 1)
            case "number":
                return 1.0
            case "boolean":
                return True
            case "object":
                return {field.name: field.specimen for field in self.fields}
            case "list":
                return [{field.name: field.specimen for field in self.fields} if self.fields else "text"]
            case _:
                assert_never(self.kind)

    def describe(self) -> Values:
        """The declaration as JSON; of a default only that there is one, since it may be a prompt of one's own."""
        told: Values = {"name": self.name, "kind": self.kind, "description": self.description}
        if self.demanded:
            told["required"] = True
        if self.default is not None:
            told["default"] = True
        if self.most:
            told |= {"least": self.least, "most": self.most}
        if self.choices:
            told["choices"] = list(self.choices)
        if self.fields:
            told["fields"] = [field.describe() for field in self.fields]
        return told

    def _entry(self, entry: object) -> bool:
        """Whether ``entry`` can stand in this list: a text, or an object whose declared fields are of their kinds."""
        if not self.fields:
            return isinstance(entry, str)
        if not isinstance(entry, dict):
            return False
        try:
            for field in self.fields:
                if field.required or entry.get(field.name):
                    field.read(entry.get(field.name))
        except InvalidRequestError:
            return False
        return True
