"""Vector indexes: exact search, graphs with measured recall, and searches of allowed vectors."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from model.errors import IndexFolderError
from model.retrieval.local import vector_index
from model.retrieval.local.vector_index import MIN_RECALL, FaissIndex, Float32Array


@pytest.fixture(scope="module")
def vectors() -> Float32Array:
    """Return 3000 unit vectors in 100 clusters, which resemble vectors of texts."""
    random = np.random.default_rng(1)
    middles = random.standard_normal((100, 32))
    points = middles[random.integers(0, 100, 3000)] + 0.7 * random.standard_normal((3000, 32))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32)


def test_few_vectors_are_indexed_for_exact_search(vectors: Float32Array) -> None:
    assert FaissIndex.build(vectors).search_params == {"kind": "flat", "width": 0, "recall": 1.0}


def test_many_vectors_are_indexed_as_a_graph_with_high_recall(
    vectors: Float32Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "MAX_FLAT_NUMBERS", 50_000)
    index = FaissIndex.build(vectors)
    assert index.kind == "hnsw"
    assert index.width >= 64
    nearest = np.argsort(-(vectors[:50] @ vectors.T), axis=1, kind="stable")[:, :10]
    positions, scores = index.search(vectors[:50], 10)
    recall = np.mean(
        [len(set(row) & set(nearest_row)) / 10 for row, nearest_row in zip(positions, nearest, strict=True)]
    )
    assert recall >= MIN_RECALL
    assert MIN_RECALL <= index.recall <= 1
    assert scores[:, 0] == pytest.approx(np.ones(50), abs=1e-5)


def test_graph_with_low_recall_is_replaced_by_exact_search(
    vectors: Float32Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vector_index, "MAX_FLAT_NUMBERS", 50_000)
    monkeypatch.setattr(vector_index, "MIN_RECALL", 1.1)
    assert FaissIndex.build(vectors).kind == "flat"


@pytest.mark.parametrize("flat_limit", [50_000, 50_000_000])
def test_reopened_index_finds_all_allowed_vectors(
    flat_limit: int, vectors: Float32Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph search with a filter finds too few vectors, so the allowed ones are compared one by one."""
    monkeypatch.setattr(vector_index, "MAX_FLAT_NUMBERS", flat_limit)
    index = FaissIndex.build(vectors)
    index.save(tmp_path / "index.faiss")
    opened = FaissIndex.open(tmp_path / "index.faiss", index.search_params)
    assert opened.search_params == index.search_params
    assert opened.search(vectors[:9], 5)[0].tolist() == index.search(vectors[:9], 5)[0].tolist()
    allowed = np.arange(7, 3000, 100, dtype=np.int64)
    positions, scores = opened.search(vectors[:1], 40, allowed)
    assert sorted(positions[0, :30].tolist()) == allowed.tolist()
    assert positions[0, 30:].tolist() == [-1] * 10
    assert scores[0, :30] == pytest.approx(np.sort(vectors[allowed] @ vectors[0])[::-1], abs=1e-5)
    assert opened.get_vectors(allowed[:3]) == pytest.approx(vectors[allowed[:3]])


def test_file_without_an_index_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "index.faiss").write_bytes(b"nothing")
    with pytest.raises(IndexFolderError, match=r"index\.faiss is not an index for this version"):
        FaissIndex.open(tmp_path / "index.faiss", {"kind": "flat", "width": 0, "recall": 1.0})


def test_long_searches_of_several_threads_find_the_same(vectors: Float32Array, monkeypatch: pytest.MonkeyPatch) -> None:
    index = FaissIndex.build(vectors)
    expected = index.search(vectors[:64], 10)[0].tolist()
    monkeypatch.setattr(vector_index, "_LONG_SEARCH", 0)
    with ThreadPoolExecutor(4) as pool:
        results = [*pool.map(lambda _: index.search(vectors[:64], 10)[0].tolist(), range(16))]
    assert results == [expected] * 16
