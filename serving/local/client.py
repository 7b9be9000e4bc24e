"""One request to a target: a registered or saved version, loaded here, or a server that speaks MLflow's protocol."""

from pathlib import Path
from typing import Any, Protocol

import requests

from commandline import mlflow_store

from ..endpoint import connection, invocation
from ..errors import ServingError

Request = dict[str, Any]
Response = dict[str, Any]

_TIMEOUT = 300


class Target(Protocol):
    """What a request can be sent to."""

    def ask(self, request: Request) -> Response:
        """The response. Raises ServingError when there is none."""
        ...


def open_target(address: str) -> Target:
    """The target at ``address``: ``models:/NAME@ALIAS``, a folder, ``http://…``, or ``endpoints:/NAME``."""
    if address.startswith(("http://", "https://")):
        return RestTarget(address)
    if address.startswith("endpoints:/"):
        return EndpointTarget(address.removeprefix("endpoints:/"))
    if address.startswith(("models:/", "runs:/")) or Path(address).is_dir():
        return LoadedTarget(address)
    expected = "models:/NAME@ALIAS, models:/NAME/VERSION, http://HOST:PORT, or endpoints:/NAME"
    raise ServingError(f"--target {address}: expected {expected}")


class LoadedTarget:
    """A version loaded into this process."""

    def __init__(self, uri: str) -> None:
        require_store(uri)
        import mlflow  # two seconds, which a REST target need not pay
        from mlflow.exceptions import MlflowException

        self._mlflow_exception = MlflowException
        try:
            self._model = mlflow.pyfunc.load_model(uri)
        except MlflowException as error:
            raise ServingError(
                f"cannot load {uri} from {mlflow.get_registry_uri()}: {_first_line(error.message)}; "
                "python -m training run makes a version and its alias"
            ) from None

    def ask(self, request: Request) -> Response:
        """The response of ``predict``."""
        try:
            prediction = self._model.predict(request)
        except self._mlflow_exception as error:
            raise ServingError(_first_line(error.message)) from None
        return invocation.extract_single(prediction)


class RestTarget:
    """A server with MLflow's /invocations."""

    def __init__(self, address: str) -> None:
        self._url = address.rstrip("/").removesuffix("/invocations") + "/invocations"

    def ask(self, request: Request) -> Response:
        """The response of a POST."""
        try:
            reply = requests.post(self._url, json={"inputs": request}, timeout=_TIMEOUT)
        except requests.Timeout:
            raise ServingError(f"{self._url} did not answer within {_TIMEOUT} s; try again, or ask for less") from None
        except requests.RequestException:
            raise ServingError(f"cannot reach {self._url}; is the server up? python -m serving up starts one") from None
        try:
            body = reply.json()
        except ValueError:
            raise ServingError(
                f"{self._url} answered HTTP {reply.status_code} and no JSON; is it this model?"
            ) from None
        if not reply.ok:
            message = body.get("message") if isinstance(body, dict) else ""
            raise ServingError(_own_message(message or f"{self._url} answered HTTP {reply.status_code}"))
        return invocation.extract_response(body)


class EndpointTarget:
    """An endpoint of Databricks Model Serving, with the SDK's own authentication, retries and time-out."""

    def __init__(self, name: str) -> None:
        self._name, self._client = name, connection.connect_workspace()

    def ask(self, request: Request) -> Response:
        """The response of an invocation."""
        with connection.translate_errors(f"asking the endpoint {self._name}"):
            return invocation.ask_endpoint(self._client, self._name, request)


def require_store(uri: str) -> None:
    """Raises ServingError when there is no store to load a registered version from."""
    explanation = mlflow_store.explain_missing_store() if uri.startswith(("models:/", "runs:/")) else ""
    if explanation:
        raise ServingError(explanation)


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".")


def _own_message(message: str) -> str:
    """The model's own sentence: MLflow's server puts the caller's data before it."""
    return _first_line(message.rpartition("Error: ")[2])
