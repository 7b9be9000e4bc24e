"""Changes of an endpoint: creation, settings that differ, what is served, and the wait for the end of a change."""

from dataclasses import replace
from typing import Any

import pytest
from databricks.sdk.service.serving import BuildLogsResponse

from serving.endpoint import updates
from serving.endpoint.connection import connect_workspace
from serving.endpoint.spec import EndpointSpec, WorkloadSize
from serving.endpoint.updates import EndpointUpdater
from serving.errors import ServingError
from standin.app import StandIn
from standin.databricks.serving_endpoints import ServedEndpoint

SPEC = EndpointSpec("multichain", "dev.assistants.multichain", "1", WorkloadSize("Small", 4))
PATH = "/api/2.0/serving-endpoints/multichain"
USAGE = {"usage_tracking_config": {"enabled": True}}
OWN_TAG = {"key": "multichain", "value": "prod"}


class Clock:
    """A clock that only sleeping moves, for the module under test."""

    def __init__(self) -> None:
        self.seconds, self.pauses = 1000.0, list[float]()

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.pauses.append(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(updates, "time", clock)
    return clock


@pytest.fixture
def workspace(stand_in: StandIn, clock: Clock) -> Any:
    """Return a workspace in which the version of the spec is registered."""
    stand_in.workspace.catalog.add(SPEC.model, "champion")
    return stand_in.workspace


@pytest.fixture
def lines() -> list[str]:
    return []


def make_updater(lines: list[str], **settings: Any) -> EndpointUpdater:
    """Return the updater of a spec with other settings, which reports to ``lines``."""
    return EndpointUpdater(connect_workspace(), replace(SPEC, **settings), lines.append)


def test_get_returns_the_endpoint_or_none(workspace: Any, lines: list[str]) -> None:
    updater = make_updater(lines)
    assert updater.get() is None
    workspace.endpoints.endpoints["multichain"] = ServedEndpoint({"name": "multichain"})
    assert updater.get().name == "multichain"
    workspace.failing_call, workspace.fault = len(workspace.calls), (400, "BAD_REQUEST")
    with pytest.raises(ServingError) as caught:
        updater.get()
    assert caught.value.message == "reading the endpoint multichain: the workspace rejected the request: scripted"


def test_created_endpoint_has_the_settings_of_the_spec(workspace: Any, lines: list[str], clock: Clock) -> None:
    settings = {"route_optimized": False, "tables": "dev.logs", "budget_policy": "p-1", "tags": {"team": "search"}}
    updater = make_updater(lines, **settings)
    updater.create()
    endpoint, entity = workspace.endpoints.endpoints["multichain"], updater.spec.entity_name
    assert endpoint.entities == [updater.spec.served_entity().as_dict()]
    assert endpoint.routes == {entity: 100}
    assert endpoint.settings == {
        "name": "multichain",
        "creator": "me",
        "route_optimized": False,
        "ai_gateway": updater.spec.ai_gateway().as_dict(),
        "telemetry_config": updater.spec.telemetry_config().as_dict(),
        "budget_policy_id": "p-1",
        "tags": [OWN_TAG, {"key": "team", "value": "search"}],
    }
    assert lines == [
        "Creating the endpoint multichain",
        f"     0 s  {entity} creating",
        f"     5 s  {entity} creating",
    ]
    assert clock.pauses == [5.0, 5.0]


def test_created_endpoint_has_no_settings_that_the_spec_leaves_out(workspace: Any, lines: list[str]) -> None:
    make_updater(lines).create()
    settings = workspace.endpoints.endpoints["multichain"].settings
    assert settings.keys() == {"name", "creator", "route_optimized", "ai_gateway", "tags"}
    assert settings["route_optimized"] is True


def test_refused_creation_is_reported_before_any_progress(workspace: Any, lines: list[str]) -> None:
    with pytest.raises(ServingError) as caught:
        make_updater(lines, version="9").create()
    assert caught.value.message == (
        "creating the endpoint multichain: not found: The version of the registered model does not exist"
    )
    assert lines == []


def list_changes(workspace: Any, lines: list[str], existing: dict[str, Any], **settings: Any) -> list[str]:
    """Return the calls that change an endpoint with ``existing`` settings to those of a spec."""
    workspace.endpoints.endpoints["multichain"] = ServedEndpoint({"name": "multichain"} | existing)
    updater = make_updater(lines, **settings)
    endpoint = updater.get()
    workspace.calls.clear()
    updater.update_settings(endpoint)
    return [call.replace(PATH, "") for call in workspace.calls]


@pytest.mark.parametrize(
    ("existing", "settings", "calls"),
    [
        ({"ai_gateway": USAGE, "tags": [OWN_TAG]}, {}, []),
        ({"ai_gateway": USAGE, "tags": [{"key": "a", "value": "b"}, OWN_TAG]}, {}, []),
        ({"tags": [OWN_TAG]}, {}, ["PUT /ai-gateway"]),
        ({"ai_gateway": USAGE, "tags": [OWN_TAG]}, {"calls_per_minute": 5}, ["PUT /ai-gateway"]),
        ({"ai_gateway": USAGE}, {}, ["PATCH /tags"]),
        ({"ai_gateway": USAGE, "tags": [OWN_TAG]}, {"environment": "dev"}, ["PATCH /tags"]),
        ({"ai_gateway": USAGE, "tags": [OWN_TAG]}, {"tags": {"a": "b"}}, ["PATCH /tags"]),
        ({"ai_gateway": USAGE, "tags": [OWN_TAG]}, {"tables": "a.b"}, ["PUT /ai-gateway", "PATCH /telemetry-config"]),
        (
            {"ai_gateway": USAGE, "tags": [OWN_TAG], "telemetry_config": {"table_names": {"logs_table": "x.y.z"}}},
            {"tables": "a.b"},
            ["PUT /ai-gateway"],
        ),
        (
            {"ai_gateway": USAGE, "tags": [OWN_TAG], "telemetry_config": {"table_names": {"logs_table": "x.y.z"}}},
            {},
            [],
        ),
    ],
)
def test_only_settings_that_differ_are_changed(
    existing: dict[str, Any], settings: dict[str, Any], calls: list[str], workspace: Any, lines: list[str]
) -> None:
    assert list_changes(workspace, lines, existing, **settings) == calls
    assert lines == []


def test_changed_settings_are_those_of_the_spec_and_no_tag_is_removed(workspace: Any, lines: list[str]) -> None:
    stale = {"ai_gateway": USAGE | {"rate_limits": [{"calls": 1, "renewal_period": "minute"}]}}
    tags = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    list_changes(workspace, lines, stale | {"tags": tags}, calls_per_minute=600, tables="dev.logs", tags={"b": "3"})
    settings = workspace.endpoints.endpoints["multichain"].settings
    spec = replace(SPEC, calls_per_minute=600, tables="dev.logs")
    assert settings["ai_gateway"] == spec.ai_gateway().as_dict()
    assert settings["telemetry_config"] == spec.telemetry_config().as_dict()
    assert settings["tags"] == [{"key": "a", "value": "1"}, {"key": "b", "value": "3"}, OWN_TAG]


def test_refused_setting_is_reported_as_a_change(workspace: Any, lines: list[str]) -> None:
    workspace.endpoints.endpoints["multichain"] = ServedEndpoint({"name": "multichain"})
    updater = make_updater(lines)
    endpoint = updater.get()
    workspace.failing_call, workspace.fault = len(workspace.calls), (400, "BAD_REQUEST")
    with pytest.raises(ServingError, match=r"^changing the endpoint multichain: the workspace rejected the request"):
        updater.update_settings(endpoint)


def test_serve_replaces_versions_and_shares_and_waits(workspace: Any, lines: list[str], clock: Clock) -> None:
    updater = make_updater(lines)
    updater.create()
    workspace.catalog.add(SPEC.model)
    second = replace(SPEC, version="2").served_entity()
    updater.serve([second, SPEC.served_entity()], {second.name: 30, SPEC.entity_name: 70})
    endpoint = workspace.endpoints.endpoints["multichain"]
    assert [entity["name"] for entity in endpoint.entities] == [second.name, SPEC.entity_name]
    assert endpoint.routes == {second.name: 30, SPEC.entity_name: 70}
    assert lines[-1] == f"     5 s  {second.name} creating, {SPEC.entity_name} creating"
    with pytest.raises(ServingError) as caught:
        updater.serve([second], {second.name: 99})
    assert caught.value.message == (
        "changing the endpoint multichain: the workspace rejected the request: routes have to name served entities, "
        "and their percentages have to add up to 100"
    )


def start_change(workspace: Any, polls: int) -> None:
    """Start a change that is complete after a number of polls."""
    entity = SPEC.served_entity().as_dict()
    workspace.endpoints.endpoints["multichain"] = ServedEndpoint(
        {"name": "multichain"},
        pending=([entity], {SPEC.entity_name: 100}),
        remaining_polls=polls,
        update="IN_PROGRESS",
    )


@pytest.mark.parametrize("polls", [0, 1, 3, 481])
def test_wait_ends_with_the_change_and_returns_the_endpoint(
    polls: int, workspace: Any, lines: list[str], clock: Clock
) -> None:
    start_change(workspace, polls)
    endpoint = make_updater(lines).wait_until_settled()
    assert endpoint.state.config_update.value == "NOT_UPDATING"
    assert clock.pauses == [5.0] * polls
    assert lines == [f"  {5 * poll:4} s  {SPEC.entity_name} creating" for poll in range(polls)]


def test_wait_of_more_than_forty_minutes_is_given_up(workspace: Any, lines: list[str], clock: Clock) -> None:
    start_change(workspace, 482)
    with pytest.raises(ServingError) as caught:
        make_updater(lines).wait_until_settled()
    assert caught.value.message == (
        "the change of the endpoint multichain is still in progress after 2400 s; see python -m serving status"
    )
    assert (len(lines), clock.seconds) == (481, 1000.0 + 2405.0)


def test_failed_change_ends_with_the_build_log(workspace: Any, lines: list[str]) -> None:
    workspace.endpoints.broken.add("1")
    with pytest.raises(ServingError) as caught:
        make_updater(lines).create()
    assert caught.value.message == (
        "the change of the endpoint multichain failed (UPDATE_FAILED):\nCollecting packages\n"
        "ERROR: No matching distribution found for nosuch==1"
    )


def test_failed_change_shows_the_last_fifteen_lines_of_the_log(
    workspace: Any, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.endpoints.endpoints["multichain"] = ServedEndpoint({"name": "multichain"}, update="UPDATE_CANCELED")
    updater = make_updater(lines)
    calls: list[tuple[str, str]] = []

    def read_log(name: str, entity: str) -> BuildLogsResponse:
        calls.append((name, entity))
        return BuildLogsResponse("\n".join(f"line {number}" for number in range(17)) + "\n\n")

    monkeypatch.setattr(updater.client.serving_endpoints, "build_logs", read_log)
    with pytest.raises(ServingError) as caught:
        updater.wait_until_settled()
    end = "\n".join(f"line {number}" for number in range(2, 17))
    assert caught.value.message == f"the change of the endpoint multichain failed (UPDATE_CANCELED):\n{end}"
    assert calls == [("multichain", SPEC.entity_name)]


def test_removed_endpoint_ends_the_wait_without_a_log(workspace: Any, lines: list[str]) -> None:
    with pytest.raises(ServingError) as caught:
        make_updater(lines).wait_until_settled()
    assert caught.value.message == "the change of the endpoint multichain failed (gone)"
