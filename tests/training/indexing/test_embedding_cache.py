"""Vectors that were paid for are kept: across builds, a limit of cost, and a kill."""

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


def built(texts: Path, max_cost: float | None = None) -> Any:
    return build_index(Profile.read("openai"), [texts], texts.parent / "index", lambda _done, _total: None, max_cost)


def opened(file: Path, model: str = "a:b", probe: Any = PROBE) -> EmbeddingCache:
    kept = EmbeddingCache(file, model)
    kept.check_model(np.array(probe, dtype=np.float32))
    return kept


def inputs(stand_in: StandIn) -> list[int]:
    return [len(body["input"]) for path, body in stand_in.script.calls if path == "embeddings"]


def test_no_text_is_embedded_twice(stand_in: StandIn, texts: Path) -> None:
    first = built(texts)
    assert inputs(stand_in) == [1, 3]
    before = [chunk.searchable_text for chunk in Index.open(first.folder).chunks]
    (texts / "d.txt").write_text("Another one.", "utf-8")
    second = built(texts)
    assert inputs(stand_in) == [1, 3, 1, 1]
    assert [chunk.searchable_text for chunk in Index.open(second.folder).chunks][:3] == before
    assert (second.usage.input_tokens < first.usage.input_tokens, second.usage.cost > 0) == (True, True)


def test_a_build_of_kept_vectors_is_the_same_as_one_from_scratch(stand_in: StandIn, texts: Path) -> None:
    first = built(texts).manifest
    assert built(texts).manifest == first
    (texts.parent / embedding_cache.CACHE_FILE).unlink()
    assert built(texts).manifest == first


def test_it_stops_before_the_limit_and_keeps_what_is_done(
    stand_in: StandIn, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.indexing.embedding._BATCH_SIZE", 1)
    with pytest.raises(CommandError, match=r"^stopped at \$0\.\d+, before --max-cost \$0\.0000008: 1 chunks are "):
        built(texts, 0.0000008)
    assert inputs(stand_in) == [1, 1, 1]
    assert not (texts.parent / "index").exists()
    assert built(texts, 1.0).manifest.chunks == 3
    assert inputs(stand_in) == [1, 1, 1, 1, 1]


def test_a_limit_on_an_unknown_price_is_refused(
    stand_in: StandIn, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.yaml").write_text("date: 2026-01-01\n", "utf-8")
    monkeypatch.setenv("MULTICHAIN_PRICES", str(tmp_path / "none.yaml"))
    with pytest.raises(CommandError, match="the price of openai:text-embedding-3-small is unknown, so --max-cost"):
        built(texts, 1.0)
    assert inputs(stand_in) == [1]


def test_a_killed_build_goes_on_where_it_was(stand_in: StandIn, texts: Path) -> None:
    for number in range(1200):
        (texts / f"{number}.txt").write_text(f"Text number {number}.", "utf-8")
    stand_in.script.latency["embeddings"] = 0.5
    command = [sys.executable, "-m", "training", "build", "--profile", "openai", "--documents", str(texts)]
    process = subprocess.Popen(command, cwd=texts.parent, env=os.environ, stdout=subprocess.DEVNULL)
    while len(inputs(stand_in)) < 3:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = inputs(stand_in)
    assert done == [1, 512, 512]
    stand_in.script.latency.clear()
    assert built(texts).manifest.chunks == 1203
    assert sum(inputs(stand_in)[3:]) == 1 + 1203 - 512


def test_what_is_kept_is_found_by_model_and_text(tmp_path: Path) -> None:
    kept = opened(tmp_path / "v.db")
    kept.put(["one", "two"], np.array([[1, 2], [3, 4]], dtype=np.float32))
    found = opened(tmp_path / "v.db").get(["two", "three", *map(str, range(2000))])
    assert {text: row.tolist() for text, row in found.items()} == {"two": [3, 4]}
    assert opened(tmp_path / "v.db", "a:c").get(["two"]) == {}


@pytest.mark.parametrize("other", [[0.0, 1.0], [1.0, 0.0, 0.0]])
def test_what_another_model_of_the_name_made_is_forgotten(other: list[float], tmp_path: Path) -> None:
    opened(tmp_path / "v.db").put(["one"], np.array([[1, 2]], dtype=np.float32))
    assert opened(tmp_path / "v.db", probe=other).get(["one"]) == {}


def test_several_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def keep(number: int) -> None:
        row = np.full((1, 2), number, dtype=np.float32)
        opened(tmp_path / "v.db").put([str(number)], row)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(keep, range(40)))
    found = opened(tmp_path / "v.db").get(map(str, range(40)))
    assert {text: row.tolist() for text, row in found.items()} == {str(n): [n, n] for n in range(40)}


def test_a_damaged_file_is_named(stand_in: StandIn, texts: Path) -> None:
    (texts.parent / embedding_cache.CACHE_FILE).write_text("garbage " * 100, "utf-8")
    with pytest.raises(
        CommandError, match=r"embeddings.db cannot be used \(file is not a database\); move the file away"
    ):
        built(texts)
    assert not (texts.parent / "index").exists()


def test_a_text_is_forgotten_with_the_last_document_that_held_it(tmp_path: Path) -> None:
    kept = opened(tmp_path / "v.db")
    kept.put(["shared", "own", "old"], np.eye(3, 2, dtype=np.float32))
    kept.record_sources([("shared", "a.txt"), ("shared", "b.txt"), ("own", "a.txt"), ("old", "a.txt")])
    assert embedding_cache.forget_sources(tmp_path / "v.db", ["a.txt"]) == 2
    assert set(kept.get(["shared", "own", "old"])) == {"shared"}
    assert embedding_cache.forget_sources(tmp_path / "v.db", ["a.txt"]) == 0
    assert embedding_cache.forget_sources(tmp_path / "none.db", ["a.txt"]) == 0
    assert not (tmp_path / "none.db").exists()
