"""Every request of the table in docs/contract.md through every door, with exact responses that are equal."""

import base64
import io
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import requests
from PIL import Image

from model.contract.description import describe_contract
from model.contract.stage_contract import Response
from model.pipeline import Pipeline
from tests import doors
from tests.doors import RefusedError
from training.verification.contract_cases import CASES, EMPTY_INPUTS, NOTHING_KNOWN, OUTCOME_RAN, ContractCase

TEXTS = {
    "azure-databricks.txt": (
        "Azure Databricks is a fast, easy, and collaborative Apache Spark-based analytics platform."
    ),
    "gpt-4.txt": "GPT-4 is a powerful language model developed by OpenAI.",
    "langchain.txt": (
        "LangChain is a framework designed to simplify the creation of applications using large language models."
    ),
}
"""Source → the only sentence of the document, which is its only chunk."""

SCORES = {
    "Tell me about LangChain.": {"langchain.txt": 0.358959, "gpt-4.txt": 0.016436, "azure-databricks.txt": 0.001364},
    "What is GPT-4?": {"gpt-4.txt": 0.410058, "langchain.txt": 0.005892, "azure-databricks.txt": 0.003281},
    'What is {"a": 1} and {x.y} to LangChain?': {
        "langchain.txt": 0.235341,
        "gpt-4.txt": 0.061389,
        "azure-databricks.txt": 0.04009,
    },
}
"""Question → source → score."""

SUPPORT = {
    "Tell me about LangChain.": 0.583708,
    "What is GPT-4?": 0.621072,
    'What is {"a": 1} and {x.y} to LangChain?': 0.123897,
}
"""Question → its support, the part of it that the best passage contains."""


QUOTED = {"Tell me about LangChain.": "langchain.txt", "What is GPT-4?": "gpt-4.txt"}
"""Question → the source with its answer; the documents hold no answer to the third question."""

_FRAMEWORK = (
    "LangChain is Framework; Framework designed to simplify Creation of applications; "
    "Creation of applications using Large language models."
)
PICTURES = {
    "A conceptual diagram of LangChain in use": f"Diagram of LangChain in use: {_FRAMEWORK}",
    "A diagram of: {qa.answer}": (
        "Diagram of LangChain is a framework designed to simplify the creation of applications using large…: "
        + _FRAMEWORK
    ),
    "LangChain with {{qa.answer}}": (
        f"Diagram of LangChain with {{qa.answer}}: LangChain with qa.answer; {_FRAMEWORK}"
    ),
}
"""Prompt → alternative text of the picture."""

FREE = {"input_tokens": 0, "output_tokens": 0, "images": 0, "cost": 0.0, "cost_known": True, "cached": False}
UNUSED = FREE | {"cost_known": False}
NOT_RUN = {"ran": False, "error": "", "seconds": 0.0, "answered_by": "", "notes": [], "usage": UNUSED}
NO_ANSWER = {"answer": "", "support": 0.0, "abstained": False, "sources": []} | NOT_RUN
NO_PICTURE = {"image": "", "mime_type": "", "url": "", "sha256": "", "alt_text": ""} | NOT_RUN
META = {"version": "", "trace_id": "", "description": ""}


def expect_answer(values: dict[str, Any]) -> dict[str, Any]:
    """Return the expected output fields of ``qa`` for its input values, without the seconds."""
    question = str(values["question"])
    allowed = (values.get("filter") or {}).get("source", list(TEXTS))
    sources = [source for source in SCORES[question] if source in allowed][: int(values.get("k") or 4)]
    quoted_source = QUOTED.get(question, "")
    rank = sources.index(quoted_source) + 1 if quoted_source in sources else 0
    return {
        "answer": f"{TEXTS[quoted_source]} [{rank}]"
        if rank
        else "The documents do not hold an answer to this question.",
        "support": SUPPORT[question],
        "abstained": not rank,
        "sources": [make_source(name, SCORES[question][name], cited=name == quoted_source) for name in sources],
        "ran": True,
        "error": "",
        "answered_by": "offline:extractive",
        "notes": [],
        "usage": FREE,
    }


def make_source(name: str, score: float, *, cited: bool) -> dict[str, Any]:
    """Return a source as the response contains it."""
    location = {"source": name, "title": name.removesuffix(".txt"), "heading": "", "page": 0}
    return location | {
        "start": 0,
        "end": len(TEXTS[name]),
        "text": TEXTS[name],
        "tags": [],
        "score": score,
        "cited": cited,
    }


def expect_picture(values: dict[str, Any]) -> dict[str, Any]:
    """Return the expected output fields of ``image_generation``, without the seconds and the picture."""
    return {
        "mime_type": "image/png",
        "url": "",
        "alt_text": PICTURES[values["prompt"]],
        "ran": True,
        "error": "",
        "answered_by": "offline:diagram",
        "notes": [],
        "usage": FREE | {"images": 1},
    }


def expect_responses(case: ContractCase, version: str = "") -> list[Response]:
    """Return the expected responses of ``case``, without seconds and pictures."""
    stages = {"qa": (expect_answer, NO_ANSWER), "image_generation": (expect_picture, NO_PICTURE)}
    responses = []
    for row, outcome in zip(case.rows, case.outcomes, strict=True):
        response: Response = {"meta": META | {"version": version}}
        for name, (expect_fields, empty) in stages.items():
            error = outcome.get(name, "")
            response[name] = expect_fields(row[name]) if error == OUTCOME_RAN else empty | {"error": error}
        responses.append(response)
    return responses


def strip_varying_fields(responses: list[Response]) -> list[Response]:
    """Return the responses without the fields that differ from run to run, and without the pictures, once checked."""
    for response in responses:
        for name in doors.STAGES:
            ran = response[name]["ran"]
            if response[name]["usage"]["cached"]:  # an equal row made the call and has it in its usage
                response[name]["usage"] |= {"cached": False, "images": int(name == "image_generation")}
            seconds = response[name].pop("seconds") if ran else 0.0
            assert 0 <= seconds < 60
        if response["image_generation"]["ran"]:
            content = base64.b64decode(response["image_generation"].pop("image"))
            assert Image.open(io.BytesIO(content)).size == (1536, 864)
            digest = response["image_generation"].pop("sha256")
            assert digest == sha256(content).hexdigest()
            assert DIGESTS.setdefault(response["image_generation"]["alt_text"], digest) == digest
    return responses


DIGESTS: dict[str, str] = {}
"""Alternative text of a picture → its checksum at the first door, which all doors have to give."""


def check_call(case: ContractCase, form: str, ask: Callable[[], Any], *, is_single: bool = False) -> None:
    """Call one form of a case and compare all fields of its responses."""
    if is_single and case.is_refused:
        with pytest.raises(RefusedError) as refusal:
            ask()
        errors = [error for error in case.outcomes[0].values() if error != OUTCOME_RAN]
        assert str(refusal.value) == "; ".join(errors), form
        return
    responses = ask()
    assert isinstance(responses, dict if is_single else list), form
    actual, expected = strip_varying_fields([responses] if is_single else responses), expect_responses(case)
    assert len(actual) == len(expected), form
    for actual_response, expected_response in zip(actual, expected, strict=True):
        for stage in (*doors.STAGES, "meta"):
            assert actual_response[stage] == expected_response[stage], f"{form}, {stage}"
    assert actual == expected, form


@pytest.fixture(scope="module")
def model(logged: str) -> mlflow.pyfunc.PyFuncModel:
    return mlflow.pyfunc.load_model(logged)


@pytest.fixture(scope="module")
def server(logged: str, store: Path) -> Iterator[str]:
    """Yield the address of ``python -m serving up``, which is MLflow's own server."""
    with doors.run_server(logged, store) as url:
        yield url


@pytest.fixture(scope="module")
def spark(logged: str) -> tuple[Any, Any]:
    """Return a Spark session, and the version as a function in it."""
    session = doors.spark_session()
    return session, mlflow.pyfunc.spark_udf(session, logged, env_manager="local")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_load_model_gives_the_expected_responses(case: ContractCase, model: mlflow.pyfunc.PyFuncModel) -> None:
    for form, ask in doors.make_predict_calls(model, case.rows):
        check_call(case, form, ask)
    if case.can_be_single:
        for form, ask in doors.make_single_predict_calls(model, case.rows[0]):
            check_call(case, form, ask, is_single=True)


@pytest.mark.parametrize("case", [case for case in CASES if case.json], ids=lambda case: case.name)
def test_rest_server_gives_the_expected_responses(case: ContractCase, server: str) -> None:
    for form, ask in doors.make_rest_calls(server, case.rows):
        check_call(case, form, ask)
    if case.can_be_single:
        for form, ask in doors.make_single_rest_calls(server, case.rows[0]):
            check_call(case, form, ask, is_single=True)


@pytest.mark.parametrize("case", [case for case in CASES if case.spark], ids=lambda case: case.name)
def test_spark_udf_gives_the_expected_responses(case: ContractCase, spark: tuple[Any, Any]) -> None:
    session, udf = spark
    for form, ask in doors.make_spark_calls(session, udf, case.rows):
        check_call(case, form, ask)


def test_mlflow_models_predict_answers_all_rows_in_one_call(logged: str, tmp_path: Path) -> None:
    cases = [case for case in CASES if case.json]
    together = ContractCase(
        "all", [row for c in cases for row in c.rows], [outcome for c in cases for outcome in c.outcomes]
    )
    check_call(together, "list", lambda: doors.predict_offline(logged, together.rows, tmp_path))


@pytest.mark.parametrize(
    "name", ["both stages", "a reference to another stage's output", "malformed: a number for text"]
)
def test_mlflow_models_predict_answers_a_single_request(name: str, logged: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == name)
    check_call(case, "dict", lambda: doors.predict_offline(logged, case.rows[0], tmp_path), is_single=True)


@pytest.mark.parametrize(("name", "model_input", "is_refused"), EMPTY_INPUTS, ids=[name for name, _, _ in EMPTY_INPUTS])
def test_empty_input_in_process_is_refused_or_gives_no_response(
    name: str, model_input: object, is_refused: bool, model: mlflow.pyfunc.PyFuncModel, logged: str, tmp_path: Path
) -> None:
    for predict in (model.predict, lambda rows: doors.predict_offline(logged, rows, tmp_path)):
        if is_refused:
            with pytest.raises((RefusedError, mlflow.exceptions.MlflowException)) as refusal:
                predict(model_input)
            assert str(refusal.value) == NOTHING_KNOWN, name
        else:
            assert predict(model_input) == [], name


@pytest.mark.parametrize(("name", "model_input", "is_refused"), EMPTY_INPUTS, ids=[name for name, _, _ in EMPTY_INPUTS])
def test_empty_input_over_rest_is_refused_or_gives_no_response(
    name: str, model_input: object, is_refused: bool, server: str
) -> None:
    split = {"columns": list(model_input), "data": []} if isinstance(model_input, pd.DataFrame) else None
    body = {"dataframe_split": split} if split else {"inputs": model_input}
    if is_refused:
        with pytest.raises(RefusedError) as refusal:
            doors.post_body(server, body)
        assert str(refusal.value) == NOTHING_KNOWN, name
    else:
        assert doors.post_body(server, body) == [], name


def test_empty_table_in_spark_gives_no_response(spark: tuple[Any, Any]) -> None:
    session, udf = spark
    table = session.createDataFrame([], "qa struct<question:string>, image_generation struct<prompt:string>")
    assert table.select(udf(*doors.STAGES)).collect() == []


def test_describe_in_spark_is_one_response_for_each_row(logged: str, spark: tuple[Any, Any]) -> None:
    session, _ = spark
    udf = mlflow.pyfunc.spark_udf(session, logged, env_manager="local", params={"describe": True})
    rows = [(("Why?",), None), ((None,), ("A cat",)), (None, None)]
    table = session.createDataFrame(rows, "qa struct<question:string>, image_generation struct<prompt:string>")
    responses = [row[0] for row in table.select(udf(*doors.STAGES)).collect()]
    assert [set(json.loads(response.meta.description)["stages"]) for response in responses] == [set(doors.STAGES)] * 3


def test_mlflow_models_predict_refuses_a_request_wrapped_in_inputs(logged: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="found none of the stages"):
        doors.predict_offline(logged, {"inputs": [{"qa": {"question": "What is GPT-4?"}}]}, tmp_path)


@pytest.mark.parametrize("body", [{"qa": {"question": "What is GPT-4?"}}, [{"qa": {"question": "What is GPT-4?"}}]])
def test_rest_body_without_inputs_is_answered_with_http_400(body: object, server: str) -> None:
    reply = requests.post(f"{server}/invocations", json=body, timeout=60)
    assert reply.status_code == 400


def test_describe_with_rows_is_one_response_for_each(model: mlflow.pyfunc.PyFuncModel) -> None:
    single = model.predict({"qa": {"question": "Why?"}}, params={"describe": True})
    rows: list[Any] = [{"qa": {"question": "Why?"}}, {"qa": {"question": 5}}, {"image_generation": None}]
    assert model.predict(rows, params={"describe": True}) == [single] * 3
    assert model.predict(pd.DataFrame(rows), params={"describe": True}) == [single] * 3
    assert model.predict({}, params={"describe": True}) == single


def test_describe_gives_the_contract_and_runs_no_stage(
    model: mlflow.pyfunc.PyFuncModel, server: str, pipeline: Pipeline
) -> None:
    response = model.predict({"qa": {"question": "What is GPT-4?"}}, params={"describe": True})
    description = json.loads(response["meta"]["description"])
    assert description.pop("questions")[0] == "Tell me about LangChain."
    assert description == describe_contract(pipeline.contract) | {"floors": {}, "calls_at_once": 0}
    assert not response["qa"]["ran"]
    body = {"inputs": {"qa": {"question": "What is GPT-4?"}}, "params": {"describe": True}}
    assert doors.post_body(server, body) == response


def test_predict_leaves_the_dict_of_the_caller_unchanged(model: mlflow.pyfunc.PyFuncModel) -> None:
    request = {"qa": {"question": "What is GPT-4?", "k": 3.0, "filter": {"source": ["gpt-4.txt"]}}}
    original = deepcopy(request)
    model.predict(request)
    assert request == original
