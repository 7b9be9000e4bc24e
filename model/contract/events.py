"""What happens while a request is answered, told as it happens.

An event is plain JSON: ``stage``, ``kind``, and what belongs to the kind.

==========  ==============================================================================
started     the stage runs
token       ``text``: the next piece of its answer
source      ``source``: a passage that it found, before the answer is there
image       ``field`` and ``image``: a picture, as base64
error       ``error``: why it failed; its last event
done        ``fields``: what it gave, pictures left out; its last event
==========  ==============================================================================

The last event of all has the stage ``""``, the kind ``done``, and the complete ``response``.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

EventKind: TypeAlias = Literal["started", "token", "source", "image", "error", "done"]
Event: TypeAlias = dict[str, Any]

EventListener: TypeAlias = Callable[[Event], None]
"""Who listens to a request's events, on the engine's loop; must not block."""
Emit: TypeAlias = Callable[[EventKind, Any], None]
"""What a stage tells while it runs: ``tell("token", "The ")`` or ``tell("source", {...})``."""


def discard(kind: EventKind, value: object) -> None:
    """Nobody listens: a stage that gets this need not stream."""


def make_emitter(stage: str, listener: EventListener | None) -> Emit:
    """What ``stage`` tells, as events for ``hear``."""
    if listener is None:
        return discard

    def emit(kind: EventKind, value: object) -> None:
        listener({"stage": stage, "kind": kind, _VALUE_KEYS[kind]: value})

    return emit


_VALUE_KEYS = {"token": "text", "source": "source", "error": "error", "done": "fields"}
