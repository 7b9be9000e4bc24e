"""An Azure workspace from nothing to nothing, by Azure's own SDKs against a stand-in; and a fault at each call."""

import os
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from serving.__main__ import serving
from serving.endpoint import connection
from serving.workspace import azure_workspace
from standin.app import StandIn
from standin.azure.resource_manager import ResourceManager

PLACE = ("--subscription", "s-1", "--group", "rg", "--workspace", "ws")


def run(*words: str, typed: str = "") -> Result:
    """A command in this process."""
    return CliRunner().invoke(serving, words, input=typed)


@pytest.fixture
def arm(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> ResourceManager:
    monkeypatch.setenv("AZURE_RESOURCE_MANAGER", os.environ["DATABRICKS_HOST"])
    monkeypatch.setenv("AZURE_TOKEN", stand_in.key)
    monkeypatch.setattr(azure_workspace, "PAUSE_SECONDS", 0.0)
    return stand_in.azure


def test_from_nothing_to_nothing(arm: ResourceManager, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAID_API_KEY", "sk-planted\n")
    made = run("workspace", "create", *PLACE, "--cluster", "lab", "--secret", "PAID_API_KEY")
    assert made.exit_code == 0, made.output
    assert made.output.splitlines() == [
        "Created the resource group rg in westeurope",
        "Creating the workspace ws, which takes some minutes",
        f"The workspace is there; next: export DATABRICKS_HOST={os.environ['DATABRICKS_HOST']}",
        "Created the cluster lab, which ends after 30 minutes without use",
        "Put PAID_API_KEY into the secret scope multichain-dev",
    ]
    properties = arm.workspaces["rg", "ws"]["properties"]
    assert (arm.workspaces["rg", "ws"]["sku"], properties["computeMode"]) == ({"name": "premium"}, "Hybrid")
    assert properties["managedResourceGroupId"] == "/subscriptions/s-1/resourceGroups/databricks-rg-ws"
    assert properties["parameters"] == {"enableNoPublicIp": {"value": True}}
    (cluster,) = stand_in.workspace.resources.clusters.values()
    assert cluster["autotermination_minutes"] == 30
    assert stand_in.secrets["multichain-dev", "PAID_API_KEY"] == "sk-planted"

    again = run("workspace", "create", *PLACE, "--cluster", "lab", "--secret", "PAID_API_KEY")
    assert "The cluster lab is there already" in again.output
    assert "Creating" not in again.output
    told = run("workspace", "status", *PLACE).output
    assert "workspace ws: Succeeded, premium, made by this project" in told

    gone = run("teardown", "--everything", *PLACE, "--yes")
    assert gone.exit_code == 0, gone.output
    removed = [line.removeprefix("Removed: ") for line in gone.output.splitlines() if line.startswith("Removed")]
    assert removed == [
        "cluster lab",
        "secret scope multichain-dev (costs nothing)",
        "workspace ws",
        "resource group rg",
    ]
    assert (arm.groups, arm.workspaces) == ({}, {})
    after = run("teardown", "--everything", *PLACE, "--yes")
    assert after.output == "The workspace ws is gone: nothing billable is left of what this project made\n"


def test_a_workspace_whose_name_is_not_known_at_once(arm: ResourceManager, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, head = [], requests.head
    monkeypatch.setattr(connection, "_RETRY_PAUSE", 0)

    def unknown_twice(host: str, **how: Any) -> requests.Response:
        looks.append(host)
        if len(looks) < 3:
            raise requests.ConnectionError
        return head(host, **how)

    monkeypatch.setattr(requests, "head", unknown_twice)
    made = run("workspace", "create", *PLACE, "--cluster", "lab")
    assert made.exit_code == 0, made.output
    assert looks == [os.environ["DATABRICKS_HOST"]] * 3
    assert arm.workspaces.keys() == {("rg", "ws")}


def test_a_group_that_others_use_stays(arm: ResourceManager) -> None:
    run("workspace", "create", *PLACE)
    arm.other_resources.append("their-database")
    done = run("workspace", "delete", *PLACE, typed="ws\n")
    assert done.exit_code == 0, done.output
    assert "Left: resource group rg, in which others stand: their-database" in done.output
    assert (list(arm.groups), arm.workspaces) == (["rg"], {})


def test_what_others_made_is_left_alone(arm: ResourceManager) -> None:
    run("workspace", "create", *PLACE)
    arm.groups["rg"]["tags"] = {}
    arm.workspaces["rg", "ws"]["tags"] = {}
    assert run("workspace", "delete", *PLACE, "--yes").exit_code == 0
    assert (list(arm.groups), list(arm.workspaces)) == (["rg"], [("rg", "ws")])


def test_a_workspace_that_does_not_come_up(arm: ResourceManager) -> None:
    arm.is_failing = True
    failed = run("workspace", "create", *PLACE)
    assert failed.exit_code == 1
    assert "Error: creating ws: Azure refused it (QuotaExceeded); then run it again" in failed.output
    arm.is_failing = False
    assert run("workspace", "create", *PLACE).exit_code == 0


def test_a_workspace_of_others_that_failed_is_not_made_again(arm: ResourceManager) -> None:
    run("workspace", "create", *PLACE)
    arm.workspaces["rg", "ws"] |= {"tags": {}, "properties": {"provisioningState": "Failed"}}
    failed = run("workspace", "create", *PLACE)
    assert failed.output == "Error: ws did not come up (Failed); run it again\n"
    assert arm.workspaces["rg", "ws"]["properties"] == {"provisioningState": "Failed"}


def test_a_workspace_that_goes_while_it_is_waited_for(arm: ResourceManager, monkeypatch: pytest.MonkeyPatch) -> None:
    run("workspace", "create", *PLACE)
    arm.workspaces["rg", "ws"]["properties"]["provisioningState"] = "Deleting"
    monkeypatch.setattr(azure_workspace.time, "sleep", lambda _seconds: arm.workspaces.clear())
    gone = run("workspace", "create", *PLACE)
    assert gone.output == "  ws: Deleting\nError: ws did not come up (gone); run it again\n"


def test_nothing_without_the_name(arm: ResourceManager) -> None:
    run("workspace", "create", *PLACE)
    assert run("workspace", "delete", *PLACE, typed="no\n").output.endswith("Error: nothing was removed\n")
    assert "which subscription?" in run("workspace", "status").output
    assert "NO_SUCH is not set here" in run("workspace", "create", *PLACE, "--secret", "NO_SUCH").output


def life() -> list[Result]:
    return [
        run("workspace", "create", *PLACE),
        run("workspace", "status", *PLACE),
        run("workspace", "delete", *PLACE, "--yes"),
    ]


@pytest.mark.parametrize(
    "fault", [(403, "AuthorizationFailed"), (409, "Conflict"), (401, "ExpiredAuthenticationToken")]
)
def test_a_fault_at_each_call(arm: ResourceManager, fault: tuple[int, str]) -> None:
    """Whatever call fails, a sentence says so, and the same command run again ends well."""
    arm.clear()
    assert [done.exit_code for done in life()] == [0, 0, 0]
    for number in range(len(arm.calls)):
        arm.clear()
        arm.failing_call, arm.fault = number, fault
        for words in ("create", "status", "delete"):
            done = run("workspace", words, *PLACE, *(["--yes"] if words == "delete" else []))
            if done.exit_code:
                assert "Error: " in done.output
                assert "Traceback" not in done.output
                done = run("workspace", words, *PLACE, *(["--yes"] if words == "delete" else []))
            assert done.exit_code == 0, (number, words, done.output)
        assert (arm.groups, arm.workspaces) == ({}, {})
