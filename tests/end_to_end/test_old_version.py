"""A version that an earlier commit logged: the present code opens, verifies, compares and monitors it."""

import json
import shutil
import zipfile
from pathlib import Path

import mlflow
import pytest

from model.profile_validation import validate_profile
from tests.fixtures import EXERCISE, ROOT
from training.evaluation.dataset import read_dataset
from training.promotion import monitor
from training.promotion.promote import Evidence, decide_promotion, promote_version
from training.verification.verify import verify_version
from training.versions import registry
from training.versions.history import list_history

COMMIT = "84171ce"
"""The commit that logged the version over the exercise's three texts; its fonts are the present ones."""
QUESTIONS = [
    {"question": f"{begin} {name}?", "source": file}
    for name, file in [("LangChain", "langchain.txt"), ("GPT-4", "gpt-4.txt")]
    for begin in ("What is", "Tell me about", "Explain", "Who makes")
]


def ignore_progress(_done: int, _total: int) -> None:
    """Ignore the progress of a step."""


@pytest.fixture(scope="module")
def old_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the old version."""
    folder = tmp_path_factory.mktemp("old")
    with zipfile.ZipFile(ROOT / "tests" / "end_to_end" / "versions" / f"{COMMIT}.zip") as archive:
        archive.extractall(folder)
    (code,) = (folder / "code").iterdir()
    shutil.copytree(ROOT / "model" / "fonts", code / "fonts")
    entries = (folder / "MLmodel").read_text("utf-8").splitlines(keepends=True)
    entries = [entry for entry in entries if not entry.startswith("model_id")]  # it names a model of another store
    (folder / "MLmodel").write_text("".join(entries), "utf-8")
    return folder


def test_old_version_answers_with_its_own_code(old_version: Path, store: Path) -> None:
    assert store.is_dir()
    response = mlflow.pyfunc.load_model(str(old_version)).predict(
        {"qa": {"question": "What is GPT-4?", "k": 1}, "image_generation": {"prompt": "A diagram of {qa.answer}"}}
    )
    assert response["qa"]["answer"] == "GPT-4 is a powerful language model developed by OpenAI. [1]"
    assert [source["source"] for source in response["qa"]["sources"]] == ["gpt-4.txt"]
    assert response["image_generation"]["alt_text"] == (
        "Diagram of GPT-4 is a powerful language model developed by OpenAI.: GPT-4 is Powerful language model; "
        "Powerful language model developed by OpenAI."
    )


def test_old_version_passes_every_check(old_version: Path, store: Path) -> None:
    assert store.is_dir()
    checks = list(verify_version(str(old_version)))
    assert len([check for check in checks if not check.detail]) == 35
    assert [(check.name, check.problem) for check in checks if check.problem] == []


def test_gate_promotes_a_new_version_over_an_old_version(
    old_version: Path, logged: str, store: Path, tmp_path: Path
) -> None:
    assert store.is_dir()
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, QUESTIONS)), "utf-8")
    evidence = Evidence(file.name, read_dataset(file).examples)
    name = "renewed"
    registry.register_model(str(old_version), name)
    promote_version(
        registry.find_version(name), decide_promotion(registry.find_version(name), name, None, ignore_progress), name
    )
    registry.register_model(logged, name)
    decision = decide_promotion(registry.find_version(name), name, evidence, ignore_progress)
    assert (decision.champion, decision.verdict.is_promoted) == ("1", True)
    assert {comparison.name for comparison in decision.verdict.comparisons} >= {"recall", "contract"}
    assert promote_version(registry.find_version(name), decision, name) == "2"
    heads = [line.partition(",")[0] for line in list_history(name) if line.startswith("Version")]
    assert heads == ["Version 2 (champion)", "Version 1"]


def test_profile_and_documents_of_an_old_version_can_be_read(old_version: Path, store: Path) -> None:
    assert store.is_dir()
    registry.register_model(str(old_version), "monitored")
    contract = validate_profile(monitor.load_version_profile("models:/monitored/1"))
    assert list(contract.stages) == ["qa", "image_generation"]
    documents = registry.read_documents("models:/monitored/1")
    assert sorted(documents) == sorted(path.name for path in EXERCISE.glob("*.txt"))
