"""Requests to an endpoint of Databricks Model Serving, or to one version that it serves."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ServingError

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

Golden = tuple[str, str]
"""A question, and what its answer has to hold; empty when nothing."""

_ANY = {"qa": {"question": "Tell me about LangChain."}}
"""What is sent where nothing is asked: an endpoint takes no empty body."""


def ask(client: "WorkspaceClient", endpoint: str, request: dict[str, Any], entity: str = "") -> dict[str, Any]:
    """The response of an endpoint, or of the version ``entity`` of it, whatever its share of the traffic is."""
    return _invoked(client, endpoint, {"inputs": request}, entity)


def described(client: "WorkspaceClient", endpoint: str, entity: str = "") -> dict[str, Any]:
    """What a version says of itself: its stages, and an example of a request. Raises ServingError."""
    told = _invoked(client, endpoint, {"inputs": _ANY, "params": {"describe": True}}, entity)
    try:
        return json.loads(told["meta"]["description"])  # type: ignore[no-any-return]
    except (ValueError, LookupError, TypeError):
        raise ServingError(f"what {endpoint} serves does not describe itself as a version of multichain does") from None


def _invoked(client: "WorkspaceClient", endpoint: str, body: dict[str, Any], entity: str) -> dict[str, Any]:
    one = f"/served-models/{entity}" if entity else ""
    path = f"/serving-endpoints/{endpoint}{one}/invocations"
    return response(client.api_client.do("POST", path, body=body))  # query() knows no served version


def response(body: Any) -> dict[str, Any]:  # whatever a server answers
    """The one response in what a server answers. Raises ServingError when there is none."""
    return only(body.get("predictions") if isinstance(body, dict) else None)


def only(told: Any) -> dict[str, Any]:  # whatever a model answers
    """The one response that was told, by itself or in a list. Raises ServingError when it is none."""
    if isinstance(told, list) and len(told) == 1:
        told = told[0]
    if not isinstance(told, dict) or "meta" not in told:
        raise ServingError("the target answered, but not with one response; is it a version of multichain?")
    return told


def golden(file: Path | None) -> list[Golden]:
    """The questions of an evaluation file in JSON lines. Raises ServingError, naming the line."""
    if file is None:
        return []
    try:
        lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
        told = [json.loads(line) for line in lines]
        return [(one["question"], _text(one.get("answer"))) for one in told if one.get("question")]
    except (OSError, ValueError, AttributeError) as error:
        raise ServingError(f"{file.absolute()}: no JSON lines with questions ({type(error).__name__})") from None


def wrong(client: "WorkspaceClient", endpoint: str, questions: Sequence[Golden], entity: str = "") -> Iterator[str]:
    """What is wrong with the answers to the version's own example and to golden questions. Raises ServingError."""
    told = described(client, endpoint, entity)
    yield from _errors(ask(client, endpoint, told["example"], entity))
    stage = _answering(told["stages"]) if questions else ""
    for question, expected in questions:
        response = ask(client, endpoint, {stage: {"question": question}}, entity)
        yield from _errors(response)
        if expected and expected.lower() not in response[stage]["answer"].lower():
            yield f"the answer to {question!r} does not hold {expected!r}"


def _answering(stages: dict[str, Any]) -> str:
    """The first stage that takes a question and gives an answer. Raises ServingError when there is none."""
    for name, stage in stages.items():
        takes, gives = ({one["name"] for one in stage[side]} for side in ("inputs", "outputs"))
        if "question" in takes and "answer" in gives:
            return name
    raise ServingError("no stage of the version takes a question and gives an answer; leave --golden out")


def _errors(response: dict[str, Any]) -> Iterator[str]:
    """The errors of its stages."""
    for name, stage in response.items():
        if name != "meta" and stage["error"]:
            yield str(stage["error"])


def _text(answer: object) -> str:
    return str(answer[0] if isinstance(answer, list) and answer else answer or "")
