"""The Databricks App: deployed by command, shown by status, removed by teardown; and its process, as Apps run it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from click.testing import CliRunner, Result

from serving.__main__ import serving
from serving.workspace.databricks_app import APP_NAME, list_sources
from standin.app import StandIn
from standin.databricks.workspace import DatabricksWorkspace
from tests.door_server import ANSWER, DESCRIPTION, QA, ScriptedTarget
from tests.doors import find_free_port
from tests.fixtures import ROOT

MODEL = "dev.assistants.multichain"
ENDPOINT = "multichain"


def answer(body: dict[str, Any]) -> Any:
    """Answer as an endpoint's version does."""
    response = ScriptedTarget().ask(body["inputs"])
    if (body.get("params") or {}).get("describe"):
        response["meta"]["description"] = json.dumps(DESCRIPTION)
    return response


@pytest.fixture
def workspace(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> DatabricksWorkspace:
    """Return a workspace in which a version serves on an endpoint."""
    workspace = stand_in.workspace
    number = workspace.catalog.add(MODEL, "champion")
    workspace.endpoints.models[MODEL, number] = answer
    monkeypatch.setattr("serving.endpoint.updates.PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("serving.cli.endpoint._check_files", lambda *_: None)  # the version has no files here
    return workspace


def run(*words: str) -> Result:
    result = CliRunner().invoke(serving, words)
    assert result.exit_code == 0, result.output
    return result


def deploy(*words: str) -> list[str]:
    return run("deploy", "--name", MODEL, "--watch", "0", "--app", *words).output.splitlines()


def test_app_is_created_updated_shown_and_removed(workspace: DatabricksWorkspace) -> None:
    lines = deploy()
    app = workspace.apps.apps[APP_NAME]
    assert lines[-1] == app["url"]
    assert app["resources"] == [{"name": "endpoint", "serving_endpoint": {"name": ENDPOINT, "permission": "CAN_QUERY"}}]
    assert app["user_api_scopes"] == ["serving.serving-endpoints"]
    assert app["app_status"]["state"] == "RUNNING"

    app["compute_status"] = {"state": "STOPPED", "message": "stopped"}
    assert not any(line.startswith("Creating the App") for line in deploy())
    assert len(workspace.apps.deployments) == 2
    assert app["compute_status"]["state"] == "ACTIVE"

    status = run("status", "--name", MODEL).output
    assert f"App {APP_NAME}: running, compute active, at {app['url']}" in status.splitlines()
    removed = run("teardown", "--yes").output.splitlines()
    assert removed[:2] == [f"  app {APP_NAME}", f"  endpoint {ENDPOINT}"]
    assert workspace.apps.apps == {}


def test_app_of_others_is_left_alone(workspace: DatabricksWorkspace) -> None:
    workspace.apps.apps[APP_NAME] = {
        "name": APP_NAME,
        "description": "Theirs",
        "url": "https://theirs",
        "compute_status": {"state": "ACTIVE"},
        "app_status": {"state": "RUNNING"},
    }
    result = CliRunner().invoke(serving, ["deploy", "--name", MODEL, "--watch", "0", "--app"])
    assert result.exit_code == 1
    assert f"the App {APP_NAME} was not made by this project and is not changed" in result.output
    assert "not created by this project, at https://theirs" in run("status", "--name", MODEL).output
    run("teardown", "--yes")
    assert list(workspace.apps.apps) == [APP_NAME]


def test_plan_names_the_app_and_makes_none(workspace: DatabricksWorkspace) -> None:
    assert deploy("--plan")[-1] == f"Create or update the App {APP_NAME}, which asks {ENDPOINT}"
    assert workspace.apps.apps == {}


def test_requirements_of_the_app_contain_no_model_and_no_spark() -> None:
    names = {line.partition("==")[0] for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines()}
    assert {"mcp", "databricks-sdk", "mlflow-skinny", "prometheus-client"} <= names
    assert names.isdisjoint({"mlflow", "pyspark", "faiss-cpu", "langchain", "pandas", "numpy"})


@pytest.fixture
def app_address(workspace: DatabricksWorkspace, tmp_path: Path) -> Iterator[str]:
    """Yield the address of the App's process, which has nothing of the project but the files that were uploaded."""
    deploy()
    folder = tmp_path / "app"
    prefix = f"{workspace.apps.deployments[0]['source_code_path']}/"
    for path, content in workspace.apps.files.items():
        file = folder / path.removeprefix(prefix)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    assert sum(file.is_file() for file in folder.rglob("*")) == len(list(list_sources()))
    command = yaml.safe_load((folder / "app.yaml").read_text("utf-8"))["command"]
    port = find_free_port()
    environment = os.environ | {"DATABRICKS_APP_PORT": str(port), "MULTICHAIN_ENDPOINT": ENDPOINT}
    process = subprocess.Popen([sys.executable, *command[1:]], cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_alive(address, process)
        yield address
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(15)  # when the platform kills
        assert time.monotonic() - started < 15
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def wait_until_alive(address: str, process: "subprocess.Popen[bytes]") -> None:
    while True:
        assert process.poll() is None
        try:
            if requests.get(f"{address}/healthz", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)


def test_app_s_process_answers_with_the_rights_of_its_user(app_address: str, stand_in: StandIn) -> None:
    user = {"host": "mcp-multichain-1.example.databricksapps.com", "x-forwarded-email": "ann@example.com"}
    body = {"model": "multichain/qa", "messages": [{"role": "user", "content": "What does a night cost?"}]}

    def ask(token: str) -> requests.Response:
        headers = user | ({"x-forwarded-access-token": token} if token else {})
        return requests.post(f"{app_address}/v1/chat/completions", json=body, headers=headers, timeout=60)

    assert requests.get(f"{app_address}/", headers=user, timeout=60).status_code == 200
    assert requests.get(f"{app_address}/readyz", timeout=60).json() == {"status": "ready"}
    assert ask("").json()["choices"][0]["message"]["content"] == ANSWER
    assert ask(stand_in.key).json()["choices"][0]["message"]["content"] == QA["answer"]
    refusal = ask("a-token-of-nobody")
    assert refusal.status_code == 502
    assert "authentication failed" in refusal.json()["error"]["message"]
    tools = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accepted = {"accept": "application/json, text/event-stream"}
    reply = requests.post(f"{app_address}/mcp", json=tools, headers=user | accepted, timeout=60, allow_redirects=False)
    assert reply.status_code == 200
    assert '"name":"qa"' in reply.text.replace(" ", "")
