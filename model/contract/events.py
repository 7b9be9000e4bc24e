"""Define the events of a request.

An event is plain JSON: ``stage``, ``kind``, and what belongs to the kind.

==========  ==============================================================================
started     the stage runs
token       ``text``: the next piece of its answer
source      ``source``: a passage that was found, before the answer is complete
image       ``field`` and ``image``: an image as base64
error       ``error``: why the stage failed; its last event
done        ``fields``: the output fields without images; its last event
==========  ==============================================================================

The last event of a request has the stage ``""``, the kind ``done``, and the complete ``response``.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

EventKind: TypeAlias = Literal["started", "token", "source", "image", "error", "done"]
Event: TypeAlias = dict[str, Any]

EventListener: TypeAlias = Callable[[Event], None]
"""Callback for a request's events. It runs on the event-loop thread and must not block."""
Emit: TypeAlias = Callable[[EventKind, Any], None]
"""Callback with which a stage emits an event: ``emit("token", "The ")`` or ``emit("source", {...})``."""


def discard(kind: EventKind, value: object) -> None:
    """Ignore an event. A stage that receives this function need not stream."""


def make_emitter(stage: str, listener: EventListener | None) -> Emit:
    """Return a function that sends the events of ``stage`` to ``listener``; ``discard`` when nobody listens."""
    if listener is None:
        return discard

    def emit(kind: EventKind, value: object) -> None:
        listener({"stage": stage, "kind": kind, _VALUE_KEYS[kind]: value})

    return emit


_VALUE_KEYS = {"token": "text", "source": "source", "error": "error", "done": "fields"}
