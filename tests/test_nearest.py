"""Nearest vectors: exact where that is quick, a graph of measured recall above, and filters that find all there are."""

from pathlib import Path

import numpy as np
import pytest

from model.errors import IndexFolderError
from model.retrieval.local import vector_index
from model.retrieval.local.vector_index import LEAST_RECALL, Nearest, Vectors


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    """Three thousand in a hundred groups, as texts are."""
    random = np.random.default_rng(1)
    middles = random.standard_normal((100, 32))
    made = middles[random.integers(0, 100, 3000)] + 0.7 * random.standard_normal((3000, 32))
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def test_few_vectors_are_all_compared(vectors: Vectors) -> None:
    assert Nearest.build(vectors).told == {"kind": "flat", "width": 0, "recall": 1.0}


def test_many_become_a_graph_whose_recall_is_measured(vectors: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "FLAT_MOST", 50_000)
    made = Nearest.build(vectors)
    assert made.kind == "hnsw"
    assert made.width >= 64
    true = np.argsort(-(vectors[:50] @ vectors.T), axis=1, kind="stable")[:, :10]
    found, scores = made.search(vectors[:50], 10)
    right = np.mean([len(set(one) & set(other)) / 10 for one, other in zip(found, true, strict=True)])
    assert right >= LEAST_RECALL
    assert LEAST_RECALL <= made.recall <= 1
    assert scores[:, 0] == pytest.approx(np.ones(50), abs=1e-5)


def test_a_graph_that_finds_too_little_is_not_used(vectors: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "FLAT_MOST", 50_000)
    monkeypatch.setattr(vector_index, "LEAST_RECALL", 1.1)
    assert Nearest.build(vectors).kind == "flat"


@pytest.mark.parametrize("most", [50_000, 50_000_000])
def test_opened_from_a_file_and_narrowed(
    most: int, vectors: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A graph that is searched with a filter finds too few: those allowed are compared one by one."""
    monkeypatch.setattr(vector_index, "FLAT_MOST", most)
    made = Nearest.build(vectors)
    made.save(tmp_path / "index.faiss")
    opened = Nearest.open(tmp_path / "index.faiss", made.told)
    assert opened.told == made.told
    assert opened.search(vectors[:9], 5)[0].tolist() == made.search(vectors[:9], 5)[0].tolist()
    allowed = np.arange(7, 3000, 100, dtype=np.int64)
    found, scores = opened.search(vectors[:1], 40, allowed)
    assert sorted(found[0, :30].tolist()) == allowed.tolist()
    assert found[0, 30:].tolist() == [-1] * 10
    assert scores[0, :30] == pytest.approx(np.sort(vectors[allowed] @ vectors[0])[::-1], abs=1e-5)
    assert opened.vectors(allowed[:3]) == pytest.approx(vectors[allowed[:3]])


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "index.faiss").write_bytes(b"nothing")
    with pytest.raises(IndexFolderError, match=r"index\.faiss is no index that this version reads"):
        Nearest.open(tmp_path / "index.faiss", {"kind": "flat", "width": 0, "recall": 1.0})
