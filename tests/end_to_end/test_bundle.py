"""databricks.yml: known to Databricks' own classes field by field, and each command that it names runs here."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml
from databricks.bundles.jobs import Job
from databricks.bundles.registered_models import RegisteredModel
from databricks.bundles.secret_scopes import SecretScope
from databricks.bundles.volumes import Volume

from standin.app import StandIn
from tests.fixtures import EXERCISE, ROOT

BUNDLE: dict[str, Any] = yaml.safe_load((ROOT / "databricks.yml").read_text("utf-8"))
KINDS = {"jobs": Job, "registered_models": RegisteredModel, "secret_scopes": SecretScope, "volumes": Volume}
PARTS = {"bundle", "variables", "sync", "resources", "targets"}
GIVEN = {"bundle.target": "dev", "workspace.file_path": "/Workspace/multichain"}


def resolved(value: Any, **variables: str) -> Any:
    """With the values of variables: their defaults, or those given."""
    told = {f"var.{name}": one["default"] for name, one in BUNDLE["variables"].items()} | GIVEN
    told |= {f"var.{name}": one for name, one in variables.items()}
    if isinstance(value, dict):
        return {name: resolved(one, **variables) for name, one in value.items()}
    if isinstance(value, list):
        return [resolved(one, **variables) for one in value]
    return re.sub(r"\$\{([\w.]+)\}", lambda match: told[match[1]], value) if isinstance(value, str) else value


def tasks() -> Iterator[Any]:
    for job in BUNDLE["resources"]["jobs"].values():
        yield from job["tasks"]


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, all_of_it in BUNDLE["resources"].items() for name in all_of_it]
)
def test_a_resource_is_known_field_by_field(kind: str, name: str) -> None:
    told = resolved(BUNDLE["resources"][kind][name])
    assert KINDS[kind].from_dict(told).as_dict().keys() == told.keys()


def test_a_misspelt_field_fails() -> None:
    told = resolved(BUNDLE["resources"]["jobs"]["train"])
    told["tasks"][0]["spark_python_task"]["parametres"] = []
    with pytest.raises(ValueError, match="parametres"):
        Job.from_dict(told)


def test_the_rest_of_the_file() -> None:
    assert set(BUNDLE) == PARTS
    assert set(BUNDLE["targets"]) == {"dev", "staging", "prod"}
    assert all(
        target.get("variables", {}).keys() <= BUNDLE["variables"].keys() for target in BUNDLE["targets"].values()
    )
    assert BUNDLE["targets"]["dev"]["default"] is True


@pytest.mark.parametrize("target", ["dev", "staging", "prod"])
def test_a_target_reads_in_its_own_catalog_and_keeps_what_measures_apart(target: str) -> None:
    told = {name: one["default"] for name, one in BUNDLE["variables"].items()}
    told |= BUNDLE["targets"][target].get("variables", {})
    assert told["catalog"] == target
    assert told["documents"].startswith(f"/Volumes/{target}/")
    assert told["evaluation"].startswith(f"/Volumes/{target}/")
    assert not told["evaluation"].startswith(told["documents"])


def test_each_program_is_there() -> None:
    assert all((ROOT / task["spark_python_task"]["python_file"]).is_file() for task in tasks())


def test_clusters_end_by_themselves_and_all_is_tagged() -> None:
    """Job clusters end with their job; none that goes on by itself is named."""
    for job in BUNDLE["resources"]["jobs"].values():
        assert "multichain" in job["tags"]
        assert "multichain" in job["job_clusters"][0]["new_cluster"]["custom_tags"]
    assert not any("existing_cluster_id" in task for task in tasks())


def test_the_endpoint_is_deployed_after_the_version_exists() -> None:
    (deploy,) = [task for task in tasks() if task["task_key"] == "deploy"]
    assert deploy["depends_on"] == [{"task_key": "train"}]
    assert "model_serving_endpoints" not in BUNDLE["resources"]


def test_every_command_runs_here(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same arguments; only places and profile are this machine's."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "Who makes GPT-4?", "answer": "OpenAI"}\n', "utf-8")
    store = f"sqlite:///{tmp_path}/mlflow.db"
    for name, value in {"MLFLOW_TRACKING_URI": store, "MLFLOW_REGISTRY_URI": "databricks-uc"}.items():
        monkeypatch.setenv(name, value)
    here = {"profile": "offline", "documents": str(EXERCISE), "evaluation": str(rows)}

    def run(task: Any) -> str:
        words = resolved(task["spark_python_task"]["parameters"], **here)
        words = [str(tmp_path / "index") if word == "/tmp/multichain/index" else word for word in words]  # noqa: S108 - the job's own
        command = [sys.executable, str(ROOT / "job.py"), *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    train, deploy, check = tasks()
    assert "Promoted version 1 of dev.assistants.multichain" in run(train)
    model = mlflow.pyfunc.load_model(str(stored(stand_in, tmp_path / "version")))
    stand_in.workspace.endpoints.models["dev.assistants.multichain", "1"] = lambda body: model.predict(
        body["inputs"], body.get("params")
    )
    deploy["spark_python_task"]["parameters"] += ["--watch", "0"]
    assert "multichain-dev serves version 1 of dev.assistants.multichain" in run(deploy)
    assert run(check).startswith("ok    Documents: 3, all unchanged")


def stored(stand_in: StandIn, folder: Path) -> Path:
    """The version's files as Unity Catalog has them."""
    above = "/Models/dev/assistants/multichain/1/"
    for path, content in stand_in.workspace.volumes.items():
        if path.startswith(above):
            place = folder / path.removeprefix(above)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return folder


def test_a_job_that_fails_fails(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "job.py"), "training", "history", "--name", "nothing"]
    there = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    done = subprocess.run(command, cwd=tmp_path, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: nothing has no version")
