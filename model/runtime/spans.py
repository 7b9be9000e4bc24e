"""Record the steps of a request, as long as somebody keeps them: names, times, inputs and outputs.

Steps are recorded where they happen and written to MLflow at the end of the request (tracing.py). When nobody records
them, a step costs one look at a context variable.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

SpanKind = Literal["CHAIN", "RETRIEVER", "EMBEDDING", "CHAT_MODEL", "RERANKER"]
"""Kinds of spans, in MLflow's words."""


@dataclass(slots=True)
class Span:
    """One step. Times are nanoseconds since 1970; ``parent`` is the enclosing step."""

    name: str
    kind: SpanKind
    inputs: Any
    parent: "Span | None" = None
    outputs: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    start_ns: int = field(default_factory=time.time_ns)
    end_ns: int = 0
    error: str = ""


@dataclass(slots=True)
class Trace:
    """The response of a traced request, which receives the trace's id at the end."""

    response: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Recording:
    """The list that receives steps, and the running step."""

    spans: list[Span]
    current: Span | None = None


_RECORDING: ContextVar[_Recording | None] = ContextVar("spans", default=None)


@contextmanager
def record_spans() -> Iterator[list[Span]]:
    """Record the steps inside, enclosing ones first."""
    recorded: list[Span] = []
    token = _RECORDING.set(_Recording(recorded))
    try:
        yield recorded
    finally:
        _RECORDING.reset(token)


@contextmanager
def open_span(name: str, kind: SpanKind, inputs: Any) -> Iterator[Span | None]:  # JSON
    """Open a span of the current trace, to which the caller adds outputs and attributes.

    Args:
        name: The name of the span.
        kind: The kind of the span, one of MLflow's.
        inputs: The inputs, as JSON.

    Yields:
        The span, or None when the request is not traced.
    """
    recording = _RECORDING.get()
    if recording is None:
        yield None
        return
    step = Span(name, kind, inputs, recording.current)
    recording.spans.append(step)
    token = _RECORDING.set(_Recording(recording.spans, step))
    try:
        yield step
    except BaseException as error:
        step.error = type(error).__name__
        raise
    finally:
        step.end_ns = time.time_ns()
        _RECORDING.reset(token)


def add_attributes(**attributes: Any) -> None:  # JSON
    """Add attributes to the running step."""
    recording = _RECORDING.get()
    if recording and recording.current:
        recording.current.attributes |= attributes
