"""Requests as traces of MLflow: stages, retrieval with its documents, chat calls with their tokens.

MULTICHAIN_TRACES is the share of requests that are traced, from 0, which is the default, to 1. Pictures are told by
their hash. With MULTICHAIN_TRACES_MASKED=true no text of a request, a document or an answer is in a trace; a key is
never.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mlflow
from mlflow.entities import Document, SpanStatusCode, SpanType

from ..contract.fields import Values
from ..errors import SettingError
from . import spans
from .spans import Span, Trace

SHARE, MASKED = "MULTICHAIN_TRACES", "MULTICHAIN_TRACES_MASKED"
EVALUATION = "MULTICHAIN_EVALUATION"
"""The variable that names the evaluation which asks, so that its traces are not taken for those of users."""
_CHOSEN = ("image", "usage", "notes", "seconds", "sources")
"""Fields of a stage that its span does not repeat: told by other means, or too large."""


@asynccontextmanager
async def traced(request: Values, version: str) -> AsyncIterator[Trace]:
    """Traces what runs inside, if this request is chosen; it is written at the end, so that nothing waits for it."""
    trace, begun = Trace(), time.time_ns()
    if random.random() >= share():  # noqa: S311 - a sample
        yield trace
        return
    with spans.recording() as kept:
        try:
            yield trace
        finally:
            await asyncio.shield(asyncio.to_thread(_written, request, version, begun, kept, trace.response))


def share() -> float:
    """The share of requests that are traced. Raises SettingError."""
    told = os.environ.get(SHARE) or "0"
    try:
        chosen = float(told)
    except ValueError:
        chosen = -1.0
    if not 0 <= chosen <= 1:
        raise SettingError(f"{SHARE} is expected to be a number from 0 to 1")
    return chosen


def _written(request: Values, version: str, begun: int, kept: list[Span], response: Values) -> None:
    """Writes a trace of the steps ``kept``, and its id into the response."""
    root = mlflow.start_span_no_context(
        "multichain",
        SpanType.CHAIN,
        inputs=_told(request),
        tags={"multichain.version": version or "none"} | _evaluation(),
        start_time_ns=begun,
    )
    if response:
        response["meta"]["trace_id"] = root.trace_id
    made: dict[int, Any] = {}
    for step in kept:
        parent = made[id(step.parent)] if step.parent else root
        one = mlflow.start_span_no_context(
            step.name, step.kind, parent_span=parent, inputs=_told(step.inputs), start_time_ns=step.begun
        )
        one.set_attributes(step.attributes)
        one.set_outputs(_documents(step.outputs) if step.kind == SpanType.RETRIEVER else _told(step.outputs))
        status = SpanStatusCode.ERROR if step.error else SpanStatusCode.OK
        one.end(status=status, end_time_ns=step.ended or None)
        made[id(step)] = one
    root.end(outputs=_told(response))


def _evaluation() -> dict[str, str]:
    name = os.environ.get(EVALUATION)
    return {"multichain.evaluation": name} if name else {}


def _told(value: Any) -> Any:  # JSON
    """``value`` as a trace holds it: without pictures, and masked where that is wanted."""
    if isinstance(value, dict):
        return {name: _told(one) for name, one in value.items() if name not in _CHOSEN}
    if isinstance(value, list | tuple):
        return [_told(one) for one in value]
    return f"({len(value)} characters)" if isinstance(value, str) and _masked() and value else value


def _documents(passages: Any) -> list[Document]:  # the fields of passages
    """As MLflow's own scorers read them."""
    return [
        Document(
            page_content=_told(one["text"]),
            metadata={"doc_uri": one["source"], "score": one["score"], "heading": one["heading"], "page": one["page"]},
            id=f"{one['source']}:{one['start']}",
        )
        for one in passages or ()
    ]


def _masked() -> bool:
    return os.environ.get(MASKED, "").lower() in {"1", "true"}
