"""Deadlines of calls, and accounts of stages."""

import asyncio
import math

import pytest

from model.config import environment
from model.contract.events import Emit
from model.contract.fields import Field, StageValues
from model.contract.requests import Request
from model.contract.stage_contract import Contract, StageContract
from model.errors import DeadlineError, SettingError
from model.pipeline import Pipeline
from model.runtime import deadline, usage
from model.runtime.event_loop import Engine
from model.stages.base import Stage

FIELDS = (Field("seconds", "number", required=True),)


class Sleeper(Stage):
    """Stage that sleeps and records usage and notes; a negative time makes it fail."""

    inputs = FIELDS
    outputs = (Field("slept", "boolean"),)

    async def run(self, values: StageValues, tell: Emit) -> StageValues:
        usage.record_usage(usage.Usage(input_tokens=3, cost=0.5))
        usage.add_note("tired", "it slept")
        usage.add_note("tired", "it slept")
        if values["seconds"] < 0:
            raise DeadlineError("there is no such time")
        await asyncio.gather(*(self._record_output_token() for _ in range(3)), asyncio.sleep(values["seconds"]))
        return {"slept": True}

    async def _record_output_token(self) -> None:
        usage.record_usage(usage.Usage(output_tokens=1))


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    stages = {"a": Sleeper(), "b": Sleeper()}
    return Pipeline(Contract({name: StageContract(name, FIELDS, Sleeper.outputs) for name in stages}), stages)


def answer_request(pipeline: Pipeline, **seconds: float) -> dict[str, StageValues]:
    return pipeline.answer_requests([Request({name: {"seconds": value} for name, value in seconds.items()})])[0]


def test_late_stage_reports_deadline_and_other_stages_are_answered(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.DEADLINE_SECONDS.name, "0.2")
    response = answer_request(pipeline, a=0.0, b=30.0)
    assert (response["a"]["slept"], response["a"]["error"]) == (True, "")
    assert response["b"]["error"] == (
        "deadline: b: the request's time was up; ask for less at once, or raise MULTICHAIN_DEADLINE_SECONDS"
    )
    assert 0.15 < response["b"]["seconds"] < 5


def test_requests_of_a_call_share_its_deadline(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.DEADLINE_SECONDS.name, "0.2")
    rows = pipeline.answer_requests([Request({"a": {"seconds": 30.0}})] * 20)
    assert {row["a"]["error"].partition(":")[0] for row in rows} == {"deadline"}
    assert max(row["a"]["seconds"] for row in rows) < 5


def test_call_without_the_setting_has_no_deadline(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environment.DEADLINE_SECONDS.name, raising=False)
    assert answer_request(pipeline, a=0.01)["a"]["slept"]

    async def read_remaining_seconds() -> float:
        with deadline.start_deadline():
            return deadline.remaining_seconds()

    assert Engine().run(read_remaining_seconds()) == math.inf


def test_deadline_setting_that_is_no_number_is_rejected(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.DEADLINE_SECONDS.name, "soon")
    with pytest.raises(SettingError, match="MULTICHAIN_DEADLINE_SECONDS must be a number of seconds"):
        answer_request(pipeline, a=0.0)


def test_timeout_error_of_a_stage_is_not_a_deadline_error(engine: Engine) -> None:
    async def raise_timeout() -> None:
        async with deadline.enforce_deadline("a"):
            raise TimeoutError("theirs")

    with pytest.raises(TimeoutError, match="theirs"):
        engine.run(raise_timeout())


def test_usage_and_notes_are_reported_also_by_a_failed_stage(pipeline: Pipeline) -> None:
    response = answer_request(pipeline, a=0.0, b=-1.0)
    assert (response["a"]["usage"]["input_tokens"], response["a"]["usage"]["output_tokens"]) == (3, 3)
    assert (response["a"]["usage"]["cost"], response["a"]["usage"]["cost_known"]) == (0.5, True)
    assert response["a"]["notes"] == ["tired: it slept"]
    assert response["b"]["error"] == "deadline: there is no such time"
    assert (response["b"]["usage"]["input_tokens"], response["b"]["usage"]["cost"]) == (3, 0.5)
    assert response["b"]["notes"] == ["tired: it slept"]


def test_usage_outside_an_account_is_not_counted() -> None:
    usage.record_usage(usage.Usage(input_tokens=1))
    usage.add_note("a", "b")
    with usage.track_usage() as account:
        pass
    assert (account.usage, account.notes) == (usage.Usage(), [])


async def sleep_in_time(seconds: float) -> str:
    async with deadline.stop_in_time({"found": 1}):
        await asyncio.sleep(seconds)
    return "done"


async def start_and_extend(extension: float) -> str:
    loop = asyncio.get_running_loop()
    running = deadline.Deadline(loop.time() + 0.3)
    with running.activate():
        work = asyncio.ensure_future(sleep_in_time(0.5))
        await asyncio.sleep(0.05)
        running.end_time += extension
        return await work


def test_work_is_stopped_before_the_deadline_with_what_it_found(engine: Engine) -> None:
    with pytest.raises(deadline.OutOfTimeError) as error:
        engine.run(start_and_extend(0.0))
    assert error.value.partial == {"found": 1}


def test_work_goes_on_when_a_further_caller_extends_the_deadline(engine: Engine) -> None:
    assert engine.run(start_and_extend(10.0)) == "done"


def test_work_without_a_deadline_is_not_stopped(engine: Engine) -> None:
    assert engine.run(sleep_in_time(0.01)) == "done"
