"""Resources of this project in a workspace: which belong to it, in which order they go, and a repeated removal."""

import pytest
from databricks.sdk.errors import NotFound, PermissionDenied

from serving.endpoint.connection import connect_workspace
from serving.errors import ServingError
from serving.workspace.teardown import ManagedResource, find_resources, remove_resources
from standin.app import StandIn
from standin.databricks.serving_endpoints import ServedEndpoint

MODEL = "dev.assistants.multichain"


@pytest.fixture
def filled(stand_in: StandIn) -> StandIn:
    """Return a stand-in with two resources of each kind, of which the project created the second."""
    resources, endpoints = stand_in.workspace.resources, stand_in.workspace.endpoints.endpoints
    endpoints["theirs"] = ServedEndpoint({"name": "theirs", "tags": [{"key": "team", "value": "multichain"}]})
    endpoints["ours"] = ServedEndpoint({"name": "ours", "tags": [{"key": "multichain", "value": "dev"}]})
    resources.jobs[1] = {"job_id": 1, "settings": {"name": "theirs", "tags": {"team": "multichain"}}}
    resources.jobs[2] = {"job_id": 2, "settings": {"name": "ours", "tags": {"a": "b", "multichain": ""}}}
    resources.jobs[3] = {"job_id": 3}
    resources.clusters["c1"] = {"cluster_id": "c1", "cluster_name": "theirs", "custom_tags": {"team": "multichain"}}
    resources.clusters["c2"] = {"cluster_id": "c2", "cluster_name": "ours", "custom_tags": {"multichain": "dev"}}
    resources.clusters["c3"] = {"cluster_id": "c3", "cluster_name": "untagged"}
    resources.scopes |= {"theirs", "ours"}
    stand_in.secrets.update({("theirs", "multichain"): "1", ("ours", "key"): "1", ("ours", "made-by-multichain"): "1"})
    stand_in.workspace.catalog.add(MODEL)
    return stand_in


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("endpoint", "endpoint a"),
        ("cluster", "cluster a"),
        ("workspace", "workspace a"),
        ("job", "job a (costs nothing)"),
        ("secret scope", "secret scope a (costs nothing)"),
        ("registered model", "registered model a (costs nothing)"),
    ],
)
def test_resource_says_whether_it_costs_money(kind: str, words: str) -> None:
    resource = ManagedResource(kind, "a", lambda: None)
    assert resource.in_words == words
    assert resource.is_billable is ("costs nothing" not in words)


@pytest.mark.parametrize(
    ("model", "last"), [("", []), (MODEL, [f"registered model {MODEL} (costs nothing)"]), ("dev.assistants.nosuch", [])]
)
def test_only_marked_resources_are_listed_in_the_order_of_removal(model: str, last: list[str], filled: StandIn) -> None:
    assert [resource.in_words for resource in find_resources(connect_workspace(), model)] == [
        "endpoint ours",
        "job ours (costs nothing)",
        "cluster ours",
        "secret scope ours (costs nothing)",
        *last,
    ]


def test_empty_workspace_has_no_resources(stand_in: StandIn) -> None:
    assert find_resources(connect_workspace()) == []


def test_removal_takes_marked_resources_and_nothing_of_others(filled: StandIn) -> None:
    client, lines = connect_workspace(), list[str]()
    remove_resources(find_resources(client, MODEL), lines.append)
    workspace = filled.workspace
    assert lines == [
        "Removed: endpoint ours",
        "Removed: job ours (costs nothing)",
        "Removed: cluster ours",
        "Removed: secret scope ours (costs nothing)",
        f"Removed: registered model {MODEL} (costs nothing)",
    ]
    assert (list(workspace.endpoints.endpoints), list(workspace.resources.jobs)) == (["theirs"], [1, 3])
    assert (list(workspace.resources.clusters), workspace.resources.scopes) == (["c1", "c3"], {"theirs"})
    assert filled.secrets == {("theirs", "multichain"): "1"}
    assert workspace.catalog.models == {}
    assert "POST /api/2.1/clusters/permanent-delete" in workspace.calls


@pytest.mark.parametrize(
    ("number", "kind"),
    [(0, "Apps"), (1, "endpoints"), (2, "jobs"), (3, "clusters"), (4, "scopes"), (5, "scopes"), (6, "scopes")],
)
def test_refused_list_names_the_kind_of_resource(number: int, kind: str, filled: StandIn) -> None:
    client, workspace = connect_workspace(), filled.workspace
    workspace.calls.clear()
    workspace.failing_call, workspace.fault = number, (400, "BAD_REQUEST")
    with pytest.raises(ServingError) as caught:
        find_resources(client)
    assert caught.value.message == f"listing {kind}: the workspace rejected the request: scripted"


def test_resource_that_is_gone_already_is_skipped() -> None:
    calls, lines = list[str](), list[str]()

    def fail_to_find() -> None:
        calls.append("a")
        raise NotFound

    resources = [ManagedResource("job", "a", fail_to_find), ManagedResource("endpoint", "b", lambda: calls.append("b"))]
    remove_resources(resources, lines.append)
    assert calls == ["a", "b"]
    assert lines == ["Removed already: job a (costs nothing)", "Removed: endpoint b"]


def test_refused_removal_stops_and_keeps_what_follows() -> None:
    calls, lines = list[str](), list[str]()

    def refuse() -> None:
        raise PermissionDenied("not the owner")

    resources = [
        ManagedResource("endpoint", "a", lambda: calls.append("a")),
        ManagedResource("secret scope", "b", refuse),
        ManagedResource("cluster", "c", lambda: calls.append("c")),
    ]
    with pytest.raises(ServingError) as caught:
        remove_resources(resources, lines.append)
    assert caught.value.message == (
        "removing the secret scope b: permission denied: not the owner; docs/databricks.md lists the required grants"
    )
    assert (calls, lines) == (["a"], ["Removed: endpoint a"])
