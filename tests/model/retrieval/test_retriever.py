"""Search by words, letters and vectors, with filters and after an index is opened again."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.interfaces import normalize_rows
from model.passages import Chunk, Passage
from model.profile import Profile
from model.retrieval.local.hybrid import FITTED_WEIGHTS, SEMANTIC_WEIGHTS, HybridRetriever, fuse
from model.retrieval.local.index import Index
from model.retrieval.local.lexical import Lexical
from model.retrieval.local.lsa import LatentSemanticModel
from model.retrieval.retriever import Retriever
from training.indexing.build import build_index


@pytest.fixture(scope="module")
def retriever(profile: Profile, index_folder: Path) -> Retriever:
    return HybridRetriever(Index.open(index_folder), profile.make_embedder())


def search(retriever: Retriever, question: str, k: int = 3, **filters: object) -> list[Passage]:
    return asyncio.run(retriever.search(question, k, filters))


def list_sources(passages: list[Passage]) -> list[str]:
    return [passage.chunk.source for passage in passages]


def test_words_of_the_question_rank_their_passage_first(retriever: Retriever) -> None:
    assert list_sources(search(retriever, "Which framework simplifies applications?")) == [
        "langchain.txt",
        "azure-databricks.txt",
        "gpt-4.txt",
    ]


def test_question_with_typing_errors_finds_its_passage(retriever: Retriever) -> None:
    assert list_sources(search(retriever, "Azzure Datbricks platfrom", k=1)) == ["azure-databricks.txt"]


def test_scores_are_fractions_in_descending_order(retriever: Retriever) -> None:
    scores = [passage.score for passage in search(retriever, "What is GPT-4?")]
    assert scores == [0.410058, 0.005892, 0.003281]


def test_search_returns_at_most_k_passages(retriever: Retriever) -> None:
    assert len(search(retriever, "GPT-4", k=2)) == 2
    assert len(search(retriever, "GPT-4", k=50)) == 3


def test_filter_limits_the_passages_to_its_sources(retriever: Retriever) -> None:
    assert list_sources(search(retriever, "What is GPT-4?", source="langchain.txt")) == ["langchain.txt"]
    assert list_sources(search(retriever, "What is GPT-4?", source=["langchain.txt", "azure-databricks.txt"])) == [
        "langchain.txt",
        "azure-databricks.txt",
    ]
    assert search(retriever, "What is GPT-4?", source="nope") == []


def test_filter_returns_k_passages_despite_many_nearer_chunks(profile: Profile, tmp_path: Path) -> None:
    """Find the chunks of the filtered documents among many nearer chunks of others."""
    (tmp_path / "texts").mkdir()
    for number in range(300):
        (tmp_path / "texts" / f"{number:03}.txt").write_text(f"The red fox number {number} runs fast.", "utf-8")
    for number in range(5):
        (tmp_path / "texts" / f"other-{number}.txt").write_text(f"A whale of {number} tons swims.", "utf-8")
    folder = build_index(profile, [tmp_path / "texts"], tmp_path / "index", lambda _done, _total: None).folder
    expected = [f"other-{number}.txt" for number in range(5)]
    passages = search(profile.make_retriever(Index.open(folder)), "Where does the red fox run?", 5, source=expected)
    assert sorted(list_sources(passages)) == expected


@pytest.mark.parametrize("question", ["zzz", "??", "the of and", "日本語"])
def test_question_without_a_known_word_returns_passages(question: str, retriever: Retriever) -> None:
    assert len(search(retriever, question)) == 3


@pytest.mark.parametrize(
    ("best", "weights", "expected"),
    [
        (0.5, FITTED_WEIGHTS, [0.425, 0.425, 0.15]),
        (0.35, FITTED_WEIGHTS, [0.425, 0.425, 0.15]),
        (0.25, FITTED_WEIGHTS, [0.3125, 0.3125, 0.375]),
        (0.0, FITTED_WEIGHTS, [0.2, 0.2, 0.6]),
        (0.5, SEMANTIC_WEIGHTS, [0.3, 0.3, 0.4]),
    ],
)
def test_weight_of_vectors_grows_as_the_word_score_falls(
    best: float, weights: tuple[float, float], expected: list[float]
) -> None:
    unit_scores = np.eye(3, dtype=np.float32)
    assert fuse(unit_scores[0], unit_scores[1], unit_scores[2], best, weights).tolist() == pytest.approx(expected)


def make_chunk(text: str, source: str = "a.txt") -> Chunk:
    return Chunk(source, "", "", 0, 0, len(text), text)


def test_lexical_scores_and_weights_stay_equal_after_saving(tmp_path: Path) -> None:
    lexical = Lexical.build([make_chunk("red fox"), make_chunk("blue whale"), make_chunk("red whale")], "english")
    assert lexical.weights("Where is the red fox?") == pytest.approx({"red": 0.470004, "fox": 0.980829}, abs=1e-5)
    by_words, by_letters = lexical.scores("red fox")
    assert by_words.tolist() == pytest.approx([0.454545, 0.0, 0.147252], abs=1e-5)
    assert [round(score, 3) > 0 for score in by_letters.tolist()] == [True, False, True]
    assert [scores.tolist() for scores in lexical.scores("unknown")] == [[0, 0, 0], [0, 0, 0]]
    lexical.save(tmp_path / "lexical")
    reopened = Lexical.open(tmp_path / "lexical")
    assert [scores.tolist() for scores in reopened.scores("red fox")] == [by_words.tolist(), by_letters.tolist()]
    assert reopened.weights("nothing known") == pytest.approx({"noth": 2.079442}, abs=1e-5)


def test_misspelled_word_scores_by_its_letters() -> None:
    lexical = Lexical.build([make_chunk("Temperatures rise."), make_chunk("Whales swim.")], "english")
    by_words, by_letters = lexical.scores("tempratoure")
    assert by_words.tolist() == [0, 0]
    assert by_letters[0] > 0.03
    assert by_letters[1] == 0


def test_long_chunk_is_scored_by_its_best_window() -> None:
    """Words near each other score higher than the same words far apart."""
    filler = " ".join(f"Sentence number {n} tells of other things." for n in range(12))
    near = make_chunk(f"{filler} The pump broke. Oil leaked. It was Monday.")
    far = make_chunk(f"The pump stands. {filler} There is oil in it. {filler} It was Monday.")
    _, by_letters = Lexical.build([far, near], "english").scores("pump oil leaked monday")
    assert by_letters[1] > by_letters[0]


@given(st.lists(st.text("abc ", min_size=1, max_size=12), min_size=1, max_size=8), st.text("abcd ", max_size=12))
def test_lexical_scores_of_any_text_lie_between_0_and_1(texts: list[str], question: str) -> None:
    by_words, by_letters = Lexical.build([make_chunk(text) for text in texts], "english").scores(question)
    for scores in (by_words, by_letters):
        assert scores.shape == (len(texts),)
        assert float(scores.min()) >= 0
        assert float(scores.max()) <= 1


def test_latent_model_embeds_equally_after_saving(tmp_path: Path) -> None:
    texts = [f"The {'fox' if n % 2 else 'whale'} number {n} eats {n} apples." for n in range(40)]
    latent_model = LatentSemanticModel.fit(texts, "english")
    assert latent_model is not None
    vectors = normalize_rows(latent_model.embed(texts))
    assert (vectors @ vectors.T).argmax(axis=1).tolist() == list(range(40))
    latent_model.save(tmp_path / "fit")
    reopened = LatentSemanticModel.open(tmp_path / "fit")
    questions = ["Which whale eats apples?", "unheard of", ""]
    assert np.array_equal(reopened.embed(questions), latent_model.embed(questions))
    assert np.array_equal(latent_model.embed(questions)[2], np.zeros(32))
    fox, whale = normalize_rows(latent_model.embed(["fox 7", "whale 7"])) @ vectors[7]
    assert fox > whale + 0.1


def test_latent_model_is_not_fitted_to_fewer_than_24_texts() -> None:
    assert LatentSemanticModel.fit(["a red fox"] * 23, "english") is None


def test_index_with_latent_model_finds_the_same_when_reopened(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    for number in range(40):
        text = f"The {'fox' if number % 2 else 'whale'} number {number} eats {number} apples."
        (tmp_path / "texts" / f"{number:02}.txt").write_text(text, "utf-8")
    folder = build_index(profile, [tmp_path / "texts"], tmp_path / "index", lambda _done, _total: None).folder
    index = Index.open(folder)
    assert (index.manifest.dimension, index.manifest.embedding["model"]) == (32, "latent-stems-letters")
    results = [search(profile.make_retriever(Index.open(folder)), "Which fox eats 7 apples?", 3) for _ in range(2)]
    assert results[0] == results[1]
    assert results[0][0].chunk.source == "07.txt"
