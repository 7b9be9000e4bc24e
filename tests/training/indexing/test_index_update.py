"""Updates embed what is new or changed alone, and search like a build from scratch; a dry run asks nobody."""

from pathlib import Path
from typing import Any

import pytest

from model.contract.requests import Request
from model.profile import Profile
from model.retrieval.local import manifest
from model.retrieval.local.index import Index
from standin.app import StandIn
from training.indexing import embedding_cache
from training.indexing.build import BuildResult, build_index
from training.indexing.estimate import estimate_build
from training.indexing.index_update import DocumentDiff
from training.report import print_build, print_estimate

QUESTION = "Which animal swims in the sea?"


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for name, text in (("a", "A red fox runs."), ("b", "A blue whale swims."), ("c", "A white owl flies.")):
        (tmp_path / "texts" / f"{name}.txt").write_text(text, "utf-8")
    return tmp_path / "texts"


def built(texts: Path, profile: str = "openai", index: str = "index", **how: Any) -> BuildResult:
    return build_index(Profile.read(profile), [texts], texts.parent / index, lambda _done, _total: None, **how)


def embedded(stand_in: StandIn) -> list[list[str]]:
    return [body["input"] for path, body in stand_in.script.calls if path == "embeddings"]


def answers(folder: Path, profile: str) -> Any:
    told = Profile.read(profile)
    pipeline = told.make_pipeline(told.make_retriever(Index.open(folder)))
    (response,) = pipeline.answer_requests([Request({"qa": {"question": QUESTION, "k": 3}})])
    return [(source["source"], source["score"]) for source in response["qa"]["sources"]]


def test_changes_are_by_content() -> None:
    told = DocumentDiff.between({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"})
    assert told == DocumentDiff(new=("d",), changed=("c",), removed=("a",), unchanged=("b",))
    assert told.has_changes
    assert told.in_words == "1 new, 1 changed, 1 removed, 1 unchanged"
    assert not DocumentDiff.between({"a": "1"}, {"a": "1"}).has_changes


def test_an_update_embeds_what_is_new_or_changed_alone(stand_in: StandIn, texts: Path) -> None:
    """Also where no file of kept vectors is: the index itself has them."""
    built(texts)
    (texts.parent / embedding_cache.CACHE_FILE).unlink()
    (texts / "a.txt").unlink()
    (texts / "b.txt").write_text("A grey whale swims.", "utf-8")
    (texts / "d.txt").write_text("A green frog jumps.", "utf-8")
    made = built(texts, update=True)
    assert made.changes == DocumentDiff(("d.txt",), ("b.txt",), ("a.txt",), ("c.txt",))
    assert embedded(stand_in)[2:] == [[embedded(stand_in)[0][0]], ["b\nA grey whale swims.", "d\nA green frog jumps."]]
    assert sorted(made.manifest.documents) == ["b.txt", "c.txt", "d.txt"]


@pytest.mark.parametrize("profile", ["offline", "openai"])
def test_an_updated_index_searches_like_one_from_scratch(profile: str, stand_in: StandIn, texts: Path) -> None:
    for number in range(40):
        (texts / f"{number}.txt").write_text(f"Text {number} tells of animal number {number * 7}.", "utf-8")
    built(texts, profile)
    (texts / "3.txt").unlink()
    (texts / "b.txt").write_text("A grey whale swims in the sea.", "utf-8")
    updated = built(texts, profile, update=True)
    (texts.parent / embedding_cache.CACHE_FILE).unlink(missing_ok=True)
    scratch = built(texts, profile, "scratch")
    assert updated.manifest.files["lexical/words/data.npy"] == scratch.manifest.files["lexical/words/data.npy"]
    assert answers(updated.folder, profile) == answers(scratch.folder, profile)
    assert answers(updated.folder, profile)[0][0] == "b.txt"


def test_an_index_that_would_be_the_same_stays(
    stand_in: StandIn, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = built(texts)
    asked = len(embedded(stand_in))
    when = (first.folder / manifest.MANIFEST_FILE).stat().st_mtime_ns
    again = built(texts, update=True)
    assert (again.is_written, len(embedded(stand_in))) == (False, asked)
    assert (first.folder / manifest.MANIFEST_FILE).stat().st_mtime_ns == when
    print_build(again)
    assert "The index of 3 documents, 3 chunks is up to date" in capsys.readouterr().out


def test_other_settings_build_it_again(texts: Path, tmp_path: Path) -> None:
    built(texts, "offline")
    other = tmp_path / "other.yaml"
    text = (Path(manifest.__file__).parents[2] / "profiles" / "offline.yaml").read_text("utf-8")
    other.write_text(text.replace("chunk_size: 1200", "chunk_size: 300"), "utf-8")
    made = built(texts, str(other), update=True)
    assert (made.is_written, made.manifest.chunking["chunk_size"]) == (True, 300)


def test_a_damaged_index_is_built_anew_and_told(texts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = built(texts, "offline")
    (first.folder / "chunks.jsonl").write_text("{}\n", "utf-8")
    made = built(texts, "offline", update=True)
    assert (made.is_written, made.changes) == (True, None)
    print_build(made)
    assert "The whole index is rebuilt: " in capsys.readouterr().out
    assert len(Index.open(first.folder).chunks) == 3


def test_a_dry_run_says_what_and_how_much_and_asks_nobody(
    stand_in: StandIn, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built(texts)
    asked, before = len(embedded(stand_in)), sorted(texts.parent.iterdir())
    (texts / "d.txt").write_text("A green frog jumps.", "utf-8")
    print_estimate(estimate_build(Profile.read("openai"), [texts], texts.parent / "index", update=True))
    assert capsys.readouterr().out.splitlines() == [
        "Documents: 1 new, 0 changed, 0 removed, 3 unchanged",
        "Would build an index of 4 documents, 4 chunks",
        "Would embed 1 texts, at most 11 tokens, with openai:text-embedding-3-small for at most $0.0000002",
    ]
    assert (len(embedded(stand_in)), sorted(texts.parent.iterdir())) == (asked, before)


def test_a_dry_run_of_a_first_build(
    texts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (texts.parent / "none.yaml").write_text("date: 2026-01-01\n", "utf-8")
    monkeypatch.setenv("MULTICHAIN_PRICES", str(texts.parent / "none.yaml"))
    print_estimate(estimate_build(Profile.read("openai"), [texts], texts.parent / "index"))
    assert capsys.readouterr().out.splitlines()[-1].endswith("at an unknown cost")
    print_estimate(estimate_build(Profile.read("offline"), [texts], texts.parent / "index"))
    assert capsys.readouterr().out.splitlines()[-1] == "Would embed 3 texts, at most 30 tokens, with offline at no cost"
    assert sorted(path.name for path in texts.parent.iterdir()) == ["none.yaml", "texts"]
