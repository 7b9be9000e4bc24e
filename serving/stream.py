"""A version behind MLflow's own routes, and ``/stream`` beside them, which MLflow's server cannot serve.

``/invocations`` is MLflow's: the same function answers it. ``/stream`` takes the same bodies, refuses the same ones
in the same words, and answers one request with server-sent events (WHATWG HTML, 9.2): one for each event of the
model, its kind as the event's name, the last one with the whole response.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import mlflow
import uvicorn
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, scoring_server
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

_QUIET = 15.0
"""Seconds without an event after which a comment is sent: proxies drop a silent connection."""
_END = object()


def app(model: PyFuncModel) -> Starlette:
    """The application around ``model``; the model's class must have ``predict_stream``."""
    loaded: Any = model  # MLflow's method is untyped
    streaming = loaded.unwrap_python_model()

    async def stream(request: Request) -> Response:
        body = await request.body()
        try:
            given = await run_in_threadpool(_parsed, model, body, request.headers.get("content-type") or "")
            if isinstance(given, Response):
                return given
            data, params = given
            events = await run_in_threadpool(streaming.predict_stream, None, data, params)
        except MlflowException as error:
            return _refusal(error)
        return StreamingResponse(_sent(events), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return Starlette(routes=[Route("/stream", stream, methods=["POST"]), Mount("/", scoring_server.init(model))])


def _refusal(error: Any) -> Response:  # noqa: ANN401 - MLflow's class is untyped
    """As MLflow's server says it."""
    return Response(error.serialize_as_json(), error.get_http_status_code(), media_type="application/json")


def _parsed(model: PyFuncModel, body: bytes, content_type: str) -> tuple[Any, Any] | Response:
    """What MLflow reads out of a body: it is asked to answer, with a model that only keeps what it is given."""
    kept: list[tuple[Any, Any]] = []

    def predict(data: Any, params: Any = None) -> list[Any]:  # noqa: ANN401 - whatever MLflow made of the body
        kept.append((data, params))
        return []

    keeping: Any = SimpleNamespace(predict=predict, metadata=model.metadata)
    answer: Any = scoring_server.invocations
    told = answer(body, content_type, keeping, keeping.metadata.get_input_schema())
    return kept[0] if kept else PlainTextResponse(told.response, told.status, media_type=told.mimetype)


async def _sent(events: Any) -> AsyncIterator[str]:  # noqa: ANN401 - an iterator of events that can be closed
    """The events as text; when the client goes away this is cancelled, and closes the events."""
    waiting: asyncio.Future[Any] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(asyncio.to_thread(next, events, _END))
            done, _ = await asyncio.wait([waiting], timeout=_QUIET)
            if not done:
                yield ": still working\n\n"
                continue
            event, waiting = waiting.result(), None
            if event is _END:
                return
            yield f"event: {event['kind']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
    finally:
        events.close()


if __name__ == "__main__":
    uvicorn.run(
        app(mlflow.pyfunc.load_model(sys.argv[1])),
        host=sys.argv[2],
        port=int(sys.argv[3]),
        log_level=os.environ.get("MULTICHAIN_LOG_LEVEL", "info"),
    )
