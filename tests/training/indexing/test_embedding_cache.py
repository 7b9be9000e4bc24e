"""Cached vectors survive further builds, a limit of cost, and a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.errors import CommandError
from model.profile import Profile
from model.retrieval.local.index import Index
from standin.app import StandIn
from training.indexing import embedding_cache
from training.indexing.build import build_index
from training.indexing.embedding_cache import EmbeddingCache

PROBE = np.array([1.0, 0.0], dtype=np.float32)


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "texts" / f"{name}.txt").write_text(f"The document {name} says something.", "utf-8")
    return tmp_path / "texts"


def build(texts: Path, max_cost: float | None = None) -> Any:
    return build_index(Profile.read("openai"), [texts], texts.parent / "index", lambda _done, _total: None, max_cost)


def open_cache(file: Path, model: str = "a:b", probe: Any = PROBE) -> EmbeddingCache:
    cache = EmbeddingCache(file, model)
    cache.check_model(np.array(probe, dtype=np.float32))
    return cache


def list_batch_sizes(stand_in: StandIn) -> list[int]:
    return [len(body["input"]) for path, body in stand_in.script.calls if path == "embeddings"]


def test_second_build_embeds_only_new_texts(stand_in: StandIn, texts: Path) -> None:
    first = build(texts)
    assert list_batch_sizes(stand_in) == [1, 3]
    texts_before = [chunk.searchable_text for chunk in Index.open(first.folder).chunks]
    (texts / "d.txt").write_text("Another one.", "utf-8")
    second = build(texts)
    assert list_batch_sizes(stand_in) == [1, 3, 1, 1]
    assert [chunk.searchable_text for chunk in Index.open(second.folder).chunks][:3] == texts_before
    assert (second.usage.input_tokens < first.usage.input_tokens, second.usage.cost > 0) == (True, True)


def test_build_from_cached_vectors_equals_a_build_from_scratch(stand_in: StandIn, texts: Path) -> None:
    first = build(texts).manifest
    assert build(texts).manifest == first
    (texts.parent / embedding_cache.CACHE_FILE).unlink()
    assert build(texts).manifest == first


def test_build_stops_before_max_cost_and_keeps_its_vectors(
    stand_in: StandIn, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.indexing.text_embedder._BATCH_SIZE", 1)
    with pytest.raises(CommandError, match=r"^stopped at \$0\.\d+, before --max-cost \$0\.0000006: 1 chunks are "):
        build(texts, 0.0000006)
    assert list_batch_sizes(stand_in) == [1, 1, 1]
    assert not (texts.parent / "index").exists()
    assert build(texts, 1.0).manifest.chunks == 3
    assert list_batch_sizes(stand_in) == [1, 1, 1, 1, 1]


def test_max_cost_with_an_unknown_price_is_refused(
    stand_in: StandIn, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.yaml").write_text("date: 2026-01-01\n", "utf-8")
    monkeypatch.setenv("MULTICHAIN_PRICES", str(tmp_path / "none.yaml"))
    with pytest.raises(CommandError, match="the price of openai:text-embedding-3-small is unknown, so --max-cost"):
        build(texts, 1.0)
    assert list_batch_sizes(stand_in) == [1]


def test_killed_build_continues_from_its_cached_vectors(stand_in: StandIn, texts: Path) -> None:
    for number in range(1200):
        (texts / f"{number}.txt").write_text(f"Text number {number}.", "utf-8")
    stand_in.script.latency["embeddings"] = 0.5
    command = [sys.executable, "-m", "training", "build", "--profile", "openai", "--documents", str(texts)]
    process = subprocess.Popen(command, cwd=texts.parent, env=os.environ, stdout=subprocess.DEVNULL)
    while len(list_batch_sizes(stand_in)) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    batch_sizes = list_batch_sizes(stand_in)
    assert batch_sizes == [1, 512, 512]
    stand_in.script.latency.clear()
    assert build(texts).manifest.chunks == 1203
    assert sum(list_batch_sizes(stand_in)[3:]) == 1 + 1203 - 512


def test_cache_finds_vectors_by_model_and_text(tmp_path: Path) -> None:
    cache = open_cache(tmp_path / "v.db")
    cache.put(["one", "two"], np.array([[1, 2], [3, 4]], dtype=np.float32))
    vectors = open_cache(tmp_path / "v.db").get(["two", "three", *map(str, range(2000))])
    assert {text: row.tolist() for text, row in vectors.items()} == {"two": [3, 4]}
    assert open_cache(tmp_path / "v.db", "a:c").get(["two"]) == {}


@pytest.mark.parametrize("probe", [[0.0, 1.0], [1.0, 0.0, 0.0]])
def test_cache_drops_its_vectors_when_the_probe_vector_differs(probe: list[float], tmp_path: Path) -> None:
    open_cache(tmp_path / "v.db").put(["one"], np.array([[1, 2]], dtype=np.float32))
    assert open_cache(tmp_path / "v.db", probe=probe).get(["one"]) == {}


def test_cache_accepts_concurrent_writes(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def put_vector(number: int) -> None:
        row = np.full((1, 2), number, dtype=np.float32)
        open_cache(tmp_path / "v.db").put([str(number)], row)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put_vector, range(40)))
    vectors = open_cache(tmp_path / "v.db").get(map(str, range(40)))
    assert {text: row.tolist() for text, row in vectors.items()} == {str(n): [n, n] for n in range(40)}


def test_build_with_a_damaged_cache_names_the_file(stand_in: StandIn, texts: Path) -> None:
    (texts.parent / embedding_cache.CACHE_FILE).write_text("garbage " * 100, "utf-8")
    sentence = r"embeddings.db cannot be used \(file is not a database\); move the file away"
    with pytest.raises(CommandError, match=sentence):
        build(texts)
    assert not (texts.parent / "index").exists()


def test_forget_sources_removes_texts_without_another_source(tmp_path: Path) -> None:
    cache = open_cache(tmp_path / "v.db")
    cache.put(["shared", "own", "old"], np.eye(3, 2, dtype=np.float32))
    cache.record_sources([("shared", "a.txt"), ("shared", "b.txt"), ("own", "a.txt"), ("old", "a.txt")])
    assert embedding_cache.forget_sources(tmp_path / "v.db", ["a.txt"]) == 2
    assert set(cache.get(["shared", "own", "old"])) == {"shared"}
    assert embedding_cache.forget_sources(tmp_path / "v.db", ["a.txt"]) == 0
    assert embedding_cache.forget_sources(tmp_path / "none.db", ["a.txt"]) == 0
    assert not (tmp_path / "none.db").exists()
