"""Plans of deployments: the action that the endpoint's state leads to, its settings, and a person as creator."""

from dataclasses import replace
from typing import Any

import pytest

from serving.endpoint.connection import connect_workspace
from serving.endpoint.rollout_plan import describe_plan, warn_about_creator
from serving.endpoint.spec import EndpointSpec, WorkloadSize
from serving.endpoint.updates import EndpointUpdater
from serving.errors import ServingError
from standin.app import StandIn
from standin.databricks.serving_endpoints import ServedEndpoint

SPEC = EndpointSpec("multichain", "dev.assistants.multichain", "2", WorkloadSize("Medium", 5))
HEADER = "Version 2 of dev.assistants.multichain on the endpoint multichain: "


def plan(spec: EndpointSpec = SPEC) -> list[str]:
    """Return the plan of a deployment to the stand-in, and assert that the plan reports no progress."""
    progress: list[str] = []
    lines = list(describe_plan(EndpointUpdater(connect_workspace(), spec, progress.append)))
    assert progress == []
    return lines


def add_endpoint(stand_in: StandIn, shares: dict[str, int], **values: Any) -> ServedEndpoint:
    """Add an endpoint with one served entity for each share."""
    entities = [{"name": name, "entity_name": SPEC.model, "entity_version": "1"} for name in shares]
    endpoint = ServedEndpoint({"name": SPEC.name} | values, entities, shares)
    stand_in.workspace.endpoints.endpoints[SPEC.name] = endpoint
    return endpoint


def test_plan_lists_action_size_settings_tags_and_cost_in_order(stand_in: StandIn) -> None:
    spec = replace(
        SPEC,
        environment="dev",
        variables={"Z": "1", "A": "2"},
        route_optimized=False,
        calls_per_minute=600,
        tags={"team": "search"},
    )
    assert plan(spec) == [
        f"{HEADER}the endpoint would be created",
        "  size Medium: 8 to 16 units, each of which serves one request at a time; the load needs 5",
        "  scale to zero on: the first request after a pause takes minutes",
        "  A=2",
        "  MULTICHAIN_DEADLINE_SECONDS=280",
        "  MULTICHAIN_RESPONSE_BYTES=15000000",
        "  Z=1",
        "  AI Gateway: usage is tracked, requests are not stored, at most 600 calls a minute",
        "  route optimisation off; it is set when an endpoint is created",
        "  tags multichain=dev, team=search",
        "  cost: per hour and unit of concurrency, at your region's price, which this command does not know",
    ]
    assert stand_in.workspace.calls == ["GET /api/2.0/serving-endpoints/multichain"]


def test_plan_waits_for_a_change_in_progress(stand_in: StandIn) -> None:
    endpoint = add_endpoint(stand_in, {SPEC.entity_name: 100})
    endpoint.update = "IN_PROGRESS"
    assert plan()[0] == f"{HEADER}a change is in progress; the deployment would wait for its end"


def test_plan_says_that_the_version_serves_already(stand_in: StandIn) -> None:
    add_endpoint(stand_in, {SPEC.entity_name: 100})
    assert plan()[0] == f"{HEADER}the version serves already; its configuration would not change"


@pytest.mark.parametrize(
    ("shares", "versions"),
    [
        ({"v1-a": 100}, "v1-a at 100 %"),
        ({"v1-a": 70, "v1-b": 30, "v1-c": 0}, "v1-a at 70 %, v1-b at 30 %, v1-c at 0 %"),
        ({SPEC.entity_name: 99, "v1-a": 1}, f"{SPEC.entity_name} at 99 %, v1-a at 1 %"),
    ],
)
def test_plan_adds_the_version_beside_those_that_serve(
    shares: dict[str, int], versions: str, stand_in: StandIn
) -> None:
    add_endpoint(stand_in, shares)
    action = f"it would be added beside {versions} without traffic, checked, and then receive all traffic"
    assert plan()[0] == HEADER + action


@pytest.mark.parametrize(("existing", "state"), [(True, "on"), (False, "off"), (None, "off")])
def test_plan_shows_the_route_optimisation_of_an_existing_endpoint(
    existing: bool | None, state: str, stand_in: StandIn
) -> None:
    add_endpoint(stand_in, {"v1": 100}, **({} if existing is None else {"route_optimized": existing}))
    line = f"  route optimisation {state}; it is set when an endpoint is created"
    assert line in plan(replace(SPEC, route_optimized=not existing))


def test_plan_of_a_refused_call_says_what_was_read(stand_in: StandIn) -> None:
    stand_in.workspace.failing_call, stand_in.workspace.fault = 0, (400, "BAD_REQUEST")
    with pytest.raises(ServingError) as caught:
        plan()
    assert caught.value.message == "reading the endpoint multichain: the workspace rejected the request: scripted"


def test_only_a_person_is_warned_about_the_rights_of_the_creator(stand_in: StandIn) -> None:
    client = connect_workspace()
    assert warn_about_creator(client) == ""
    stand_in.workspace.resources.user = "anna@example.com"
    assert warn_about_creator(client) == (
        "anna@example.com is a person: an endpoint always has its creator's rights, and fails when they are revoked; "
        "outside dev, deploy as a service principal"
    )
