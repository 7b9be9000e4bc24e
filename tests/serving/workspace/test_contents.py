"""What a new workspace gets: a notebook cluster of one machine, and secrets in a scope of this project."""

import pytest

from serving.endpoint.connection import connect_workspace
from serving.errors import ServingError
from serving.workspace.contents import create_cluster, put_secrets
from serving.workspace.teardown import SCOPE_MARK, find_resources
from standin.app import StandIn


def test_cluster_is_one_machine_that_terminates_by_itself(stand_in: StandIn) -> None:
    sentence = create_cluster(connect_workspace(), "lab", 45, "dev")
    assert sentence == "Created the cluster lab, which terminates after 45 minutes without use"
    ((number, cluster),) = stand_in.workspace.resources.clusters.items()
    assert cluster == {
        "cluster_id": number,
        "state": "RUNNING",
        "spark_version": "16.4.x-scala2.12",
        "cluster_name": "lab",
        "node_type_id": "Standard_D4ds_v5",
        "num_workers": 0,
        "autotermination_minutes": 45,
        "data_security_mode": "SINGLE_USER",
        "custom_tags": {"multichain": "dev", "ResourceClass": "SingleNode"},
        "spark_conf": {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"},
    }


def test_cluster_of_the_same_name_is_reused(stand_in: StandIn) -> None:
    clusters = stand_in.workspace.resources.clusters
    clusters["c1"] = {"cluster_id": "c1", "cluster_name": "lab"}
    assert create_cluster(connect_workspace(), "lab", 45, "dev") == "The cluster lab exists already"
    assert list(clusters) == ["c1"]
    create_cluster(connect_workspace(), "Lab", 45, "dev")
    assert len(clusters) == 2


def test_refused_cluster_is_reported_with_its_name(stand_in: StandIn) -> None:
    client, workspace = connect_workspace(), stand_in.workspace
    workspace.failing_call, workspace.fault = 1, (400, "QUOTA_EXCEEDED")
    with pytest.raises(ServingError) as caught:
        create_cluster(client, "lab", 45, "dev")
    assert caught.value.message == "creating the cluster lab: the workspace rejected the request: scripted"


def test_secrets_are_stored_without_surrounding_blanks(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", " sk-1 2\n")
    monkeypatch.setenv("B_KEY", "sk-b")
    sentence = put_secrets(connect_workspace(), "multichain-dev", ["A_KEY", "B_KEY"])
    assert sentence == "Stored A_KEY, B_KEY in the secret scope multichain-dev"
    assert stand_in.secrets == {
        ("multichain-dev", SCOPE_MARK): "1",
        ("multichain-dev", "A_KEY"): "sk-1 2",
        ("multichain-dev", "B_KEY"): "sk-b",
    }
    resources = find_resources(connect_workspace())
    assert [resource.in_words for resource in resources] == ["secret scope multichain-dev (costs nothing)"]


def test_secrets_of_an_own_scope_are_replaced(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("old", "new"):
        monkeypatch.setenv("A_KEY", value)
        put_secrets(connect_workspace(), "multichain-dev", ["A_KEY"])
    assert stand_in.secrets["multichain-dev", "A_KEY"] == "new"
    assert stand_in.workspace.calls.count("POST /api/2.0/secrets/scopes/create") == 1


def test_empty_scope_becomes_one_of_this_project(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A creation that was interrupted between scope and mark can be repeated."""
    stand_in.workspace.resources.scopes.add("multichain-dev")
    monkeypatch.setenv("A_KEY", "sk")
    put_secrets(connect_workspace(), "multichain-dev", ["A_KEY"])
    assert stand_in.secrets.keys() == {("multichain-dev", SCOPE_MARK), ("multichain-dev", "A_KEY")}


def test_scope_of_others_is_left_alone(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in.workspace.resources.scopes.add("multichain-dev")
    stand_in.secrets["multichain-dev", "theirs"] = "1"
    monkeypatch.setenv("A_KEY", "sk-planted")
    with pytest.raises(ServingError) as caught:
        put_secrets(connect_workspace(), "multichain-dev", ["A_KEY"])
    assert caught.value.message == (
        "the secret scope multichain-dev was not created by this project; give another --environment"
    )
    assert stand_in.secrets == {("multichain-dev", "theirs"): "1"}


def test_refused_secret_is_reported_without_its_value(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-planted")
    client, workspace = connect_workspace(), stand_in.workspace
    workspace.failing_call, workspace.fault = 4, (400, "BAD_REQUEST")
    with pytest.raises(ServingError) as caught:
        put_secrets(client, "multichain-dev", ["A_KEY"])
    assert caught.value.message == (
        "storing secrets in the scope multichain-dev: the workspace rejected the request: scripted"
    )
    assert stand_in.secrets == {("multichain-dev", SCOPE_MARK): "1"}
