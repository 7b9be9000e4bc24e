"""A profile of ``compatible`` without address or model uses a server that lists its models on this machine."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import mlflow
import pytest

from model.profile import Profile
from model.providers.server_facts import FACTS_ARTIFACT, ServerFacts, ServerFound
from tests.fixtures import EXERCISE, PROFILE
from tests.odd_server import MODELS, OddServer, run_odd_server
from training.indexing.build import build_index
from training.packaging.log_model import log_model
from training.progress import ignore_progress
from training.verification import local_servers
from training.verification.preflight import PreflightFinding, check_models

UNNAMED = PROFILE.replace("chat: {provider: offline}", "chat: {provider: compatible}")
EMBEDDED = PreflightFinding("ok", "offline:char_wb-3-5-2048 (the index) embeds in 2048 dimensions")
RunServer = Callable[[Any], AbstractContextManager[OddServer]]


def list_models(*names: str) -> Any:
    return 200, {"object": "list", "data": [{"id": name, "object": "model", "owned_by": "me"} for name in names]}


@pytest.fixture
def run_server(monkeypatch: pytest.MonkeyPatch) -> RunServer:
    """Return a function that runs a server at a port that is looked at, which the environment does not name."""

    @contextmanager
    def run(listed: Any) -> Iterator[OddServer]:
        with run_odd_server({MODELS: lambda _: listed}) as server:
            monkeypatch.delenv("COMPATIBLE_BASE_URL")
            monkeypatch.setattr(local_servers, "PORTS", {"llama.cpp": urlsplit(server.address).port})
            yield server

    return run


def read_profile(folder: Path, text: str = UNNAMED) -> Profile:
    (folder / "mine.yaml").write_text(text, "utf-8")
    return Profile.read(str(folder / "mine.yaml"))


def test_server_on_this_machine_is_found_named_and_called(run_server: RunServer, tmp_path: Path) -> None:
    profile = read_profile(tmp_path)
    with run_server(list_models("nomic-embed-text", "smollm2", "qwen")) as server:
        report = check_models(profile)
        assert report.findings == [
            PreflightFinding(
                "warn",
                f"COMPATIBLE_BASE_URL is not set; found llama.cpp at {server.address}, and uses it with the model "
                "smollm2",
            ),
            EMBEDDED,
            PreflightFinding("ok", "compatible:smollm2 answers (qa)"),
        ]
    assert profile.facts.find_server("compatible") == ServerFound(f"{server.address}", "smollm2")


def test_version_has_model_and_address_and_its_stage_fails_without_the_server(
    run_server: RunServer, store: Path, tmp_path: Path
) -> None:
    profile = read_profile(tmp_path)
    with run_server(list_models("smollm2")) as server:
        assert not check_models(profile).has_failed
        build_index(profile, [EXERCISE], tmp_path / "index", ignore_progress)
        uri = log_model(str(tmp_path / "mine.yaml"), tmp_path / "index", facts=profile.facts)
        model = mlflow.pyfunc.load_model(uri)
        answered = model.predict({"qa": {"question": "What is GPT-4?"}})["qa"]
        assert (answered["answered_by"], answered["error"]) == ("compatible:smollm2", "")
    (file,) = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path))).rglob(f"{FACTS_ARTIFACT}*.json")
    assert json.loads(file.read_text("utf-8"))["servers"] == {
        "compatible": {"address": f"{server.address}", "model": "smollm2"}
    }
    failed = model.predict({"qa": {"question": "What is GPT-3?"}})["qa"]
    assert (failed["answer"], failed["answered_by"]) == ("", "")
    assert failed["error"].startswith("provider_busy: compatible:smollm2 did not answer in time, or cannot be reached")


def test_found_address_is_used_only_while_the_variable_is_not_set(tmp_path: Path) -> None:
    profile = read_profile(tmp_path)
    profile.facts.add_server("compatible", ServerFound("http://127.0.0.1:9/v1", "smollm2"))
    with run_odd_server({MODELS: lambda _: list_models("qwen")}) as server:
        report = check_models(profile)
    assert report.findings == [EMBEDDED, PreflightFinding("ok", "compatible:smollm2 answers (qa)")]
    assert [body["model"] for body in server.bodies("chat/completions")] == ["smollm2"]


def test_model_is_the_first_that_a_set_address_lists(tmp_path: Path) -> None:
    with run_odd_server({MODELS: lambda _: list_models("bge-m3", "qwen", "llama")}):
        report = check_models(profile := read_profile(tmp_path))
    assert report.findings[0] == PreflightFinding(
        "warn", "the profile names no model, so it uses qwen, which the server lists first"
    )
    assert profile.facts.find_server("compatible") == ServerFound("", "qwen")


@pytest.mark.parametrize("listed", [(404, {}), (200, {}), (200, {"data": [{}]}), (200, []), list_models("bge-m3")])
def test_what_is_no_server_of_chat_models_is_not_taken(listed: Any, run_server: RunServer, tmp_path: Path) -> None:
    with run_server(listed):
        report = check_models(profile := read_profile(tmp_path))
    assert [finding.level for finding in report.findings] == ["fail"]
    assert report.findings[0].message.startswith(
        "COMPATIBLE_BASE_URL is not set, and no server on this machine lists a chat model at the ports "
    )
    assert profile.facts.to_json() == {}


def test_profile_that_names_address_and_model_looks_for_nothing(tmp_path: Path) -> None:
    profile = read_profile(tmp_path, UNNAMED.replace("compatible}", "compatible, models: [m]}"))
    with run_odd_server() as server:
        assert local_servers.locate_server(profile) == (True, "")
    assert server.requests == []


def test_facts_of_servers_are_read_as_they_were_written(tmp_path: Path) -> None:
    facts = ServerFacts()
    facts.add_server("compatible", ServerFound("http://127.0.0.1:1234/v1", "qwen"))
    (tmp_path / "facts.json").write_text(json.dumps(facts.to_json()), "utf-8")
    assert ServerFacts.read(tmp_path / "facts.json").find_server("compatible") == facts.find_server("compatible")
