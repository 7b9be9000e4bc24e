"""Registry, promotion and rollback on a tracking server and in the Unity Catalog of the stand-in."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import requests

from model.errors import CommandError
from standin.app import StandIn
from tests.fixtures import EXERCISE
from training.promotion.promote import roll_back
from training.report import print_results
from training.versions import registry
from training.versions.history import list_history
from training.workflow import PromotionOptions, promote_through_gate

NAME = "dev.assistants.multichain"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a tracking server on this machine; yield its address."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_TRACKING")}
    devnull = subprocess.DEVNULL
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=devnull, stderr=devnull, start_new_session=True
    )
    try:
        while not _is_up(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, 15)
        process.wait()


def _is_up(address: str) -> bool:
    try:
        return requests.get(address, timeout=1).ok
    except requests.RequestException:
        return False


@pytest.mark.long
def test_commands_from_build_to_verify_work_on_a_tracking_server(server: str, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"question": "Who makes GPT-4?", "answer": "OpenAI"}\n', "utf-8")
    environment = os.environ | {"MLFLOW_TRACKING_URI": server}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", *words]
        process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    training_run = ("training", "run", "--documents", str(EXERCISE), "--evaluation", "rows.jsonl")
    assert f"Registered version 1 of multichain in {server}" in run(*training_run)
    assert "Promoted version 2 of multichain against version 1: nothing is worse beyond noise" in run(*training_run)
    answer = run("serving", "ask", "--question", "Who makes GPT-4?", "--good", "short")
    assert "Answered by version 2" in answer
    assert "in the trace tr-" in answer
    assert run("training", "evaluate", "--from-traces") == "Made 1 examples from judged questions\n"
    assert "points at version 1 again; version 2 stays registered" in run("training", "rollback")
    assert "Version 1 (champion), index of 3 documents" in run("training", "history")
    assert run("training", "check", "--documents", str(EXERCISE)).startswith("ok    Documents: 3, all unchanged")
    assert "Verified: 35 checks passed" in run("training", "verify", "--quiet", "models:/multichain@champion")


@pytest.fixture
def unity(stand_in: StandIn, logged: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Register models in the stand-in's Unity Catalog; leave runs and traces in the local store."""
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "databricks-uc")
    mlflow.set_registry_uri("databricks-uc")
    stand_in.workspace.catalog.clear()
    yield stand_in
    mlflow.set_registry_uri("")


def test_promotion_answer_and_rollback_work_in_unity_catalog(unity: StandIn, logged: str) -> None:
    for number in ("1", "2"):
        assert registry.register_model(logged, NAME, {"chunks": "3"}) == number
        print_results(promote_through_gate(NAME, number, NAME, PromotionOptions()))
    assert registry.find_champion(NAME).version == "2"  # type: ignore[union-attr]
    model = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    answer = model.predict({"qa": {"question": "Who makes GPT-4?"}})
    assert (answer["qa"]["answer"], answer["meta"]["version"]) == (
        "GPT-4 is a powerful language model developed by OpenAI. [1]",
        "2",
    )
    assert roll_back(NAME) == ("2", "1")
    assert next(list_history(NAME)) == "Version 2, index of unknown size"
    holders = list(registry.find_holders(NAME, ["gpt-4.txt"]))
    assert [(holder.version, holder.aliases) for holder in holders] == [("1", ("champion",)), ("2", ())]


def test_promotion_to_another_catalog_copies_the_version(unity: StandIn, logged: str) -> None:
    registry.register_model(logged, NAME)
    print_results(promote_through_gate(NAME, "1", "prod.assistants.multichain", PromotionOptions()))
    champion = registry.find_champion("prod.assistants.multichain")
    assert champion is not None
    assert champion.tags["copied_from"] == f"{NAME}/1"
    assert "/Models/prod/assistants/multichain/1/MLmodel" in unity.volumes


def test_alias_on_a_model_of_another_owner_is_refused(unity: StandIn, logged: str) -> None:
    registry.register_model(logged, NAME)
    unity.workspace.catalog.foreign_models.add(NAME)
    with pytest.raises(CommandError, match=f"lacks a privilege on {NAME}: in Unity Catalog, aliases and tags need"):
        registry.set_champion(NAME, "1")


def test_unity_catalog_name_without_three_levels_is_refused(unity: StandIn, logged: str) -> None:
    with pytest.raises(CommandError, match="multichain: Unity Catalog expects names of three levels"):
        registry.register_model(logged, "multichain")
