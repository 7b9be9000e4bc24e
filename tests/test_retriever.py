"""Search: by words, by letters, narrowed, and the same whatever else is asked."""

import asyncio
from pathlib import Path

import pytest

from model.profile import Profile
from model.retrieval.chunks import Passage
from model.retrieval.fusion import fuse
from model.retrieval.index import Index
from model.retrieval.lexical import Lexical
from model.retrieval.retriever import Retriever
from training.build import build


@pytest.fixture(scope="module")
def retriever(profile: Profile, index_folder: Path) -> Retriever:
    return Retriever(Index.open(index_folder), profile.embedder())


def search(retriever: Retriever, question: str, k: int = 3, **wanted: object) -> list[Passage]:
    return asyncio.run(retriever.search(question, k, wanted))


def sources(passages: list[Passage]) -> list[str]:
    return [passage.chunk.source for passage in passages]


def test_words_find_their_passage(retriever: Retriever) -> None:
    assert sources(search(retriever, "Which framework simplifies applications?")) == [
        "langchain.txt",
        "azure-databricks.txt",
        "gpt-4.txt",
    ]


def test_typing_errors_are_forgiven(retriever: Retriever) -> None:
    assert sources(search(retriever, "Azzure Datbricks platfrom", k=1)) == ["azure-databricks.txt"]


def test_scores_lie_between_0_and_1_and_fall(retriever: Retriever) -> None:
    scores = [passage.score for passage in search(retriever, "What is GPT-4?")]
    assert scores == [0.503841, 0.010086, 0.002929]


def test_k_passages_at_most(retriever: Retriever) -> None:
    assert len(search(retriever, "GPT-4", k=2)) == 2
    assert len(search(retriever, "GPT-4", k=50)) == 3


def test_a_filter_narrows_before_the_search(retriever: Retriever) -> None:
    assert sources(search(retriever, "What is GPT-4?", source="langchain.txt")) == ["langchain.txt"]
    assert sources(search(retriever, "What is GPT-4?", source=["langchain.txt", "azure-databricks.txt"])) == [
        "langchain.txt",
        "azure-databricks.txt",
    ]
    assert search(retriever, "What is GPT-4?", source="nope") == []


def test_a_filter_gives_k_when_k_exist(profile: Profile, tmp_path: Path) -> None:
    """Among many nearer chunks of other documents, the wanted ones are found all the same."""
    (tmp_path / "texts").mkdir()
    for number in range(300):
        (tmp_path / "texts" / f"{number:03}.txt").write_text(f"The red fox number {number} runs fast.", "utf-8")
    for number in range(5):
        (tmp_path / "texts" / f"other-{number}.txt").write_text(f"A whale of {number} tons swims.", "utf-8")
    folder = build(profile, [tmp_path / "texts"], tmp_path / "index", lambda _done, _total: None).folder
    wanted = [f"other-{number}.txt" for number in range(5)]
    found = search(Retriever(Index.open(folder), profile.embedder()), "Where does the red fox run?", 5, source=wanted)
    assert sorted(sources(found)) == wanted


@pytest.mark.parametrize("question", ["zzz", "??", "the of and", "日本語"])
def test_questions_without_a_known_word(question: str, retriever: Retriever) -> None:
    assert len(search(retriever, question)) == 3


def test_fuse_weighs_both() -> None:
    import numpy as np

    fused = fuse(np.array([1.0, 0.0], dtype=np.float32), np.array([0.0, 1.0], dtype=np.float32))
    assert fused.tolist() == pytest.approx([0.6, 0.4])


def test_lexical_scores_are_shares(tmp_path: Path) -> None:
    lexical = Lexical.build(["red fox", "blue whale", "red whale"], "english")
    assert lexical.weights("Where is the red fox?") == pytest.approx({"red": 0.470004, "fox": 0.980829}, abs=1e-5)
    scores = lexical.scores("Where is the red fox?")
    assert scores.tolist() == pytest.approx([0.454545, 0.0, 0.147252], abs=1e-5)
    assert lexical.scores("unknown words").tolist() == [0, 0, 0]
    lexical.save(tmp_path / "lexical")
    again = Lexical.open(tmp_path / "lexical", 3, "english")
    assert again.scores("red fox").tolist() == scores.tolist()
    assert again.weights("nothing known") == pytest.approx({"noth": 2.079442, "known": 2.079442}, abs=1e-5)
