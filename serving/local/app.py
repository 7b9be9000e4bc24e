"""The ASGI application of ``serving up``: a version behind MLflow's own routes, and ``/stream``.

MLflow's own function answers ``/invocations``, in up to ``MAX_CALLERS`` threads; MLflow's command has six threads on
two cores. ``/stream``, which MLflow's server cannot serve, accepts and refuses the same bodies with the same messages.
``/stream`` answers one request with server-sent events (WHATWG HTML, 9.2): one for each event of the model, named for
the event's kind. The last event contains the whole response.
"""

import asyncio
import json
import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mlflow.environment_variables import MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PyFuncModel, scoring_server
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from commandline import mlflow_store
from commandline.saved_version import load_unchanged

from .connections import make_server
from .request_limits import RequestLimits
from .server_settings import ServerSettings

log = logging.getLogger("uvicorn.error")  # the log of the server
_KEEP_ALIVE_SECONDS = 15.0
"""Seconds without an event after which a comment is sent, since proxies drop a silent connection."""
_UNREADABLE = (
    "invalid_request: the body cannot be read ({kind}); send JSON with one of inputs, instances, dataframe_records and "
    "dataframe_split"
)
_MLFLOW_PREFIX = "Failed to predict data '"
"""Beginning of the messages in which MLflow repeats the request before the error of the version."""
MAX_CALLERS = 64
"""Number of callers that are answered concurrently; further callers wait."""


def make_app(model: PyFuncModel, *, streams: bool = True, allowed_names: Iterable[str] = ()) -> Starlette:
    """Return the application that serves ``model``.

    Args:
        model: A loaded version.
        streams: Whether to serve ``/stream``; the model's class needs ``predict_stream``.
        allowed_names: Names besides those of this machine by which the server may be called; ``*`` for any name.
    """
    loaded: Any = model  # MLflow's method is untyped
    streaming: Any = loaded.unwrap_python_model() if streams else None
    timeout: int = MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.get()  # type: ignore[no-untyped-call]  # MLflow's

    async def invocations(request: Request) -> Response:
        body, content_type = await request.body(), request.headers.get("content-type") or ""
        answering = asyncio.to_thread(_answer_body, model, body, content_type)
        try:
            return await asyncio.wait_for(answering, timeout)
        except TimeoutError:
            return Response("Request processing time exceeded limit", 504, media_type="application/json")

    async def stream(request: Request) -> Response:
        body = await request.body()
        parsed = await run_in_threadpool(_parse_body, model, body, request.headers.get("content-type") or "")
        if isinstance(parsed, Response):
            return parsed
        data, params = parsed
        try:
            events = await run_in_threadpool(streaming.predict_stream, None, data, params)
        except MlflowException as error:
            return _error_response(error)
        return EventSourceResponse(
            _send_events(events),
            ping=_KEEP_ALIVE_SECONDS,
            ping_message_factory=lambda: ServerSentEvent(comment="still working", sep="\n"),
            sep="\n",
        )

    routes = [Route("/invocations", invocations, methods=["POST"])]
    routes += [Route("/stream", stream, methods=["POST"])] * streams
    return Starlette(
        routes=[*routes, Mount("/", scoring_server.init(model))],
        middleware=[Middleware(RequestLimits, allowed_names=frozenset(allowed_names))],
        lifespan=_provide_threads,
    )


@asynccontextmanager
async def _provide_threads(_: Starlette) -> AsyncIterator[None]:
    """Give the event loop ``MAX_CALLERS`` threads, since each caller blocks a thread until the model has answered."""
    with ThreadPoolExecutor(MAX_CALLERS, thread_name_prefix="multichain-caller") as callers:
        asyncio.get_running_loop().set_default_executor(callers)
        yield


def _answer_body(model: Any, body: bytes, content_type: str) -> Response:  # a model, or what stands in for one
    """Return MLflow's response to a body; what MLflow cannot read is refused, too.

    MLflow's function raises errors of Python for some bodies, such as objects in 100,000 others, numbers of 5,000
    digits and bodies without a content type, which would be answered with 500.
    """
    invoke: Any = scoring_server.invocations  # MLflow's function is untyped
    try:
        result = invoke(body, content_type, model, model.metadata.get_input_schema())
    except MlflowException as error:
        return _error_response(error)
    except Exception as error:  # noqa: BLE001 - whatever reading a body raises; MLflow translates the model's errors
        kind = type(error).__name__
        log.warning("A body could not be read: %s", kind)
        return _error_response(MlflowException(_UNREADABLE.format(kind=kind), error_code=INVALID_PARAMETER_VALUE))
    return PlainTextResponse(result.response, result.status, media_type=result.mimetype)


def _error_response(error: Any) -> Response:  # MLflow's class is untyped
    """Return the response that MLflow's server gives for ``error``, without the caller's data and the traceback.

    The traceback goes to the log.
    """
    values = json.loads(error.serialize_as_json())
    if values["message"].startswith(_MLFLOW_PREFIX):
        values["message"] = values["message"].rpartition("\nError: ")[2]
    if trace := values.pop("stack_trace", ""):
        log.error("The version raised an unexpected error.\n%s", trace)
    # in ASCII, since a message may repeat half of a character, which has no other encoding
    return Response(json.dumps(values), error.get_http_status_code(), media_type="application/json")


def _parse_body(model: PyFuncModel, body: bytes, content_type: str) -> tuple[Any, Any] | Response:
    """Return the data and parameters of a body, or MLflow's response that refuses the body.

    MLflow has no function that only parses, so MLflow answers the body with a model that records its arguments.
    """
    calls: list[tuple[Any, Any]] = []

    def predict(data: Any, params: Any = None) -> list[Any]:  # MLflow chooses the types
        calls.append((data, params))
        return []

    refusal = _answer_body(SimpleNamespace(predict=predict, metadata=model.metadata), body, content_type)
    return calls[0] if calls else refusal


async def _send_events(events: Any) -> AsyncIterator[ServerSentEvent]:  # an iterator of events that can be closed
    """Yield the events as server-sent events.

    A client that disconnects cancels the generator, which closes ``events`` and so ends the model's work.
    """
    try:
        while (event := await asyncio.to_thread(next, events, None)) is not None:
            yield ServerSentEvent(json.dumps(event, ensure_ascii=False), event=event["kind"], sep="\n")
    finally:
        events.close()


def _end_with_parent(server: Any) -> None:  # a server of uvicorn
    """End the server when the standard input ends, as it does when the process that started this one was killed."""
    sys.stdin.buffer.read()
    server.should_exit = True


def main(settings: ServerSettings) -> None:
    """Load a version and serve it until a signal.

    Args:
        settings: What to serve, and how.
    """
    model = load_unchanged(settings.target, Path(settings.public_key) if settings.public_key else None)
    app = make_app(model, streams=settings.streams, allowed_names=settings.allowed_names)
    server = make_server(app, settings.host, settings.port, grace=settings.grace, log_level=settings.log_level)
    threading.Thread(target=_end_with_parent, args=[server], daemon=True).start()
    server.run()


if __name__ == "__main__":
    mlflow_store.adapt_to_folder()
    main(ServerSettings(**json.loads(sys.argv[1])))
