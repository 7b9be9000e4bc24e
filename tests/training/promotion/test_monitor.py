"""What a scheduler is told of the version that is served."""

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import mlflow
import pytest

from model.errors import CommandError
from standin.app import StandIn
from tests.fixtures import EXERCISE, PROFILE
from training.evaluation.dataset import Example
from training.packaging.log_model import log_model
from training.promotion import monitor as checking
from training.promotion.monitor import ANSWERS, DOCUMENTS, MODELS, MonitorFinding, check_champion, load_version_profile
from training.promotion.promote import Decision, Evidence, decide_promotion, promote_version
from training.versions import registry

TODAY = date(2026, 11, 24)


def quiet(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def decision(logged: str) -> Decision:
    """That the version is no worse than none, by 12 rows, a fourth of them to be refused."""
    registry.register_model(logged, "decided")
    rows = [Example(f"{begin} GPT-4?", ("OpenAI",), "gpt-4.txt") for begin in ("What is", "Who makes", "Explain")] * 3
    rows += [Example("Who discovered penicillin?", is_answerable=False)] * 3
    return decide_promotion(registry.find_version("decided"), "decided", Evidence("rows", rows), quiet)


@pytest.fixture
def name(logged: str, decision: Decision, request: pytest.FixtureRequest) -> str:
    """A registered model of the test's own, whose version 1 was promoted by that decision."""
    made = str(request.node.name).replace("[", "-").replace("]", "")
    registry.register_model(logged, made)
    promote_version(registry.find_version(made), decision, made)
    return made


def codes(findings: Sequence[MonitorFinding]) -> list[int]:
    return [finding.code for finding in findings]


def test_documents_that_are_as_they_were(name: str) -> None:
    told = list(check_champion(name, [EXERCISE], 7, TODAY))
    assert told[0] == MonitorFinding("Documents: 3, all unchanged")
    assert told[-1].message.startswith("Answers: not compared; 0 were traced in 7 days, and 20 are needed")
    assert next(check_champion(name, [], 7, TODAY)).message == "Documents: not compared; name them with --documents"


def test_documents_that_changed(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXERCISE, tmp_path / "documents")
    (tmp_path / "documents" / "gpt-4.txt").write_text("GPT-4 is gone.", "utf-8")
    (tmp_path / "documents" / "new.txt").write_text("New.", "utf-8")
    found = next(check_champion(name, [tmp_path / "documents"], 7, TODAY))
    assert found.code == DOCUMENTS
    assert found.message.startswith(
        "Documents: 1 new, 1 changed, 0 removed, 2 unchanged; python -m training run --update"
    )


@pytest.mark.parametrize(("today", "code"), [(date(2026, 10, 1), 0), (date(2026, 12, 1), MODELS)])
def test_models_of_which_none_is_left_soon(
    today: date, code: int, index_folder: Path, store: Path, tmp_path: Path, stand_in: StandIn, request: Any
) -> None:
    profile = tmp_path / "paid.yaml"
    chat = "{provider: openai, models: [gpt-4.1, gpt-4o]}"
    profile.write_text(PROFILE.replace("{provider: offline}}", f"{chat}}}"), "utf-8")
    made = f"models-{code}"
    registry.register_model(log_model(str(profile), index_folder), made)
    registry.set_champion(made, "1")
    told = list(check_champion(made, [], 7, today))
    assert codes(told) == [0, code, 0]
    if code:
        ends = "openai:gpt-4.1 on 2027-01-14, openai:gpt-4o on 2027-01-14"
        assert told[1].message == f"Models: qa: all end within 60 days ({ends}); name another model"


def traces(supports: Sequence[float], refused: int) -> list[dict[str, Any]]:
    return [{"support": value, "abstained": place < refused, "ran": True} for place, value in enumerate(supports)]


@pytest.mark.parametrize(
    ("supports", "refused", "wanted"),
    [
        ([0.3, 0.4, 0.5, 0.6] * 10, 10, [0, 0]),
        ([0.3, 0.4, 0.5, 0.6] * 10, 39, [ANSWERS, 0]),
        ([0.0, 0.1] * 20, 10, [0, ANSWERS]),
    ],
)
def test_answers_that_drift(
    supports: list[float], refused: int, wanted: list[int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = traces([0.3, 0.4, 0.5, 0.6] * 10, 10)
    monkeypatch.setattr(checking, "_promotion_rows", lambda _served: before)
    monkeypatch.setattr(checking, "_recent_outputs", lambda _served, _days: iter(traces(supports, refused)))
    assert codes(list(check_champion(name, [], 7, TODAY))[1:]) == wanted


def test_answers_of_users_are_compared_and_not_those_of_evaluations(
    name: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mlflow.create_experiment(name))
    monkeypatch.setenv("MULTICHAIN_TRACES", "1")
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    model.predict([{"qa": {"question": f"Who discovered number {n}?"}} for n in range(20)])
    monkeypatch.setenv("MULTICHAIN_EVALUATION", "rows")
    model.predict([{"qa": {"question": "Who makes GPT-4?"}}])
    told = list(check_champion(name, [], 7, TODAY))
    assert told[1] == MonitorFinding("Answers: 100% of 20 refused in 7 days, 25% at the promotion", ANSWERS)
    assert told[2].code == ANSWERS


def test_nothing_is_served(store: Path) -> None:
    with pytest.raises(CommandError, match="nothing has no version with the alias champion"):
        list(check_champion("nothing", [], 7))


def test_the_profile_is_the_versions_own(name: str) -> None:
    assert load_version_profile(f"models:/{name}/1").name == "offline"


def test_the_command_adds_up(name: str, store: Path, run: Any, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("Other.", "utf-8")
    there = {"MLFLOW_TRACKING_URI": f"sqlite:///{store / 'mlflow.db'}"}
    done = run("training", "check", "--name", name, "--documents", str(tmp_path / "other.txt"), folder=store, **there)
    assert (done.returncode, done.stdout.splitlines()[0][:25]) == (DOCUMENTS, "WARN  Documents: 1 new, 0"), done.stderr
