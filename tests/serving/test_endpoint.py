"""The life of an endpoint in a workspace: created, updated, taken back, asked, and removed; and faults at each call."""

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
from serving.endpoint.state import served_entities
from serving.endpoint.state import traffic_shares as served
from serving.endpoint.updates import EndpointUpdater
from serving.errors import ServingError
from serving.workspace.teardown import SCOPE_MARK
from standin.app import StandIn
from standin.databricks.unity_catalog import CatalogError
from standin.databricks.workspace import DatabricksWorkspace

MODEL, NAME = "dev.assistants.multichain", "multichain"
Values = dict[str, Any]


def run(*words: str, typed: str = "") -> Result:
    """A command in this process."""
    return CliRunner().invoke(serving, words, input=typed)


def told(*words: str, typed: str = "") -> str:
    """What a command that succeeds prints."""
    done = run(*words, typed=typed)
    assert done.exit_code == 0, done.output
    return done.output


def deployed(*words: str) -> Result:
    return run("deploy", "--name", MODEL, "--watch", "0", *words)


@pytest.fixture
def workspace(stand_in: StandIn, logged: str, monkeypatch: pytest.MonkeyPatch) -> DatabricksWorkspace:
    """A workspace with version 1 of the model, its champion, which answers as a real one does."""
    monkeypatch.setattr(updates, "PAUSE_SECONDS", 0.0)
    made = stand_in.workspace
    added(made, right(logged))
    return made


@cache
def right(uri: str) -> Callable[[Values], Any]:
    """What a real version answers; each body once, since the same ones are asked at each fault of a life."""
    model = mlflow.pyfunc.load_model(uri)

    @cache
    def answered(text: str) -> Any:
        body = json.loads(text)
        return model.predict(body["inputs"], body.get("params"))

    return lambda body: answered(json.dumps(body))


def added(workspace: DatabricksWorkspace, answers: Callable[[Values], Any]) -> str:
    """One more version, which is the champion."""
    number = workspace.catalog.add(MODEL, "champion")
    workspace.endpoints.models[MODEL, number] = answers
    return number


def wrong(body: Values) -> Any:
    """A version whose answers fail."""
    stages = {name: {"answer": "", "error": f"timeout: {name}: too late", "ran": True} for name in body["inputs"]}
    described = json.dumps({"stages": {}, "example": {"qa": {"question": "What is it?"}}})
    return stages | {"meta": {"version": "", "trace_id": "", "description": described}}


def shares(workspace: DatabricksWorkspace) -> dict[str, int]:
    return {name.partition("-")[0]: share for name, share in workspace.endpoints.endpoints[NAME].routes.items()}


def test_a_life(workspace: DatabricksWorkspace, logged: str, tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    golden.write_text('{"question": "Who makes GPT-4?", "answer": "OpenAI"}\n', "utf-8")
    first = deployed("--golden", str(golden), "--tag", "team=search")
    assert first.exit_code == 0, first.output
    assert first.output.splitlines()[0] == "Creating multichain"
    assert first.output.splitlines()[-1] == f"multichain serves version 1 of {MODEL}"
    made = workspace.endpoints.endpoints[NAME]
    (entity,) = made.entities
    assert (entity["workload_size"], entity["scale_to_zero_enabled"]) == ("Small", False)
    assert entity["environment_vars"] == {"MULTICHAIN_DEADLINE_SECONDS": "280", "MULTICHAIN_RESPONSE_BYTES": "15000000"}
    assert made.settings["route_optimized"] is True
    assert made.settings["ai_gateway"] == {"usage_tracking_config": {"enabled": True}}
    assert made.settings["tags"] == [{"key": "multichain", "value": "prod"}, {"key": "team", "value": "search"}]

    assert deployed().output.splitlines() == [f"multichain serves version 1 of {MODEL}"]

    added(workspace, right(logged))
    second = deployed("--golden", str(golden))
    assert second.exit_code == 0, second.output
    assert "Adding version 2 without traffic" in second.output
    assert "Version 2 answers the example and 1 questions" in second.output
    assert shares(workspace) == {"v2": 100}
    before_traffic = [entity for _, entity in workspace.endpoints.invocations if entity.startswith("v2")]
    assert len(before_traffic) >= 4

    added(workspace, wrong)
    third = deployed()
    assert third.exit_code == 1
    assert (
        "Error: version 3 was tried without traffic, and its answers are wrong: timeout: qa: too late. v2-"
        in third.output
    )
    assert shares(workspace) == {"v2": 100, "v3": 0}

    number = added(workspace, right(logged))
    workspace.endpoints.broken.add(number)
    fourth = deployed()
    assert "did not come to serve (UPDATE_FAILED):" in fourth.output
    assert fourth.output.endswith("ERROR: No matching distribution found for nosuch==1\n")
    assert shares(workspace) == {"v2": 100, "v3": 0}

    assert "100 %  version 2 of dev.assistants.multichain" in told("status", "--name", MODEL)
    asked = told("ask", "--question", "Who makes GPT-4?", "--target", "endpoints:/multichain")
    assert "GPT-4 is a powerful language model developed by OpenAI. [1]" in asked

    gone = told("teardown", "--yes")
    assert gone.splitlines()[0] == "  endpoint multichain"
    assert gone.splitlines()[-1].endswith(": nothing billable is left of what this project made")
    assert workspace.endpoints.endpoints == {}


def fails(_: Values) -> Any:
    """A version that answers with HTTP 500."""
    raise CatalogError("INTERNAL_ERROR", "Worker died.", 500)


def mute(body: Values) -> Any:
    """What does not say what it is."""
    return {name: {"answer": "Yes"} for name in body["inputs"]} | {"meta": {}}


@pytest.mark.parametrize(
    ("turns", "sentence"),
    [
        (wrong, "timeout: qa: too late"),
        (fails, "asking multichain: the workspace failed (InternalError); run it again"),
        (mute, "what multichain serves does not describe itself as a version of multichain does"),
    ],
)
def test_a_version_that_goes_wrong_under_traffic_is_taken_back(
    turns: Callable[[Values], Any], sentence: str, workspace: DatabricksWorkspace, logged: str
) -> None:
    deployed()
    good, calls = right(logged), []

    def tires(body: Values) -> Any:
        calls.append(1)
        return good(body) if len(calls) <= 2 else turns(body)

    added(workspace, tires)
    done = deployed()
    assert done.exit_code == 1
    assert f"went wrong under traffic: {sentence}" in done.output
    assert "The one before serves again" in done.output
    assert shares(workspace) == {"v1": 100}


def test_a_version_that_had_a_share_already_gives_it_back(workspace: DatabricksWorkspace, logged: str) -> None:
    """A person split the traffic; when the newer one goes wrong under all of it, the older one gets all."""
    deployed()
    good, calls = right(logged), []

    def tires(body: Values) -> Any:
        calls.append(1)
        return good(body) if len(calls) <= 2 else wrong(body)

    number = added(workspace, tires)
    made = EndpointUpdater(
        connection.connect_workspace(), EndpointSpec(NAME, MODEL, number, choose_size(1, 4)), [].append
    )
    found = made.get()
    made.serve(
        [*served_entities(found), made.spec.served_entity()], {next(iter(served(found))): 70, made.spec.entity_name: 30}
    )
    done = deployed()
    assert "version 2 went wrong under traffic: timeout: qa: too late. The one before serves again" in done.output
    assert shares(workspace) == {"v1": 100}


def test_stages_of_other_names(workspace: DatabricksWorkspace, tmp_path: Path) -> None:
    """The version says what it can be asked, and which stage golden questions are for."""
    stages = {
        "draw": {"inputs": [{"name": "prompt"}], "outputs": [{"name": "image"}]},
        "handbook": {"inputs": [{"name": "question"}], "outputs": [{"name": "answer"}]},
    }
    asked = []

    def answers(body: Values) -> Any:
        asked.append(body["inputs"])
        described = json.dumps({"stages": stages, "example": {"draw": {"prompt": "A fox"}}})
        told = {name: {"answer": "A red fox", "error": ""} for name in body["inputs"]}
        return told | {"meta": {"description": described if "params" in body else ""}}

    (tmp_path / "golden.jsonl").write_text('{"question": "Which fox?", "answer": "red"}\n', "utf-8")
    added(workspace, answers)
    assert deployed("--golden", str(tmp_path / "golden.jsonl")).exit_code == 0
    assert asked[1:] == [{"draw": {"prompt": "A fox"}}, {"handbook": {"question": "Which fox?"}}]
    del stages["handbook"]
    done = deployed("--golden", str(tmp_path / "golden.jsonl"), "--set", "RENEWED=1")
    assert "no stage of the version takes a question and gives an answer; leave --golden out" in done.output


def test_other_settings_are_another_served_version(workspace: DatabricksWorkspace) -> None:
    deployed()
    done = deployed(
        "--requests-per-second", "2", "--seconds", "20", "--calls-per-minute", "600", "--environment", "dev"
    )
    assert done.exit_code == 0, done.output
    (entity,) = workspace.endpoints.endpoints[NAME].entities
    assert (entity["workload_size"], entity["scale_to_zero_enabled"]) == ("Large", True)
    limits = workspace.endpoints.endpoints[NAME].settings["ai_gateway"]["rate_limits"]
    assert limits == [{"calls": 600, "key": "endpoint", "renewal_period": "minute"}]
    assert {"key": "multichain", "value": "dev"} in workspace.endpoints.endpoints[NAME].settings["tags"]


def test_requests_and_telemetry_are_kept_where_tables_are_named(workspace: DatabricksWorkspace) -> None:
    deployed()
    assert "telemetry_config" not in workspace.endpoints.endpoints[NAME].settings
    assert deployed("--tables", "dev.logs").exit_code == 0
    told = workspace.endpoints.endpoints[NAME].settings
    names = {f"{kind}_table": f"dev.logs.multichain_{kind}" for kind in ("logs", "metrics", "traces")}
    assert told["telemetry_config"] == {"table_names": names}
    assert told["ai_gateway"]["inference_table_config"]["table_name_prefix"] == "multichain"


def test_a_plan_changes_nothing(workspace: DatabricksWorkspace, stand_in: StandIn) -> None:
    stand_in.secrets["multichain", "openai"] = "sk-planted"
    words = ("--plan", "--secret", "OPENAI_API_KEY=multichain/openai", "--tables", "dev.logs", "--set", "A=b")
    done = deployed(*words)
    assert done.output.splitlines() == [
        f"Version 1 of {MODEL} on the endpoint multichain: it would be created",
        "  size Small: 4 units, each of which serves one request at a time; 4 are needed",
        "  scale to zero off",
        "  A=b",
        "  MULTICHAIN_DEADLINE_SECONDS=280",
        "  MULTICHAIN_RESPONSE_BYTES=15000000",
        "  OPENAI_API_KEY={{secrets/multichain/openai}}",
        "  AI Gateway: usage is tracked, requests and telemetry go to tables of dev.logs, no limit of calls",
        "  route optimisation on, chosen when an endpoint is created",
        "  tags multichain=prod",
        "  cost: by the hour for each unit of concurrency, at your region's price, which this tool does not know",
    ]
    assert workspace.endpoints.endpoints == {}
    assert not any(call.startswith(("POST /api/2.0/serving", "PUT")) for call in workspace.calls)


def test_secrets_are_named_and_never_read(workspace: DatabricksWorkspace, stand_in: StandIn) -> None:
    stand_in.secrets["multichain", "openai"] = "sk-planted"
    done = deployed("--secret", "OPENAI_API_KEY=multichain/openai")
    assert done.exit_code == 0, done.output
    assert "sk-planted" not in done.output + json.dumps(workspace.endpoints.endpoints[NAME].entities)
    refused = deployed("--secret", "OPENAI_API_KEY=multichain/nosuch")
    assert "Error: changing multichain: you may not do that: the creator cannot read a secret" in refused.output


def test_a_person_is_warned(workspace: DatabricksWorkspace) -> None:
    workspace.resources.user = "anna@example.com"
    assert deployed("--plan").output.startswith(
        "WARN  anna@example.com is a person: an endpoint has its creator's rights"
    )


def test_what_others_made_is_left_alone(workspace: DatabricksWorkspace) -> None:
    deployed()
    workspace.endpoints.endpoints[NAME].settings["tags"] = []
    workspace.resources.jobs[1] = {"job_id": 1, "settings": {"name": "theirs"}}
    workspace.resources.scopes.add("theirs")
    added(workspace, wrong)
    assert "multichain was not made by this project (no tag multichain), so it is left alone" in deployed().output
    assert told("teardown", "--yes").splitlines()[-1].endswith(": nothing billable is left of what this project made")
    assert (list(workspace.endpoints.endpoints), list(workspace.resources.jobs)) == ([NAME], [1])


def test_everything_of_ours_goes_in_order(workspace: DatabricksWorkspace, stand_in: StandIn) -> None:
    deployed()
    workspace.resources.jobs[7] = {"job_id": 7, "settings": {"name": "train", "tags": {"multichain": "dev"}}}
    workspace.resources.clusters["c"] = {"cluster_id": "c", "cluster_name": "lab", "custom_tags": {"multichain": "dev"}}
    workspace.resources.scopes.add("multichain")
    stand_in.secrets["multichain", SCOPE_MARK] = "1"
    refused = run("teardown", "--model", MODEL, typed="no\n")
    assert refused.output.endswith("Error: nothing was removed\n")
    host = os.environ["DATABRICKS_HOST"]
    done = told("teardown", "--model", MODEL, typed=f"{host}\n")
    removed = [line for line in done.splitlines() if line.startswith("Removed: ")]
    assert removed == [
        "Removed: endpoint multichain",
        "Removed: job train (costs nothing)",
        "Removed: cluster lab",
        "Removed: secret scope multichain (costs nothing)",
        f"Removed: registered model {MODEL} (costs nothing)",
    ]
    assert (workspace.resources.clusters, workspace.catalog.models) == ({}, {})


def life(workspace: DatabricksWorkspace, logged: str) -> Iterator[Result]:
    """A whole life, command by command."""
    yield deployed()
    if workspace.catalog.versions[MODEL].keys() == {"1"}:
        added(workspace, right(logged))
    yield deployed()
    yield run("status", "--name", MODEL)
    yield run("ask", "--question", "Who makes GPT-4?", "--target", "endpoints:/multichain")
    yield run("teardown", "--yes")


def test_a_fault_at_each_call(workspace: DatabricksWorkspace, logged: str) -> None:
    """Each call of a life fails once: a sentence says so, and the same command run again ends well."""
    workspace.calls.clear()
    assert [done.exit_code for done in life(workspace, logged)] == [0] * 5
    calls = len(workspace.calls)
    assert calls > 25
    for number in range(calls):
        for kind, fault in enumerate([(500, "INTERNAL_ERROR"), (403, "PERMISSION_DENIED")]):
            again(workspace, logged, number, fault, kind)


def again(workspace: DatabricksWorkspace, logged: str, number: int, fault: tuple[int, str], kind: int) -> None:
    """A life with one fault, in which each command is repeated once if need be."""
    workspace.clear()
    added(workspace, right(logged))
    workspace.failing_call, workspace.fault = number, fault
    failed: list[str] = []
    for words in ("first", "second", "status", "ask", "teardown"):
        if words == "second":
            added(workspace, right(logged))
        for _ in range(2):
            done = command(words)
            if done.exit_code == 0:
                break
            failed.append(done.output)
        assert done.exit_code == 0, (number, words, done.output)
    assert len(failed) <= 1
    assert all("Error: " in text and "Traceback" not in text for text in failed), failed
    assert workspace.endpoints.endpoints == {}


def command(words: str) -> Result:
    if words in {"first", "second"}:
        return deployed()
    if words == "status":
        return run("status", "--name", MODEL)
    if words == "ask":
        return run("ask", "--question", "Who makes GPT-4?", "--target", "endpoints:/multichain")
    return run("teardown", "--yes")


def test_too_many_calls_are_waited_out(workspace: DatabricksWorkspace) -> None:
    workspace.failing_call, workspace.fault = 2, (429, "RESOURCE_EXHAUSTED")
    assert deployed().exit_code == 0


def test_an_expired_token(workspace: DatabricksWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-expired")
    done = run("status", "--name", MODEL)
    assert done.output.startswith(
        "Error: looking at multichain: the workspace does not know you; your token has expired"
    )


def test_a_workspace_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_REACH_SECONDS", 1)
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-1")
    sentence = "Error: cannot reach the workspace http://127.0.0.1:9 (ConnectionError); check DATABRICKS_HOST, or the"
    assert run("status", "--name", MODEL).output.startswith(sentence)


def test_no_workspace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "none"))
    assert "no Databricks workspace is configured; set DATABRICKS_HOST" in run("status").output


@pytest.mark.parametrize(
    ("rate", "seconds", "name", "slots"),
    [(1, 4, "Small", 4), (0.1, 1, "Small", 1), (1, 4.1, "Medium", 5), (0.8, 20, "Medium", 16), (3, 20, "Large", 60)],
)
def test_sizes(rate: float, seconds: float, name: str, slots: int) -> None:
    assert (choose_size(rate, seconds).name, choose_size(rate, seconds).slots) == (name, slots)


def test_too_large() -> None:
    with pytest.raises(ServingError, match="4 requests a second of 20 s each hold 80 units at once, and the largest"):
        choose_size(4, 20)


@pytest.mark.parametrize(
    ("secrets", "plain", "sentence"),
    [
        (["OPENAI_API_KEY"], [], "--secret takes NAME=scope/key"),
        ([], ["OPENAI_API_KEY=sk-1"], "OPENAI_API_KEY looks like a secret"),
        ([], ["A"], "--set takes NAME=VALUE"),
        ([], [f"A{n}=1" for n in range(29)], "an endpoint takes 30 variables at most"),
    ],
)
def test_variables_that_cannot_be(secrets: list[str], plain: list[str], sentence: str) -> None:
    with pytest.raises(ServingError, match=sentence):
        parse_variables(secrets, plain)


def test_smoke(workspace: DatabricksWorkspace, logged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From nothing to teardown, and a report; with a version that answers wrongly, too."""
    good = right(logged)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "databricks-uc")
    name = "dev.assistants.smoke"
    workspace.endpoints.models[name, "1"] = good
    done = told("smoke", "--name", name)
    report = (tmp_path / "smoke.md").read_text("utf-8")
    steps = ["train, register, promote", "deploy", "ask the example", "ask ten times", "status", "teardown"]
    assert [line.split(" | ")[0][2:] for line in report.splitlines() if line.endswith("| ok |")] == steps
    assert done.splitlines()[-1] == str(tmp_path / "smoke.md")
    assert (workspace.endpoints.endpoints, list(workspace.catalog.models)) == ({}, [MODEL])

    workspace.endpoints.models[name, "1"] = wrong
    failed = run("smoke", "--name", name)
    assert failed.output.endswith("Error: failed: deploy; the report says why\n")
    assert "answers are wrong: timeout: qa: too late" in (tmp_path / "smoke.md").read_text("utf-8")
    assert (workspace.endpoints.endpoints, list(workspace.catalog.models)) == ({}, [MODEL])
