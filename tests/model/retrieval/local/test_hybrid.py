"""Hybrid search: how scores are fused, and what filters and restrictions leave to be found."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config.settings import SettingProblem
from model.errors import ProfileError
from model.interfaces import Float32Array
from model.passages import Chunk, Passage
from model.retrieval.local import hybrid
from model.retrieval.local.hybrid import (
    FITTED_WEIGHTS,
    SEMANTIC_WEIGHTS,
    HybridRetriever,
    LocalBackend,
    fuse,
    measure_support,
)
from model.retrieval.local.index import Index, write_index
from model.retrieval.local.lexical import Lexical

Entry = tuple[str, str, int, tuple[float, float]]
"""Source, text, page and vector of a chunk."""
ENTRIES: list[Entry] = [
    ("handbook/a.md", "red fox", 1, (1.0, 0.0)),
    ("handbook/deep/b.md", "blue whale", 2, (0.0, 1.0)),
    ("news/c.md", "red whale", 1, (0.6, 0.8)),
    ("handbook/a.md", "green frog", 2, (-1.0, 0.0)),
]


class TableEmbeddings:
    """Embeddings of questions by a table; records the questions."""

    provider, model, batch_size, batch_window = "table", "table", 64, 0.0

    def __init__(self, vectors: Mapping[str, tuple[float, float]], *, semantic: bool = False) -> None:
        self.vectors, self.semantic, self.questions = vectors, semantic, list[str]()

    async def embed(self, texts: Sequence[str], *, question: bool = False) -> Float32Array:
        assert question
        self.questions += texts
        return np.array([self.vectors[text] for text in texts], dtype=np.float32)


VECTORS = {"red fox": (0.0, 1.0), "zebra": (0.8, 0.6)}


def make_index(folder: Path, entries: Sequence[Entry] = ENTRIES) -> Index:
    folder.mkdir()
    chunks = [Chunk(source, "", "", page, 0, len(text), text) for source, text, page, _ in entries]
    write_index(
        folder,
        chunks=chunks,
        vectors=np.array([vector for *_, vector in entries], dtype=np.float32),
        embedding={},
        chunking={},
        documents={source: "" for source, *_ in entries},
        lexical=Lexical.build(chunks, "english"),
        language="english",
    )
    return Index.open(folder)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return make_index(tmp_path_factory.mktemp("hybrid") / "index")


@pytest.fixture
def retriever(index: Index) -> HybridRetriever:
    return HybridRetriever(index, TableEmbeddings(VECTORS))


def search(retriever: HybridRetriever, question: str, k: int = 9, **filters: Any) -> list[Passage]:
    return asyncio.run(retriever.search(question, k, filters))


def list_texts(passages: list[Passage]) -> list[str]:
    return [passage.text for passage in passages]


@pytest.mark.parametrize(
    ("best", "weight"), [(1.0, 0.2), (0.35, 0.2), (0.3, 0.35), (0.2, 0.65), (0.15, 0.8), (0.1, 0.8), (0.0, 0.8)]
)
def test_vectors_weigh_more_between_two_scores_of_words(best: float, weight: float) -> None:
    unit_scores = np.eye(3, dtype=np.float32)
    fused = fuse(*unit_scores, best=best, weights=(0.2, 0.8))
    assert fused.tolist() == pytest.approx([(1 - weight) / 2, (1 - weight) / 2, weight])
    assert fused.dtype == np.float32


def test_support_is_the_mean_of_words_letters_and_coverage() -> None:
    shares = np.array([[1, 0, 0.5, 1], [1, 1, 0.25, 0], [1, 0.5, 0.75, 0]], dtype=np.float32)
    assert measure_support(*shares).tolist() == pytest.approx([1, 0.5, 0.5, 1 / 3])


shares = st.floats(0, 1, width=32)


@given(shares, shares, shares, shares, st.sampled_from([FITTED_WEIGHTS, SEMANTIC_WEIGHTS]))
def test_fused_score_lies_between_support_and_cosine(
    words: float, letters: float, cosine: float, best: float, weights: tuple[float, float]
) -> None:
    arrays = [np.array([score], dtype=np.float32) for score in (words, letters, cosine)]
    (score,) = fuse(*arrays, best=best, weights=weights).tolist()
    support = (words + letters) / 2
    assert min(support, cosine) - 1e-6 <= score <= max(support, cosine) + 1e-6


@pytest.mark.parametrize(("semantic", "weight"), [(False, 0.15), (True, 0.4)])
def test_scores_weigh_vectors_by_kind_of_embeddings(semantic: bool, weight: float, index: Index) -> None:
    passages = search(HybridRetriever(index, TableEmbeddings(VECTORS, semantic=semantic)), "red fox")
    by_words, by_letters = index.lexical.scores("red fox")
    support = measure_support(by_words, by_letters, index.lexical.coverage("red fox", np.arange(4))).tolist()
    shares = ((by_words + by_letters) / 2).tolist()
    fused = [(1 - weight) * share + weight * cosine for share, cosine in zip(shares, (0, 1, 0.8, 0), strict=True)]
    order = sorted(range(4), key=lambda position: -fused[position])
    assert list_texts(passages) == [ENTRIES[position][1] for position in order]
    assert [passage.score for passage in passages] == pytest.approx([fused[position] for position in order], abs=2e-6)
    assert [passage.support for passage in passages] == [round(support[position], 6) for position in order]


def test_question_of_unknown_words_is_searched_by_vectors(retriever: HybridRetriever) -> None:
    passages = search(retriever, "zebra")
    assert list_texts(passages) == ["red whale", "red fox", "blue whale", "green frog"]
    assert [passage.score for passage in passages] == pytest.approx([0.576, 0.48, 0.36, -0.48], abs=1e-6)
    assert [passage.support for passage in passages] == [0, 0, 0, 0]


def test_weight_depends_on_the_words_of_the_allowed_chunks_alone(retriever: HybridRetriever) -> None:
    """The word scores of the filtered chunk are 0, although another chunk has all words of the question."""
    (passage,) = search(retriever, "red fox", source="handbook/deep/b.md")
    assert (passage.text, passage.score, passage.support) == ("blue whale", 0.6, 0.0)


def test_equal_scores_stay_in_the_order_of_the_chunks(tmp_path: Path) -> None:
    entries: list[Entry] = [(f"{n}.md", "red fox", 0, (1.0, 0.0)) for n in (3, 1, 2)]
    retriever = HybridRetriever(make_index(tmp_path / "index", entries), TableEmbeddings(VECTORS))
    assert [passage.chunk.source for passage in search(retriever, "red fox")] == ["3.md", "1.md", "2.md"]
    assert [passage.chunk.source for passage in search(retriever, "zebra", 2)] == ["3.md", "1.md"]


@pytest.fixture(scope="module")
def large_index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """Return an index of more chunks than a search compares."""
    angles = np.linspace(0, -1, 300)
    entries: list[Entry] = [(f"{n:03}.md", f"whale {n}", 0, (np.cos(a), np.sin(a))) for n, a in enumerate(angles)]
    entries += [("words.md", "red fox", 0, (-1.0, 0.0)), ("vectors.md", "green frog", 0, (0.0, 1.0))]
    return make_index(tmp_path_factory.mktemp("large") / "index", entries)


@pytest.mark.parametrize(("question", "source"), [("fox", "words.md"), ("zebra", "vectors.md")])
def test_words_or_vector_alone_find_a_chunk_among_many(question: str, source: str, large_index: Index) -> None:
    retriever = HybridRetriever(large_index, TableEmbeddings({"fox": (1.0, 0.0), "zebra": (0.0, 1.0)}))
    (passage,) = search(retriever, question, 1)
    assert passage.chunk.source == source


@pytest.mark.parametrize("limit", [0, 20_000_000])
def test_simultaneous_searches_find_what_single_ones_find(
    limit: int, large_index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hybrid, "_LARGE_SEARCH", limit)
    vectors = {"red fox": (0.0, 1.0), "zebra": (0.6, 0.8), "frog": (1.0, 0.0)}
    queries = [("red fox", 1), ("zebra", 302), ("frog", 5)]
    retriever = HybridRetriever(large_index, TableEmbeddings(vectors))

    async def search_at_once() -> list[list[Passage]]:
        return await asyncio.gather(*(retriever.search(question, k) for question, k in queries))

    results = asyncio.run(search_at_once())
    assert [len(passages) for passages in results] == [1, 302, 5]
    assert results == [search(retriever, question, k) for question, k in queries]


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("handbook/*", {"red fox", "blue whale", "green frog"}),
        ("handbook/?.md", {"red fox", "green frog"}),
        ("*/c.md", {"red whale"}),
        ("[hn]*", {"red fox", "blue whale", "red whale", "green frog"}),
    ],
)
def test_restriction_leaves_the_documents_of_its_pattern(
    pattern: str, texts: set[str], retriever: HybridRetriever
) -> None:
    assert set(list_texts(search(retriever.restrict_to(pattern), "zebra"))) == texts
    assert len(search(retriever, "zebra")) == 4


@pytest.mark.parametrize("pattern", ["HANDBOOK/*", "handbook", "c.md", ""])
def test_pattern_without_a_document_is_refused(pattern: str, retriever: HybridRetriever) -> None:
    with pytest.raises(ProfileError) as error:
        retriever.restrict_to(pattern)
    assert str(error.value) == f"no document of the index matches {pattern}; a pattern is compared with sources"


@pytest.mark.parametrize(
    ("filters", "texts"),
    [
        ({}, ["red fox", "blue whale", "green frog"]),
        ({"page": 1}, ["red fox"]),
        ({"page": [1, 2]}, ["red fox", "blue whale", "green frog"]),
        ({"source": "handbook/a.md", "page": 2}, ["green frog"]),
        ({"source": "news/c.md"}, []),
    ],
)
def test_filter_applies_within_a_restriction(
    filters: dict[str, Any], texts: list[str], retriever: HybridRetriever
) -> None:
    assert list_texts(search(retriever.restrict_to("handbook/*"), "zebra", **filters)) == texts


def test_filter_without_a_chunk_embeds_no_question(index: Index) -> None:
    embeddings = TableEmbeddings(VECTORS)
    assert search(HybridRetriever(index, embeddings), "zebra", page=3) == []
    assert embeddings.questions == []


def test_local_backend_makes_retriever_with_embeddings_for_index(index: Index) -> None:
    embeddings, arguments = TableEmbeddings(VECTORS), list[Any]()

    def make_embedder(fitted_index: Index) -> TableEmbeddings:
        arguments.append(fitted_index)
        return embeddings

    retriever = LocalBackend().make_retriever(index, make_embedder)
    assert (retriever.index, arguments, LocalBackend.is_local) == (index, [index], True)
    search(retriever, "red fox")
    assert embeddings.questions == ["red fox"]


def test_local_backend_refuses_profile_without_embeddings(index: Index) -> None:
    with pytest.raises(ProfileError, match=r"^a local index needs embeddings, which the profile lacks$"):
        LocalBackend().make_retriever(index, lambda _: None)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"chunk_size": 50, "overlap": 49, "language": "english"}, None),
        ({"chunk_size": 100_000, "overlap": 0, "language": "german"}, None),
        (
            {"chunk_size": 50, "overlap": 50, "language": "english"},
            SettingProblem(("overlap",), "overlap must be less than chunk_size, which is 50"),
        ),
        (
            {"chunk_size": 49, "overlap": 0, "language": "english"},
            SettingProblem(("chunk_size",), "chunk_size must be a whole number from 50 to 100,000"),
        ),
        (
            {"chunk_size": 50, "overlap": 0, "language": "englisch"},
            SettingProblem(("language",), "there is no stemmer for englisch; did you mean english?"),
        ),
    ],
)
def test_settings_of_a_local_index_are_checked(settings: dict[str, Any], problem: SettingProblem | None) -> None:
    assert list(LocalBackend().find_problems(settings)) == ([problem] if problem else [])
