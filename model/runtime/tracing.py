"""Write requests as traces of MLflow: stages, retrieval with its documents, chat calls with their tokens.

MULTICHAIN_TRACES is the share of requests that are traced, from 0 (the default) to 1. Images are written as their hash.
With MULTICHAIN_TRACES_MASKED=true, a trace contains no text of a request, a document or an answer. A key is never in a
trace.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mlflow
from mlflow.entities import Document, SpanStatusCode, SpanType

from ..config import environment
from ..contract.fields import StageValues
from . import spans
from .spans import Span, Trace
from .trace_server import TraceServer

_OMITTED_FIELDS = ("image", "usage", "notes", "seconds", "sources")
"""Fields of a stage that its span omits: they are told otherwise, or are too large."""


@asynccontextmanager
async def trace_request(request: StageValues, version: str, server: TraceServer | None = None) -> AsyncIterator[Trace]:
    """Trace the work inside, if this request is chosen.

    The trace is written at the end, so that no step waits for it.

    Args:
        request: Values of the requested stages.
        version: Number of the version.
        server: Tracking server that is looked for before a trace is written; None for none.
    """
    trace, start_ns = Trace(), time.time_ns()
    if random.random() >= environment.TRACES.read():  # noqa: S311 - a sample
        yield trace
        return
    with spans.record_spans() as recorded:
        try:
            yield trace
        finally:
            if server is None or await asyncio.to_thread(server.is_reachable, mlflow.get_tracking_uri()):
                writing = asyncio.to_thread(_write_trace, request, version, start_ns, recorded, trace.response)
                await asyncio.shield(writing)


def _write_trace(
    request: StageValues, version: str, start_ns: int, recorded: list[Span], response: StageValues
) -> None:
    """Write a trace of the steps ``recorded``, and its id into the response."""
    root = mlflow.start_span_no_context(
        "multichain",
        SpanType.CHAIN,
        inputs=_redact(request),
        tags={"multichain.version": version or "none"} | _evaluation_tags(),
        start_time_ns=start_ns,
    )
    if response:
        response["meta"]["trace_id"] = root.trace_id
    mlflow_spans: dict[int, Any] = {}
    for step in recorded:
        parent = mlflow_spans[id(step.parent)] if step.parent else root
        mlflow_span = mlflow.start_span_no_context(
            step.name, step.kind, parent_span=parent, inputs=_redact(step.inputs), start_time_ns=step.start_ns
        )
        mlflow_span.set_attributes(step.attributes)
        mlflow_span.set_outputs(
            _to_documents(step.outputs) if step.kind == SpanType.RETRIEVER else _redact(step.outputs)
        )
        status = SpanStatusCode.ERROR if step.error else SpanStatusCode.OK
        mlflow_span.end(status=status, end_time_ns=step.end_ns or None)
        mlflow_spans[id(step)] = mlflow_span
    root.end(outputs=_redact(response))


def _evaluation_tags() -> dict[str, str]:
    name = environment.EVALUATION.read()
    return {"multichain.evaluation": name} if name else {}


def _redact(value: Any) -> Any:  # JSON
    """Return ``value`` as a trace holds it: without images, and masked when that is set."""
    if isinstance(value, dict):
        return {name: _redact(item) for name, item in value.items() if name not in _OMITTED_FIELDS}
    if isinstance(value, list | tuple):
        return [_redact(item) for item in value]
    return (
        f"({len(value)} characters)" if isinstance(value, str) and environment.TRACES_MASKED.read() and value else value
    )


def _to_documents(passages: Any) -> list[Document]:  # the fields of passages
    """Return passages as MLflow's own scorers read them."""
    return [
        Document(
            page_content=_redact(passage["text"]),
            metadata={
                "doc_uri": passage["source"],
                "score": passage["score"],
                "heading": passage["heading"],
                "page": passage["page"],
            },
            id=f"{passage['source']}:{passage['start']}",
        )
        for passage in passages or ()
    ]
