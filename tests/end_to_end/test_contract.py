"""Every request of the table in docs/contract.md, through every door, with exact and equal answers."""

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
    "Tell me about LangChain.": {"langchain.txt": 0.377442, "gpt-4.txt": 0.016742, "azure-databricks.txt": 0.001364},
    "What is GPT-4?": {"gpt-4.txt": 0.416166, "langchain.txt": 0.006302, "azure-databricks.txt": 0.003706},
    'What is {"a": 1} and {x.y} to LangChain?': {
        "langchain.txt": 0.245888,
        "gpt-4.txt": 0.061582,
        "azure-databricks.txt": 0.039978,
    },
}
"""Question → source → score."""

SUPPORT = {
    "Tell me about LangChain.": 0.397307,
    "What is GPT-4?": 0.438793,
    'What is {"a": 1} and {x.y} to LangChain?': 0.144281,
}
"""Question → how much of it the best passage holds."""


QUOTED = {"Tell me about LangChain.": "langchain.txt", "What is GPT-4?": "gpt-4.txt"}
"""Question → the source that answers it; the third question names more than the documents hold."""

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
"""Prompt → the picture in words."""

FREE = {"input_tokens": 0, "output_tokens": 0, "images": 0, "cost": 0.0, "cost_known": True, "cached": False}
UNUSED = FREE | {"cost_known": False}
NOT_RUN = {"ran": False, "error": "", "seconds": 0.0, "answered_by": "", "notes": [], "usage": UNUSED}
NO_ANSWER = {"answer": "", "support": 0.0, "abstained": False, "sources": []} | NOT_RUN
NO_PICTURE = {"image": "", "mime_type": "", "url": "", "sha256": "", "alt_text": ""} | NOT_RUN
META = {"version": "", "trace_id": "", "description": ""}

Expected = Callable[[ContractCase], list[Response]]


def answered(asked: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``qa`` for what was asked, but for the seconds."""
    question = str(asked["question"])
    wanted = (asked.get("filter") or {}).get("source", list(TEXTS))
    found = [source for source in SCORES[question] if source in wanted][: int(asked.get("k") or 4)]
    quoted = QUOTED.get(question, "")
    place = found.index(quoted) + 1 if quoted in found else 0
    return {
        "answer": f"{TEXTS[quoted]} [{place}]" if place else "The documents do not hold an answer to this question.",
        "support": SUPPORT[question],
        "abstained": not place,
        "sources": [source(name, SCORES[question][name], cited=name == quoted) for name in found],
        "ran": True,
        "error": "",
        "answered_by": "offline:extractive",
        "notes": [],
        "usage": FREE,
    }


def source(name: str, score: float, *, cited: bool) -> dict[str, Any]:
    """A source as the response carries it."""
    place = {"source": name, "title": name.removesuffix(".txt"), "heading": "", "page": 0}
    return place | {
        "start": 0,
        "end": len(TEXTS[name]),
        "text": TEXTS[name],
        "tags": [],
        "score": score,
        "cited": cited,
    }


def drawn(asked: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``image_generation`` but for the seconds and the picture itself."""
    return {
        "mime_type": "image/png",
        "url": "",
        "alt_text": PICTURES[asked["prompt"]],
        "ran": True,
        "error": "",
        "answered_by": "offline:diagram",
        "notes": [],
        "usage": FREE | {"images": 1},
    }


def expected(case: ContractCase, version: str = "") -> list[Response]:
    """The responses of ``case``, but for seconds and pictures."""
    make = {"qa": (answered, NO_ANSWER), "image_generation": (drawn, NO_PICTURE)}
    responses = []
    for row, outcome in zip(case.rows, case.outcomes, strict=True):
        response: Response = {"meta": META | {"version": version}}
        for name, (ran, empty) in make.items():
            told = outcome.get(name, "")
            response[name] = ran(row[name]) if told == OUTCOME_RAN else empty | {"error": told}
        responses.append(response)
    return responses


def settled(responses: list[Response]) -> list[Response]:
    """The responses without what differs from run to run, each picture checked and taken out."""
    for response in responses:
        for name in doors.STAGES:
            ran = response[name]["ran"]
            if response[name]["usage"]["cached"]:  # the same was asked by another row, which has it in its usage
                response[name]["usage"] |= {"cached": False, "images": int(name == "image_generation")}
            seconds = response[name].pop("seconds") if ran else 0.0
            assert 0 <= seconds < 60
        if response["image_generation"]["ran"]:
            content = base64.b64decode(response["image_generation"].pop("image"))
            assert Image.open(io.BytesIO(content)).size == (1536, 864)
            digest = response["image_generation"].pop("sha256")
            assert digest == sha256(content).hexdigest()
            assert SEEN.setdefault(response["image_generation"]["alt_text"], digest) == digest
    return responses


SEEN: dict[str, str] = {}
"""Picture in words → its checksum, at whichever door came first: the others must give the same."""


def check(case: ContractCase, form: str, ask: Callable[[], Any], *, alone: bool = False) -> None:
    """Asks one form of a case and compares all of its answer."""
    if alone and case.is_refused:
        with pytest.raises(RefusedError) as refusal:
            ask()
        errors = [error for error in case.outcomes[0].values() if error != OUTCOME_RAN]
        assert str(refusal.value) == "; ".join(errors), form
        return
    responses = ask()
    assert isinstance(responses, dict if alone else list), form
    found, told = settled([responses] if alone else responses), expected(case)
    assert len(found) == len(told), form
    for one, other in zip(found, told, strict=True):
        for stage in (*doors.STAGES, "meta"):
            assert one[stage] == other[stage], f"{form}, {stage}"
    assert found == told, form


@pytest.fixture(scope="module")
def model(logged: str) -> mlflow.pyfunc.PyFuncModel:
    return mlflow.pyfunc.load_model(logged)


@pytest.fixture(scope="module")
def server(logged: str, store: Path) -> Iterator[str]:
    """The address of ``python -m serving up``, which is MLflow's own server."""
    with doors.serving(logged, store) as url:
        yield url


@pytest.fixture(scope="module")
def spark(logged: str) -> tuple[Any, Any]:
    """A Spark session, and the version as its function."""
    session = doors.spark_session()
    return session, mlflow.pyfunc.spark_udf(session, logged, env_manager="local")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_load_model(case: ContractCase, model: mlflow.pyfunc.PyFuncModel) -> None:
    for form, ask in doors.as_rows(model, case.rows):
        check(case, form, ask)
    if case.can_be_single:
        for form, ask in doors.as_one(model, case.rows[0]):
            check(case, form, ask, alone=True)


@pytest.mark.parametrize("case", [case for case in CASES if case.json], ids=lambda case: case.name)
def test_rest(case: ContractCase, server: str) -> None:
    for form, ask in doors.posted_as_rows(server, case.rows):
        check(case, form, ask)
    if case.can_be_single:
        for form, ask in doors.posted_as_one(server, case.rows[0]):
            check(case, form, ask, alone=True)


@pytest.mark.parametrize("case", [case for case in CASES if case.spark], ids=lambda case: case.name)
def test_spark(case: ContractCase, spark: tuple[Any, Any]) -> None:
    session, udf = spark
    for form, ask in doors.in_spark(session, udf, case.rows):
        check(case, form, ask)


def test_mlflow_models_predict_takes_all_rows_at_once(logged: str, tmp_path: Path) -> None:
    cases = [case for case in CASES if case.json]
    together = ContractCase("all", [row for c in cases for row in c.rows], [told for c in cases for told in c.outcomes])
    check(together, "list", lambda: doors.predicted_offline(logged, together.rows, tmp_path))


@pytest.mark.parametrize(
    "name", ["both stages", "a reference to another stage's output", "malformed: a number for text"]
)
def test_mlflow_models_predict_takes_one_request(name: str, logged: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == name)
    check(case, "dict", lambda: doors.predicted_offline(logged, case.rows[0], tmp_path), alone=True)


@pytest.mark.parametrize(("name", "given", "refused"), EMPTY_INPUTS, ids=[name for name, _, _ in EMPTY_INPUTS])
def test_empty_requests_in_process(
    name: str, given: object, refused: bool, model: mlflow.pyfunc.PyFuncModel, logged: str, tmp_path: Path
) -> None:
    for predict in (model.predict, lambda given: doors.predicted_offline(logged, given, tmp_path)):
        if refused:
            with pytest.raises((RefusedError, mlflow.exceptions.MlflowException)) as refusal:
                predict(given)
            assert str(refusal.value) == NOTHING_KNOWN, name
        else:
            assert predict(given) == [], name


@pytest.mark.parametrize(("name", "given", "refused"), EMPTY_INPUTS, ids=[name for name, _, _ in EMPTY_INPUTS])
def test_empty_requests_over_rest(name: str, given: object, refused: bool, server: str) -> None:
    split = {"columns": list(given), "data": []} if isinstance(given, pd.DataFrame) else None
    body = {"dataframe_split": split} if split else {"inputs": given}
    if refused:
        with pytest.raises(RefusedError) as refusal:
            doors.posted(server, body)
        assert str(refusal.value) == NOTHING_KNOWN, name
    else:
        assert doors.posted(server, body) == [], name


def test_an_empty_table_in_spark(spark: tuple[Any, Any]) -> None:
    session, udf = spark
    table = session.createDataFrame([], "qa struct<question:string>, image_generation struct<prompt:string>")
    assert table.select(udf(*doors.STAGES)).collect() == []


def test_a_wrapped_request_given_to_mlflow_models_predict_is_refused(logged: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="found none of the stages"):
        doors.predicted_offline(logged, {"inputs": [{"qa": {"question": "What is GPT-4?"}}]}, tmp_path)


@pytest.mark.parametrize("body", [{"qa": {"question": "What is GPT-4?"}}, [{"qa": {"question": "What is GPT-4?"}}]])
def test_a_bare_body_is_http_400(body: object, server: str) -> None:
    reply = requests.post(f"{server}/invocations", json=body, timeout=60)
    assert reply.status_code == 400


def test_describe_answers_with_the_declarations(
    model: mlflow.pyfunc.PyFuncModel, server: str, pipeline: Pipeline
) -> None:
    told = model.predict({"qa": {"question": "What is GPT-4?"}}, params={"describe": True})
    assert json.loads(told["meta"]["description"]) == describe_contract(pipeline.contract) | {"floors": {}}
    assert not told["qa"]["ran"]
    body = {"inputs": {"qa": {"question": "What is GPT-4?"}}, "params": {"describe": True}}
    assert doors.posted(server, body) == told


def test_the_callers_dict_is_left_as_it_was(model: mlflow.pyfunc.PyFuncModel) -> None:
    request = {"qa": {"question": "What is GPT-4?", "k": 3.0, "filter": {"source": ["gpt-4.txt"]}}}
    before = deepcopy(request)
    model.predict(request)
    assert request == before
