"""Pipeline: order of the stages, concurrency and failures."""

import asyncio
import logging
import time
from typing import Any

import pytest

from model.contract.events import Emit
from model.contract.fields import Field, StageValues
from model.contract.requests import Request, parse_requests
from model.contract.stage_contract import Contract, StageContract
from model.errors import InvalidRequestError
from model.pipeline import Pipeline
from model.stages.base import Stage


class Echo(Stage):
    """Stage that returns its text after some seconds, and fails for the texts ``break`` and ``refuse``."""

    inputs = (Field("text", "text", "Text to return.", required=True, maximum=30),)
    outputs = (Field("echo", "text", "Text of the request."),)

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    async def run(self, values: StageValues, tell: Emit) -> StageValues:
        tell("token", values["text"])
        await asyncio.sleep(self.seconds)
        if values["text"] == "break":
            raise ValueError(f"secret {values['text']}")
        if values["text"] == "refuse":
            raise InvalidRequestError("size: expected another one")
        return {"echo": values["text"], "answered_by": "echo"}


def make_pipeline(**stages: Stage) -> Pipeline:
    contract = Contract({name: StageContract(name, stage.inputs, stage.outputs) for name, stage in stages.items()})
    return Pipeline(contract, stages)


def answer_requests(pipeline: Pipeline, requests: Any) -> Any:
    call = parse_requests(requests, pipeline.contract)
    answers = pipeline.answer_requests(call.requests, "7")
    return answers[0] if call.single else answers


@pytest.fixture
def chain() -> Pipeline:
    return make_pipeline(a=Echo(), b=Echo(), c=Echo())


def test_response_has_all_stages_and_only_requested_ones_ran(chain: Pipeline) -> None:
    response = answer_requests(chain, {"a": {"text": "hello"}})
    assert list(response) == ["a", "b", "c", "meta"]
    assert response["a"] | {"seconds": 0} == {
        "echo": "hello",
        "ran": True,
        "error": "",
        "seconds": 0,
        "answered_by": "echo",
        "notes": [],
        "usage": {"input_tokens": 0, "output_tokens": 0, "images": 0, "cost": 0.0, "cost_known": True, "cached": False},
    }
    assert response["b"] == chain.contract.empty_response()["b"]
    assert response["meta"] == {"version": "7", "trace_id": "", "description": ""}


def test_reference_is_replaced_by_output_of_other_stage(chain: Pipeline) -> None:
    response = answer_requests(
        chain, {"a": {"text": "{b.echo}!"}, "b": {"text": "{c.echo}{c.echo}"}, "c": {"text": "ha"}}
    )
    assert response["a"]["echo"] == "haha!"


def test_independent_stages_run_concurrently() -> None:
    chain = make_pipeline(a=Echo(0.2), b=Echo(0.2), c=Echo(0.2))
    started = time.perf_counter()
    rows = [{"a": {"text": "x"}, "b": {"text": "x"}, "c": {"text": "{a.echo}"}}] * 20
    assert [row["c"]["echo"] for row in answer_requests(chain, rows)] == ["x"] * 20
    assert 0.4 <= time.perf_counter() - started < 1.0  # two rounds; one after the other they would take 12 s


def test_stage_starts_when_its_dependencies_have_finished() -> None:
    chain = make_pipeline(a=Echo(), b=Echo(), c=Echo(0.5))
    response = answer_requests(chain, {"a": {"text": "x"}, "b": {"text": "{a.echo}"}, "c": {"text": "x"}})
    assert response["b"]["seconds"] < 0.2 < response["c"]["seconds"]


def test_failure_affects_only_its_stage_and_dependent_stages(chain: Pipeline) -> None:
    rows = [{"a": {"text": "refuse"}, "b": {"text": "x"}, "c": {"text": "{a.echo}"}}, {"a": {"text": "fine"}}]
    first, second = answer_requests(chain, rows)
    assert (first["a"]["error"], first["a"]["ran"]) == ("invalid_request: size: expected another one", True)
    assert first["b"]["echo"] == "x"
    assert first["c"]["error"] == "waited: c: it depends on a, which failed; see the error there"
    assert (first["c"]["ran"], first["c"]["seconds"]) == (False, 0.0)
    assert second["a"]["echo"] == "fine"


def test_unexpected_error_names_its_class_without_the_data(chain: Pipeline, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        response = answer_requests(chain, {"a": {"text": "break"}, "b": {"text": "x"}})
    assert response["a"]["error"] == "internal: a: the stage broke (ValueError); try again, then read the server's log"
    assert response["b"]["echo"] == "x"
    assert "secret" not in caplog.text
    assert "stage a: ValueError at" in caplog.text
    assert "test_pipeline.py" in caplog.text


def test_dependent_of_invalid_stage_reports_failed_dependency(chain: Pipeline) -> None:
    (row,) = answer_requests(chain, [{"a": {"text": 5}, "b": {"text": "{a.echo}"}}])
    assert row["a"]["error"] == "invalid_request: a.text: expected text of 1 to 30 characters"
    assert row["b"]["error"] == "waited: b: it depends on a, which failed; see the error there"


def test_text_is_validated_after_references_are_replaced(chain: Pipeline) -> None:
    response = answer_requests(chain, {"a": {"text": "x" * 30}, "b": {"text": "{a.echo}{a.echo}"}})
    assert response["b"]["error"] == "invalid_request: b.text: expected text of 1 to 30 characters"
    assert not response["b"]["ran"]


def test_circular_reference_runs_neither_stage(chain: Pipeline) -> None:
    response = answer_requests(chain, {"a": {"text": "{b.echo}"}, "b": {"text": "{a.echo}"}, "c": {"text": "x"}})
    assert response["a"]["error"].startswith("bad_reference: ")
    assert response["b"]["error"].startswith("bad_reference: ")
    assert response["c"]["echo"] == "x"


def test_responses_have_the_order_of_the_requests(chain: Pipeline) -> None:
    texts = [str(number) for number in range(500)]
    assert [row["a"]["echo"] for row in answer_requests(chain, [{"a": {"text": text}} for text in texts])] == texts


def test_pipeline_answers_no_requests_and_empty_requests(chain: Pipeline) -> None:
    assert chain.answer_requests([]) == []
    assert [row["a"]["ran"] for row in chain.answer_requests([Request(), Request()])] == [False, False]
