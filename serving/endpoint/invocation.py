"""Requests to an endpoint of Databricks Model Serving, or to one version that it serves."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ServingError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

GoldenQuestion = tuple[str, str]
"""A question, and what its answer has to hold; empty when nothing."""

_ANY_REQUEST = {"qa": {"question": "Tell me about LangChain."}}
"""What is sent where nothing is asked: an endpoint takes no empty body."""


def ask_endpoint(client: "WorkspaceClient", endpoint: str, request: dict[str, Any], entity: str = "") -> dict[str, Any]:
    """The response of an endpoint, or of the version ``entity`` of it, whatever its share of the traffic is."""
    return _invoke(client, endpoint, {"inputs": request}, entity)


def describe_endpoint(client: "WorkspaceClient", endpoint: str, entity: str = "") -> dict[str, Any]:
    """What a version says of itself: its stages, and an example of a request. Raises ServingError."""
    response = _invoke(client, endpoint, {"inputs": _ANY_REQUEST, "params": {"describe": True}}, entity)
    try:
        return json.loads(response["meta"]["description"])  # type: ignore[no-any-return]
    except (ValueError, LookupError, TypeError):
        raise ServingError(f"what {endpoint} serves does not describe itself as a version of multichain does") from None


def _invoke(client: "WorkspaceClient", endpoint: str, body: dict[str, Any], entity: str) -> dict[str, Any]:
    version_path = f"/served-models/{entity}" if entity else ""
    path = f"/serving-endpoints/{endpoint}{version_path}/invocations"
    return extract_response(client.api_client.do("POST", path, body=body))  # query() knows no served version


def extract_response(body: Any) -> dict[str, Any]:  # whatever a server answers
    """The one response in what a server answers. Raises ServingError when there is none."""
    return extract_single(body.get("predictions") if isinstance(body, dict) else None)


def extract_single(predictions: Any) -> dict[str, Any]:  # whatever a model answers
    """The one response that was told, by itself or in a list. Raises ServingError when it is none."""
    if isinstance(predictions, list) and len(predictions) == 1:
        predictions = predictions[0]
    if not isinstance(predictions, dict) or "meta" not in predictions:
        raise ServingError("the target answered, but not with one response; is it a version of multichain?")
    return predictions


def read_golden_questions(file: Path | None) -> list[GoldenQuestion]:
    """The questions of an evaluation file in JSON lines. Raises ServingError, naming the line."""
    if file is None:
        return []
    try:
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
        entries = [json.loads(line) for line in lines]
        return [(entry["question"], _expected_text(entry.get("answer"))) for entry in entries if entry.get("question")]
    except (OSError, ValueError, AttributeError) as error:
        raise ServingError(f"{file.absolute()}: no JSON lines with questions ({type(error).__name__})") from None


def find_wrong_answers(
    client: "WorkspaceClient", endpoint: str, questions: Sequence[GoldenQuestion], entity: str = ""
) -> Iterator[str]:
    """What is wrong with the answers to the version's own example and to golden questions. Raises ServingError."""
    description = describe_endpoint(client, endpoint, entity)
    yield from _stage_errors(ask_endpoint(client, endpoint, description["example"], entity))
    stage = _find_answer_stage(description["stages"]) if questions else ""
    for question, expected in questions:
        response = ask_endpoint(client, endpoint, {stage: {"question": question}}, entity)
        yield from _stage_errors(response)
        if expected and expected.lower() not in response[stage]["answer"].lower():
            yield f"the answer to {question!r} does not hold {expected!r}"


def _find_answer_stage(stages: dict[str, Any]) -> str:
    """The first stage that takes a question and gives an answer. Raises ServingError when there is none."""
    for name, stage in stages.items():
        takes, gives = ({field["name"] for field in stage[side]} for side in ("inputs", "outputs"))
        if "question" in takes and "answer" in gives:
            return name
    raise ServingError("no stage of the version takes a question and gives an answer; leave --golden out")


def _stage_errors(response: dict[str, Any]) -> Iterator[str]:
    """The errors of its stages."""
    for name, stage in response.items():
        if name != "meta" and stage["error"]:
            yield str(stage["error"])


def _expected_text(answer: object) -> str:
    return str(answer[0] if isinstance(answer, list) and answer else answer or "")
