"""The language of each document, and its stems in an index of several languages."""

import pytest

from model.blocks import make_paragraph
from model.profile import Profile
from model.retrieval.local.index import Index
from training.documents.document import Document
from training.documents.language import find_languages
from training.indexing.build import build_index
from training.progress import ignore_progress

TEXTS = {
    "english.txt": "The office is closed on public holidays. Houses are cleaned once a week.",
    "german.txt": "Das Büro ist an Feiertagen geschlossen. Die Häuser werden jede Woche gereinigt.",
    "french.txt": "Le bureau est fermé les jours fériés. Les maisons sont nettoyées chaque semaine.",
    "spanish.txt": "La oficina está cerrada los días festivos. Las casas se limpian cada semana.",
    "japanese.txt": "事務所は祝日に閉まっています。家は毎週掃除されます。",
}


def make_documents(*texts: tuple[str, str]) -> list[Document]:
    return [Document(source, (make_paragraph(text),)) for source, text in texts]


def test_languages_of_documents_are_told() -> None:
    languages = find_languages(make_documents(*TEXTS.items()))
    assert languages == {source: source.removesuffix(".txt") for source in TEXTS}


def test_document_without_words_has_the_language_of_most() -> None:
    documents = make_documents(
        ("a.txt", TEXTS["german.txt"]), ("b.txt", "K-40 12,50"), ("c.txt", TEXTS["german.txt"]), ("d.txt", "The boiler")
    )
    assert find_languages(documents) == dict.fromkeys(["a.txt", "b.txt", "c.txt", "d.txt"], "german")
    assert find_languages(make_documents(("b.txt", "K-40 12,50"))) == {"b.txt": "english"}


def test_pages_of_a_source_are_one_text() -> None:
    pages = [
        Document("a.pdf", (make_paragraph(sentence),), page=number)
        for number, sentence in enumerate(TEXTS["german.txt"].split(" ")[:6], 1)
    ]
    assert find_languages(pages) == {"a.pdf": "german"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("languages")
    for name, text in TEXTS.items():
        (folder / name).write_text(text, "utf-8")
    result = build_index(Profile.read("offline"), [folder], folder / "index", ignore_progress)
    assert dict(result.load_result.languages) == {name.removesuffix(".txt"): 1 for name in TEXTS}
    return Index.open(folder / "index")


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("When is a house cleaned?", "english.txt"),
        ("Wann wird das Haus gereinigt?", "german.txt"),
        ("Quand la maison est-elle nettoyée ?", "french.txt"),
        ("¿Cuándo se limpia la casa?", "spanish.txt"),
    ],
)
def test_each_chunk_is_searched_in_its_own_language(question: str, source: str, index: Index) -> None:
    by_words, _ = index.lexical.scores(question)
    sources = [chunk.source for chunk in index.chunks]
    assert sources[int(by_words.argmax())] == source
    assert by_words.max() > 0.3


def test_weights_of_a_question_are_those_of_the_language(index: Index) -> None:
    assert list(index.lexical.weights("Häuser der Woche", "german")) == ["haus", "woch"]
    assert index.lexical.languages == ("english", "french", "german", "japanese", "spanish")
