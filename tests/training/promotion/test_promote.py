"""Versions in a real registry: promoted, refused, forced, copied, taken back, and listed."""

import json
from pathlib import Path
from typing import Any

import mlflow
import pytest

from model.errors import CommandError
from model.profile import Profile
from tests.fixtures import EXERCISE, PROFILE
from training.evaluation.dataset import read_dataset
from training.indexing.build import build_index
from training.packaging.log_model import log_model
from training.promotion.promote import Evidence, decide_promotion, promote_version, roll_back
from training.versions import registry
from training.versions.history import list_history
from training.versions.registry import VersionWithDocuments
from training.workflow import PromotionOptions, promote_through_gate

QUESTIONS = [
    {"question": f"{begin} {name}?", "source": file}
    for name, file in [
        ("LangChain", "langchain.txt"),
        ("GPT-4", "gpt-4.txt"),
        ("Azure Databricks", "azure-databricks.txt"),
    ]
    for begin in ("What is", "Tell me about", "Explain", "Who makes")
]


def quiet(_done: int, _total: int) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    file = tmp_path_factory.mktemp("evaluation") / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, QUESTIONS)), "utf-8")
    return Evidence(file.name, read_dataset(file).examples)


@pytest.fixture(scope="module")
def poor(store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A version over one of the three texts."""
    folder = tmp_path_factory.mktemp("poor")
    made = build_index(Profile.read("offline"), [EXERCISE / "gpt-4.txt"], folder / "index", quiet)
    return log_model("offline", made.folder)


@pytest.fixture
def name(store: Path, request: pytest.FixtureRequest) -> str:
    """A registered model of the test's own."""
    return str(request.node.name).replace("[", "-").replace("]", "")


def version(name: str, number: str) -> Any:
    return mlflow.MlflowClient().get_model_version(name, number)


def tried(name: str, uri: str, evidence: Evidence | None, force: str = "") -> tuple[str, bool]:
    """Registers a version and tries to promote it: its number, and whether it is served."""
    number = registry.register_model(uri, name)
    challenger = registry.find_version(name)
    assert str(challenger.version) == number
    served = promote_version(challenger, decide_promotion(challenger, name, evidence, quiet), name, force)
    return number, bool(served)


def test_a_worse_version_is_refused_and_a_same_one_promoted(
    name: str, logged: str, poor: str, evidence: Evidence
) -> None:
    assert tried(name, logged, evidence) == ("1", True)
    assert tried(name, poor, evidence) == ("2", False)
    assert registry.find_champion(name).version == 1  # type: ignore[union-attr]
    told = version(name, "2").tags
    assert (told["gate_decision"], told["gate_champion"]) == ("refused", "1")
    assert told["gate_reason"].startswith("the right passage was among those found: 0.3333 against 1")
    assert told["gate_by"] == registry.current_user()
    run = mlflow.get_run(told["gate_run"])
    assert (run.data.tags["gate_decision"], run.data.tags["against"]) == ("refused", f"models:/{name}/1")
    assert "worse   recall" in mlflow.artifacts.load_text(f"{run.info.artifact_uri}/verdict.txt")
    assert tried(name, logged, evidence) == ("3", True)
    assert version(name, "3").tags["replaced"] == "1"


def test_a_refused_version_can_be_forced_with_a_reason(name: str, logged: str, poor: str, evidence: Evidence) -> None:
    tried(name, logged, None)
    assert tried(name, poor, evidence, "the other texts were wrong") == ("2", True)
    told = version(name, "2").tags
    assert (told["gate_decision"], told["gate_reason"]) == ("forced", "the other texts were wrong")
    assert told["replaced"] == "1"


def test_without_rows_the_contract_is_enough(name: str, poor: str) -> None:
    assert tried(name, poor, None) == ("1", True)
    told = version(name, "1").tags
    assert told["gate_reason"] == "the version keeps its contract and answers; no example was compared"
    assert "replaced" not in told


def test_floors_of_the_profile(name: str, store: Path, index_folder: Path, evidence: Evidence, tmp_path: Path) -> None:
    profile = tmp_path / "strict.yaml"
    profile.write_text(PROFILE + "gate: {recall: 0.5, seconds: 0.0}\n", "utf-8")
    uri = log_model(str(profile), index_folder)
    registry.register_model(uri, name)
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, QUESTIONS)), "utf-8")
    sentence = r"version 1 of .* is not promoted: seconds per request: .*at most 0\. The version stays"
    with pytest.raises(CommandError, match=sentence):
        promote_through_gate(name, "1", name, PromotionOptions(file))
    assert registry.find_champion(name) is None


def test_a_file_that_asks_for_what_the_version_has_not(
    name: str, store: Path, index_folder: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "alone.yaml"
    profile.write_text(PROFILE, "utf-8")
    registry.register_model(log_model(str(profile), index_folder), name)
    file = tmp_path / "mine.jsonl"
    file.write_text('{"prompt": "A diagram"}\n', "utf-8")
    with pytest.raises(CommandError, match="has no stage of the kind image_generation, which the evaluation file"):
        promote_through_gate(name, "1", name, PromotionOptions(file))


def test_a_copy_in_another_catalog(name: str, logged: str) -> None:
    registry.register_model(logged, name)
    promote_through_gate(name, "1", f"prod-{name}", PromotionOptions())
    served = registry.find_champion(f"prod-{name}")
    assert served is not None
    assert (served.version, served.tags["copied_from"]) == (1, f"{name}/1")
    assert registry.find_champion(name) is None


def test_back_and_back_again(name: str, logged: str) -> None:
    for number in ("1", "2", "3"):
        assert tried(name, logged, None) == (number, True)
    assert roll_back(name) == ("3", "2")
    assert roll_back(name) == ("2", "1")
    with pytest.raises(CommandError, match=r"version 1 of .* replaced no version"):
        roll_back(name)
    assert roll_back(name, "3") == ("1", "3")
    assert version(name, "2").tags["rolled_back"].endswith(f" by {registry.current_user()}")


def test_a_version_that_holds_a_forgotten_document_is_not_gone_back_to(name: str, logged: str) -> None:
    for _ in range(2):
        tried(name, logged, None)
    registry.mark_forgotten(name, VersionWithDocuments("1", (), ("gpt-4.txt",)))
    with pytest.raises(CommandError, match=r"version 1 of .* contains forgotten documents \(gpt-4.txt\)"):
        roll_back(name)
    assert registry.find_champion(name).version == 2  # type: ignore[union-attr]


def test_back_to_what_is_not_there(name: str, logged: str) -> None:
    with pytest.raises(CommandError, match="has no version with the alias champion"):
        roll_back("nothing")
    tried(name, logged, None)
    with pytest.raises(CommandError, match="has no version 9; python -m training history lists them"):
        roll_back(name, "9")
    with pytest.raises(CommandError, match=r"version 1 of .* is the champion already"):
        roll_back(name, "1")


def test_history(name: str, logged: str, poor: str, evidence: Evidence) -> None:
    tried(name, logged, evidence)
    registry.tag_version(
        name, "1", {"documents": "3", "chunks": "3", "index_bytes": "25000", "model_ends": '{"m": "2027-01-14"}'}
    )
    tried(name, poor, evidence)
    registry.mark_forgotten(name, VersionWithDocuments("2", (), ("gpt-4.txt",)))
    lines = list(list_history(name))
    assert lines[0] == "Version 2, index of unknown size"
    assert lines[1].startswith("  refused on 20")
    assert lines[2].startswith("  measured: recall 0.3333, answered 0.")
    assert lines[3:5] == [
        "  contains forgotten documents: gpt-4.txt",
        "Version 1 (champion), index of 3 documents, 3 chunks, 0.0 MB",
    ]
    assert lines[6].startswith("  measured: recall 1, answered ")
    assert lines[7:] == ["  models end: m 2027-01-14"]
    with pytest.raises(CommandError, match="nothing has no version in sqlite"):
        list(list_history("nothing"))


def test_who_may_not_is_told_whom_to_ask() -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    with (
        pytest.raises(CommandError, match=r"lacks a privilege on a.b.c: in Unity Catalog, aliases and tags need"),
        registry.translate_errors("a.b.c"),
    ):
        raise MlflowException("no", error_code=PERMISSION_DENIED)
