"""Removal of documents from the index, the cache, evaluation files and registered versions."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from model.errors import CommandError
from model.profile import Profile
from model.retrieval.local.index import Index
from standin.app import StandIn
from tests.fixtures import EXERCISE
from training.forget import RemovalCounts, forget_documents
from training.indexing import embedding_cache
from training.indexing.build import build_index
from training.report import print_results
from training.workflow import forget_everywhere

SQUAD = {
    "data": [
        {
            "title": "A/B",
            "paragraphs": [
                {"context": "One.", "qas": [{"id": "1", "question": "q1", "answers": [{"text": "One"}]}]},
                {"context": "Two.", "qas": [{"id": "2", "question": "q2", "answers": [{"text": "Two"}]}]},
            ],
        }
    ]
}


def ignore_progress(_done: int, _total: int) -> None: ...


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXERCISE, tmp_path / "texts")
    return tmp_path


def test_forget_leaves_no_trace_of_a_document_in_the_index(folder: Path) -> None:
    build_index(Profile.read("offline"), [folder / "texts"], folder / "index", ignore_progress)
    assert forget_documents(
        Profile.read("offline"), ["gpt-4.txt"], folder / "index", [], ignore_progress
    ) == RemovalCounts(1, 0, 0)
    index = Index.open(folder / "index")
    assert sorted(index.manifest.documents) == ["azure-databricks.txt", "langchain.txt"]
    assert not [path for path in (folder / "index").rglob("*") if path.is_file() and b"GPT-4" in path.read_bytes()]
    shutil.rmtree(folder / "texts")
    shutil.copytree(EXERCISE, folder / "texts")
    (folder / "texts" / "gpt-4.txt").unlink()
    fresh_build = build_index(Profile.read("offline"), [folder / "texts"], folder / "scratch", ignore_progress)
    assert index.manifest == fresh_build.manifest


def test_forget_removes_vectors_of_earlier_texts_without_new_embedding(stand_in: StandIn, folder: Path) -> None:
    profile = Profile.read("openai")
    build_index(profile, [folder / "texts"], folder / "index", ignore_progress)
    (folder / "texts" / "gpt-4.txt").write_text("Another text.", "utf-8")
    build_index(profile, [folder / "texts"], folder / "index", ignore_progress)
    stand_in.script.reset()
    assert forget_documents(profile, ["gpt-4.txt"], folder / "index", [], ignore_progress) == RemovalCounts(1, 2, 0)
    batches = [body["input"] for path, body in stand_in.script.calls if path == "embeddings"]
    assert [len(texts) for texts in batches] == [1]  # only the probe
    with sqlite3.connect(folder / embedding_cache.CACHE_FILE) as database:
        assert database.execute("SELECT count(*) FROM vectors WHERE text != ''").fetchone() == (2,)
        assert database.execute("SELECT count(*) FROM holders WHERE source = 'gpt-4.txt'").fetchone() == (0,)
    database.close()


def test_forget_removes_questions_on_the_document_from_datasets(folder: Path) -> None:
    build_index(Profile.read("offline"), [folder / "texts"], folder / "index", ignore_progress)
    lines = [{"question": "q1", "answer": "a", "source": "gpt-4.txt"}, {"question": "q2", "answer": "b"}]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "squad.json").write_text(json.dumps(SQUAD), "utf-8")
    files = [folder / "rows.jsonl", folder / "squad.json"]
    counts = forget_documents(
        Profile.read("offline"), ["gpt-4.txt", "A_B/000.txt"], folder / "index", files, ignore_progress
    )
    assert counts == RemovalCounts(1, 0, 2)
    assert (folder / "rows.jsonl").read_text("utf-8") == json.dumps(lines[1]) + "\n"
    paragraphs = json.loads((folder / "squad.json").read_text("utf-8"))["data"][0]["paragraphs"]
    assert [(paragraph["context"], len(paragraph["qas"])) for paragraph in paragraphs] == [("", 0), ("Two.", 1)]
    repeated_counts = forget_documents(
        Profile.read("offline"), ["gpt-4.txt", "A_B/000.txt"], folder / "index", files, ignore_progress
    )
    assert repeated_counts == RemovalCounts(0, 0, 0)


@pytest.mark.parametrize("text", [None, "{", "[1]"])
def test_forget_with_invalid_evaluation_file_leaves_index_unchanged(text: str | None, folder: Path) -> None:
    build_index(Profile.read("offline"), [folder / "texts"], folder / "index", ignore_progress)
    if text is not None:
        (folder / "rows.jsonl").write_text(text, "utf-8")
    with pytest.raises(CommandError, match=r"rows\.jsonl cannot be read as an evaluation file \(\w+\); the file"):
        forget_documents(
            Profile.read("offline"), ["gpt-4.txt"], folder / "index", [folder / "rows.jsonl"], ignore_progress
        )
    assert len(Index.open(folder / "index").chunks) == 3


def test_forget_refuses_an_empty_index_and_another_embedding(folder: Path, stand_in: StandIn) -> None:
    build_index(Profile.read("offline"), [folder / "texts"], folder / "index", ignore_progress)
    all_sources = ["azure-databricks.txt", "gpt-4.txt", "langchain.txt"]
    with pytest.raises(CommandError, match=r"no chunk would be left in the index .*index; delete the folder"):
        forget_documents(Profile.read("offline"), all_sources, folder / "index", [], ignore_progress)
    with pytest.raises(CommandError, match="built with the embeddings offline:char_wb-3-5-2048, but the profile has"):
        forget_documents(Profile.read("openai"), ["gpt-4.txt"], folder / "index", [], ignore_progress)
    assert len(Index.open(folder / "index").chunks) == 3


def test_forget_promotes_a_new_version_and_marks_older_ones(
    folder: Path, run: Callable[..., "object"], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    run("training", "run", "--documents", "texts", MLFLOW_TRACKING_URI=f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_tracking_uri(None)
    print_results(forget_everywhere("offline", ["gpt-4.txt"], folder / "index", [], "multichain", ignore_progress))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Removed 1 chunks of the index, 0 kept vectors and 0 questions"
    assert "The alias champion points at this version: models:/multichain@champion" in lines
    assert lines[-1] == (
        "Version 1 of multichain still contains gpt-4.txt; delete the version if they must be removed there, too"
    )
    client = mlflow.MlflowClient()
    assert str(client.get_model_version_by_alias("multichain", "champion").version) == "2"
    assert json.loads(client.get_model_version("multichain", "1").tags["forgotten"]) == ["gpt-4.txt"]
    assert "forgotten" not in client.get_model_version("multichain", "2").tags
    answer = mlflow.pyfunc.load_model("models:/multichain@champion").predict({"qa": {"question": "What is GPT-4?"}})
    assert "gpt-4.txt" not in {source["source"] for source in answer["qa"]["sources"]}
    with pytest.raises(CommandError, match=r"no index, evaluation file or version contains nope\.txt"):
        print_results(forget_everywhere("offline", ["nope.txt"], folder / "index", [], "multichain", ignore_progress))
