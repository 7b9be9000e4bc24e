"""Endpoints in a workspace: creation, updates, rollback, questions, removal, and a fault at each call."""

import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import mlflow
import pytest
from click.testing import CliRunner, Result

from serving.__main__ import serving
from serving.endpoint import connection, updates
from serving.endpoint.spec import EndpointSpec, choose_size, parse_variables
from serving.endpoint.state import served_entities, traffic_shares
from serving.endpoint.updates import EndpointUpdater
from serving.errors import ServingError
from serving.workspace.teardown import SCOPE_MARK
from standin.app import StandIn
from standin.databricks.unity_catalog import CatalogError
from standin.databricks.workspace import DatabricksWorkspace

MODEL, NAME = "dev.assistants.multichain", "multichain"
Values = dict[str, Any]


def run_command(*words: str, stdin: str = "") -> Result:
    """Run a command of serving in this process."""
    return CliRunner().invoke(serving, words, input=stdin)


def run_successfully(*words: str, stdin: str = "") -> str:
    """Run a command, assert that it succeeds, and return its output."""
    result = run_command(*words, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.output


def deploy(*words: str) -> Result:
    return run_command("deploy", "--name", MODEL, "--watch", "0", *words)


@pytest.fixture
def workspace(stand_in: StandIn, logged: str, monkeypatch: pytest.MonkeyPatch) -> DatabricksWorkspace:
    """Return a workspace with version 1 of the model as champion, which answers like a real version."""
    monkeypatch.setattr(updates, "PAUSE_SECONDS", 0.0)
    workspace = stand_in.workspace
    add_version(workspace, load_answers(logged))
    return workspace


@cache
def load_answers(uri: str) -> Callable[[Values], Any]:
    """Load a version and return its answers; equal bodies are predicted once, since fault tests repeat them."""
    model = mlflow.pyfunc.load_model(uri)

    @cache
    def predict(text: str) -> Any:
        body = json.loads(text)
        return model.predict(body["inputs"], body.get("params"))

    return lambda body: predict(json.dumps(body))


def add_version(workspace: DatabricksWorkspace, answer: Callable[[Values], Any]) -> str:
    """Register one more version as champion and return its number."""
    number = workspace.catalog.add(MODEL, "champion")
    workspace.endpoints.models[MODEL, number] = answer
    return number


def answer_with_errors(body: Values) -> Any:
    """Answer with an error in each stage."""
    stages = {name: {"answer": "", "error": f"timeout: {name}: too late", "ran": True} for name in body["inputs"]}
    described = json.dumps({"stages": {}, "example": {"qa": {"question": "What is it?"}}})
    return stages | {"meta": {"version": "", "trace_id": "", "description": described}}


def read_traffic(workspace: DatabricksWorkspace) -> dict[str, int]:
    return {name.partition("-")[0]: share for name, share in workspace.endpoints.endpoints[NAME].routes.items()}


def test_endpoint_is_created_updated_rolled_back_asked_and_removed(
    workspace: DatabricksWorkspace, logged: str, tmp_path: Path
) -> None:
    golden = tmp_path / "golden.jsonl"
    golden.write_text('{"question": "Who makes GPT-4?", "answer": "OpenAI"}\n', "utf-8")
    first = deploy("--golden", str(golden), "--tag", "team=search")
    assert first.exit_code == 0, first.output
    assert first.output.splitlines()[0] == "Creating the endpoint multichain"
    assert first.output.splitlines()[-1] == f"multichain serves version 1 of {MODEL}"
    endpoint = workspace.endpoints.endpoints[NAME]
    (entity,) = endpoint.entities
    assert (entity["workload_size"], entity["scale_to_zero_enabled"]) == ("Small", False)
    assert entity["environment_vars"] == {"MULTICHAIN_DEADLINE_SECONDS": "280", "MULTICHAIN_RESPONSE_BYTES": "15000000"}
    assert endpoint.settings["route_optimized"] is True
    assert endpoint.settings["ai_gateway"] == {"usage_tracking_config": {"enabled": True}}
    assert endpoint.settings["tags"] == [{"key": "multichain", "value": "prod"}, {"key": "team", "value": "search"}]

    assert deploy().output.splitlines() == [f"multichain serves version 1 of {MODEL}"]

    add_version(workspace, load_answers(logged))
    second = deploy("--golden", str(golden))
    assert second.exit_code == 0, second.output
    assert "Adding version 2 without traffic" in second.output
    assert "Version 2 answers the example and 1 golden questions" in second.output
    assert read_traffic(workspace) == {"v2": 100}
    before_traffic = [entity for _, entity in workspace.endpoints.invocations if entity.startswith("v2")]
    assert len(before_traffic) >= 4

    add_version(workspace, answer_with_errors)
    third = deploy()
    assert third.exit_code == 1
    assert (
        "Error: version 3 failed its check without traffic: timeout: qa: too late. The traffic stays at v2-"
        in third.output
    )
    assert read_traffic(workspace) == {"v2": 100, "v3": 0}

    number = add_version(workspace, load_answers(logged))
    workspace.endpoints.broken.add(number)
    fourth = deploy()
    assert "the change of the endpoint multichain failed (UPDATE_FAILED):" in fourth.output
    assert fourth.output.endswith("ERROR: No matching distribution found for nosuch==1\n")
    assert read_traffic(workspace) == {"v2": 100, "v3": 0}

    assert "100 %  version 2 of dev.assistants.multichain" in run_successfully("status", "--name", MODEL)
    answer = run_successfully("ask", "--question", "Who makes GPT-4?", "--target", "endpoints:/multichain")
    assert "GPT-4 is a powerful language model developed by OpenAI. [1]" in answer

    teardown = run_successfully("teardown", "--yes")
    assert teardown.splitlines()[0] == "  endpoint multichain"
    assert teardown.splitlines()[-1].endswith(": no billable resource of this project is left")
    assert workspace.endpoints.endpoints == {}


def fail_with_500(_: Values) -> Any:
    """Fail with HTTP 500."""
    raise CatalogError("INTERNAL_ERROR", "Worker died.", 500)


def answer_without_description(body: Values) -> Any:
    """Answer without the description of a version."""
    return {name: {"answer": "Yes"} for name in body["inputs"]} | {"meta": {}}


@pytest.mark.parametrize(
    ("failing_answer", "sentence"),
    [
        (answer_with_errors, "timeout: qa: too late"),
        (fail_with_500, "asking multichain: the call to the workspace failed (InternalError); run the command again"),
        (
            answer_without_description,
            "the model at multichain did not return a description; deploy a version of multichain",
        ),
    ],
)
def test_version_that_fails_under_traffic_is_rolled_back(
    failing_answer: Callable[[Values], Any], sentence: str, workspace: DatabricksWorkspace, logged: str
) -> None:
    deploy()
    answer, calls = load_answers(logged), []

    def answer_twice(body: Values) -> Any:
        calls.append(1)
        return answer(body) if len(calls) <= 2 else failing_answer(body)

    add_version(workspace, answer_twice)
    result = deploy()
    assert result.exit_code == 1
    assert f"failed its check under traffic: {sentence}" in result.output
    assert "The previous version serves again" in result.output
    assert read_traffic(workspace) == {"v1": 100}


def test_failed_version_returns_the_share_that_it_already_had(workspace: DatabricksWorkspace, logged: str) -> None:
    """The newer version has a share of 30 %; after its failure under all traffic, the older version gets all of it."""
    deploy()
    answer, calls = load_answers(logged), []

    def answer_twice(body: Values) -> Any:
        calls.append(1)
        return answer(body) if len(calls) <= 2 else answer_with_errors(body)

    number = add_version(workspace, answer_twice)
    updater = EndpointUpdater(
        connection.connect_workspace(), EndpointSpec(NAME, MODEL, number, choose_size(1, 4)), [].append
    )
    endpoint = updater.get()
    updater.serve(
        [*served_entities(endpoint), updater.spec.served_entity()],
        {next(iter(traffic_shares(endpoint))): 70, updater.spec.entity_name: 30},
    )
    result = deploy()
    assert "version 2 failed its check under traffic: timeout: qa: too late. The previous" in result.output
    assert read_traffic(workspace) == {"v1": 100}


def test_deploy_asks_the_stages_that_a_version_describes(workspace: DatabricksWorkspace, tmp_path: Path) -> None:
    """The description of a version gives the example request and the stage for golden questions."""
    stages = {
        "draw": {"inputs": [{"name": "prompt"}], "outputs": [{"name": "image"}]},
        "handbook": {"inputs": [{"name": "question"}], "outputs": [{"name": "answer"}]},
    }
    requests = []

    def answer(body: Values) -> Any:
        requests.append(body["inputs"])
        description = json.dumps({"stages": stages, "example": {"draw": {"prompt": "A fox"}}})
        response = {name: {"answer": "A red fox", "error": ""} for name in body["inputs"]}
        return response | {"meta": {"description": description if "params" in body else ""}}

    (tmp_path / "golden.jsonl").write_text('{"question": "Which fox?", "answer": "red"}\n', "utf-8")
    add_version(workspace, answer)
    assert deploy("--golden", str(tmp_path / "golden.jsonl")).exit_code == 0
    assert requests[1:] == [{"draw": {"prompt": "A fox"}}, {"handbook": {"question": "Which fox?"}}]
    del stages["handbook"]
    result = deploy("--golden", str(tmp_path / "golden.jsonl"), "--set", "RENEWED=1")
    assert "the version has no stage with the input question and the output answer; omit --golden" in result.output


def test_deploy_with_other_settings_changes_the_served_version(workspace: DatabricksWorkspace) -> None:
    deploy()
    result = deploy(
        "--requests-per-second", "2", "--seconds", "20", "--calls-per-minute", "600", "--environment", "dev"
    )
    assert result.exit_code == 0, result.output
    (entity,) = workspace.endpoints.endpoints[NAME].entities
    assert (entity["workload_size"], entity["scale_to_zero_enabled"]) == ("Large", True)
    limits = workspace.endpoints.endpoints[NAME].settings["ai_gateway"]["rate_limits"]
    assert limits == [{"calls": 600, "key": "endpoint", "renewal_period": "minute"}]
    assert {"key": "multichain", "value": "dev"} in workspace.endpoints.endpoints[NAME].settings["tags"]


def test_tables_option_enables_request_and_telemetry_tables(workspace: DatabricksWorkspace) -> None:
    deploy()
    assert "telemetry_config" not in workspace.endpoints.endpoints[NAME].settings
    assert deploy("--tables", "dev.logs").exit_code == 0
    settings = workspace.endpoints.endpoints[NAME].settings
    names = {f"{kind}_table": f"dev.logs.multichain_{kind}" for kind in ("logs", "metrics", "traces")}
    assert settings["telemetry_config"] == {"table_names": names}
    assert settings["ai_gateway"]["inference_table_config"]["table_name_prefix"] == "multichain"


def test_plan_prints_the_endpoint_and_changes_nothing(workspace: DatabricksWorkspace, stand_in: StandIn) -> None:
    stand_in.secrets["multichain", "openai"] = "sk-planted"
    words = ("--plan", "--secret", "OPENAI_API_KEY=multichain/openai", "--tables", "dev.logs", "--set", "A=b")
    result = deploy(*words)
    assert result.output.splitlines() == [
        f"Version 1 of {MODEL} on the endpoint multichain: the endpoint would be created",
        "  size Small: 4 units, each of which serves one request at a time; the load needs 4",
        "  scale to zero off",
        "  A=b",
        "  MULTICHAIN_DEADLINE_SECONDS=280",
        "  MULTICHAIN_RESPONSE_BYTES=15000000",
        "  OPENAI_API_KEY={{secrets/multichain/openai}}",
        "  AI Gateway: usage is tracked, requests and telemetry are stored in tables of dev.logs, no rate limit",
        "  route optimisation on; it is set when an endpoint is created",
        "  tags multichain=prod",
        "  cost: per hour and unit of concurrency, at your region's price, which this command does not know",
    ]
    assert workspace.endpoints.endpoints == {}
    assert not any(call.startswith(("POST /api/2.0/serving", "PUT")) for call in workspace.calls)


def test_secret_is_referenced_by_name_and_never_read(workspace: DatabricksWorkspace, stand_in: StandIn) -> None:
    stand_in.secrets["multichain", "openai"] = "sk-planted"
    result = deploy("--secret", "OPENAI_API_KEY=multichain/openai")
    assert result.exit_code == 0, result.output
    assert "sk-planted" not in result.output + json.dumps(workspace.endpoints.endpoints[NAME].entities)
    refusal = deploy("--secret", "OPENAI_API_KEY=multichain/nosuch")
    sentence = "changing the endpoint multichain: permission denied: the creator cannot read a secret"
    assert f"Error: {sentence}" in refusal.output


def test_plan_warns_a_person_about_the_rights_of_the_creator(workspace: DatabricksWorkspace) -> None:
    workspace.resources.user = "anna@example.com"
    assert deploy("--plan").output.startswith(
        "WARN  anna@example.com is a person: an endpoint always has its creator's rights"
    )


def test_resources_without_the_project_tag_are_left_alone(workspace: DatabricksWorkspace) -> None:
    deploy()
    workspace.endpoints.endpoints[NAME].settings["tags"] = []
    workspace.resources.jobs[1] = {"job_id": 1, "settings": {"name": "theirs"}}
    workspace.resources.scopes.add("theirs")
    add_version(workspace, answer_with_errors)
    assert "multichain was not created by this project (no tag multichain) and is not changed" in deploy().output
    output = run_successfully("teardown", "--yes")
    assert output.splitlines()[-1].endswith(": no billable resource of this project is left")
    assert (list(workspace.endpoints.endpoints), list(workspace.resources.jobs)) == ([NAME], [1])


def test_teardown_removes_all_project_resources_in_order(workspace: DatabricksWorkspace, stand_in: StandIn) -> None:
    deploy()
    workspace.resources.jobs[7] = {"job_id": 7, "settings": {"name": "train", "tags": {"multichain": "dev"}}}
    workspace.resources.clusters["c"] = {"cluster_id": "c", "cluster_name": "lab", "custom_tags": {"multichain": "dev"}}
    workspace.resources.scopes.add("multichain")
    stand_in.secrets["multichain", SCOPE_MARK] = "1"
    refusal = run_command("teardown", "--model", MODEL, stdin="no\n")
    assert refusal.output.endswith("Error: not confirmed, so nothing was removed\n")
    host = os.environ["DATABRICKS_HOST"]
    result = run_successfully("teardown", "--model", MODEL, stdin=f"{host}\n")
    removed = [line for line in result.splitlines() if line.startswith("Removed: ")]
    assert removed == [
        "Removed: endpoint multichain",
        "Removed: job train (costs nothing)",
        "Removed: cluster lab",
        "Removed: secret scope multichain (costs nothing)",
        f"Removed: registered model {MODEL} (costs nothing)",
    ]
    assert (workspace.resources.clusters, workspace.catalog.models) == ({}, {})


def run_all_commands(workspace: DatabricksWorkspace, logged: str) -> Iterator[Result]:
    """Yield the result of each command from creation to removal."""
    yield deploy()
    if workspace.catalog.versions[MODEL].keys() == {"1"}:
        add_version(workspace, load_answers(logged))
    yield deploy()
    yield run_command("status", "--name", MODEL)
    yield run_command("ask", "--question", "Who makes GPT-4?", "--target", "endpoints:/multichain")
    yield run_command("teardown", "--yes")


def test_repeated_command_succeeds_after_a_fault_at_any_call(workspace: DatabricksWorkspace, logged: str) -> None:
    """Each call of all commands fails once: the command reports an error and succeeds when repeated."""
    workspace.calls.clear()
    assert [result.exit_code for result in run_all_commands(workspace, logged)] == [0] * 5
    calls = len(workspace.calls)
    assert calls > 25
    for number in range(calls):
        for fault in [(500, "INTERNAL_ERROR"), (403, "PERMISSION_DENIED")]:
            run_steps_with_fault(workspace, logged, number, fault)


def run_steps_with_fault(workspace: DatabricksWorkspace, logged: str, number: int, fault: tuple[int, str]) -> None:
    """Run all commands with one fault; repeat a failed command once."""
    workspace.clear()
    add_version(workspace, load_answers(logged))
    workspace.failing_call, workspace.fault = number, fault
    error_outputs: list[str] = []
    for step in ("first", "second", "status", "ask", "teardown"):
        if step == "second":
            add_version(workspace, load_answers(logged))
        for _ in range(2):
            result = run_step(step)
            if result.exit_code == 0:
                break
            error_outputs.append(result.output)
        assert result.exit_code == 0, (number, step, result.output)
    assert len(error_outputs) <= 1
    assert all("Error: " in text and "Traceback" not in text for text in error_outputs), error_outputs
    assert workspace.endpoints.endpoints == {}


def run_step(step: str) -> Result:
    if step in {"first", "second"}:
        return deploy()
    if step == "status":
        return run_command("status", "--name", MODEL)
    if step == "ask":
        return run_command("ask", "--question", "Who makes GPT-4?", "--target", "endpoints:/multichain")
    return run_command("teardown", "--yes")


def test_deploy_succeeds_after_a_rate_limit_error(workspace: DatabricksWorkspace) -> None:
    workspace.failing_call, workspace.fault = 2, (429, "RESOURCE_EXHAUSTED")
    assert deploy().exit_code == 0


def test_expired_token_is_reported(workspace: DatabricksWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-expired")
    result = run_command("status", "--name", MODEL)
    assert result.output.startswith(
        "Error: reading the endpoint multichain: authentication failed; the token has expired"
    )


def test_unreachable_workspace_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_REACH_SECONDS", 1)
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-1")
    sentence = "Error: cannot reach the workspace http://127.0.0.1:9 (ConnectionError); check DATABRICKS_HOST, or the"
    assert run_command("status", "--name", MODEL).output.startswith(sentence)


def test_missing_workspace_configuration_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    assert "no Databricks workspace is configured; set DATABRICKS_HOST" in run_command("status").output


@pytest.mark.parametrize(
    ("rate", "seconds", "name", "slots"),
    [(1, 4, "Small", 4), (0.1, 1, "Small", 1), (1, 4.1, "Medium", 5), (0.8, 20, "Medium", 16), (3, 20, "Large", 60)],
)
def test_choose_size_returns_the_smallest_sufficient_size(rate: float, seconds: float, name: str, slots: int) -> None:
    assert (choose_size(rate, seconds).name, choose_size(rate, seconds).slots) == (name, slots)


def test_choose_size_rejects_a_load_above_the_largest_size() -> None:
    with pytest.raises(ServingError, match="4 requests a second of 20 s each occupy 80 units of concurrency"):
        choose_size(4, 20)


@pytest.mark.parametrize(
    ("secrets", "plain", "sentence"),
    [
        (["OPENAI_API_KEY"], [], "--secret expects NAME=scope/key"),
        ([], ["OPENAI_API_KEY=sk-1"], "OPENAI_API_KEY looks like a secret"),
        ([], ["A"], "--set expects NAME=VALUE"),
        ([], [f"A{n}=1" for n in range(29)], "an endpoint accepts 30, 2 of which"),
    ],
)
def test_invalid_variables_are_rejected(secrets: list[str], plain: list[str], sentence: str) -> None:
    with pytest.raises(ServingError, match=sentence):
        parse_variables(secrets, plain)


@pytest.mark.long
def test_smoke_writes_a_report_and_removes_its_resources(
    workspace: DatabricksWorkspace, logged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The smoke test removes what it creates, also when the answers of the version are wrong."""
    answer = load_answers(logged)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "databricks-uc")
    name = "dev.assistants.smoke"
    workspace.endpoints.models[name, "1"] = answer
    output = run_successfully("smoke", "--name", name)
    report = (tmp_path / "smoke.md").read_text("utf-8")
    steps = ["train, register, promote", "deploy", "ask the example", "ask ten times", "status", "teardown"]
    assert [line.split(" | ")[0][2:] for line in report.splitlines() if line.endswith("| ok |")] == steps
    assert output.splitlines()[-1] == str(tmp_path / "smoke.md")
    assert (workspace.endpoints.endpoints, list(workspace.catalog.models)) == ({}, [MODEL])

    workspace.endpoints.models[name, "1"] = answer_with_errors
    failure = run_command("smoke", "--name", name)
    assert failure.output.endswith("Error: failed steps: deploy; the report gives the reasons\n")
    assert "failed its check: timeout: qa: too late" in (tmp_path / "smoke.md").read_text("utf-8")
    assert (workspace.endpoints.endpoints, list(workspace.catalog.models)) == ({}, [MODEL])
