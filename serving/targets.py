"""Send requests to a target: a version that is loaded here, a server with MLflow's protocol, or an endpoint."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import requests

from commandline import mlflow_store
from commandline.saved_version import load_unchanged

from .endpoint import connection, invocation
from .errors import RefusedError, ServingError

Request = dict[str, Any]
Response = dict[str, Any]
Event = dict[str, Any]
"""What happens while a request is answered: ``stage``, ``kind`` and more (docs/contract.md)."""
Description = dict[str, Any]
"""What a version says of itself: ``stages`` with their fields, ``example``, first ``questions``, ``version``."""

_SERVER_SCHEMES, _ENDPOINT_SCHEME = ("http://", "https://"), "endpoints:/"
_TIMEOUT = 300
"""Seconds that a server may take to answer."""


class EventStream(Iterator[Event], Protocol):
    """The events of one request; the last one contains the whole response."""

    def close(self) -> None:
        """End the work for the request."""
        ...


class Target(Protocol):
    """A receiver of requests: a version, a server or an endpoint."""

    def ask(self, request: Request) -> Response:
        """Return the response to ``request``.

        Raises:
            RefusedError: The target refused the request.
            ServingError: The target cannot be reached, or returned no response of a version.
        """
        ...

    def stream(self, request: Request) -> EventStream:
        """Return the events of ``request``; a target that cannot stream gives them when all is answered.

        Raises:
            RefusedError: The target refused the request.
            ServingError: The target cannot be reached, or returned no response of a version.
        """
        ...

    def describe(self) -> Description:
        """Return what the version says of itself.

        Raises:
            ServingError: The target cannot be reached, or gives no description.
        """
        ...

    def with_token(self, token: str) -> "Target":
        """Return the target as the owner of a token of its workspace; the same target where it has no workspace."""
        ...


def open_target(address: str) -> Target:
    """Return the target at ``address``: ``models:/NAME@ALIAS``, a folder, ``http://…``, or ``endpoints:/NAME``.

    Raises:
        ServingError: The address has another form, or there is no version or workspace at the address.
    """
    if address.startswith(_SERVER_SCHEMES):
        return RestTarget(address)
    if address.startswith(_ENDPOINT_SCHEME):
        return EndpointTarget(address.removeprefix(_ENDPOINT_SCHEME))
    if address.startswith(("models:/", "runs:/")) or Path(address).is_dir():
        return load_target(address)
    expected = "models:/NAME@ALIAS, models:/NAME/VERSION, a folder, http://HOST:PORT, or endpoints:/NAME"
    raise ServingError(f"--target {address}: expected {expected}")


def is_remote(address: str) -> bool:
    """Return whether a target is a server or an endpoint, rather than a version that is loaded here."""
    return address.startswith((*_SERVER_SCHEMES, _ENDPOINT_SCHEME))


def load_target(uri: str) -> "LoadedTarget":
    """Return a version that is loaded into this process.

    Raises:
        ServingError: There is no store, or no version at ``uri``.
        CommandError: A file of the version was changed since it was logged.
    """
    require_store(uri)
    import mlflow  # takes two seconds to import, which a REST target does not need
    from mlflow.exceptions import MlflowException

    try:
        return LoadedTarget(load_unchanged(uri))
    except MlflowException as error:
        raise ServingError(
            f"cannot load {uri} from {mlflow.get_registry_uri()}: {_first_line(error.message)}; "
            "python -m training run makes a version and its alias"
        ) from None


class LoadedTarget:
    """A version that is loaded into this process.

    Args:
        model: The loaded version, an ``mlflow.pyfunc.PyFuncModel``.
    """

    def __init__(self, model: Any) -> None:  # MLflow's methods are untyped
        from mlflow.exceptions import MlflowException  # loaded with the model

        self._model, self._mlflow_exception = model, MlflowException

    def ask(self, request: Request) -> Response:
        """Return the response of the version's ``predict``.

        Raises:
            RefusedError: The version refused the request.
        """
        return invocation.extract_single(self._predict(request))

    def ask_rows(self, requests: Sequence[Request]) -> list[Response]:
        """Return the responses to many requests, in their order.

        Raises:
            ServingError: The version returned something else.
        """
        responses = self._predict(list(requests))
        if not isinstance(responses, list) or len(responses) != len(requests):
            raise ServingError("the version did not return a response to each request; check that it is of multichain")
        return responses

    def stream(self, request: Request) -> EventStream:
        """Return the events of the version's ``predict_stream``.

        Raises:
            RefusedError: The version refused the request.
        """
        try:
            events: EventStream = self._model.unwrap_python_model().predict_stream(None, [request], None)
        except self._mlflow_exception as error:
            raise RefusedError(_first_line(error.message)) from None
        return events

    def describe(self) -> Description:
        """Return what the version says of itself.

        Raises:
            ServingError: The version gives no description.
        """
        response = invocation.extract_single(self._predict(*invocation.DESCRIBING_BODY.values()))
        return _read_description(response, "the version")

    def with_token(self, token: str) -> "LoadedTarget":
        """Return this target: a version that is loaded here has no workspace."""
        return self

    def _predict(self, requests: Request | list[Request], params: dict[str, Any] | None = None) -> Any:
        """Return the model's prediction, whatever it is; translate a refusal."""
        try:
            return self._model.predict(requests, params=params)
        except self._mlflow_exception as error:
            raise RefusedError(_first_line(error.message)) from None


class RestTarget:
    """A server with MLflow's route ``/invocations``."""

    def __init__(self, address: str) -> None:
        self._server = address.rstrip("/").removesuffix("/invocations")
        self._url = f"{self._server}/invocations"

    def ask(self, request: Request) -> Response:
        """Return the server's response to a POST of ``request``.

        Raises:
            RefusedError: The server refused the request.
            ServingError: The server cannot be reached, is too slow, or returned no response of a version.
        """
        return self._invoke({"inputs": request})

    def stream(self, request: Request) -> EventStream:
        """Return the events of the server's ``/stream``; the whole answer's where the server has no such route.

        Raises:
            RefusedError: The server refused the request.
            ServingError: The server cannot be reached, is too slow, or returned no response of a version.
        """
        reply = self._post(f"{self._server}/stream", {"inputs": request}, stream=True)
        if reply.status_code in {404, 405}:
            reply.close()
            return replay_response(self.ask(request))
        if not reply.ok:
            raise self._refusal(reply)
        return _RemoteEvents(reply)

    def describe(self) -> Description:
        """Return what the version behind the server says of itself.

        Raises:
            ServingError: The server cannot be reached, or gives no description.
        """
        return _read_description(self._invoke(invocation.DESCRIBING_BODY), f"the model at {self._server}")

    def with_token(self, token: str) -> "RestTarget":
        """Return this target: a server has no workspace."""
        return self

    def _invoke(self, body: dict[str, Any]) -> Response:
        reply = self._post(self._url, body)
        try:
            content = reply.json()
        except ValueError:
            raise ServingError(
                f"{self._url} returned HTTP {reply.status_code} without JSON; check that the server serves multichain"
            ) from None
        if not reply.ok:
            raise self._refusal(reply)
        return invocation.extract_response(content)

    def _post(self, url: str, body: dict[str, Any], *, stream: bool = False) -> requests.Response:
        try:
            return requests.post(url, json=body, timeout=_TIMEOUT, stream=stream)
        except requests.Timeout:
            raise ServingError(
                f"{url} did not answer within {_TIMEOUT} s; try again, or request fewer stages"
            ) from None
        except requests.RequestException:
            raise ServingError(
                f"cannot reach {url}; start a server with python -m serving up, or check the address"
            ) from None

    def _refusal(self, reply: requests.Response) -> ServingError:
        """Return the error of a reply that is no answer."""
        try:
            body = reply.json()
        except ValueError:
            body = None
        message = body.get("message") if isinstance(body, dict) else ""
        sentence = _own_message(str(message or f"{reply.url} returned HTTP {reply.status_code}"))
        return RefusedError(sentence) if reply.status_code == requests.codes.bad_request else ServingError(sentence)


class EndpointTarget:
    """An endpoint of Databricks Model Serving; the SDK authenticates, retries and times out."""

    def __init__(self, name: str, token: str = "") -> None:
        self._name, self._client = name, connection.connect_workspace(token=token)

    def ask(self, request: Request) -> Response:
        """Return the endpoint's response to ``request``.

        Raises:
            ServingError: The workspace refused the call, or the endpoint returned no response of a version.
        """
        with connection.translate_errors(f"asking the endpoint {self._name}"):
            return invocation.ask_endpoint(self._client, self._name, request)

    def stream(self, request: Request) -> EventStream:
        """Return the events of the whole answer, since Model Serving cannot stream a custom model's.

        Raises:
            ServingError: The workspace refused the call, or the endpoint returned no response of a version.
        """
        return replay_response(self.ask(request))

    def describe(self) -> Description:
        """Return what the version behind the endpoint says of itself.

        Raises:
            ServingError: The workspace refused the call, or the endpoint gives no description.
        """
        with connection.translate_errors(f"asking the endpoint {self._name}"):
            response = invocation.request_description(self._client, self._name)
        return _read_description(response, f"the model at {self._name}")

    def with_token(self, token: str) -> "EndpointTarget":
        """Return the endpoint as the owner of ``token`` may query it.

        Raises:
            ServingError: The workspace cannot be reached.
        """
        return EndpointTarget(self._name, token)


class _RemoteEvents:
    """The events of a reply of ``/stream`` (server-sent events, WHATWG HTML, 9.2)."""

    def __init__(self, reply: requests.Response) -> None:
        self._reply, self._lines = reply, reply.iter_lines(decode_unicode=False)

    def __iter__(self) -> "_RemoteEvents":
        return self

    def __next__(self) -> Event:
        try:
            for line in self._lines:
                if line.startswith(b"data:"):
                    event: Event = json.loads(line.removeprefix(b"data:"))
                    return event
        except requests.RequestException:
            raise ServingError(f"{self._reply.url} ended before the whole answer came; try again") from None
        raise StopIteration

    def close(self) -> None:
        """Close the connection, which ends the server's work for the request."""
        self._reply.close()


class _ReplayedEvents:
    """Events of a response that is complete."""

    def __init__(self, events: Iterator[Event]) -> None:
        self._events = events

    def __iter__(self) -> "_ReplayedEvents":
        return self

    def __next__(self) -> Event:
        return next(self._events)

    def close(self) -> None:
        """Give no further event."""
        self._events = iter(())


def replay_response(response: Response) -> EventStream:
    """Return the events that a stream ends with: for each stage that ran or failed, and with the whole response."""
    return _ReplayedEvents(_list_last_events(response))


def _list_last_events(response: Response) -> Iterator[Event]:
    for name, fields in response.items():
        if name == "meta":
            continue
        if fields["error"]:
            yield {"stage": name, "kind": "error", "error": fields["error"]}
        elif fields["ran"]:
            yield {"stage": name, "kind": "done", "fields": fields}
    yield {"stage": "", "kind": "done", "response": response}


def _read_description(response: Response, model: str) -> Description:
    """Return the description in a response, with the version that gave it.

    Raises:
        ServingError: The response contains no description.
    """
    return invocation.read_description(response, model) | {"version": str(response["meta"].get("version", ""))}


def require_store(uri: str) -> None:
    """Check that a store exists in which ``uri`` can be looked up, so that MLflow does not create an empty one.

    Raises:
        ServingError: ``uri`` names a registered version or a run, and there is no store, or it cannot be reached.
    """
    if not uri.startswith(("models:/", "runs:/")):
        return
    explanation = mlflow_store.explain_missing_store() or mlflow_store.explain_unreachable_store()
    if explanation:
        raise ServingError(explanation)


def _first_line(text: str) -> str:
    """Return the first line of an error message, without the full stop."""
    return text.strip().splitlines()[0].rstrip(".")


def _own_message(message: str) -> str:
    """Return the model's own message, without MLflow's prefix, which contains the caller's data."""
    return _first_line(message.rpartition("Error: ")[2])
