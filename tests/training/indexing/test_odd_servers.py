"""Builds with servers that fail at one text, take few texts in a call, or have another model than before."""

from pathlib import Path

import pytest

from model.errors import IndexFolderError, RejectedCallError
from model.profile import Profile
from model.retrieval.local.index import Index
from model.runtime.event_loop import Engine
from tests.fixtures import EXERCISE
from tests.odd_server import EMBEDDINGS, Answer, Body, embed_as_usual, refuse, run_odd_server
from training.indexing.build import BuildResult, build_index
from training.progress import ignore_progress
from training.report import print_result

PROFILE = """\
embeddings: {provider: compatible, model: e%s}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa: {kind: retrieval_qa, chat: {provider: offline}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts").mkdir()
    for name, text in (("a", "A red fox runs."), ("b", "A blue whale swims."), ("c", "A white owl flies.")):
        (tmp_path / "texts" / f"{name}.txt").write_text(text, "utf-8")
    return tmp_path


def build(
    folder: Path, answer: Answer, *, update: bool = False, settings: str = "", documents: str = ""
) -> BuildResult:
    (folder / "mine.yaml").write_text(PROFILE % settings, "utf-8")
    with run_odd_server({EMBEDDINGS: answer}):
        paths = [documents or folder / "texts"]
        return build_index(
            Profile.read(str(folder / "mine.yaml")), paths, folder / "index", ignore_progress, update=update
        )


def fail_at(word: str, status: int) -> Answer:
    return lambda body: refuse("NaN", status) if any(word in text for text in body["input"]) else None


@pytest.mark.parametrize("status", [400, 500])
def test_text_that_cannot_be_embedded_is_named_and_the_rest_is_embedded(
    status: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = build(folder, fail_at("whale", status))
    assert list(result.failed_sources) == ["b.txt"]
    index = Index.open(folder / "index")
    lengths = {chunk.source: index.vectors.get_vectors([n])[0].any() for n, chunk in enumerate(index.chunks)}
    assert lengths == {"a.txt": True, "b.txt": False, "c.txt": True}
    print_result(result)
    assert "Without a vector, so found by words alone: b.txt: compatible:e " in capsys.readouterr().out


def test_next_update_embeds_what_failed_before(folder: Path) -> None:
    build(folder, fail_at("whale", 400))
    (folder / "texts" / "d.txt").write_text("A newt sleeps.", "utf-8")
    inputs: list[str] = []
    result = build(folder, lambda body: inputs.extend(body["input"]), update=True)  # type: ignore[func-returns-value]
    assert (result.failed_sources, inputs[1:]) == ({}, ["b\nA blue whale swims.", "d\nA newt sleeps."])


def test_build_stops_where_no_text_can_be_embedded(folder: Path) -> None:
    with pytest.raises(RejectedCallError, match=r"compatible:e was asked more than it can read at once; ask for fewer"):
        build(
            folder,
            lambda body: (
                refuse("the input length exceeds the context length") if max(map(len, body["input"])) > 9 else None
            ),
            documents=str(EXERCISE),
        )


def test_largest_batch_that_a_build_found_is_kept_with_the_profile(folder: Path) -> None:
    for number in range(40):
        (folder / "texts" / f"{number}.txt").write_text(f"The number {number} is odd.", "utf-8")
    (folder / "mine.yaml").write_text(PROFILE % "", "utf-8")
    profile = Profile.read(str(folder / "mine.yaml"))
    too_many: Answer = lambda body: refuse("batch size > 32", 422) if len(body["input"]) > 32 else None  # noqa: E731 - one use
    with run_odd_server({EMBEDDINGS: too_many}):
        build_index(profile, [folder / "texts"], folder / "index", ignore_progress)
    assert profile.facts.to_json() == {
        "limits": {"compatible:e": {"refused": [], "batch": 22, "starts_in_thought": False, "token_factor": 0.0}}
    }


def make_other_vectors(body: Body) -> tuple[int, Body]:
    return 200, embed_as_usual({"input": [text[::-1] for text in body["input"]]})


def test_update_rebuilds_the_index_where_another_model_has_the_name(folder: Path) -> None:
    build(folder, lambda _: None)
    result = build(folder, make_other_vectors, update=True)
    assert (result.is_written, result.rebuild_reason) == (
        True,
        "The whole index is rebuilt: the embedding model gives other vectors than when the index was built.",
    )
    assert build(folder, make_other_vectors, update=True).is_written is False


def test_update_rebuilds_the_index_where_the_dimensions_changed(folder: Path) -> None:
    build(folder, lambda _: None, settings=", dimensions: 12")
    result = build(folder, lambda _: None, update=True, settings=", dimensions: 6")
    assert (result.is_written, result.manifest.dimension) == (True, 6)


def test_update_with_another_passage_prompt_embeds_all_texts_again(folder: Path) -> None:
    build(folder, lambda _: None)
    assert build(folder, lambda _: None, update=True, settings=', passage_prompt: "passage: "').is_written is True


def test_question_vector_of_another_length_is_an_error_with_what_to_do(folder: Path) -> None:
    build(folder, lambda _: None)
    profile = Profile.read(str(folder / "mine.yaml"))
    with (
        run_odd_server({EMBEDDINGS: lambda body: (200, embed_as_usual(body, width=10))}),
        pytest.raises(IndexFolderError, match=r"returns vectors of 10 numbers, and those of the index have 8; use the"),
    ):
        Engine().run(profile.make_retriever(Index.open(folder / "index")).search("Who runs?", 1))
