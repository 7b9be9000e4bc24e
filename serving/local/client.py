"""Send a request to a target: a version that is loaded here, a server with MLflow's protocol, or an endpoint."""

from pathlib import Path
from typing import Any, Protocol

import requests

from commandline import mlflow_store
from commandline.saved_version import load_unchanged

from ..endpoint import connection, invocation
from ..errors import ServingError

Request = dict[str, Any]
Response = dict[str, Any]

_TIMEOUT = 300
"""Seconds that a server may take to answer."""


class Target(Protocol):
    """A receiver of requests: a version, a server or an endpoint."""

    def ask(self, request: Request) -> Response:
        """Return the response to ``request``.

        Raises:
            ServingError: The target cannot be reached, or refused the request.
        """
        ...


def open_target(address: str) -> Target:
    """Return the target at ``address``: ``models:/NAME@ALIAS``, a folder, ``http://…``, or ``endpoints:/NAME``.

    Raises:
        ServingError: The address has another form, or there is no version or workspace at the address.
    """
    if address.startswith(("http://", "https://")):
        return RestTarget(address)
    if address.startswith("endpoints:/"):
        return EndpointTarget(address.removeprefix("endpoints:/"))
    if address.startswith(("models:/", "runs:/")) or Path(address).is_dir():
        return LoadedTarget(address)
    expected = "models:/NAME@ALIAS, models:/NAME/VERSION, a folder, http://HOST:PORT, or endpoints:/NAME"
    raise ServingError(f"--target {address}: expected {expected}")


class LoadedTarget:
    """A version that is loaded into this process."""

    def __init__(self, uri: str) -> None:
        require_store(uri)
        import mlflow  # takes two seconds to import, which a REST target does not need
        from mlflow.exceptions import MlflowException

        self._mlflow_exception = MlflowException
        try:
            self._model = load_unchanged(uri)
        except MlflowException as error:
            raise ServingError(
                f"cannot load {uri} from {mlflow.get_registry_uri()}: {_first_line(error.message)}; "
                "python -m training run makes a version and its alias"
            ) from None

    def ask(self, request: Request) -> Response:
        """Return the response of the version's ``predict``.

        Raises:
            ServingError: The version refused the request.
        """
        try:
            prediction = self._model.predict(request)
        except self._mlflow_exception as error:
            raise ServingError(_first_line(error.message)) from None
        return invocation.extract_single(prediction)


class RestTarget:
    """A server with MLflow's route ``/invocations``."""

    def __init__(self, address: str) -> None:
        self._url = address.rstrip("/").removesuffix("/invocations") + "/invocations"

    def ask(self, request: Request) -> Response:
        """Return the server's response to a POST of ``request``.

        Raises:
            ServingError: The server cannot be reached, is too slow, refused the request, or returned no response of a
                version.
        """
        try:
            reply = requests.post(self._url, json={"inputs": request}, timeout=_TIMEOUT)
        except requests.Timeout:
            raise ServingError(
                f"{self._url} did not answer within {_TIMEOUT} s; try again, or request fewer stages"
            ) from None
        except requests.RequestException:
            raise ServingError(
                f"cannot reach {self._url}; start a server with python -m serving up, or check the address"
            ) from None
        try:
            body = reply.json()
        except ValueError:
            raise ServingError(
                f"{self._url} returned HTTP {reply.status_code} without JSON; check that the server serves multichain"
            ) from None
        if not reply.ok:
            message = body.get("message") if isinstance(body, dict) else ""
            raise ServingError(_own_message(message or f"{self._url} returned HTTP {reply.status_code}"))
        return invocation.extract_response(body)


class EndpointTarget:
    """An endpoint of Databricks Model Serving; the SDK authenticates, retries and times out."""

    def __init__(self, name: str) -> None:
        self._name, self._client = name, connection.connect_workspace()

    def ask(self, request: Request) -> Response:
        """Return the endpoint's response to ``request``.

        Raises:
            ServingError: The workspace refused the call, or the endpoint returned no response of a version.
        """
        with connection.translate_errors(f"asking the endpoint {self._name}"):
            return invocation.ask_endpoint(self._client, self._name, request)


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
