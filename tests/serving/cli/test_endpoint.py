"""The commands for endpoints: what their options become, their defaults, and the confirmation of a teardown."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from serving.__main__ import serving
from serving.endpoint import rollout, updates
from serving.workspace import azure_workspace
from standin.app import StandIn
from standin.databricks.serving_endpoints import ServedEndpoint
from standin.databricks.workspace import DatabricksWorkspace

MODEL = "dev.assistants.multichain"


class Unremovable(dict[Any, Any]):
    """Resources that a workspace keeps listing after their removal."""

    def __delitem__(self, key: object) -> None:
        """Keep the resource."""


@pytest.fixture
def workspace(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> DatabricksWorkspace:
    """Return a workspace with a model whose first version is the champion."""
    monkeypatch.setattr(updates, "PAUSE_SECONDS", 0.0)
    add_version(stand_in.workspace, MODEL)
    return stand_in.workspace


def add_version(workspace: DatabricksWorkspace, model: str, alias: str = "champion") -> None:
    """Register a version that answers every question."""
    number = workspace.catalog.add(model, alias)
    workspace.endpoints.models[model, number] = answer
    workspace.volumes[f"/Models/{model.replace('.', '/')}/{number}/MLmodel"] = b"flavors: {}\n"


def answer(body: dict[str, Any]) -> dict[str, Any]:
    """Answer as a version with the stage ``qa``."""
    stages = {"qa": {"inputs": [{"name": "question"}], "outputs": [{"name": "answer"}]}}
    description = json.dumps({"stages": stages, "example": {"qa": {"question": "Why?"}}}) if "params" in body else ""
    return {"qa": {"answer": "Yes", "error": ""}, "meta": {"description": description}}


def run_command(*words: str, stdin: str = "") -> Result:
    """Run a command of serving in this process."""
    return CliRunner().invoke(serving, words, input=stdin)


def deploy(*words: str) -> Result:
    return run_command("deploy", "--name", MODEL, *words)


def test_options_of_deploy_become_the_settings_of_the_endpoint(
    workspace: DatabricksWorkspace, stand_in: StandIn
) -> None:
    stand_in.secrets["scope", "key"] = "sk-planted"
    options = {
        "--endpoint": "search",
        "--requests-per-second": "2",
        "--seconds": "2.5",
        "--secret": "A_KEY=scope/key",
        "--set": "B=c=d",
        "--environment": "dev",
        "--tables": "dev.logs",
        "--calls-per-minute": "60",
        "--budget-policy": "p-1",
    }
    words = [word for option in options.items() for word in option]
    result = deploy(*words, "--tag", "a=b=c", "--tag", "d", "--no-route-optimized", "--set", "E=f")
    assert result.exit_code == 0, result.output
    endpoint = workspace.endpoints.endpoints["search"]
    (entity,) = endpoint.entities
    assert (entity["workload_size"], entity["scale_to_zero_enabled"]) == ("Medium", True)
    assert entity["environment_vars"].items() >= {"A_KEY": "{{secrets/scope/key}}", "B": "c=d", "E": "f"}.items()
    settings = endpoint.settings
    assert (settings["route_optimized"], settings["budget_policy_id"]) == (False, "p-1")
    assert settings["ai_gateway"]["rate_limits"][0]["calls"] == 60
    assert settings["ai_gateway"]["inference_table_config"]["schema_name"] == "logs"
    assert settings["telemetry_config"]["table_names"]["logs_table"] == "dev.logs.search_logs"
    tags = {tag["key"]: tag["value"] for tag in settings["tags"]}
    assert tags == {"multichain": "dev", "a": "b=c", "d": ""}


def test_defaults_of_deploy_are_a_small_endpoint_in_production(workspace: DatabricksWorkspace) -> None:
    lines = deploy("--plan").output.splitlines()
    assert lines[0] == f"Version 1 of {MODEL} on the endpoint multichain: the endpoint would be created"
    assert lines[1].endswith("the load needs 4")
    assert lines[2] == "  scale to zero off"
    assert lines[-4:-1] == [
        "  AI Gateway: usage is tracked, requests are not stored, no rate limit",
        "  route optimisation on; it is set when an endpoint is created",
        "  tags multichain=prod",
    ]


def test_deploy_takes_the_version_of_the_alias(workspace: DatabricksWorkspace) -> None:
    add_version(workspace, MODEL, "challenger")
    assert deploy("--plan").output.startswith("Version 1 of")
    assert deploy("--plan", "--alias", "challenger").output.startswith("Version 2 of")
    missing = deploy("--plan", "--alias", "nosuch")
    assert missing.exit_code == 1
    assert missing.output.startswith(f"Error: cannot find {MODEL}@nosuch in Unity Catalog: ")
    assert "Alias nosuch does not exist" in missing.output
    assert len(missing.output.splitlines()) == 1


def test_deploy_watches_an_update_for_a_minute(workspace: DatabricksWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    deploy()
    add_version(workspace, MODEL)
    clock = SimpleNamespace(monotonic=lambda: sum(pauses), sleep=pauses.append)
    monkeypatch.setattr(rollout, "time", clock)
    assert "All traffic goes to version 2; checking its answers for 60 s\n" in deploy().output
    assert pauses == [5.0] * 12


@pytest.mark.parametrize(
    "words",
    [
        ["--requests-per-second", "0"],
        ["--seconds", "0"],
        ["--calls-per-minute", "-1"],
        ["--watch", "-0.1"],
    ],
)
def test_deploy_refuses_a_number_out_of_its_range(words: list[str], workspace: DatabricksWorkspace) -> None:
    result = deploy(*words)
    assert result.exit_code == 2
    assert f"Invalid value for '{words[0]}'" in result.output
    assert workspace.calls == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--golden", "nosuch.jsonl"], "cannot read golden questions from "),
        (["--set", "A_KEY=sk"], "A_KEY looks like a secret"),
        (["--requests-per-second", "99"], "99 requests a second of 4 s each occupy 396 units"),
    ],
)
def test_deploy_with_invalid_options_changes_nothing(
    words: list[str], message: str, workspace: DatabricksWorkspace
) -> None:
    result = deploy(*words)
    assert (result.exit_code, workspace.endpoints.endpoints) == (1, {})
    assert result.output.startswith(f"Error: {message}")


def test_deployment_by_a_person_is_warned_about_and_done(workspace: DatabricksWorkspace) -> None:
    workspace.resources.user = "anna@example.com"
    lines = deploy().output.splitlines()
    assert lines[0].startswith("WARN  anna@example.com is a person: an endpoint always has its creator's rights")
    assert lines[-1] == f"multichain serves version 1 of {MODEL}"


def test_golden_questions_of_deploy_are_asked(workspace: DatabricksWorkspace, tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    golden.write_text('{"question": "Really?", "answer": "no"}', "utf-8")
    result = deploy("--golden", str(golden))
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == (
        "Error: version 1 serves at multichain, but failed its check: the answer to 'Really?' does not contain 'no'"
    )


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "multichain"),
        (["--name", "dev.assistants.search"], "search"),
        (["--name", "search"], "search"),
        (["--name", "dev.assistants.search", "--endpoint", "other"], "other"),
    ],
)
def test_status_reads_the_endpoint_of_the_model_or_the_option(
    words: list[str], name: str, workspace: DatabricksWorkspace
) -> None:
    result = run_command("status", *words)
    sentence = f"reading the endpoint {name}: not found: Endpoint with name '{name}' does not exist"
    assert (result.exit_code, result.output) == (1, f"Error: {sentence}\n")


def test_status_prints_the_state_of_the_endpoint(workspace: DatabricksWorkspace) -> None:
    workspace.endpoints.endpoints["multichain"] = ServedEndpoint({"name": "multichain"})
    result = run_command("status", "--name", MODEL)
    assert result.output == "multichain: not ready, not updating; not created by this project\n"


def test_smoke_needs_the_name_of_a_model() -> None:
    result = run_command("smoke")
    assert (result.exit_code, "Missing option '--name'" in result.output) == (2, True)


def add_cluster(workspace: DatabricksWorkspace) -> None:
    """Add a cluster of this project."""
    cluster = {"cluster_id": "c", "cluster_name": "lab", "custom_tags": {"multichain": "dev"}}
    workspace.resources.clusters["c"] = cluster


def test_teardown_of_an_empty_workspace_asks_nothing(workspace: DatabricksWorkspace) -> None:
    sentence = f"Checked {os.environ['DATABRICKS_HOST']}: no billable resource of this project is left\n"
    result = run_command("teardown")
    assert (result.exit_code, result.output) == (0, sentence)


@pytest.mark.parametrize("confirmation", ["", "yes", "HOST/", " HOST x"])
def test_teardown_needs_the_exact_address(confirmation: str, workspace: DatabricksWorkspace) -> None:
    add_cluster(workspace)
    host = os.environ["DATABRICKS_HOST"]
    result = run_command("teardown", stdin=confirmation.replace("HOST", host) + "\n")
    assert result.exit_code == 1
    assert result.output.startswith(f"  cluster lab\nType {host} to remove these resources")
    assert result.output.endswith("Error: not confirmed, so nothing was removed\n")
    assert workspace.resources.clusters.keys() == {"c"}


def test_teardown_reports_what_costs_money_and_is_still_there(workspace: DatabricksWorkspace) -> None:
    workspace.resources.clusters = Unremovable()
    add_cluster(workspace)
    job = {"job_id": 7, "settings": {"name": "train", "tags": {"multichain": "dev"}}}
    workspace.resources.jobs = Unremovable({7: job})
    result = run_command("teardown", "--yes")
    workspace.resources.clusters, workspace.resources.jobs = {}, {}
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == (
        "Error: not removed: job train (costs nothing), cluster lab; run the command again"
    )


def test_teardown_names_a_resource_that_is_left_and_costs_nothing(workspace: DatabricksWorkspace) -> None:
    job = {"job_id": 7, "settings": {"name": "train", "tags": {"multichain": "dev"}}}
    workspace.resources.jobs = Unremovable({7: job})
    result = run_command("teardown", "--yes")
    workspace.resources.jobs = {}
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Left: job train (costs nothing)")


def test_teardown_keeps_the_model_unless_it_is_named(workspace: DatabricksWorkspace) -> None:
    assert run_command("teardown", "--yes").exit_code == 0
    assert workspace.catalog.models.keys() == {MODEL}
    assert (
        f"Removed: registered model {MODEL} (costs nothing)"
        in run_command("teardown", "--yes", "--model", MODEL).output
    )
    assert workspace.catalog.models == {}


def test_teardown_of_everything_needs_a_subscription(
    workspace: DatabricksWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    add_cluster(workspace)
    result = run_command("teardown", "--everything", "--yes")
    assert (result.exit_code, workspace.calls) == (1, [])
    assert result.output == "Error: the subscription is missing; give --subscription, or set AZURE_SUBSCRIPTION_ID\n"


def test_teardown_of_everything_confirms_before_the_workspace_goes(
    stand_in: StandIn, workspace: DatabricksWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_RESOURCE_MANAGER", os.environ["DATABRICKS_HOST"])
    monkeypatch.setenv("AZURE_TOKEN", stand_in.key)
    monkeypatch.setattr(azure_workspace, "PAUSE_SECONDS", 0.0)
    options = ("--subscription", "s-1", "--group", "rg", "--workspace", "ws")
    assert run_command("workspace", "create", *options).exit_code == 0
    result = run_command("teardown", "--everything", *options, stdin="no\n")
    assert result.output.endswith("Error: not confirmed, so nothing was removed\n")
    assert stand_in.azure.workspaces.keys() == {("rg", "ws")}
    host = os.environ["DATABRICKS_HOST"]
    result = run_command("teardown", "--everything", *options, stdin=f"{host}\n")
    assert result.output.splitlines()[-1] == f"Checked {host}: no billable resource of this project is left"
    assert (stand_in.azure.groups, stand_in.azure.workspaces) == ({}, {})
