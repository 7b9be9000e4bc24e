"""Only documented answers come back, whatever is asked: a response of the contract, or a refusal with HTTP 400.

``make fuzz`` runs the tests with 10,000 requests for each door.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel
from starlette.testclient import TestClient

from model.errors import MultichainError
from serving.local.version_app import make_app
from tests import generated_requests

STAGES = ("qa", "image_generation")
generate = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a failure is printed as it came
)


def list_codes(kind: type[MultichainError] = MultichainError) -> set[str]:
    """Return the codes of all errors but ``internal``."""
    return {kind.code}.union(*map(list_codes, kind.__subclasses__())) - {MultichainError.code}


@pytest.fixture(scope="module")
def version(logged: str) -> PyFuncModel:
    return mlflow.pyfunc.load_model(logged)


@pytest.fixture(scope="module")
def client(version: PyFuncModel) -> Iterator[TestClient]:
    with TestClient(make_app(version), base_url="http://localhost", raise_server_exceptions=False) as test_client:
        yield test_client


def check_responses(responses: Any) -> None:
    """Check that responses contain JSON alone, and that each error has a documented code other than ``internal``."""
    for response in responses if isinstance(responses, list) else [responses]:
        json.dumps(response, allow_nan=False).encode()
        for stage in STAGES:
            error = response[stage]["error"]
            assert not error or error.partition(":")[0] in list_codes(), error
            assert "Traceback" not in error
        assert all(math.isfinite(source["score"]) for source in response["qa"]["sources"])


@generate
@given(model_input=generated_requests.inputs)
def test_mlflow_answers_or_refuses(version: PyFuncModel, model_input: Any) -> None:
    try:
        responses = version.predict(model_input)
    except MlflowException as error:
        assert error.get_http_status_code() == 400  # noqa: PT017 - any other exception fails the test
    else:
        check_responses(responses)


@generate
@given(model_input=generated_requests.inputs)
def test_model_answers_or_refuses_without_mlflow(version: PyFuncModel, model_input: Any) -> None:
    model: Any = version.unwrap_python_model()
    try:
        responses = model.predict(None, model_input)
    except MlflowException as error:
        assert error.message.startswith("invalid_request: ")  # noqa: PT017
        assert error.get_http_status_code() == 400  # noqa: PT017
    else:
        check_responses(responses)


@generate
@given(body=generated_requests.bodies)
def test_rest_answers_or_refuses(client: TestClient, body: bytes) -> None:
    reply = client.post("/invocations", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in {200, 400}, reply.text
    assert "Traceback" not in reply.text
    if reply.status_code == 200:
        check_responses(reply.json()["predictions"])


@generate
@given(body=generated_requests.bodies)
def test_stream_answers_or_refuses(client: TestClient, body: bytes) -> None:
    reply = client.post("/stream", content=body, headers={"content-type": "application/json"})
    assert reply.status_code in {200, 400}, reply.text
    assert "Traceback" not in reply.text
    if reply.status_code == 200:
        events = [json.loads(line.removeprefix("data: ")) for line in reply.text.split("\n") if line[:6] == "data: "]
        assert events[-1]["kind"] == "done"
        check_responses(events[-1]["response"])


@pytest.mark.parametrize("route", ["invocations", "stream"])
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"inputs": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"inputs": {"qa": {"question": "Why?", "k": ' + b"9" * 5_000 + b"}}}",
        b'{"inputs": {"qa": {"question": "Why?", "filter": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}}}",
        b'{"inputs": {"qa": {"question": "\\ud83d", "k": 1e999}}}',
        b'{"dataframe_split": {"columns": ["qa"], "data": [[1, 2], []]}}',
        b'{"dataframe_records": [{"qa": {"question": "Why?"}}, 3]}',
        b'{"instances": {"qa": [1, 2], "image_generation": [3]}}',
        b'{"inputs": "\\udc00tail"}',
        b"\xff\xfe",
        b"",
        b"null",
    ],
    ids=lambda body: body[:30].decode("latin-1") or "empty",
)
def test_body_that_no_contract_describes_is_refused(client: TestClient, route: str, body: bytes) -> None:
    reply = client.post(f"/{route}", content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert "message" in reply.json()
    assert "Traceback" not in reply.text


@pytest.mark.parametrize("depth", [51, 500, 50_000])
def test_deep_value_is_the_error_of_its_row_alone(version: PyFuncModel, depth: int) -> None:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    model: Any = version.unwrap_python_model()
    deep, sound = model.predict(None, [{"qa": {"question": value}}, {"qa": {"question": "What is LangChain?"}}])
    assert deep["qa"]["error"].startswith("invalid_request: qa: expected values nested at most 50 deep")
    assert sound["qa"]["error"] == ""
