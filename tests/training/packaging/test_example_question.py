"""The question of a version's example, which its own documents answer."""

from pathlib import Path

import pytest

from model.contract.requests import Request
from model.profile import Profile
from model.retrieval.local.index import Index
from tests.fixtures import EXERCISE
from training.indexing.build import build_index
from training.packaging.example_question import choose_first_questions, choose_question
from training.progress import ignore_progress

USUAL = "Tell me about LangChain."
TEXTS = {
    "faq": "# FAQ\n\n## How do I reset my badge?\n\nHold it against the reader for ten seconds.\n",
    "manual": "# Pump\n\nThe pump PX-200 circulates hot water through both heating circuits of the house.\n",
    "german": "# Abfall\n\nDie Gebühr für die graue Tonne beträgt im Landkreis 135 Euro im Jahr.\n",
}


def build(folder: Path, text: str) -> Index:
    (folder / "a.md").write_text(text, "utf-8")
    build_index(Profile.read("offline"), [folder / "a.md"], folder / "index", ignore_progress)
    return Index.open(folder / "index")


@pytest.mark.parametrize("name", TEXTS)
def test_question_is_answered_from_the_documents(name: str, tmp_path: Path) -> None:
    index, profile = build(tmp_path, TEXTS[name]), Profile.read("offline")
    question = choose_question(index, USUAL)
    assert question != USUAL
    pipeline = profile.make_pipeline(profile.make_retriever(index))
    answer = pipeline.answer_requests([Request({"qa": {"question": question}})])[0]["qa"]
    assert (answer["abstained"], answer["sources"][0]["cited"]) == (False, True)


def test_question_of_the_documents_goes_before_one_that_is_made(tmp_path: Path) -> None:
    index = build(tmp_path, f"{TEXTS['manual']}\n## What does it weigh?\n\nThe pump weighs 18 kg with all its pipes.\n")
    assert choose_question(index, USUAL) == "What does it weigh?"


def test_usual_question_is_kept_where_the_documents_contain_its_words(tmp_path: Path) -> None:
    build_index(Profile.read("offline"), [EXERCISE], tmp_path / "index", ignore_progress)
    assert choose_question(Index.open(tmp_path / "index"), USUAL) == USUAL


def test_first_questions_are_of_different_documents(tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for name, text in TEXTS.items():
        (documents / f"{name}.md").write_text(text, "utf-8")
    (documents / "trips.md").write_text(
        "# Handbook\n\n## Travel expenses\n\nA night costs at most 120 euros.\n", "utf-8"
    )
    build_index(Profile.read("offline"), [documents], tmp_path / "index", ignore_progress)
    questions = choose_first_questions(Index.open(tmp_path / "index"), USUAL)
    assert questions == ["How do I reset my badge?", "Travel expenses?"]


def test_usual_question_is_offered_first_where_the_documents_contain_its_words(tmp_path: Path) -> None:
    index = build(tmp_path, "# LangChain\n\nTell me about LangChain: it is a framework.\n")
    assert choose_first_questions(index, USUAL)[0] == USUAL
