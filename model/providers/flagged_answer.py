"""Read an answer in JSON, with a flag that says whether the passages hold it, whole or as it streams.

A server with structured outputs writes exactly these fields in this order, so that the flag comes before the answer. A
server that ignores the schema writes text, which is read as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from ..interfaces import NO_ANSWER

_FLAG, _ANSWER = "abstains", "answer"
FLAGGED_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        _FLAG: {"type": "boolean", "description": "Whether the passages do not hold the answer."},
        _ANSWER: {
            "type": "string",
            "description": "The answer with its citations, or the sentence that says that there is none.",
        },
    },
    "required": [_FLAG, _ANSWER],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class FlaggedAnswer:
    """An answer, and whether the model says that the passages do not hold one."""

    text: str
    abstains: bool = False


def read_answer(reply: str) -> FlaggedAnswer:
    """Return the answer of a reply: of JSON its fields, also where it was cut, and of any other text all of it."""
    fields = _read_fields(reply)
    if fields is None:
        return FlaggedAnswer(reply)
    abstains = fields.get(_FLAG) is True
    return FlaggedAnswer(fields[_ANSWER].strip() or (NO_ANSWER if abstains else ""), abstains)


class AnswerReader:
    """Passes on the answer of a streamed reply as it comes."""

    def __init__(self) -> None:
        self._reply, self._passed_length = "", 0

    def feed(self, piece: str) -> str:
        """Return what of the answer comes with a further piece of the reply."""
        self._reply += piece
        fields = _read_fields(self._reply)
        if fields is not None:
            return self._pass_on(fields[_ANSWER])
        may_be_json = not self._reply.strip() or self._reply.lstrip().startswith("{")
        return "" if may_be_json else self._pass_on(self._reply)

    def finish(self) -> str:
        """Return the rest, once the reply is complete."""
        return self._pass_on(read_answer(self._reply).text)

    def _pass_on(self, answer: str) -> str:
        following = answer[self._passed_length :]
        self._passed_length = max(self._passed_length, len(answer))
        return following


def _read_fields(reply: str) -> dict[str, Any] | None:
    """Return the fields of a reply in JSON, of which the last one may not be whole; None for any other text."""
    if not reply.lstrip().startswith("{"):
        return None
    try:
        fields = from_json(reply, allow_partial="trailing-strings")
    except ValueError:
        return None
    return fields if isinstance(fields, dict) and isinstance(fields.get(_ANSWER), str) else None
