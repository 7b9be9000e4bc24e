"""Requests to an endpoint or a served version, golden questions, and the sentences about wrong answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound

from serving.endpoint.connection import connect_workspace
from serving.endpoint.invocation import (
    GoldenQuestion,
    ask_endpoint,
    describe_endpoint,
    extract_single,
    find_wrong_answers,
    read_golden_questions,
)
from serving.errors import ServingError
from standin.app import StandIn
from standin.databricks.serving_endpoints import ServedEndpoint

Values = dict[str, Any]
NAME, MODEL = "multichain", "dev.assistants.multichain"
NOT_DESCRIBED = "the model at multichain did not return a description; deploy a version of multichain"
QUESTION_STAGE = {"inputs": [{"name": "k"}, {"name": "question"}], "outputs": [{"name": "answer"}]}
EXAMPLE = {"qa": {"question": "What is it?"}}


class Version:
    """A version with the stages ``qa`` and ``draw``, which records the bodies that it answers."""

    def __init__(self) -> None:
        self.bodies: list[Values] = []
        self.errors: dict[str, str] = {}
        self.stages: Values = {
            "draw": {"inputs": [{"name": "prompt"}], "outputs": [{"name": "image"}]},
            "qa": QUESTION_STAGE,
        }

    def predict(self, body: Values) -> list[Values]:
        """Answer each stage with its name."""
        self.bodies.append(body)
        description = json.dumps({"stages": self.stages, "example": EXAMPLE}) if "params" in body else ""
        stages = {name: {"answer": f"It is {name.upper()}", "error": self.errors.get(name, "")} for name in ("qa", "b")}
        return [stages | {"meta": {"description": description}}]


@pytest.fixture
def version(stand_in: StandIn) -> Version:
    """Return the version that has all traffic of the endpoint; another one, ``v2``, fails when it is asked."""
    version, endpoints = Version(), stand_in.workspace.endpoints
    entities = [{"name": f"v{number}", "entity_name": MODEL, "entity_version": number} for number in "12"]
    endpoints.endpoints[NAME] = ServedEndpoint({"name": NAME}, entities, {"v1": 100, "v2": 0})
    endpoints.models[MODEL, "1"] = version.predict
    return version


@pytest.fixture
def client(version: Version) -> WorkspaceClient:
    return connect_workspace()


def test_request_goes_to_the_endpoint_or_to_one_of_its_versions(
    version: Version, client: WorkspaceClient, stand_in: StandIn
) -> None:
    second = Version()
    stand_in.workspace.endpoints.models[MODEL, "2"] = second.predict
    assert ask_endpoint(client, NAME, EXAMPLE)["qa"]["answer"] == "It is QA"
    assert ask_endpoint(client, NAME, EXAMPLE, "v2")["qa"]["answer"] == "It is QA"
    assert version.bodies == second.bodies == [{"inputs": EXAMPLE}]
    assert stand_in.workspace.calls == [
        "POST /serving-endpoints/multichain/invocations",
        "POST /serving-endpoints/multichain/served-models/v2/invocations",
    ]


def test_request_to_a_missing_endpoint_gives_the_error_of_the_sdk(client: WorkspaceClient) -> None:
    with pytest.raises(NotFound):
        ask_endpoint(client, "nosuch", EXAMPLE)


def test_description_is_requested_with_any_question(version: Version, client: WorkspaceClient) -> None:
    assert describe_endpoint(client, NAME) == {"stages": version.stages, "example": EXAMPLE}
    assert version.bodies == [
        {"inputs": {"qa": {"question": "Tell me about LangChain."}}, "params": {"describe": True}}
    ]


@pytest.mark.parametrize("meta", [{}, {"description": ""}, {"description": "{"}, {"description": None}, None, "text"])
def test_response_without_a_description_is_refused(meta: Any, client: WorkspaceClient, stand_in: StandIn) -> None:
    stand_in.workspace.endpoints.models[MODEL, "1"] = lambda _body: {"meta": meta}
    with pytest.raises(ServingError) as caught:
        describe_endpoint(client, NAME)
    assert caught.value.message == NOT_DESCRIBED


@pytest.mark.parametrize("response", [{"meta": None}, {"meta": {}, "qa": {}}])
def test_single_response_is_the_value_or_the_only_item(response: Values) -> None:
    assert extract_single(response) is response
    assert extract_single([response]) is response


@pytest.mark.parametrize("predictions", [None, "meta", ["meta"], [], [{}], {}, [[{"meta": {}}]], [{"meta": {}}, 1]])
def test_everything_but_one_response_is_refused(predictions: Any) -> None:
    with pytest.raises(ServingError, match=r"^the target did not return exactly one response; check that the target"):
        extract_single(predictions)


@pytest.mark.parametrize(
    ("line", "questions"),
    [
        ({"question": "a?", "answer": "A"}, [("a?", "A")]),
        ({"question": "a?", "answer": ["A", "B"]}, [("a?", "A")]),
        ({"question": "a?", "answer": []}, [("a?", "")]),
        ({"question": "a?", "answer": None}, [("a?", "")]),
        ({"question": "a?", "answer": 42}, [("a?", "42")]),
        ({"question": "a?", "source": "a.txt"}, [("a?", "")]),
        ({"question": "", "answer": "A"}, []),
        ({"prompt": "A fox"}, []),
    ],
)
def test_golden_question_has_the_first_answer(line: Values, questions: list[GoldenQuestion], tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_text(json.dumps(line), "utf-8")
    assert read_golden_questions(file) == questions


def test_golden_questions_come_in_order_and_skip_blank_lines(tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    file.write_text('\n{"question": "ä?"}\n  \n{"question": "b?", "answer": "ß"}\n{"question": "ä?"}', "utf-8")
    assert read_golden_questions(file) == [("ä?", ""), ("b?", "ß"), ("ä?", "")]
    assert read_golden_questions(None) == []


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b'{"question": "a?"', "JSONDecodeError"),
        (b'["question"]', "AttributeError"),
        (b"\xff", "UnicodeDecodeError"),
        (None, "FileNotFoundError"),
    ],
)
def test_unreadable_golden_questions_are_reported(content: bytes | None, error: str, tmp_path: Path) -> None:
    file = tmp_path / "golden.jsonl"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ServingError) as caught:
        read_golden_questions(file)
    assert caught.value.message == (
        f"cannot read golden questions from {file} ({error}); expected JSON Lines with the key question"
    )


def test_right_answers_to_example_and_questions_give_no_sentence(version: Version, client: WorkspaceClient) -> None:
    questions = [("Which?", "it IS"), ("Why?", "")]
    assert list(find_wrong_answers(client, NAME, questions, "v1")) == []
    assert [body["inputs"] for body in version.bodies[1:]] == [
        EXAMPLE,
        {"qa": {"question": "Which?"}},
        {"qa": {"question": "Why?"}},
    ]


def test_wrong_answer_is_quoted_with_question_and_expectation(version: Version, client: WorkspaceClient) -> None:
    sentences = find_wrong_answers(client, NAME, [("Which?", "fox"), ("Why?", "QA"), ("Who's there?", "wolf")])
    assert list(sentences) == [
        "the answer to 'Which?' does not contain 'fox'",
        """the answer to "Who's there?" does not contain 'wolf'""",
    ]


def test_errors_of_all_stages_come_before_the_wrong_answer(version: Version, client: WorkspaceClient) -> None:
    version.errors = {"qa": "timeout: qa", "b": "timeout: b"}
    assert list(find_wrong_answers(client, NAME, [("Which?", "fox")])) == [
        *["timeout: qa", "timeout: b"] * 2,
        "the answer to 'Which?' does not contain 'fox'",
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda stages: stages.pop("qa"),
        lambda stages: stages["qa"].update(outputs=[{"name": "image"}]),
        lambda stages: stages["qa"].update(inputs=[{"name": "prompt"}]),
    ],
)
def test_questions_need_a_stage_with_question_and_answer(
    change: Callable[[Values], object], version: Version, client: WorkspaceClient
) -> None:
    version.stages = json.loads(json.dumps(version.stages))
    change(version.stages)
    assert list(find_wrong_answers(client, NAME, [])) == []
    with pytest.raises(ServingError) as caught:
        list(find_wrong_answers(client, NAME, [("Which?", "")]))
    assert caught.value.message == (
        "the version has no stage with the input question and the output answer; omit --golden"
    )


def test_questions_go_to_the_first_stage_that_answers(version: Version, client: WorkspaceClient) -> None:
    version.stages = {"draw": version.stages["draw"], "b": QUESTION_STAGE, "qa": QUESTION_STAGE}
    assert list(find_wrong_answers(client, NAME, [("Which?", "it is b")])) == []
    assert version.bodies[-1] == {"inputs": {"b": {"question": "Which?"}}}
