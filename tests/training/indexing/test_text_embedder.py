"""Texts are embedded once, in batches, in the order of their chunks, and within a limit of cost."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from model.errors import CommandError
from model.passages import Chunk
from model.profile import Profile
from model.providers.token_limits import count_tokens
from model.retrieval.local.index import FINGERPRINT_TEXT, Index
from standin.app import StandIn
from standin.openai.embeddings import make_vector
from training.indexing.embedding_cache import CACHE_FILE
from training.indexing.index_writer import IndexContent, write_index_folder
from training.indexing.text_embedder import TextEmbedder, vectors_from_index
from training.progress import ignore_progress

WORDS = ("fox", "whale", "owl", "newt")
Embed = Callable[[], TextEmbedder]


@pytest.fixture
def make_embedder(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Embed:
    """Return a function that makes an embedder of OpenAI's model, with a cache in an empty folder."""
    assert not stand_in.script.calls
    monkeypatch.chdir(tmp_path)

    return lambda: TextEmbedder(Profile.read("openai"), [], "english", tmp_path / "fit")


def make_chunks(words: Sequence[str]) -> list[Chunk]:
    return [Chunk(f"{word}.txt", "", "", 0, 0, len(word), word) for word in words]


def build_index(folder: Path, words: Sequence[str] = WORDS) -> Index:
    """Build the index of a chunk for each word, and remove the cache."""
    content = IndexContent(make_chunks(words), {"a": "0"}, {}, "english")
    write_index_folder(content, Profile.read("openai"), folder / "index", ignore_progress)
    (folder / CACHE_FILE).unlink()
    return Index.open(folder / "index")


def list_inputs(stand_in: StandIn) -> list[list[str]]:
    """Return the texts of each call, without those of the fingerprints."""
    inputs = [body["input"] for _, body in stand_in.script.calls]
    return [texts for texts in inputs if texts != [FINGERPRINT_TEXT]]


def test_each_chunk_has_the_vector_of_its_text_in_order(make_embedder: Embed, stand_in: StandIn) -> None:
    words = ("fox", "whale", "fox", "owl", "whale")
    rows = make_embedder().embed(make_chunks(words), ignore_progress)
    assert rows.shape == (5, 1536)
    np.testing.assert_allclose(rows, [make_vector(word, 1536) for word in words], atol=1e-6)
    assert list_inputs(stand_in) == [["fox", "whale", "owl"]]


def test_vectors_of_the_cache_are_not_embedded_again(make_embedder: Embed, stand_in: StandIn) -> None:
    make_embedder().embed(make_chunks(["whale", "owl"]), ignore_progress)
    progress: list[tuple[int, int]] = []
    rows = make_embedder().embed(make_chunks(["owl", "fox", "whale"]), lambda *counts: progress.append(counts))
    np.testing.assert_allclose(rows, [make_vector(word, 1536) for word in ("owl", "fox", "whale")], atol=1e-6)
    assert list_inputs(stand_in) == [["whale", "owl"], ["fox"]]
    assert progress == [(3, 3)]


@pytest.mark.parametrize(
    ("count", "sizes", "progress"),
    [
        (512, [512], [(512, 512)]),
        (513, [512, 1], [(512, 513), (513, 513)]),
        (1024, [512, 512], [(512, 1024), (1024, 1024)]),
    ],
)
def test_texts_are_embedded_in_batches_of_512(
    count: int, sizes: list[int], progress: list[tuple[int, int]], make_embedder: Embed, stand_in: StandIn
) -> None:
    counts: list[tuple[int, int]] = []
    chunks = make_chunks([f"word{number}" for number in range(count)])
    make_embedder().embed(chunks, lambda *done: counts.append(done))
    assert [len(texts) for texts in list_inputs(stand_in)] == sizes
    assert counts == progress


def test_offline_model_embeds_all_texts_without_a_cache(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    progress: list[tuple[int, int]] = []
    chunks = make_chunks([f"word{number}" for number in range(513)])
    embedder = TextEmbedder(profile, [chunk.text for chunk in chunks], "english", tmp_path / "fit")
    rows = embedder.embed(chunks, lambda *counts: progress.append(counts), max_cost=0.0)
    assert (rows.shape[0], progress) == (513, [(512, 513), (513, 513)])
    np.testing.assert_allclose(embedder.embed(chunks[511:513], ignore_progress), rows[511:513], atol=1e-6)
    assert not (tmp_path / CACHE_FILE).exists()


def test_fingerprint_is_the_rounded_vector_of_a_fixed_text(make_embedder: Embed) -> None:
    embedder = make_embedder()
    fingerprint = embedder.fingerprint
    assert (fingerprint["provider"], fingerprint["model"]) == ("openai", "text-embedding-3-small")
    rounded_vector = np.round(make_vector(FINGERPRINT_TEXT, 1536), 6)
    np.testing.assert_array_equal(np.float32(fingerprint["fingerprint"]), rounded_vector)
    assert embedder.name == "openai:text-embedding-3-small"


def test_usage_adds_up_the_fingerprint_and_all_batches(make_embedder: Embed) -> None:
    embedder = make_embedder()
    first = embedder.usage
    embedder.embed(make_chunks(["fox"]), ignore_progress)
    second = embedder.usage
    embedder.embed(make_chunks(["fox"]), ignore_progress)
    assert (first.input_tokens > 0, second.input_tokens > first.input_tokens) == (True, True)
    assert embedder.usage == second
    assert second.cost == pytest.approx(second.input_tokens * 0.02 / 1e6)


def test_cost_up_to_the_limit_is_allowed_and_above_refused(make_embedder: Embed, stand_in: StandIn) -> None:
    chunks = make_chunks(WORDS)
    embedder = make_embedder()
    cost = sum(map(count_tokens, WORDS)) * 0.02 / 1e6
    limit = embedder.usage.cost + cost
    with pytest.raises(CommandError) as refusal:
        embedder.embed(chunks, ignore_progress, limit * 0.999999)
    assert str(refusal.value) == (
        f"stopped at ${embedder.usage.cost:.7f}, before --max-cost ${limit * 0.999999:.7f}: 4 chunks are not embedded "
        f"yet and may cost ${cost:.7f}; run the command again with a higher --max-cost: the vectors so far are kept in "
        f"{Path(CACHE_FILE).absolute()}"
    )
    assert list_inputs(stand_in) == []
    assert embedder.embed(chunks, ignore_progress, limit * 1.000001).shape == (4, 1536)


def test_rest_of_the_cost_is_extrapolated_from_the_batch(
    make_embedder: Embed, monkeypatch: pytest.MonkeyPatch, stand_in: StandIn
) -> None:
    monkeypatch.setattr("training.indexing.text_embedder._BATCH_SIZE", 2)
    embedder = make_embedder()
    chunks = make_chunks([letter * 4000 for letter in "abcde"])
    limit = embedder.usage.cost + 0.00005  # one batch costs at most 0.00004
    with pytest.raises(CommandError, match=r"3 chunks are not embedded yet and may cost \$0\.0000600; run the command"):
        embedder.embed(chunks, ignore_progress, limit)
    assert [len(texts) for texts in list_inputs(stand_in)] == [2]


def test_unknown_price_is_refused_only_with_a_limit(
    make_embedder: Embed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.yaml").write_text("date: 2026-01-01\n", "utf-8")
    monkeypatch.setenv("MULTICHAIN_PRICES", str(tmp_path / "none.yaml"))
    embedder = make_embedder()
    with pytest.raises(CommandError) as refusal:
        embedder.embed(make_chunks(["fox"]), ignore_progress, 1.0)
    assert str(refusal.value) == (
        "the price of openai:text-embedding-3-small is unknown, so --max-cost cannot be enforced; name a table of "
        "prices in MULTICHAIN_PRICES, or omit --max-cost"
    )
    assert embedder.embed(make_chunks(["fox"]), ignore_progress).shape == (1, 1536)
    assert not embedder.usage.cost_known
    assert embedder.embed(make_chunks(["fox"]), ignore_progress, 0.0).shape == (1, 1536)  # from the cache


def test_previous_index_gives_its_vectors(make_embedder: Embed, stand_in: StandIn, tmp_path: Path) -> None:
    previous = build_index(tmp_path)
    stand_in.script.calls.clear()
    words = ("newt", "frog", "fox")
    rows = make_embedder().embed(make_chunks(words), ignore_progress, None, previous)
    np.testing.assert_allclose(rows, [make_vector(word, 1536) for word in words], atol=1e-6)
    assert list_inputs(stand_in) == [["frog"]]


@pytest.mark.parametrize("change", ["model", "fingerprint"])
def test_previous_index_of_another_model_is_not_used(
    change: str, make_embedder: Embed, stand_in: StandIn, tmp_path: Path
) -> None:
    previous = build_index(tmp_path)
    stand_in.script.calls.clear()
    changes = {"model": "text-embedding-ada-002", "fingerprint": [1.0] + [0.0] * 1535}
    previous.manifest.embedding[change] = changes[change]
    make_embedder().embed(make_chunks(WORDS), ignore_progress, None, previous)
    assert list_inputs(stand_in) == [[*WORDS]]


def test_vectors_of_an_index_are_those_of_its_texts(make_embedder: Embed, tmp_path: Path) -> None:
    assert callable(make_embedder)
    index = build_index(tmp_path)
    vectors = vectors_from_index(index, ["owl", "frog", "fox", "owl"])
    assert sorted(vectors) == ["fox", "owl"]
    for word, row in vectors.items():
        np.testing.assert_allclose(row, make_vector(word, 1536), atol=1e-6)
    assert vectors_from_index(index, []) == {}
    assert vectors_from_index(index, ["frog"]) == {}
