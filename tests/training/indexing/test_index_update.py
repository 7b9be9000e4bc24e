"""Updates embed only new and changed documents and rank like a build from scratch; a dry run makes no call."""

from pathlib import Path
from typing import Any

import pytest

from model.contract.requests import Request
from model.profile import Profile
from model.retrieval.local import manifest
from model.retrieval.local.index import FINGERPRINT_TEXT, Index
from standin.app import StandIn
from training.indexing import embedding_cache
from training.indexing.build import BuildResult, build_index
from training.indexing.estimate import estimate_build
from training.indexing.index_update import DocumentDiff
from training.report import print_estimate, print_result

QUESTION = "Which animal swims in the sea?"


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for name, text in (("a", "A red fox runs."), ("b", "A blue whale swims."), ("c", "A white owl flies.")):
        (tmp_path / "texts" / f"{name}.txt").write_text(text, "utf-8")
    return tmp_path / "texts"


def build(texts: Path, profile: str = "openai", index: str = "index", **settings: Any) -> BuildResult:
    return build_index(Profile.read(profile), [texts], texts.parent / index, lambda _done, _total: None, **settings)


def list_embedded_texts(stand_in: StandIn) -> list[list[str]]:
    return [body["input"] for path, body in stand_in.script.calls if path == "embeddings"]


def rank_sources(folder: Path, profile_name: str) -> Any:
    profile = Profile.read(profile_name)
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(folder)))
    (response,) = pipeline.answer_requests([Request({"qa": {"question": QUESTION, "k": 3}})])
    return [(source["source"], source["score"]) for source in response["qa"]["sources"]]


def test_document_diff_compares_names_and_checksums() -> None:
    diff = DocumentDiff.between({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"})
    assert diff == DocumentDiff(new=("d",), changed=("c",), removed=("a",), unchanged=("b",))
    assert diff.has_changes
    assert diff.in_words == "1 new, 1 changed, 1 removed, 1 unchanged"
    assert not DocumentDiff.between({"a": "1"}, {"a": "1"}).has_changes


def test_update_embeds_only_new_and_changed_documents(stand_in: StandIn, texts: Path) -> None:
    """Take the vectors of unchanged documents from the index, since the cache was removed."""
    build(texts)
    (texts.parent / embedding_cache.CACHE_FILE).unlink()
    (texts / "a.txt").unlink()
    (texts / "b.txt").write_text("A grey whale swims.", "utf-8")
    (texts / "d.txt").write_text("A green frog jumps.", "utf-8")
    update = build(texts, update=True)
    assert update.changes == DocumentDiff(("d.txt",), ("b.txt",), ("a.txt",), ("c.txt",))
    assert list_embedded_texts(stand_in)[2:] == [
        [list_embedded_texts(stand_in)[0][0]],
        ["b\nA grey whale swims.", "d\nA green frog jumps."],
    ]
    assert sorted(update.manifest.documents) == ["b.txt", "c.txt", "d.txt"]


@pytest.mark.parametrize("profile", ["offline", "openai"])
def test_updated_index_ranks_like_an_index_from_scratch(profile: str, stand_in: StandIn, texts: Path) -> None:
    for number in range(40):
        (texts / f"{number}.txt").write_text(f"Text {number} tells of animal number {number * 7}.", "utf-8")
    build(texts, profile)
    (texts / "3.txt").unlink()
    (texts / "b.txt").write_text("A grey whale swims in the sea.", "utf-8")
    update = build(texts, profile, update=True)
    (texts.parent / embedding_cache.CACHE_FILE).unlink(missing_ok=True)
    fresh_build = build(texts, profile, "scratch")
    assert update.manifest.files["lexical/words/weights.npy"] == fresh_build.manifest.files["lexical/words/weights.npy"]
    assert rank_sources(update.folder, profile) == rank_sources(fresh_build.folder, profile)
    assert rank_sources(update.folder, profile)[0][0] == "b.txt"


def test_update_without_changes_does_not_write_the_index(
    stand_in: StandIn, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = build(texts)
    call_count = len(list_embedded_texts(stand_in))
    modified_at = (first.folder / manifest.MANIFEST_FILE).stat().st_mtime_ns
    update = build(texts, update=True)
    assert (update.is_written, list_embedded_texts(stand_in)[call_count:]) == (False, [[FINGERPRINT_TEXT]])
    assert (first.folder / manifest.MANIFEST_FILE).stat().st_mtime_ns == modified_at
    print_result(update)
    assert "The index of 3 documents, 3 chunks is up to date" in capsys.readouterr().out


def test_update_with_another_chunk_size_rebuilds_the_index(texts: Path, tmp_path: Path) -> None:
    build(texts, "offline")
    profile_file = tmp_path / "other.yaml"
    text = (Path(manifest.__file__).parents[2] / "profiles" / "offline.yaml").read_text("utf-8")
    profile_file.write_text(text.replace("chunk_size: 1200", "chunk_size: 300"), "utf-8")
    update = build(texts, str(profile_file), update=True)
    assert (update.is_written, update.manifest.chunking["chunk_size"]) == (True, 300)


def test_update_of_a_damaged_index_rebuilds_and_prints_it(texts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = build(texts, "offline")
    (first.folder / "chunks.jsonl").write_text("{}\n", "utf-8")
    update = build(texts, "offline", update=True)
    assert (update.is_written, update.changes) == (True, None)
    print_result(update)
    assert "The whole index is rebuilt: " in capsys.readouterr().out
    assert len(Index.open(first.folder).chunks) == 3


def test_dry_run_prints_changes_and_cost_without_any_call(
    stand_in: StandIn, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(texts)
    call_count, files = len(list_embedded_texts(stand_in)), sorted(texts.parent.iterdir())
    (texts / "d.txt").write_text("A green frog jumps.", "utf-8")
    print_estimate(estimate_build(Profile.read("openai"), [texts], texts.parent / "index", update=True))
    assert capsys.readouterr().out.splitlines() == [
        "Files         4 text",
        "Blocks        4 paragraph",
        "Languages     4 english",
        "Documents: 1 new, 0 changed, 0 removed, 3 unchanged",
        "Would build an index of 4 documents, 4 chunks",
        "Would embed 1 texts, about 9 tokens, with openai:text-embedding-3-small for about $0.0000002",
    ]
    assert (len(list_embedded_texts(stand_in)), sorted(texts.parent.iterdir())) == (call_count, files)


def test_dry_run_of_a_first_build_prints_cost_and_writes_nothing(
    texts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (texts.parent / "none.yaml").write_text("date: 2026-01-01\n", "utf-8")
    monkeypatch.setenv("MULTICHAIN_PRICES", str(texts.parent / "none.yaml"))
    print_estimate(estimate_build(Profile.read("openai"), [texts], texts.parent / "index"))
    assert capsys.readouterr().out.splitlines()[-1].endswith("at an unknown cost")
    print_estimate(estimate_build(Profile.read("offline"), [texts], texts.parent / "index"))
    assert capsys.readouterr().out.splitlines()[-1] == "Would embed 3 texts, about 25 tokens, with offline at no cost"
    assert sorted(path.name for path in texts.parent.iterdir()) == ["none.yaml", "texts"]
