"""Send requests to an endpoint of Databricks Model Serving, or to one version that the endpoint serves."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ServingError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

GoldenQuestion = tuple[str, str]
"""A question, and a text that its answer must contain; an empty text accepts every answer."""

DESCRIBING_BODY: dict[str, Any] = {
    "inputs": {"qa": {"question": "Tell me about LangChain."}},
    "params": {"describe": True},
}
"""Body that asks for the description; it contains some request, since an endpoint accepts no empty body."""


def ask_endpoint(client: "WorkspaceClient", endpoint: str, request: dict[str, Any], entity: str = "") -> dict[str, Any]:
    """Send a request to an endpoint, or to one of its versions.

    Args:
        client: The workspace.
        endpoint: Name of the endpoint.
        request: Stages to run, with their input fields.
        entity: Name of the served version to ask, whatever its share of the traffic; by default the traffic decides.

    Returns:
        The response.

    Raises:
        ServingError: The endpoint returned no response of a version of multichain. The SDK's errors pass through; wrap
            the call in ``translate_errors``.
    """
    return _invoke(client, endpoint, {"inputs": request}, entity)


def describe_endpoint(client: "WorkspaceClient", endpoint: str, entity: str = "") -> dict[str, Any]:
    """Return the description that a version gives of itself.

    Args:
        client: The workspace.
        endpoint: Name of the endpoint.
        entity: Name of the served version to ask; by default the traffic decides.

    Returns:
        The description: ``stages`` with their fields, and ``example``, a request.

    Raises:
        ServingError: The response contains no description. The SDK's errors pass through.
    """
    return read_description(request_description(client, endpoint, entity), f"the model at {endpoint}")


def request_description(client: "WorkspaceClient", endpoint: str, entity: str = "") -> dict[str, Any]:
    """Return the response of an endpoint to ``describe``.

    Args:
        client: The workspace.
        endpoint: Name of the endpoint.
        entity: Name of the served version to ask; by default the traffic decides.

    Raises:
        ServingError: The endpoint returned no response of a version. The SDK's errors pass through.
    """
    return _invoke(client, endpoint, DESCRIBING_BODY, entity)


def read_description(response: dict[str, Any], model: str) -> dict[str, Any]:
    """Return the description in the response to ``describe``.

    Args:
        response: The response.
        model: Who responded, for the error.

    Raises:
        ServingError: The response contains no description.
    """
    try:
        return json.loads(response["meta"]["description"])  # type: ignore[no-any-return]
    except (ValueError, LookupError, TypeError):
        raise ServingError(f"{model} did not return a description; deploy a version of multichain") from None


def _invoke(client: "WorkspaceClient", endpoint: str, body: dict[str, Any], entity: str) -> dict[str, Any]:
    version_path = f"/served-models/{entity}" if entity else ""
    path = f"/serving-endpoints/{endpoint}{version_path}/invocations"
    return extract_response(
        client.api_client.do("POST", path, body=body)
    )  # the SDK's query() cannot address a served version


def extract_response(body: Any) -> dict[str, Any]:  # any JSON
    """Return the response in the body of MLflow's scoring protocol.

    Raises:
        ServingError: The body does not contain exactly one response.
    """
    return extract_single(body.get("predictions") if isinstance(body, dict) else None)


def extract_single(predictions: Any) -> dict[str, Any]:  # any return value of a model
    """Return the single response in ``predictions``: the value itself, or the only item of a list.

    Raises:
        ServingError: The value is not exactly one response.
    """
    if isinstance(predictions, list) and len(predictions) == 1:
        predictions = predictions[0]
    if not isinstance(predictions, dict) or "meta" not in predictions:
        raise ServingError(
            "the target did not return exactly one response; check that the target is a version of multichain"
        )
    return predictions


def read_golden_questions(file: Path | None) -> list[GoldenQuestion]:
    """Return the golden questions of an evaluation file in JSON Lines; none when ``file`` is None.

    Raises:
        ServingError: The file cannot be read, or a line is not a JSON object.
    """
    if file is None:
        return []
    try:
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
        entries = [json.loads(line) for line in lines]
        return [(entry["question"], _expected_text(entry.get("answer"))) for entry in entries if entry.get("question")]
    except (OSError, ValueError, AttributeError) as error:
        raise ServingError(
            f"cannot read golden questions from {file.absolute()} ({type(error).__name__}); expected JSON Lines "
            "with the key question"
        ) from None


def find_wrong_answers(
    client: "WorkspaceClient", endpoint: str, questions: Sequence[GoldenQuestion], entity: str = ""
) -> Iterator[str]:
    """Yield a sentence for each wrong answer to the version's own example and to the golden questions.

    Args:
        client: The workspace.
        endpoint: Name of the endpoint.
        questions: Golden questions, sent to the first stage that has a question and an answer.
        entity: Name of the served version to ask; by default the traffic decides.

    Raises:
        ServingError: The version does not describe itself, or has no stage for questions. The SDK's errors pass
            through.
    """
    description = describe_endpoint(client, endpoint, entity)
    yield from _stage_errors(ask_endpoint(client, endpoint, description["example"], entity))
    stage = _find_answer_stage(description["stages"]) if questions else ""
    for question, expected in questions:
        response = ask_endpoint(client, endpoint, {stage: {"question": question}}, entity)
        yield from _stage_errors(response)
        if expected and expected.lower() not in response[stage]["answer"].lower():
            yield f"the answer to {question!r} does not contain {expected!r}"


def _find_answer_stage(stages: dict[str, Any]) -> str:
    """Return the first stage with the input ``question`` and the output ``answer``, or raise ServingError."""
    for name, stage in stages.items():
        inputs, outputs = ({field["name"] for field in stage[side]} for side in ("inputs", "outputs"))
        if "question" in inputs and "answer" in outputs:
            return name
    raise ServingError("the version has no stage with the input question and the output answer; omit --golden")


def _stage_errors(response: dict[str, Any]) -> Iterator[str]:
    """Yield the error of each failed stage."""
    for name, stage in response.items():
        if name != "meta" and stage["error"]:
            yield str(stage["error"])


def _expected_text(answer: object) -> str:
    return str(answer[0] if isinstance(answer, list) and answer else answer or "")
