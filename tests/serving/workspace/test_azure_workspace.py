"""Azure workspaces with the SDKs of Azure and a stand-in: creation, removal, and a fault at each call."""

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

WORKSPACE_OPTIONS = ("--subscription", "s-1", "--group", "rg", "--workspace", "ws")


def run_command(*words: str, stdin: str = "") -> Result:
    """Run a command of serving in this process."""
    return CliRunner().invoke(serving, words, input=stdin)


@pytest.fixture
def arm(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> ResourceManager:
    monkeypatch.setenv("AZURE_RESOURCE_MANAGER", os.environ["DATABRICKS_HOST"])
    monkeypatch.setenv("AZURE_TOKEN", stand_in.key)
    monkeypatch.setattr(azure_workspace, "PAUSE_SECONDS", 0.0)
    return stand_in.azure


def test_workspace_is_created_reused_and_removed(
    arm: ResourceManager, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAID_API_KEY", "sk-planted\n")
    creation = run_command("workspace", "create", *WORKSPACE_OPTIONS, "--cluster", "lab", "--secret", "PAID_API_KEY")
    assert creation.exit_code == 0, creation.output
    assert creation.output.splitlines() == [
        "Created the resource group rg in westeurope",
        "Creating the workspace ws; this takes several minutes",
        f"The workspace is ready; next: export DATABRICKS_HOST={os.environ['DATABRICKS_HOST']}",
        "Created the cluster lab, which terminates after 30 minutes without use",
        "Stored PAID_API_KEY in the secret scope multichain-dev",
    ]
    properties = arm.workspaces["rg", "ws"]["properties"]
    assert (arm.workspaces["rg", "ws"]["sku"], properties["computeMode"]) == ({"name": "premium"}, "Hybrid")
    assert properties["managedResourceGroupId"] == "/subscriptions/s-1/resourceGroups/databricks-rg-ws"
    assert properties["parameters"] == {"enableNoPublicIp": {"value": True}}
    (cluster,) = stand_in.workspace.resources.clusters.values()
    assert cluster["autotermination_minutes"] == 30
    assert stand_in.secrets["multichain-dev", "PAID_API_KEY"] == "sk-planted"

    second_creation = run_command(
        "workspace", "create", *WORKSPACE_OPTIONS, "--cluster", "lab", "--secret", "PAID_API_KEY"
    )
    assert "The cluster lab exists already" in second_creation.output
    assert "Creating" not in second_creation.output
    status = run_command("workspace", "status", *WORKSPACE_OPTIONS).output
    assert "workspace ws: Succeeded, premium, created by this project" in status

    teardown = run_command("teardown", "--everything", *WORKSPACE_OPTIONS, "--yes")
    assert teardown.exit_code == 0, teardown.output
    removed = [line.removeprefix("Removed: ") for line in teardown.output.splitlines() if line.startswith("Removed")]
    assert removed == [
        "cluster lab",
        "secret scope multichain-dev (costs nothing)",
        "workspace ws",
        "resource group rg",
    ]
    assert (arm.groups, arm.workspaces) == ({}, {})
    second_teardown = run_command("teardown", "--everything", *WORKSPACE_OPTIONS, "--yes")
    assert second_teardown.output == "The workspace ws does not exist: no billable resource of this project is left\n"


def test_create_waits_until_the_host_name_is_known(arm: ResourceManager, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts, head = [], requests.head
    monkeypatch.setattr(connection, "_RETRY_PAUSE", 0)

    def fail_twice(host: str, **options: Any) -> requests.Response:
        hosts.append(host)
        if len(hosts) < 3:
            raise requests.ConnectionError
        return head(host, **options)

    monkeypatch.setattr(requests, "head", fail_twice)
    creation = run_command("workspace", "create", *WORKSPACE_OPTIONS, "--cluster", "lab")
    assert creation.exit_code == 0, creation.output
    assert hosts == [os.environ["DATABRICKS_HOST"]] * 3
    assert arm.workspaces.keys() == {("rg", "ws")}


def test_resource_group_with_other_resources_is_kept(arm: ResourceManager) -> None:
    run_command("workspace", "create", *WORKSPACE_OPTIONS)
    arm.other_resources.append("their-database")
    result = run_command("workspace", "delete", *WORKSPACE_OPTIONS, stdin="ws\n")
    assert result.exit_code == 0, result.output
    assert "Kept: resource group rg, which contains other resources: their-database" in result.output
    assert (list(arm.groups), arm.workspaces) == (["rg"], {})


def test_resources_without_the_project_tag_are_left_alone(arm: ResourceManager) -> None:
    run_command("workspace", "create", *WORKSPACE_OPTIONS)
    arm.groups["rg"]["tags"] = {}
    arm.workspaces["rg", "ws"]["tags"] = {}
    assert run_command("workspace", "delete", *WORKSPACE_OPTIONS, "--yes").exit_code == 0
    assert (list(arm.groups), list(arm.workspaces)) == (["rg"], [("rg", "ws")])


def test_failed_creation_is_reported_and_can_be_repeated(arm: ResourceManager) -> None:
    arm.is_failing = True
    failure = run_command("workspace", "create", *WORKSPACE_OPTIONS)
    assert failure.exit_code == 1
    sentence = "creating the workspace ws: Azure refused the request (QuotaExceeded); run the command again"
    assert f"Error: {sentence}" in failure.output
    arm.is_failing = False
    assert run_command("workspace", "create", *WORKSPACE_OPTIONS).exit_code == 0


def test_failed_workspace_without_the_tag_is_not_created_again(arm: ResourceManager) -> None:
    run_command("workspace", "create", *WORKSPACE_OPTIONS)
    arm.workspaces["rg", "ws"] |= {"tags": {}, "properties": {"provisioningState": "Failed"}}
    failure = run_command("workspace", "create", *WORKSPACE_OPTIONS)
    assert failure.output == "Error: the workspace ws is not ready (Failed); run the command again\n"
    assert arm.workspaces["rg", "ws"]["properties"] == {"provisioningState": "Failed"}


def test_workspace_deleted_during_creation_is_reported(arm: ResourceManager, monkeypatch: pytest.MonkeyPatch) -> None:
    run_command("workspace", "create", *WORKSPACE_OPTIONS)
    arm.workspaces["rg", "ws"]["properties"]["provisioningState"] = "Deleting"
    monkeypatch.setattr(azure_workspace.time, "sleep", lambda _seconds: arm.workspaces.clear())
    creation = run_command("workspace", "create", *WORKSPACE_OPTIONS)
    assert creation.output == "  ws: Deleting\nError: the workspace ws is not ready (gone); run the command again\n"


def test_missing_confirmation_option_or_secret_is_reported(arm: ResourceManager) -> None:
    run_command("workspace", "create", *WORKSPACE_OPTIONS)
    removal = run_command("workspace", "delete", *WORKSPACE_OPTIONS, stdin="no\n")
    assert removal.output.endswith("Error: not confirmed, so nothing was removed\n")
    assert "the subscription is missing; give --subscription" in run_command("workspace", "status").output
    creation = run_command("workspace", "create", *WORKSPACE_OPTIONS, "--secret", "NO_SUCH")
    assert "environment variable not set: NO_SUCH; export" in creation.output


def run_all_commands() -> list[Result]:
    return [
        run_command("workspace", "create", *WORKSPACE_OPTIONS),
        run_command("workspace", "status", *WORKSPACE_OPTIONS),
        run_command("workspace", "delete", *WORKSPACE_OPTIONS, "--yes"),
    ]


@pytest.mark.parametrize(
    "fault", [(403, "AuthorizationFailed"), (409, "Conflict"), (401, "ExpiredAuthenticationToken")]
)
def test_repeated_command_succeeds_after_a_fault_at_any_call(arm: ResourceManager, fault: tuple[int, str]) -> None:
    """Each call fails once: the command reports an error and succeeds when repeated."""
    arm.clear()
    assert [result.exit_code for result in run_all_commands()] == [0, 0, 0]
    for number in range(len(arm.calls)):
        arm.clear()
        arm.failing_call, arm.fault = number, fault
        for command in ("create", "status", "delete"):
            result = run_command("workspace", command, *WORKSPACE_OPTIONS, *(["--yes"] if command == "delete" else []))
            if result.exit_code:
                assert "Error: " in result.output
                assert "Traceback" not in result.output
                result = run_command(
                    "workspace", command, *WORKSPACE_OPTIONS, *(["--yes"] if command == "delete" else [])
                )
            assert result.exit_code == 0, (number, command, result.output)
        assert (arm.groups, arm.workspaces) == ({}, {})
