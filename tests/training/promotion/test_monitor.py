"""Findings of the command ``training check`` on the champion."""

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import mlflow
import pytest

from model.errors import CommandError
from model.profile import Profile
from standin.app import StandIn
from tests.fixtures import EXERCISE, PROFILE
from tests.odd_server import EMBEDDINGS, run_odd_server
from training.documents.load import LoadOptions
from training.evaluation.dataset import Example
from training.indexing.build import build_index
from training.packaging.log_model import log_model
from training.promotion import monitor
from training.promotion.monitor import ANSWERS, DOCUMENTS, MODELS, MonitorFinding, check_champion, load_version_profile
from training.promotion.promote import Decision, Evidence, decide_promotion, promote_version
from training.versions import registry

TODAY = date(2026, 11, 24)


def ignore_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""


@pytest.fixture(scope="module")
def decision(logged: str) -> Decision:
    """Decide on a version without a champion, from 12 examples of which 3 have no answer."""
    registry.register_model(logged, "decided")
    rows = [Example(f"{begin} GPT-4?", ("OpenAI",), "gpt-4.txt") for begin in ("What is", "Who makes", "Explain")] * 3
    rows += [Example("Who discovered penicillin?", is_answerable=False)] * 3
    return decide_promotion(registry.find_version("decided"), "decided", Evidence("rows", rows), ignore_progress)


@pytest.fixture
def name(logged: str, decision: Decision, request: pytest.FixtureRequest) -> str:
    """Register a model and promote its version 1 by the decision; return the model's name."""
    model_name = str(request.node.name).replace("[", "-").replace("]", "")
    registry.register_model(logged, model_name)
    promote_version(registry.find_version(model_name), decision, model_name)
    return model_name


def list_codes(findings: Sequence[MonitorFinding]) -> list[int]:
    return [finding.code for finding in findings]


def test_unchanged_documents_give_an_ok_finding(name: str) -> None:
    findings = list(check_champion(name, [EXERCISE], 7, TODAY))
    assert findings[0] == MonitorFinding("Documents: 3, all unchanged")
    assert findings[-1].message.startswith("Answers: not compared; 0 were traced in 7 days, and 20 are needed")
    assert next(check_champion(name, [], 7, TODAY)).message == "Documents: not compared; name them with --documents"


def test_changed_documents_give_a_finding_with_counts(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXERCISE, tmp_path / "documents")
    (tmp_path / "documents" / "gpt-4.txt").write_text("GPT-4 is gone.", "utf-8")
    (tmp_path / "documents" / "new.txt").write_text("New.", "utf-8")
    finding = next(check_champion(name, [tmp_path / "documents"], 7, TODAY))
    assert finding.code == DOCUMENTS
    assert finding.message.startswith(
        "Documents: 1 new, 1 changed, 0 removed, 2 unchanged; python -m training run --update"
    )


def test_documents_are_compared_as_the_build_read_them(name: str) -> None:
    options = LoadOptions(base_url="https://wiki.example")
    finding = next(check_champion(name, [EXERCISE], 7, TODAY, options))
    assert finding.message.startswith("Documents: 0 new, 3 changed, 0 removed, 0 unchanged")


@pytest.mark.parametrize(("today", "code"), [(date(2026, 10, 1), 0), (date(2026, 12, 1), MODELS)])
def test_models_that_all_end_soon_give_a_finding(
    today: date, code: int, index_folder: Path, store: Path, tmp_path: Path, stand_in: StandIn, request: Any
) -> None:
    profile = tmp_path / "paid.yaml"
    chat = "{provider: openai, models: [gpt-4.1, gpt-4o]}"
    profile.write_text(PROFILE.replace("{provider: offline}}", f"{chat}}}"), "utf-8")
    model_name = f"models-{code}"
    registry.register_model(log_model(str(profile), index_folder), model_name)
    registry.set_champion(model_name, "1")
    findings = list(check_champion(model_name, [], 7, today))
    assert list_codes(findings) == [0, code, 0]
    if code:
        ends = "openai:gpt-4.1 on 2027-01-14, openai:gpt-4o on 2027-01-14"
        assert findings[1].message == f"Models: qa: all end within 60 days ({ends}); name another model"


def test_other_vectors_of_the_same_name_give_a_finding(store: Path, tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text(
        PROFILE.replace("embeddings: {provider: offline}", "embeddings: {provider: compatible, model: e}"), "utf-8"
    )

    def embed_otherwise(body: dict[str, Any]) -> Any:
        vectors = [[0.0, 1.0, 0.5, -1.0] for _ in body["input"]]
        return 200, {"data": [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)], "usage": None}

    with run_odd_server():
        build_index(Profile.read(str(profile)), [EXERCISE], tmp_path / "index", ignore_progress)
        registry.register_model(log_model(str(profile), tmp_path / "index"), "vectors")
        registry.set_champion("vectors", "1")
        finding = list(check_champion("vectors", [], 7, TODAY))[1]
        assert finding == MonitorFinding("Vectors: compatible:e returns those of the index")
    with run_odd_server({EMBEDDINGS: embed_otherwise}):
        finding = list(check_champion("vectors", [], 7, TODAY))[1]
        words = "Vectors: compatible:e returns other ones than those of the index; build it again"
        assert finding == MonitorFinding(words, MODELS)


def make_outputs(supports: Sequence[float], refused_count: int) -> list[dict[str, Any]]:
    return [{"support": value, "abstained": n < refused_count, "ran": True} for n, value in enumerate(supports)]


@pytest.mark.parametrize(
    ("supports", "refused_count", "expected"),
    [
        ([0.3, 0.4, 0.5, 0.6] * 10, 10, [0, 0]),
        ([0.3, 0.4, 0.5, 0.6] * 10, 39, [ANSWERS, 0]),
        ([0.0, 0.1] * 20, 10, [0, ANSWERS]),
    ],
)
def test_drift_of_answers_gives_a_finding(
    supports: list[float], refused_count: int, expected: list[int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    promotion_outputs = make_outputs([0.3, 0.4, 0.5, 0.6] * 10, 10)
    monkeypatch.setattr(monitor, "_promotion_rows", lambda _champion: promotion_outputs)
    monkeypatch.setattr(
        monitor, "_recent_outputs", lambda _champion, _days: iter(make_outputs(supports, refused_count))
    )
    assert list_codes(list(check_champion(name, [], 7, TODAY))[1:]) == expected


def test_check_compares_traces_of_users_without_evaluations(
    name: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mlflow.create_experiment(name))
    monkeypatch.setenv("MULTICHAIN_TRACES", "1")
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    model.predict([{"qa": {"question": f"Who discovered number {n}?"}} for n in range(20)])
    monkeypatch.setenv("MULTICHAIN_EVALUATION", "rows")
    model.predict([{"qa": {"question": "Who makes GPT-4?"}}])
    findings = list(check_champion(name, [], 7, TODAY))
    assert findings[1] == MonitorFinding("Answers: 100% of 20 refused in 7 days, 25% at the promotion", ANSWERS)
    assert findings[2].code == ANSWERS


def test_check_without_a_champion_is_refused(store: Path) -> None:
    with pytest.raises(CommandError, match="nothing has no version with the alias champion"):
        list(check_champion("nothing", [], 7))


def test_profile_is_read_from_the_version(name: str) -> None:
    assert load_version_profile(f"models:/{name}/1").name == "offline"


def test_check_command_exits_with_the_code_of_its_findings(name: str, store: Path, run: Any, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("Other.", "utf-8")
    environment = {"MLFLOW_TRACKING_URI": f"sqlite:///{store / 'mlflow.db'}"}
    process = run(
        "training", "check", "--name", name, "--documents", str(tmp_path / "other.txt"), folder=store, **environment
    )
    assert (process.returncode, process.stdout.splitlines()[0][:25]) == (DOCUMENTS, "WARN  Documents: 1 new, 0"), (
        process.stderr
    )
