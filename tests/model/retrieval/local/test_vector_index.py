"""Nearest vectors: exact where that is quick, a graph of measured recall above, and filters that find all there are."""

from pathlib import Path

import numpy as np
import pytest

from model.errors import IndexFolderError
from model.retrieval.local import vector_index
from model.retrieval.local.vector_index import MIN_RECALL, FaissIndex, Float32Array


@pytest.fixture(scope="module")
def vectors() -> Float32Array:
    """Three thousand in a hundred groups, as texts are."""
    random = np.random.default_rng(1)
    middles = random.standard_normal((100, 32))
    made = middles[random.integers(0, 100, 3000)] + 0.7 * random.standard_normal((3000, 32))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def test_few_vectors_are_all_compared(vectors: Float32Array) -> None:
    assert FaissIndex.build(vectors).search_params == {"kind": "flat", "width": 0, "recall": 1.0}


def test_many_become_a_graph_whose_recall_is_measured(vectors: Float32Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "MAX_FLAT_NUMBERS", 50_000)
    made = FaissIndex.build(vectors)
    assert made.kind == "hnsw"
    assert made.width >= 64
    true = np.argsort(-(vectors[:50] @ vectors.T), axis=1, kind="stable")[:, :10]
    found, scores = made.search(vectors[:50], 10)
    right = np.mean([len(set(one) & set(other)) / 10 for one, other in zip(found, true, strict=True)])
    assert right >= MIN_RECALL
    assert MIN_RECALL <= made.recall <= 1
    assert scores[:, 0] == pytest.approx(np.ones(50), abs=1e-5)


def test_a_graph_that_finds_too_little_is_not_used(vectors: Float32Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "MAX_FLAT_NUMBERS", 50_000)
    monkeypatch.setattr(vector_index, "MIN_RECALL", 1.1)
    assert FaissIndex.build(vectors).kind == "flat"


@pytest.mark.parametrize("most", [50_000, 50_000_000])
def test_opened_from_a_file_and_narrowed(
    most: int, vectors: Float32Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph that is searched with a filter finds too few: those allowed are compared one by one."""
    monkeypatch.setattr(vector_index, "MAX_FLAT_NUMBERS", most)
    made = FaissIndex.build(vectors)
    made.save(tmp_path / "index.faiss")
    opened = FaissIndex.open(tmp_path / "index.faiss", made.search_params)
    assert opened.search_params == made.search_params
    assert opened.search(vectors[:9], 5)[0].tolist() == made.search(vectors[:9], 5)[0].tolist()
    allowed = np.arange(7, 3000, 100, dtype=np.int64)
    found, scores = opened.search(vectors[:1], 40, allowed)
    assert sorted(found[0, :30].tolist()) == allowed.tolist()
    assert found[0, 30:].tolist() == [-1] * 10
    assert scores[0, :30] == pytest.approx(np.sort(vectors[allowed] @ vectors[0])[::-1], abs=1e-5)
    assert opened.get_vectors(allowed[:3]) == pytest.approx(vectors[allowed[:3]])


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "index.faiss").write_bytes(b"nothing")
    with pytest.raises(IndexFolderError, match=r"index\.faiss is no index that this version reads"):
        FaissIndex.open(tmp_path / "index.faiss", {"kind": "flat", "width": 0, "recall": 1.0})
