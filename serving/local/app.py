"""The ASGI application of ``serving up``: a version behind MLflow's own routes, and ``/stream``.

MLflow's own function answers ``/invocations``, in up to ``MAX_CALLERS`` threads; MLflow's command has six threads on
two cores. ``/stream``, which MLflow's server cannot serve, accepts and refuses the same bodies with the same messages.
``/stream`` answers one request with server-sent events (WHATWG HTML, 9.2): one for each event of the model, named for
the event's kind. The last event contains the whole response.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import mlflow
import uvicorn
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, scoring_server
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

_KEEP_ALIVE_SECONDS = 15.0
"""Seconds without an event after which a comment is sent, since proxies drop a silent connection."""
MAX_CALLERS = 64
"""Number of callers that are answered concurrently; further callers wait."""


def make_app(model: PyFuncModel, *, streams: bool = True) -> Starlette:
    """Return the application that serves ``model``.

    Args:
        model: A loaded version.
        streams: Whether to serve ``/stream``; the model's class needs ``predict_stream``.
    """
    loaded: Any = model  # MLflow's method is untyped
    streaming: Any = loaded.unwrap_python_model() if streams else None

    async def stream(request: Request) -> Response:
        body = await request.body()
        try:
            parsed = await run_in_threadpool(_parse_body, model, body, request.headers.get("content-type") or "")
            if isinstance(parsed, Response):
                return parsed
            data, params = parsed
            events = await run_in_threadpool(streaming.predict_stream, None, data, params)
        except MlflowException as error:
            return _error_response(error)
        return EventSourceResponse(
            _send_events(events),
            ping=_KEEP_ALIVE_SECONDS,
            ping_message_factory=lambda: ServerSentEvent(comment="still working", sep="\n"),
            sep="\n",
        )

    routes = [Route("/stream", stream, methods=["POST"])] * streams
    return Starlette(routes=[*routes, Mount("/", scoring_server.init(model))], lifespan=_provide_threads)


@asynccontextmanager
async def _provide_threads(_: Starlette) -> AsyncIterator[None]:
    """Give the event loop ``MAX_CALLERS`` threads, since each caller blocks a thread until the model has answered."""
    with ThreadPoolExecutor(MAX_CALLERS, thread_name_prefix="multichain-caller") as callers:
        asyncio.get_running_loop().set_default_executor(callers)
        yield


def _error_response(error: Any) -> Response:  # MLflow's class is untyped
    """Return the response that MLflow's server gives for ``error``."""
    return Response(error.serialize_as_json(), error.get_http_status_code(), media_type="application/json")


def _parse_body(model: PyFuncModel, body: bytes, content_type: str) -> tuple[Any, Any] | Response:
    """Return the data and parameters of a body, or MLflow's response that refuses the body.

    MLflow has no function that only parses, so MLflow answers the body with a model that records its arguments.
    """
    calls: list[tuple[Any, Any]] = []

    def predict(data: Any, params: Any = None) -> list[Any]:  # MLflow chooses the types
        calls.append((data, params))
        return []

    recorder: Any = SimpleNamespace(predict=predict, metadata=model.metadata)
    invocations: Any = scoring_server.invocations  # MLflow's function is untyped
    result = invocations(body, content_type, recorder, recorder.metadata.get_input_schema())
    return calls[0] if calls else PlainTextResponse(result.response, result.status, media_type=result.mimetype)


async def _send_events(events: Any) -> AsyncIterator[ServerSentEvent]:  # an iterator of events that can be closed
    """Yield the events as server-sent events.

    A client that disconnects cancels the generator, which closes ``events`` and so ends the model's work.
    """
    try:
        while (event := await asyncio.to_thread(next, events, None)) is not None:
            yield ServerSentEvent(json.dumps(event, ensure_ascii=False), event=event["kind"], sep="\n")
    finally:
        events.close()


if __name__ == "__main__":
    uvicorn.run(
        make_app(mlflow.pyfunc.load_model(sys.argv[1]), streams=sys.argv[4:] == ["--stream"]),
        host=sys.argv[2],
        port=int(sys.argv[3]),
        log_level=os.environ.get("MULTICHAIN_LOG_LEVEL", "info"),
    )
