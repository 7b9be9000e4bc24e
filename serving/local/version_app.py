"""The ASGI application of ``serving up``: a version behind MLflow's own routes, ``/stream``, and all doors.

MLflow's own function answers ``/invocations``, in up to ``MAX_CALLERS`` threads; MLflow's command has six threads on
two cores. ``/stream``, which MLflow's server cannot serve, accepts and refuses the same bodies with the same messages.
``/stream`` answers one request with server-sent events (WHATWG HTML, 9.2): one for each event of the model, named for
the event's kind. The last event contains the whole response.
"""

import asyncio
import json
import logging
from functools import wraps
from types import SimpleNamespace
from typing import Any

from mlflow.environment_variables import MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc import PyFuncModel, scoring_server
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from ..doors.app import make_door_app
from ..doors.async_target import iterate_in_thread
from ..doors.calls import CallRecorder
from ..doors.events import respond_with_events
from ..doors.settings import DoorSettings
from ..targets import LoadedTarget

log = logging.getLogger("uvicorn.error")  # the log of the server
_UNREADABLE = (
    "invalid_request: the body cannot be read ({kind}); send JSON with one of inputs, instances, dataframe_records and "
    "dataframe_split"
)
_MLFLOW_PREFIX = "Failed to predict data '"
"""Beginning of the messages in which MLflow repeats the request before the error of the version."""


def make_app(model: PyFuncModel, address: str = "", settings: DoorSettings | None = None) -> Starlette:
    """Return the application that serves ``model``: MLflow's own routes, ``/stream``, and all doors.

    Args:
        model: A loaded version.
        address: URI of the version, which the page shows.
        settings: Who may call the server, and what is noted.
    """
    loaded: Any = model  # MLflow's method is untyped
    recorder = CallRecorder(notes_questions=settings is not None and settings.notes_questions)
    noted = _NotedModel(loaded, recorder)
    timeout: int = MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT.get()  # type: ignore[no-untyped-call]  # MLflow's

    async def invocations(request: Request) -> Response:
        body, content_type = await request.body(), request.headers.get("content-type") or ""
        answering = asyncio.to_thread(_answer_body, noted, body, content_type)
        try:
            return await asyncio.wait_for(answering, timeout)
        except TimeoutError:
            return Response("Request processing time exceeded limit", 504, media_type="application/json")

    async def stream(request: Request) -> Response:
        body = await request.body()
        parsed = await asyncio.to_thread(_parse_body, model, body, request.headers.get("content-type") or "")
        if isinstance(parsed, Response):
            return parsed
        try:
            events = await asyncio.to_thread(loaded.unwrap_python_model().predict_stream, None, *parsed)
        except MlflowException as error:
            return _error_response(error)
        return respond_with_events(recorder.note_events(iterate_in_thread(events)))

    return make_door_app(
        LoadedTarget(model),
        address,
        settings or DoorSettings(),
        recorder,
        [
            Route("/invocations", invocations, methods=["POST"]),
            Route("/stream", stream, methods=["POST"]),
            Mount("/", scoring_server.init(model)),
        ],
    )


class _NotedModel:
    """A model whose responses are noted."""

    def __init__(self, model: Any, recorder: CallRecorder) -> None:  # MLflow's class is untyped
        self._model = model

        @wraps(model.predict)  # MLflow looks at the signature, and passes params where it has them
        def predict(*arguments: Any, **options: Any) -> Any:
            prediction = model.predict(*arguments, **options)
            for response in prediction if isinstance(prediction, list) else [prediction]:
                recorder.note_response(response)
            return prediction

        self.predict = predict

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


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
