"""Steps of a rollout: what is served after each step, checks with and without traffic, and the way back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from serving.endpoint import rollout, updates
from serving.endpoint.connection import connect_workspace
from serving.endpoint.invocation import GoldenQuestion
from serving.endpoint.rollout import EndpointRollout
from serving.endpoint.spec import EndpointSpec, WorkloadSize
from serving.endpoint.updates import EndpointUpdater
from serving.errors import ServingError
from standin.app import StandIn
from standin.databricks.serving_endpoints import ServedEndpoint
from standin.databricks.workspace import DatabricksWorkspace

MODEL = "dev.assistants.multichain"
SPEC = EndpointSpec("multichain", MODEL, "2", WorkloadSize("Small", 4))
FIRST, SECOND, THIRD = (replace(SPEC, version=number).entity_name for number in "123")
STAGES = {"qa": {"inputs": [{"name": "question"}], "outputs": [{"name": "answer"}]}}
Change = dict[str, int]
"""Shares of the traffic after a change, by name of each served entity."""


class Clock:
    """A clock that only sleeping moves, for the module under test."""

    def __init__(self) -> None:
        self.seconds, self.pauses = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.pauses.append(seconds)


class Setting:
    """An endpoint in a workspace, the version that rolls out, and what happens to both.

    Attributes:
        workspace: The workspace.
        lines: Lines of progress, without those of waiting.
        changes: Changes of what is served.
        right_answers: How often the version still answers rightly.
    """

    def __init__(self, workspace: DatabricksWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workspace, self.lines, self.changes = workspace, list[str](), list[Change]()
        self.right_answers, self.clock = 10**6, Clock()
        for _ in "123":
            workspace.endpoints.models[MODEL, workspace.catalog.add(MODEL)] = self._predict
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(updates, "PAUSE_SECONDS", 0.0)
        monkeypatch.setattr(rollout, "time", self.clock)

    def _predict(self, body: dict[str, Any]) -> dict[str, Any]:
        if "params" in body:
            description = json.dumps({"stages": STAGES, "example": {"qa": {"question": "Why?"}}})
            return {"meta": {"description": description}}
        self.right_answers -= 1
        error = "" if self.right_answers >= 0 else "timeout: qa: too late"
        return {"qa": {"answer": "Yes", "error": error}, "meta": {}}

    def add_endpoint(self, shares: dict[str, int], **values: Any) -> ServedEndpoint:
        """Add the endpoint with the project's tag and the served entities of ``shares``."""
        entities = [replace(SPEC, version=name[1]).served_entity().as_dict() for name in shares]
        settings = {"name": "multichain", "tags": [{"key": "multichain", "value": "prod"}]}
        settings["ai_gateway"] = SPEC.ai_gateway().as_dict()
        endpoint = ServedEndpoint(settings | values, entities, shares)
        self.workspace.endpoints.endpoints["multichain"] = endpoint
        return endpoint

    def roll_out(self, *questions: GoldenQuestion, watch_seconds: float = 0, **settings: Any) -> None:
        """Run the rollout of version 2."""
        client = connect_workspace()
        update_config = client.serving_endpoints.update_config

        def record_change(name: str, *, served_entities: list[Any], traffic_config: Any) -> Any:
            shares = {route.served_entity_name: route.traffic_percentage for route in traffic_config.routes}
            assert shares.keys() == {entity.name for entity in served_entities}
            self.changes.append(shares)
            return update_config(name, served_entities=served_entities, traffic_config=traffic_config)

        self._monkeypatch.setattr(client.serving_endpoints, "update_config", record_change)
        updater = EndpointUpdater(client, replace(SPEC, **settings), self._report)
        EndpointRollout(updater, questions, watch_seconds).run()

    def _report(self, line: str) -> None:
        if not line.startswith("  "):
            self.lines.append(line)

    def list_asked_entities(self) -> list[str]:
        """Return the served entities that were asked, in order."""
        return [entity for _, entity in self.workspace.endpoints.invocations]


@pytest.fixture
def setting(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    return Setting(stand_in.workspace, monkeypatch)


def test_first_version_is_created_and_checked(setting: Setting) -> None:
    setting.roll_out(("Really?", "yes"))
    assert setting.lines == ["Creating the endpoint multichain", f"multichain serves version 2 of {MODEL}"]
    assert setting.workspace.endpoints.endpoints["multichain"].routes == {SECOND: 100}
    assert (setting.changes, setting.list_asked_entities()) == ([], [SECOND] * 3)


def test_first_version_with_a_wrong_answer_keeps_serving(setting: Setting) -> None:
    with pytest.raises(ServingError) as caught:
        setting.roll_out(("Really?", "no"))
    assert caught.value.message == (
        "version 2 serves at multichain, but failed its check: the answer to 'Really?' does not contain 'no'"
    )
    assert setting.workspace.endpoints.endpoints["multichain"].routes == {SECOND: 100}
    assert setting.lines == ["Creating the endpoint multichain"]


@pytest.mark.parametrize(
    ("shares", "changes"),
    [
        ({FIRST: 100}, [{FIRST: 100, SECOND: 0}, {FIRST: 0, SECOND: 100}, {SECOND: 100}]),
        (
            {FIRST: 70, THIRD: 30},
            [{FIRST: 70, THIRD: 30, SECOND: 0}, {FIRST: 0, THIRD: 0, SECOND: 100}, {SECOND: 100}],
        ),
        ({FIRST: 100, THIRD: 0}, [{FIRST: 100, SECOND: 0}, {FIRST: 0, SECOND: 100}, {SECOND: 100}]),
        ({FIRST: 100, SECOND: 0}, [{FIRST: 0, SECOND: 100}, {SECOND: 100}]),
        ({FIRST: 100, THIRD: 0, SECOND: 0}, [{FIRST: 0, SECOND: 100}, {SECOND: 100}]),
        ({FIRST: 1, SECOND: 99}, [{FIRST: 0, SECOND: 100}, {SECOND: 100}]),
        ({FIRST: 0, SECOND: 100}, [{SECOND: 100}]),
        ({SECOND: 100}, []),
        ({}, [{SECOND: 100}]),
    ],
)
def test_rollout_continues_from_what_an_endpoint_serves(
    shares: dict[str, int], changes: list[Change], setting: Setting
) -> None:
    endpoint = setting.add_endpoint(shares)
    setting.roll_out()
    assert setting.changes == changes
    assert endpoint.routes == {SECOND: 100}
    assert setting.lines[-1] == f"multichain serves version 2 of {MODEL}"


def test_update_reports_its_steps_and_asks_the_new_version_first(setting: Setting) -> None:
    setting.add_endpoint({FIRST: 100})
    setting.roll_out(("Really?", "yes"), ("Why?", ""), watch_seconds=0.5)
    assert setting.lines == [
        "Adding version 2 without traffic",
        "Version 2 answers the example and 2 golden questions",
        "All traffic goes to version 2; checking its answers for 0.5 s",
        f"multichain serves version 2 of {MODEL}",
    ]
    paths = [call for call in setting.workspace.calls if call.endswith("/invocations")]
    assert (
        paths
        == [f"POST /serving-endpoints/multichain/served-models/{SECOND}/invocations"] * 4
        + ["POST /serving-endpoints/multichain/invocations"] * 8
    )
    assert set(setting.list_asked_entities()) == {SECOND}


def test_wrong_answer_without_traffic_leaves_the_traffic_where_it_is(setting: Setting) -> None:
    endpoint = setting.add_endpoint({FIRST: 60, THIRD: 40})
    setting.right_answers = 0
    with pytest.raises(ServingError) as caught:
        setting.roll_out()
    assert caught.value.message == (
        "version 2 failed its check without traffic: timeout: qa: too late. The traffic stays at "
        f"{FIRST}, {THIRD}; the next deployment removes the version"
    )
    assert endpoint.routes == {FIRST: 60, THIRD: 40, SECOND: 0}


@pytest.mark.parametrize(
    ("shares", "restored"),
    [
        ({FIRST: 100}, {FIRST: 100}),
        ({FIRST: 60, THIRD: 40}, {FIRST: 60, THIRD: 40}),
        ({FIRST: 50, SECOND: 30, THIRD: 20}, {FIRST: 80, THIRD: 20}),
        ({SECOND: 99, THIRD: 1}, {THIRD: 100}),
    ],
)
def test_wrong_answer_under_traffic_restores_the_previous_shares(
    shares: dict[str, int], restored: dict[str, int], setting: Setting
) -> None:
    endpoint = setting.add_endpoint(shares)
    setting.right_answers = 1
    with pytest.raises(ServingError) as caught:
        setting.roll_out()
    assert caught.value.message == (
        "version 2 failed its check under traffic: timeout: qa: too late. The previous version serves again"
    )
    assert endpoint.routes == restored
    assert setting.changes[-2][SECOND] == 100


@pytest.mark.parametrize(("watch_seconds", "pauses"), [(0, []), (3, [3]), (5, [5]), (12, [5, 5, 2]), (15, [5, 5, 5])])
def test_answers_are_watched_every_five_seconds_to_the_end(
    watch_seconds: float, pauses: list[float], setting: Setting
) -> None:
    setting.add_endpoint({FIRST: 100})
    setting.roll_out(watch_seconds=watch_seconds)
    assert setting.clock.pauses == pauses
    asked_in_a_check = 2  # the description and the example
    assert len(setting.list_asked_entities()) == asked_in_a_check * (1 + 1 + len(pauses))


def test_wrong_answer_at_the_end_of_the_watch_is_noticed(setting: Setting) -> None:
    endpoint = setting.add_endpoint({FIRST: 100})
    setting.right_answers = 3
    with pytest.raises(ServingError, match="failed its check under traffic"):
        setting.roll_out(watch_seconds=10)
    assert setting.clock.pauses == [5, 5]
    assert endpoint.routes == {FIRST: 100}


def test_change_in_progress_is_awaited_before_the_rollout(setting: Setting) -> None:
    endpoint = setting.add_endpoint({FIRST: 100})
    endpoint.pending = [replace(SPEC, version="3").served_entity().as_dict()], {THIRD: 100}
    endpoint.update, endpoint.remaining_polls = "IN_PROGRESS", 1
    setting.roll_out()
    assert setting.lines[:2] == [
        "A change of the endpoint multichain is in progress; waiting for its end",
        "Adding version 2 without traffic",
    ]
    assert setting.changes[0] == {THIRD: 100, SECOND: 0}


def test_endpoint_of_others_is_not_changed(setting: Setting) -> None:
    setting.add_endpoint({FIRST: 100}, tags=[])
    with pytest.raises(ServingError, match=r"^the endpoint multichain was not created by this project"):
        setting.roll_out()
    assert setting.workspace.calls == ["GET /api/2.0/serving-endpoints/multichain"]


def test_settings_are_updated_also_when_the_version_serves(setting: Setting) -> None:
    endpoint = setting.add_endpoint({SECOND: 100})
    setting.roll_out(calls_per_minute=9)
    assert endpoint.settings["ai_gateway"]["rate_limits"][0]["calls"] == 9
    assert setting.changes == []
