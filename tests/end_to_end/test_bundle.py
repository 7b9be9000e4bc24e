"""databricks.yml: Databricks' own classes know every field, and each command in the file runs locally."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from databricks.bundles.apps import App
from databricks.bundles.jobs import Job
from databricks.bundles.registered_models import RegisteredModel
from databricks.bundles.secret_scopes import SecretScope
from databricks.bundles.volumes import Volume

from serving.workspace.databricks_app import APP_NAME, ENDPOINT_RESOURCE
from standin.app import StandIn
from tests.fixtures import EXERCISE, ROOT

BUNDLE: dict[str, Any] = yaml.safe_load((ROOT / "databricks.yml").read_text("utf-8"))
KINDS = {
    "apps": App,
    "jobs": Job,
    "registered_models": RegisteredModel,
    "secret_scopes": SecretScope,
    "volumes": Volume,
}
PARTS = {"bundle", "variables", "sync", "resources", "targets"}
WORKSPACE_VARIABLES = {"bundle.target": "dev", "workspace.file_path": "/Workspace/multichain"}


def resolve_variables(value: Any, **variables: str) -> Any:
    """Return ``value`` with the variables in its texts replaced by ``variables``, or by their defaults."""
    values = {
        f"var.{name}": variable["default"] for name, variable in BUNDLE["variables"].items()
    } | WORKSPACE_VARIABLES
    values |= {f"var.{name}": text for name, text in variables.items()}
    if isinstance(value, dict):
        return {name: resolve_variables(item, **variables) for name, item in value.items()}
    if isinstance(value, list):
        return [resolve_variables(item, **variables) for item in value]
    return re.sub(r"\$\{([\w.]+)\}", lambda match: values[match[1]], value) if isinstance(value, str) else value


def list_tasks() -> Iterator[Any]:
    for job in BUNDLE["resources"]["jobs"].values():
        yield from job["tasks"]


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, resources in BUNDLE["resources"].items() for name in resources]
)
def test_resource_has_only_fields_that_databricks_knows(kind: str, name: str) -> None:
    resource = resolve_variables(BUNDLE["resources"][kind][name])
    assert KINDS[kind].from_dict(resource).as_dict().keys() == resource.keys()


def test_databricks_class_refuses_a_misspelt_field() -> None:
    job = resolve_variables(BUNDLE["resources"]["jobs"]["train"])
    job["tasks"][0]["spark_python_task"]["parametres"] = []
    with pytest.raises(ValueError, match="parametres"):
        Job.from_dict(job)


def test_bundle_has_three_targets_that_set_declared_variables() -> None:
    assert set(BUNDLE) == PARTS
    assert set(BUNDLE["targets"]) == {"dev", "staging", "prod"}
    assert all(
        target.get("variables", {}).keys() <= BUNDLE["variables"].keys() for target in BUNDLE["targets"].values()
    )
    assert BUNDLE["targets"]["dev"]["default"] is True


@pytest.mark.parametrize("target", ["dev", "staging", "prod"])
def test_target_reads_its_own_catalog_with_evaluation_outside_documents(target: str) -> None:
    values = {name: variable["default"] for name, variable in BUNDLE["variables"].items()}
    values |= BUNDLE["targets"][target].get("variables", {})
    assert values["catalog"] == target
    assert values["documents"].startswith(f"/Volumes/{target}/")
    assert values["evaluation"].startswith(f"/Volumes/{target}/")
    assert not values["evaluation"].startswith(values["documents"])


def test_program_of_every_task_exists() -> None:
    assert all((ROOT / task["spark_python_task"]["python_file"]).is_file() for task in list_tasks())


def test_jobs_run_on_tagged_job_clusters_only() -> None:
    """Job clusters end with their job; no task names an existing cluster."""
    for job in BUNDLE["resources"]["jobs"].values():
        assert "multichain" in job["tags"]
        assert "multichain" in job["job_clusters"][0]["new_cluster"]["custom_tags"]
    assert not any("existing_cluster_id" in task for task in list_tasks())


def test_endpoint_is_deployed_after_training_and_is_no_bundle_resource() -> None:
    (deploy,) = [task for task in list_tasks() if task["task_key"] == "deploy"]
    assert deploy["depends_on"] == [{"task_key": "train"}]
    assert "model_serving_endpoints" not in BUNDLE["resources"]


def test_app_runs_the_command_of_app_yaml_and_ends_before_it_is_killed() -> None:
    app = BUNDLE["resources"]["apps"]["doors"]
    app_file = yaml.safe_load((ROOT / "app.yaml").read_text("utf-8"))
    assert app["name"] == APP_NAME
    assert app["config"]["command"] == app_file["command"]
    assert int(app_file["command"][-1]) < 15
    assert [variable["name"] for variable in app["config"]["env"]] == [variable["name"] for variable in app_file["env"]]
    assert app_file["env"][0]["valueFrom"] == ENDPOINT_RESOURCE


def test_every_command_runs_locally_with_its_own_arguments(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the folders and the profile differ from those in the file."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "Who makes GPT-4?", "answer": "OpenAI"}\n', "utf-8")
    store = f"sqlite:///{tmp_path}/mlflow.db"
    for name, value in {"MLFLOW_TRACKING_URI": store, "MLFLOW_REGISTRY_URI": "databricks-uc"}.items():
        monkeypatch.setenv(name, value)
    local_values = {"profile": "offline", "documents": str(EXERCISE), "evaluation": str(rows)}
    local_values |= {"questions": str(tmp_path / "questions.parquet"), "answers": str(tmp_path / "answers")}

    def run(task: Any) -> str:
        words = resolve_variables(task["spark_python_task"]["parameters"], **local_values)
        words = [str(tmp_path / "index") if word == "/tmp/multichain/index" else word for word in words]  # noqa: S108 - the folder in databricks.yml
        command = [sys.executable, str(ROOT / "job.py"), *words]
        process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    train, deploy, check, batch = list_tasks()
    assert "Promoted version 1 of dev.assistants.multichain" in run(train)
    model = mlflow.pyfunc.load_model(str(download_version(stand_in, tmp_path / "version")))
    stand_in.workspace.endpoints.models["dev.assistants.multichain", "1"] = lambda body: model.predict(
        body["inputs"], body.get("params")
    )
    deploy["spark_python_task"]["parameters"] += ["--watch", "0"]
    assert "multichain-dev serves version 1 of dev.assistants.multichain" in run(deploy)
    assert run(check).startswith("ok    Documents: 3, all unchanged")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    pq.write_table(pa.table({"question": ["Who makes GPT-4?"]}), tmp_path / "questions.parquet")
    assert "1 answer in" in run(batch)


def download_version(stand_in: StandIn, folder: Path) -> Path:
    """Write the version's files, as the stand-in of Unity Catalog has them, to ``folder``, and return it."""
    prefix = "/Models/dev/assistants/multichain/1/"
    for path, content in stand_in.workspace.volumes.items():
        if path.startswith(prefix):
            file = folder / path.removeprefix(prefix)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    return folder


def test_job_exits_with_1_when_its_command_fails(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "job.py"), "training", "history", "--name", "nothing"]
    environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert process.stderr.startswith("Error: nothing has no version")
