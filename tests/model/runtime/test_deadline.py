"""The deadline of a call, and the account of a stage."""

import asyncio
import math

import pytest

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
    """Sleeps, spends and notes; fails when it is to sleep less than nothing."""

    inputs = FIELDS
    outputs = (Field("slept", "boolean"),)

    async def run(self, values: StageValues, tell: Emit) -> StageValues:  # noqa: ARG002 - it tells nothing
        usage.record_usage(usage.Usage(input_tokens=3, cost=0.5))
        usage.add_note("tired", "it slept")
        usage.add_note("tired", "it slept")
        if values["seconds"] < 0:
            raise DeadlineError("there is no such time")
        await asyncio.gather(*(self._spend() for _ in range(3)), asyncio.sleep(values["seconds"]))
        return {"slept": True}

    async def _spend(self) -> None:
        usage.record_usage(usage.Usage(output_tokens=1))


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    stages = {"a": Sleeper(), "b": Sleeper()}
    return Pipeline(Contract({name: StageContract(name, FIELDS, Sleeper.outputs) for name in stages}), stages)


def ask(pipeline: Pipeline, **seconds: float) -> dict[str, StageValues]:
    return pipeline.answer_requests([Request({name: {"seconds": value} for name, value in seconds.items()})])[0]


def test_what_cannot_make_it_says_deadline_and_the_others_are_answered(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(deadline.VARIABLE, "0.2")
    told = ask(pipeline, a=0.0, b=30.0)
    assert (told["a"]["slept"], told["a"]["error"]) == (True, "")
    assert told["b"]["error"] == (
        "deadline: b: the request's time was up; ask for less at once, or raise MULTICHAIN_DEADLINE_SECONDS"
    )
    assert 0.15 < told["b"]["seconds"] < 5


def test_all_rows_of_a_call_share_its_deadline(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(deadline.VARIABLE, "0.2")
    rows = pipeline.answer_requests([Request({"a": {"seconds": 30.0}})] * 20)
    assert {row["a"]["error"].partition(":")[0] for row in rows} == {"deadline"}
    assert max(row["a"]["seconds"] for row in rows) < 5


def test_without_a_setting_there_is_none(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(deadline.VARIABLE, raising=False)
    assert ask(pipeline, a=0.01)["a"]["slept"]

    async def left() -> float:
        with deadline.start_deadline():
            return deadline.remaining_seconds()

    assert Engine().run(left()) == math.inf


def test_a_setting_that_is_no_number(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(deadline.VARIABLE, "soon")
    with pytest.raises(SettingError, match="MULTICHAIN_DEADLINE_SECONDS is expected to be a number of seconds"):
        ask(pipeline, a=0.0)


def test_somebody_elses_time_out_is_not_ours(engine: Engine) -> None:
    async def other() -> None:
        async with deadline.enforce_deadline("a"):
            raise TimeoutError("theirs")

    with pytest.raises(TimeoutError, match="theirs"):
        engine.run(other())


def test_a_stage_tells_what_it_used_and_noted_also_when_it_fails(pipeline: Pipeline) -> None:
    told = ask(pipeline, a=0.0, b=-1.0)
    assert (told["a"]["usage"]["input_tokens"], told["a"]["usage"]["output_tokens"]) == (3, 3)
    assert (told["a"]["usage"]["cost"], told["a"]["usage"]["cost_known"]) == (0.5, True)
    assert told["a"]["notes"] == ["tired: it slept"]
    assert told["b"]["error"] == "deadline: there is no such time"
    assert (told["b"]["usage"]["input_tokens"], told["b"]["usage"]["cost"]) == (3, 0.5)
    assert told["b"]["notes"] == ["tired: it slept"]


def test_outside_an_account_nothing_is_counted() -> None:
    usage.record_usage(usage.Usage(input_tokens=1))
    usage.add_note("a", "b")
    with usage.track_usage() as used:
        pass
    assert (used.usage, used.notes) == (usage.Usage(), [])
