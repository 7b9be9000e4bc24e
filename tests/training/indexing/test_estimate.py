"""An estimate counts the texts that a build would embed, and their cost, without any call."""

from pathlib import Path
from typing import Any

import pytest

from model.errors import CommandError, DocumentError
from model.profile import Profile
from standin.app import StandIn
from training.documents.load import LoadOptions, SkippedDocument
from training.indexing.build import build_index
from training.indexing.embedding_cache import CACHE_FILE
from training.indexing.estimate import BuildEstimate, estimate_build
from training.indexing.index_update import DocumentDiff
from training.progress import ignore_progress


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two texts, of 7 and 9 tokens with their titles, in a current folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("A red fox runs.", "utf-8")
    (tmp_path / "texts" / "b.txt").write_text("A blue whale swims.", "utf-8")
    return tmp_path / "texts"


def read_profile(folder: Path, model: str = "text-embedding-3-small") -> Profile:
    text = (
        f"embeddings: {{provider: openai, model: {model}}}\n"
        "index: {chunk_size: 800, overlap: 80, language: english}\n"
        "stages:\n  qa: {kind: retrieval_qa, chat: {provider: offline}}\n"
    )
    (folder / "mine.yaml").write_text(text, "utf-8")
    return Profile.read(str(folder / "mine.yaml"))


def estimate(texts: Path, **settings: Any) -> BuildEstimate:
    return estimate_build(read_profile(texts.parent), [texts], texts.parent / "index", **settings)


def build(texts: Path, model: str = "text-embedding-3-small") -> None:
    build_index(read_profile(texts.parent, model), [texts], texts.parent / "index", ignore_progress)


def test_first_build_embeds_every_text(texts: Path) -> None:
    result = estimate(texts)
    assert (result.chunks, result.model, result.missing_texts) == (2, "openai:text-embedding-3-small", 2)
    assert result.tokens == 7 + 9
    assert result.cost == pytest.approx(16 * 0.02 / 1e6)
    assert (result.changes, result.rebuild_reason) == (None, "")
    assert sorted(result.load_result.digests) == ["a.txt", "b.txt"]


def test_estimate_reads_no_key_and_writes_nothing(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert estimate(texts).missing_texts == 2
    assert sorted(path.name for path in texts.parent.iterdir()) == ["mine.yaml", "texts"]


def test_equal_texts_are_counted_once(texts: Path) -> None:
    for name in ("x/c.txt", "y/c.txt"):
        (texts / name).parent.mkdir()
        (texts / name).write_text("A white owl flies.", "utf-8")
    result = estimate(texts)
    assert (result.chunks, result.missing_texts) == (3, 3)


def test_cached_texts_are_not_counted_even_without_an_update(stand_in: StandIn, texts: Path) -> None:
    build(texts)
    (texts / "c.txt").write_text("A white owl flies.", "utf-8")
    call_count = len(stand_in.script.calls)
    result = estimate(texts)
    assert (result.missing_texts, result.tokens, result.changes) == (1, 9, None)
    assert len(stand_in.script.calls) == call_count


def test_everything_cached_costs_nothing_even_at_an_unknown_price(
    stand_in: StandIn, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(texts)
    (texts.parent / "none.yaml").write_text("date: 2026-01-01\n", "utf-8")
    monkeypatch.setenv("MULTICHAIN_PRICES", str(texts.parent / "none.yaml"))
    result = estimate(texts)
    assert (result.missing_texts, result.tokens, result.cost) == (0, 0, 0.0)
    (texts / "c.txt").write_text("A white owl flies.", "utf-8")
    assert estimate(texts).cost is None


def test_texts_of_the_index_are_counted_only_without_an_update(stand_in: StandIn, texts: Path) -> None:
    build(texts)
    (texts.parent / CACHE_FILE).unlink()
    (texts / "c.txt").write_text("A white owl flies.", "utf-8")
    assert estimate(texts).missing_texts == 3
    result = estimate(texts, update=True)
    assert (result.missing_texts, result.tokens) == (1, 9)
    assert result.changes == DocumentDiff(("c.txt",), (), (), ("a.txt", "b.txt"))


def test_update_without_changes_embeds_nothing(stand_in: StandIn, texts: Path) -> None:
    build(texts)
    (texts.parent / CACHE_FILE).unlink()
    result = estimate(texts, update=True)
    assert (result.chunks, result.missing_texts, result.tokens, result.cost) == (2, 0, 0, 0.0)
    assert result.changes == DocumentDiff((), (), (), ("a.txt", "b.txt"))


def test_update_to_another_model_embeds_every_text(stand_in: StandIn, texts: Path) -> None:
    build(texts, "text-embedding-3-large")
    result = estimate(texts, update=True)
    assert (result.model, result.missing_texts) == ("openai:text-embedding-3-small", 2)
    assert result.changes == DocumentDiff((), (), (), ("a.txt", "b.txt"))


def test_update_of_a_damaged_index_says_why_it_is_rebuilt(texts: Path) -> None:
    (texts.parent / "index").mkdir()
    (texts.parent / "index" / "manifest.json").write_text("{", "utf-8")
    result = estimate(texts, update=True)
    assert (result.missing_texts, result.changes) == (2, None)
    file = texts.parent / "index" / "manifest.json"
    assert result.rebuild_reason == f"The whole index is rebuilt: {file} is damaged; build the index again"


def test_offline_update_embeds_every_text_at_no_cost(texts: Path) -> None:
    offline = Profile.read("offline")
    build_index(offline, [texts], texts.parent / "index", ignore_progress)
    (texts / "c.txt").write_text("A white owl flies.", "utf-8")
    result = estimate_build(offline, [texts], texts.parent / "index", update=True)
    assert (result.model, result.missing_texts, result.cost) == ("offline", 3, 0.0)


def test_skipped_documents_are_listed_and_strict_reading_stops(texts: Path) -> None:
    (texts / "c.txt").write_text(" \n", "utf-8")
    skipped = SkippedDocument(str(texts / "c.txt"), "the file is empty")
    assert estimate(texts).load_result.skipped == [skipped]
    with pytest.raises(DocumentError, match=r"c\.txt: the file is empty$"):
        estimate(texts, load_options=LoadOptions(is_strict=True))


def test_folder_that_is_no_index_is_refused_before_reading(texts: Path) -> None:
    with pytest.raises(CommandError, match="exists and is not an index folder"):
        estimate_build(read_profile(texts.parent), [texts / "none.txt"], texts)
