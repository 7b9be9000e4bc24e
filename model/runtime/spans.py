"""What a request does, step by step, as long as somebody keeps it: names, times, inputs and outputs.

Steps are recorded where they happen and written to MLflow at the end (tracing.py); where nobody keeps them, a step
costs one look at a context variable.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["CHAIN", "RETRIEVER", "EMBEDDING", "CHAT_MODEL", "RERANKER"]
"""MLflow's words for kinds of spans."""


@dataclass(slots=True)
class Span:
    """One step; times are in nanoseconds since 1970, ``parent`` is the step around it."""

    name: str
    kind: Kind
    inputs: Any
    parent: "Span | None" = None
    outputs: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    begun: int = field(default_factory=time.time_ns)
    ended: int = 0
    error: str = ""


@dataclass(slots=True)
class Trace:
    """The response to a request, which is put here when it is there, and gets the trace's id at the end."""

    response: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Place:
    """Where steps go, and the step that runs."""

    kept: list[Span]
    now: Span | None = None


_PLACE: ContextVar[_Place | None] = ContextVar("spans", default=None)


@contextmanager
def recording() -> Iterator[list[Span]]:
    """Keeps the steps inside, those that enclose others first."""
    kept: list[Span] = []
    token = _PLACE.set(_Place(kept))
    try:
        yield kept
    finally:
        _PLACE.reset(token)


@contextmanager
def span(name: str, kind: Kind, inputs: Any) -> Iterator[Span | None]:  # JSON
    """A step, to which outputs and attributes are added inside; None when nobody keeps it."""
    place = _PLACE.get()
    if place is None:
        yield None
        return
    step = Span(name, kind, inputs, place.now)
    place.kept.append(step)
    token = _PLACE.set(_Place(place.kept, step))
    try:
        yield step
    except BaseException as error:
        step.error = type(error).__name__
        raise
    finally:
        step.ended = time.time_ns()
        _PLACE.reset(token)


def add(**attributes: Any) -> None:  # JSON
    """Attributes of the step that runs here."""
    place = _PLACE.get()
    if place and place.now:
        place.now.attributes |= attributes
