"""Descriptions of endpoints by the SDK: owner, traffic, served versions, progress, and the lines of status."""

from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import ServerLogsResponse, ServingEndpointDetailed

from serving.endpoint.connection import connect_workspace
from serving.endpoint.state import (
    describe_endpoint,
    describe_progress,
    is_updating,
    require_owned,
    served_entities,
    traffic_shares,
)
from serving.errors import ServingError
from standin.app import StandIn
from standin.databricks.serving_endpoints import ServedEndpoint

Values = dict[str, Any]


def make_entity(name: str, **values: Any) -> Values:
    """Return a served entity as the API describes it."""
    version = {"entity_name": "dev.assistants.multichain", "entity_version": name[1:], "workload_size": "Small"}
    return {"name": name} | version | {"scale_to_zero_enabled": False} | values


def make_endpoint(**values: Any) -> Any:
    """Return the SDK's description of an endpoint."""
    return ServingEndpointDetailed.from_dict({"name": "multichain"} | values)


def make_routes(**shares: int) -> Values:
    """Return a traffic configuration in per cent."""
    return {"routes": [{"served_entity_name": name, "traffic_percentage": share} for name, share in shares.items()]}


@pytest.mark.parametrize("keys", [["multichain"], ["team", "multichain"]])
def test_endpoint_with_the_project_tag_is_owned(keys: list[str]) -> None:
    require_owned(make_endpoint(tags=[{"key": key, "value": ""} for key in keys]))


@pytest.mark.parametrize(
    "tags", [{}, {"tags": []}, {"tags": [{"key": "Multichain"}, {"key": "team", "value": "multichain"}]}]
)
def test_endpoint_without_the_project_tag_is_not_changed(tags: Values) -> None:
    with pytest.raises(ServingError) as caught:
        require_owned(make_endpoint(**tags))
    assert caught.value.message == (
        "the endpoint multichain was not created by this project (no tag multichain) and is not changed; give another "
        "--endpoint"
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"state": {"config_update": "IN_PROGRESS"}}, True),
        ({"state": {"config_update": "NOT_UPDATING"}}, False),
        ({"state": {"config_update": "UPDATE_FAILED"}}, False),
        ({"state": {"ready": "READY"}}, False),
        ({}, False),
    ],
)
def test_endpoint_is_updating_only_while_a_change_is_in_progress(values: Values, expected: bool) -> None:
    assert is_updating(make_endpoint(**values)) is expected


@pytest.mark.parametrize(
    ("endpoint", "shares"),
    [
        (None, {}),
        (make_endpoint(), {}),
        (make_endpoint(config={}), {}),
        (make_endpoint(config={"traffic_config": make_routes(v1=100)}), {}),
        (make_endpoint(config={"served_entities": [make_entity("v1")]}), {"v1": 0}),
        (make_endpoint(config={"served_entities": [make_entity("v1")], "traffic_config": {}}), {"v1": 0}),
        (
            make_endpoint(
                config={
                    "served_entities": [make_entity("v2"), make_entity("v1"), make_entity("v3")],
                    "traffic_config": make_routes(v1=30, v2=70, v9=0),
                }
            ),
            {"v2": 70, "v1": 30, "v3": 0},
        ),
        (
            make_endpoint(
                config={
                    "served_entities": [make_entity("v1")],
                    "traffic_config": {"routes": [{"served_model_name": "v1", "traffic_percentage": 100}]},
                }
            ),
            {"v1": 100},
        ),
    ],
)
def test_traffic_shares_are_those_of_the_served_entities(endpoint: Any, shares: dict[str, int]) -> None:
    assert list(traffic_shares(endpoint).items()) == list(shares.items())


def test_served_entities_have_what_an_update_accepts() -> None:
    entity = make_entity("v1", environment_vars={"A": "{{secrets/s/k}}"})
    described = entity | {"creator": "me", "creation_timestamp": 5, "state": {"deployment": "DEPLOYMENT_READY"}}
    entities = served_entities(make_endpoint(config={"served_entities": [described, make_entity("v2")]}))
    assert [served.as_dict() for served in entities] == [entity, make_entity("v2")]


@pytest.mark.parametrize("values", [{}, {"config": {}}])
def test_endpoint_without_configuration_serves_nothing(values: Values) -> None:
    assert served_entities(make_endpoint(**values)) == []


def test_progress_names_each_pending_entity_with_its_state() -> None:
    pending = [make_entity("v1", state={"deployment": "DEPLOYMENT_READY"}), make_entity("v2")]
    pending.append(make_entity("v3", state={"deployment": "DEPLOYMENT_RECOVERING"}))
    endpoint = make_endpoint(pending_config={"served_entities": pending})
    assert list(describe_progress(endpoint)) == ["v1 ready", "v2 waiting", "v3 recovering"]


@pytest.mark.parametrize("values", [{}, {"pending_config": {}}, {"config": {"served_entities": [make_entity("v1")]}}])
def test_endpoint_without_pending_entities_has_no_progress(values: Values) -> None:
    assert list(describe_progress(make_endpoint(**values))) == []


@pytest.fixture
def client(stand_in: StandIn) -> WorkspaceClient:
    return connect_workspace()


def test_status_lists_versions_a_change_and_the_last_errors(stand_in: StandIn, client: WorkspaceClient) -> None:
    entities = [make_entity("v1"), make_entity("v2", scale_to_zero_enabled=True)]
    stand_in.workspace.endpoints.endpoints["multichain"] = ServedEndpoint(
        {"name": "multichain", "tags": [{"key": "multichain", "value": "dev"}]},
        entities,
        {"v1": 95, "v2": 5},
        pending=([make_entity("v3")], {"v3": 100}),
        remaining_polls=1,
        update="IN_PROGRESS",
    )
    assert list(describe_endpoint(client, "multichain")) == [
        "multichain: ready, in progress",
        "   95 %  version 1 of dev.assistants.multichain (v1, Small)",
        "    5 %  version 2 of dev.assistants.multichain (v2, Small, scales to zero)",
        "  change in progress: v3 creating",
        "  v1: [ERROR] a stage failed",
        "  v2: [ERROR] a stage failed",
    ]


def test_status_says_that_another_project_created_the_endpoint(stand_in: StandIn, client: WorkspaceClient) -> None:
    stand_in.workspace.endpoints.endpoints["multichain"] = ServedEndpoint({"name": "multichain"})
    line = "multichain: not ready, not updating; not created by this project"
    assert list(describe_endpoint(client, "multichain")) == [line]


@pytest.mark.parametrize("values", [{}, {"state": {}}])
def test_status_without_a_state_is_unknown(
    values: Values, client: WorkspaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = make_endpoint(tags=[{"key": "multichain"}], **values)
    monkeypatch.setattr(client.serving_endpoints, "get", lambda _name: endpoint)
    assert list(describe_endpoint(client, "multichain")) == ["multichain: unknown, unknown"]


@pytest.mark.parametrize(
    ("log", "errors"),
    [
        (None, []),
        ("", []),
        ("started\nRuntimeERROR: a\nready", ["RuntimeERROR: a"]),
        ("an Exception\nTraceback\ncritical", ["an Exception", "Traceback", "critical"]),
        ("\n".join(f"error {number}\ninfo" for number in range(6)), [f"error {number}" for number in range(1, 6)]),
    ],
)
def test_status_shows_the_last_five_lines_with_errors(
    log: str | None, errors: list[str], client: WorkspaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = make_endpoint(config={"served_entities": [make_entity("v1")]})
    monkeypatch.setattr(client.serving_endpoints, "get", lambda _name: endpoint)
    monkeypatch.setattr(client.serving_endpoints, "logs", lambda _name, _entity: ServerLogsResponse(log))
    lines = list(describe_endpoint(client, "multichain"))
    assert lines[1] == "    0 %  version 1 of dev.assistants.multichain (v1, Small)"
    assert lines[2:] == [f"  v1: {line}" for line in errors]


def test_status_of_a_missing_endpoint_is_refused(client: WorkspaceClient) -> None:
    with pytest.raises(ServingError) as caught:
        list(describe_endpoint(client, "nosuch"))
    assert caught.value.message == (
        "reading the endpoint nosuch: not found: Endpoint with name 'nosuch' does not exist"
    )


def test_refused_log_is_reported_with_its_entity(stand_in: StandIn, client: WorkspaceClient) -> None:
    workspace = stand_in.workspace
    workspace.endpoints.endpoints["multichain"] = ServedEndpoint({"name": "multichain"}, [make_entity("v1")])
    workspace.failing_call, workspace.fault = 1, (404, "RESOURCE_DOES_NOT_EXIST")
    with pytest.raises(ServingError) as caught:
        list(describe_endpoint(client, "multichain"))
    assert caught.value.message == "reading the log of v1: not found: scripted"
