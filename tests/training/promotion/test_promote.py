"""Promotion, refusal, force, copies, rollback and history of versions in a real registry."""

import json
import shutil
from collections.abc import Mapping
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
from training.report import print_results
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


def ignore_progress(_done: int, _total: int) -> None:
    """Ignore the progress."""


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    file = tmp_path_factory.mktemp("evaluation") / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, QUESTIONS)), "utf-8")
    return Evidence(file.name, read_dataset(file).examples)


@pytest.fixture(scope="module")
def poor_version(store: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Log a version over one of the three texts; return its URI."""
    folder = tmp_path_factory.mktemp("poor")
    build = build_index(Profile.read("offline"), [EXERCISE / "gpt-4.txt"], folder / "index", ignore_progress)
    return log_model("offline", build.folder)


@pytest.fixture
def name(store: Path, request: pytest.FixtureRequest) -> str:
    """Return the name of the test's registered model."""
    return str(request.node.name).replace("[", "-").replace("]", "")


def get_version(name: str, number: str) -> Any:
    return mlflow.MlflowClient().get_model_version(name, number)


def try_promotion(name: str, uri: str, evidence: Evidence | None, force: str = "") -> tuple[str, bool]:
    """Register a version and try to promote it; return its number and whether it was promoted."""
    number = registry.register_model(uri, name)
    challenger = registry.find_version(name)
    assert str(challenger.version) == number
    champion = promote_version(challenger, decide_promotion(challenger, name, evidence, ignore_progress), name, force)
    return number, bool(champion)


def test_worse_version_is_refused_and_equal_version_promoted(
    name: str, logged: str, poor_version: str, evidence: Evidence
) -> None:
    assert try_promotion(name, logged, evidence) == ("1", True)
    assert try_promotion(name, poor_version, evidence) == ("2", False)
    assert registry.find_champion(name).version == 1  # type: ignore[union-attr]
    tags = get_version(name, "2").tags
    assert (tags["gate_decision"], tags["gate_champion"]) == ("refused", "1")
    assert tags["gate_reason"].startswith("the right passage was among those found: 0.3333 against 1")
    assert tags["gate_by"] == registry.current_user()
    run = mlflow.get_run(tags["gate_run"])
    assert (run.data.tags["gate_decision"], run.data.tags["against"]) == ("refused", f"models:/{name}/1")
    assert "worse   recall" in mlflow.artifacts.load_text(f"{run.info.artifact_uri}/verdict.txt")
    assert try_promotion(name, logged, evidence) == ("3", True)
    assert get_version(name, "3").tags["replaced"] == "1"


def test_refused_version_is_promoted_when_forced_with_a_reason(
    name: str, logged: str, poor_version: str, evidence: Evidence
) -> None:
    try_promotion(name, logged, None)
    assert try_promotion(name, poor_version, evidence, "the other texts were wrong") == ("2", True)
    tags = get_version(name, "2").tags
    assert (tags["gate_decision"], tags["gate_reason"]) == ("forced", "the other texts were wrong")
    assert tags["replaced"] == "1"


def test_version_without_examples_is_promoted_by_its_contract(name: str, poor_version: str) -> None:
    assert try_promotion(name, poor_version, None) == ("1", True)
    tags = get_version(name, "1").tags
    assert tags["gate_reason"] == "the version keeps its contract and answers; no example was compared"
    assert "replaced" not in tags


def test_version_below_a_floor_of_its_profile_is_refused(
    name: str, store: Path, index_folder: Path, evidence: Evidence, tmp_path: Path
) -> None:
    profile = tmp_path / "strict.yaml"
    profile.write_text(PROFILE + "gate: {recall: 0.5, seconds: 0.0}\n", "utf-8")
    uri = log_model(str(profile), index_folder)
    registry.register_model(uri, name)
    file = tmp_path / "mine.jsonl"
    file.write_text("\n".join(map(json.dumps, QUESTIONS)), "utf-8")
    sentence = r"version 1 of .* is not promoted: seconds per request: .*at most 0\. The version stays"
    with pytest.raises(CommandError, match=sentence):
        print_results(promote_through_gate(name, "1", name, PromotionOptions(file)))
    assert registry.find_champion(name) is None


def test_evaluation_of_a_missing_stage_is_refused(name: str, store: Path, index_folder: Path, tmp_path: Path) -> None:
    profile = tmp_path / "alone.yaml"
    profile.write_text(PROFILE, "utf-8")
    registry.register_model(log_model(str(profile), index_folder), name)
    file = tmp_path / "mine.jsonl"
    file.write_text('{"prompt": "A diagram"}\n', "utf-8")
    with pytest.raises(CommandError, match="has no stage of the kind image_generation, which the evaluation file"):
        print_results(promote_through_gate(name, "1", name, PromotionOptions(file)))


def test_promotion_to_another_name_copies_the_version(name: str, logged: str) -> None:
    registry.register_model(logged, name)
    print_results(promote_through_gate(name, "1", f"prod-{name}", PromotionOptions()))
    champion = registry.find_champion(f"prod-{name}")
    assert champion is not None
    assert (champion.version, champion.tags["copied_from"]) == (1, f"{name}/1")
    assert registry.find_champion(name) is None


def test_rollback_goes_back_one_version_at_each_call(name: str, logged: str) -> None:
    for number in ("1", "2", "3"):
        assert try_promotion(name, logged, None) == (number, True)
    assert roll_back(name) == ("3", "2")
    assert roll_back(name) == ("2", "1")
    with pytest.raises(CommandError, match=r"version 1 of .* replaced no version"):
        roll_back(name)
    assert roll_back(name, "3") == ("1", "3")
    assert get_version(name, "2").tags["rolled_back"].endswith(f" by {registry.current_user()}")


def test_rollback_to_a_version_with_forgotten_document_is_refused(name: str, logged: str) -> None:
    for _ in range(2):
        try_promotion(name, logged, None)
    registry.mark_forgotten(name, VersionWithDocuments("1", (), ("gpt-4.txt",)))
    with pytest.raises(CommandError, match=r"version 1 of .* contains forgotten documents \(gpt-4.txt\)"):
        roll_back(name)
    assert registry.find_champion(name).version == 2  # type: ignore[union-attr]


def test_promotion_that_is_killed_before_its_tags_has_noted_nothing(
    name: str, logged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_promotion(name, logged, None)
    tags: list[str] = []

    def kill(_name: str, _version: str, values: Mapping[str, str]) -> None:
        tags.extend(values)
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "tag_version", kill)
    with pytest.raises(KeyboardInterrupt):
        try_promotion(name, logged, None)
    monkeypatch.undo()
    assert tags[-1] == "gate_decision"  # a decision that can be read has all its other tags
    lines = list(list_history(name))
    assert lines[0] == "Version 2 (champion), index of unknown size"
    assert lines[1].startswith("  served without a noted decision")
    assert try_promotion(name, logged, None) == ("3", True)
    assert [line.split(" on ")[0] for line in list_history(name)][:2] == [
        "Version 3 (champion), index of unknown size",
        "  promoted, in place of 2",
    ]


def damage(uri: str, folder: Path) -> str:
    """Log a copy of a version with a changed index; return the copy's folder."""
    shutil.copytree(mlflow.artifacts.download_artifacts(uri), folder)
    with (folder / "artifacts" / "index" / "chunks.jsonl").open("a", encoding="utf-8") as chunks:
        chunks.write("\n")
    return str(folder)


def test_damaged_champion_is_replaced_without_a_comparison(
    name: str, logged: str, poor_version: str, evidence: Evidence, tmp_path: Path
) -> None:
    assert try_promotion(name, damage(logged, tmp_path / "damaged"), None) == ("1", True)
    assert try_promotion(name, poor_version, evidence) == ("2", True)
    reasons = get_version(name, "2").tags["gate_reason"]
    assert "version 1, the champion, is damaged (artifacts/index/chunks.jsonl was changed), so" in reasons
    with pytest.raises(CommandError, match=r"version 1 of .* is damaged \(artifacts/index/chunks.jsonl was changed\)"):
        roll_back(name)
    assert registry.find_champion(name).version == 2  # type: ignore[union-attr]


def test_champion_whose_files_are_gone_is_replaced(name: str, logged: str, evidence: Evidence, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    shutil.copytree(mlflow.artifacts.download_artifacts(logged), folder)
    try_promotion(name, str(folder), None)
    shutil.rmtree(mlflow.artifacts.download_artifacts(f"models:/{name}/1"))
    assert try_promotion(name, logged, evidence) == ("2", True)
    assert "the champion, is damaged (its files no longer exist)" in get_version(name, "2").tags["gate_reason"]


def test_sample_takes_no_place_of_a_champion_that_was_made_from_other_documents(
    name: str, logged: str, poor_version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try_promotion(name, logged, None)
    registry.register_model(poor_version, name)  # it lacks two of the champion's documents
    print_results(promote_through_gate(name, "2", name, PromotionOptions(is_sample=True)))
    assert capsys.readouterr().out == (
        f"The alias champion stays at version 1 of {name}, which was made from other documents than those that come "
        f"with the project. python -m training promote 2 --name {name} moves it\nThe new version is models:/{name}/2\n"
    )
    assert registry.find_champion(name).version == 1  # type: ignore[union-attr]
    print_results(promote_through_gate(name, "2", name, PromotionOptions(is_sample=True, force_reason="a try")))
    assert registry.find_champion(name).version == 2  # type: ignore[union-attr]
    registry.register_model(logged, name)  # it has all documents of the champion
    print_results(promote_through_gate(name, "3", name, PromotionOptions(is_sample=True)))
    assert registry.find_champion(name).version == 3  # type: ignore[union-attr]


def test_rollback_to_a_missing_or_current_version_is_refused(name: str, logged: str) -> None:
    with pytest.raises(CommandError, match="has no version with the alias champion"):
        roll_back("nothing")
    try_promotion(name, logged, None)
    with pytest.raises(CommandError, match="has no version 9; python -m training history lists them"):
        roll_back(name, "9")
    with pytest.raises(CommandError, match=r"version 1 of .* is the champion already"):
        roll_back(name, "1")


def test_history_lists_decisions_metrics_and_tags(
    name: str, logged: str, poor_version: str, evidence: Evidence
) -> None:
    try_promotion(name, logged, evidence)
    registry.tag_version(
        name, "1", {"documents": "3", "chunks": "3", "index_bytes": "25000", "model_ends": '{"m": "2027-01-14"}'}
    )
    try_promotion(name, poor_version, evidence)
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


def test_permission_error_names_the_required_privilege() -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    with (
        pytest.raises(CommandError, match=r"lacks a privilege on a.b.c: in Unity Catalog, aliases and tags need"),
        registry.translate_errors("a.b.c"),
    ):
        raise MlflowException("no", error_code=PERMISSION_DENIED)
