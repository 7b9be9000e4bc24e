"""The multi-chain: what runs when, and what becomes of failures."""

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
    """Says what it was told, after some time; breaks when told to."""

    inputs = (Field("text", "text", "What to say.", required=True, maximum=30),)
    outputs = (Field("told", "text", "What was said."),)

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.heard: list[str] = []

    async def run(self, values: StageValues, tell: Emit) -> StageValues:
        self.heard.append(values["text"])
        tell("token", values["text"])
        await asyncio.sleep(self.seconds)
        if values["text"] == "break":
            raise ValueError(f"secret {values['text']}")
        if values["text"] == "refuse":
            raise InvalidRequestError("size: expected another one")
        return {"told": values["text"], "answered_by": "echo"}


def piped(**stages: Stage) -> Pipeline:
    contract = Contract({name: StageContract(name, stage.inputs, stage.outputs) for name, stage in stages.items()})
    return Pipeline(contract, stages)


def answered(pipeline: Pipeline, given: Any) -> Any:
    call = parse_requests(given, pipeline.contract)
    answers = pipeline.answer_requests(call.requests, "7")
    return answers[0] if call.single else answers


@pytest.fixture
def chain() -> Pipeline:
    return piped(a=Echo(), b=Echo(), c=Echo())


def test_every_stage_has_its_fields_and_only_what_was_asked_ran(chain: Pipeline) -> None:
    response = answered(chain, {"a": {"text": "hello"}})
    assert list(response) == ["a", "b", "c", "meta"]
    assert response["a"] | {"seconds": 0} == {
        "told": "hello",
        "ran": True,
        "error": "",
        "seconds": 0,
        "answered_by": "echo",
        "notes": [],
        "usage": {"input_tokens": 0, "output_tokens": 0, "images": 0, "cost": 0.0, "cost_known": True, "cached": False},
    }
    assert response["b"] == chain.contract.empty_response()["b"]
    assert response["meta"] == {"version": "7", "trace_id": "", "description": ""}


def test_a_stage_gets_the_output_that_it_refers_to(chain: Pipeline) -> None:
    response = answered(chain, {"a": {"text": "{b.told}!"}, "b": {"text": "{c.told}{c.told}"}, "c": {"text": "ha"}})
    assert response["a"]["told"] == "haha!"


def test_stages_that_do_not_wait_for_one_another_run_at_once() -> None:
    chain = piped(a=Echo(0.2), b=Echo(0.2), c=Echo(0.2))
    started = time.perf_counter()
    rows = [{"a": {"text": "x"}, "b": {"text": "x"}, "c": {"text": "{a.told}"}}] * 20
    assert [row["c"]["told"] for row in answered(chain, rows)] == ["x"] * 20
    assert 0.4 <= time.perf_counter() - started < 1.0  # two rounds; one after the other they would take 12 s


def test_a_stage_starts_the_moment_that_what_it_needs_is_there() -> None:
    slow = piped(a=Echo(), b=Echo(), c=Echo(0.5))
    response = answered(slow, {"a": {"text": "x"}, "b": {"text": "{a.told}"}, "c": {"text": "x"}})
    assert response["b"]["seconds"] < 0.2 < response["c"]["seconds"]


def test_a_failure_is_that_stages_own(chain: Pipeline) -> None:
    rows = [{"a": {"text": "refuse"}, "b": {"text": "x"}, "c": {"text": "{a.told}"}}, {"a": {"text": "fine"}}]
    first, second = answered(chain, rows)
    assert (first["a"]["error"], first["a"]["ran"]) == ("invalid_request: size: expected another one", True)
    assert first["b"]["told"] == "x"
    assert first["c"]["error"] == "waited: c: it depends on a, which failed; see the error there"
    assert (first["c"]["ran"], first["c"]["seconds"]) == (False, 0.0)
    assert second["a"]["told"] == "fine"


def test_an_unforeseen_failure_says_its_kind_and_keeps_the_data(
    chain: Pipeline, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = answered(chain, {"a": {"text": "break"}, "b": {"text": "x"}})
    assert response["a"]["error"] == "internal: a: the stage broke (ValueError); try again, then read the server's log"
    assert response["b"]["told"] == "x"
    assert "secret" not in caplog.text
    assert "stage a: ValueError at" in caplog.text
    assert "test_pipeline.py" in caplog.text


def test_a_stage_that_waits_for_a_malformed_one_says_so(chain: Pipeline) -> None:
    (row,) = answered(chain, [{"a": {"text": 5}, "b": {"text": "{a.told}"}}])
    assert row["a"]["error"] == "invalid_request: a.text: expected text of 1 to 30 characters"
    assert row["b"]["error"] == "waited: b: it depends on a, which failed; see the error there"


def test_what_a_reference_brings_must_fit_as_well(chain: Pipeline) -> None:
    response = answered(chain, {"a": {"text": "x" * 30}, "b": {"text": "{a.told}{a.told}"}})
    assert response["b"]["error"] == "invalid_request: b.text: expected text of 1 to 30 characters"
    assert not response["b"]["ran"]


def test_a_reference_in_a_circle_runs_neither(chain: Pipeline) -> None:
    response = answered(chain, {"a": {"text": "{b.told}"}, "b": {"text": "{a.told}"}, "c": {"text": "x"}})
    assert response["a"]["error"].startswith("bad_reference: ")
    assert response["b"]["error"].startswith("bad_reference: ")
    assert response["c"]["told"] == "x"


def test_answers_come_in_the_order_of_the_rows(chain: Pipeline) -> None:
    texts = [str(number) for number in range(500)]
    assert [row["a"]["told"] for row in answered(chain, [{"a": {"text": text}} for text in texts])] == texts


def test_no_rows(chain: Pipeline) -> None:
    assert chain.answer_requests([]) == []
    assert [row["a"]["ran"] for row in chain.answer_requests([Request(), Request()])] == [False, False]
