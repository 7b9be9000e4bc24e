"""Profiles as pipelines: what they can hold, and what is said of their mistakes."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest

from model.contract import description
from model.contract.requests import parse_requests
from model.errors import ProfileError
from model.profile import Profile
from model.profile_validation import validate_profile
from model.retrieval.local.index import Index

GOOD = """\
embeddings: {provider: offline}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa:
    kind: retrieval_qa
    passages: 4
    chat: {provider: offline, quotes: 2}
  models:
    kind: retrieval_qa
    documents: "gpt*"
    chat: {provider: offline, quotes: 1}
  image_generation:
    kind: image_generation
    images: {provider: offline}
    prompt: "A diagram of: {qa.answer}"
    sources: "{qa.sources}"
    unless: qa.abstained
  short:
    kind: chat
    system: Be brief.
    message: "In three words: {qa.answer} {{qa.answer}}"
    chat:
      provider: langchain
      model: langchain_core.language_models.fake_chat_models:FakeListChatModel
      settings: {responses: [A short answer.]}
"""
KNOWN = {"question": "Tell me about LangChain."}
UNKNOWN = {"question": "Who discovered penicillin?"}


def written(folder: Path, text: str) -> Profile:
    (folder / "mine.yaml").write_text(text, "utf-8")
    return Profile.read(str(folder / "mine.yaml"))


@pytest.fixture
def ask(tmp_path: Path, index_folder: Path) -> Any:
    profile = written(tmp_path, GOOD)
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))

    def asked(request: dict[str, Any]) -> Any:
        return pipeline.answer_requests(parse_requests(request, pipeline.contract).requests)[0]

    return asked


def test_stages_of_one_kind_answer_each_by_its_own_settings(ask: Any) -> None:
    response = ask({"qa": KNOWN, "models": {"question": "What is GPT-4?"}})
    assert {source["source"] for source in response["models"]["sources"]} == {"gpt-4.txt"}
    assert len(response["qa"]["sources"]) == 3
    assert response["models"]["answer"].count("[") == 1
    assert (
        ask({"models": {"question": "What is GPT-4?", "filter": {"source": "langchain.txt"}}})["models"]["sources"]
        == []
    )


def test_a_default_of_the_profile_refers_to_another_stage(ask: Any) -> None:
    response = ask({"qa": KNOWN, "image_generation": {"run": True}, "short": {"run": True}})
    assert response["image_generation"]["alt_text"].startswith("Diagram of LangChain is a framework")
    assert response["short"] | {"seconds": 0.0} == {
        "reply": "A short answer.",
        "ran": True,
        "error": "",
        "seconds": 0.0,
        "answered_by": "langchain:FakeListChatModel",
        "notes": [],
        "usage": {
            "input_tokens": 0,
            "output_tokens": 0,
            "images": 0,
            "cost": 0.0,
            "cost_known": False,
            "cached": False,
        },
    }


def test_a_request_overrides_the_default(ask: Any) -> None:
    drawn = ask({"image_generation": {"prompt": "A fox with a tail"}})["image_generation"]
    assert drawn["error"] == ""
    assert drawn["alt_text"].startswith("Diagram of A fox with a tail: Fox with Tail")


def test_a_default_that_refers_to_what_was_not_asked(ask: Any) -> None:
    told = ask({"short": {"run": True}})["short"]["error"]
    assert told == (
        "bad_reference: short: it refers to qa, which this request does not contain; add qa or remove the reference"
    )


def test_unless_skips_a_stage_and_runs_it_otherwise(ask: Any) -> None:
    skipped = ask({"qa": UNKNOWN, "image_generation": {"run": True}})
    assert skipped["qa"]["abstained"]
    assert (skipped["image_generation"]["ran"], skipped["image_generation"]["error"]) == (False, "")
    assert skipped["image_generation"]["image"] == ""
    assert ask({"qa": KNOWN, "image_generation": {"run": True}})["image_generation"]["ran"]


@pytest.mark.parametrize("told", [{"run": False}, {"run": False, "prompt": "A fox"}, {"run": None}])
def test_run_false_means_absent(told: dict[str, Any], ask: Any) -> None:
    assert not ask({"qa": KNOWN, "image_generation": told})["image_generation"]["ran"]


def test_a_picture_is_drawn_from_the_sources_of_the_answer(ask: Any) -> None:
    request = {"qa": KNOWN | {"filter": {"source": "langchain.txt"}}, "image_generation": {"run": True}}
    content = base64.b64decode(ask(request)["image_generation"]["image"])
    assert content.startswith(b"\x89PNG")
    given = {"prompt": "A fox", "sources": [{"text": "A fox eats berries.", "source": "fox.txt"}]}
    assert ask({"image_generation": given})["image_generation"]["alt_text"] == "Diagram of A fox: Fox eats Berries."


@pytest.mark.parametrize(
    ("sources", "wrong"),
    [
        ("{qa.answer}", "bad_reference: image_generation: a reference to qa names no list field of it"),
        ("{nobody.sources}", "bad_reference: image_generation: a list may refer to a list of one of the stages qa"),
        ([{"source": "a"}], "invalid_request: image_generation.sources: expected a list of objects with text"),
        (["a"], "invalid_request: image_generation.sources: expected a list of objects with text"),
    ],
)
def test_sources_that_are_none(sources: Any, wrong: str, tmp_path: Path, index_folder: Path) -> None:
    profile = written(tmp_path, GOOD)
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))
    rows = [{"qa": KNOWN, "image_generation": {"prompt": "A fox", "sources": sources}}]
    answer = pipeline.answer_requests(parse_requests(rows, pipeline.contract).requests)[0]
    assert answer["image_generation"]["error"].startswith(wrong)


def test_a_good_profile_is_described_in_words_and_as_a_drawing(tmp_path: Path) -> None:
    told = description.describe_contract(validate_profile(written(tmp_path, GOOD)))
    assert told["stages"]["image_generation"]["refers"] == ["qa.answer", "qa.sources"]
    assert told["stages"]["image_generation"]["unless"] == "qa.abstained"
    assert told["stages"]["short"]["providers"] == {"chat": "langchain"}
    assert "short (chat; chat by langchain)\n  takes   message=, run\n" in told["text"]
    assert '  stage_qa -->|"answer"| stage_short' in told["mermaid"]
    assert '  stage_qa -.->|"unless qa.abstained"| stage_image_generation' in told["mermaid"]


def test_a_description_tells_no_prompt(tmp_path: Path) -> None:
    told = str(description.describe_contract(validate_profile(written(tmp_path, GOOD))))
    assert "In three words" not in told
    assert "Be brief" not in told


@pytest.mark.parametrize(
    ("found", "put", "line", "sentence"),
    [
        ("kind: chat", "kind: chta", 19, "short: there is no kind chta; did you mean chat?"),
        ("    kind: chat\n", "", 18, "short: its kind is missing; it is one of chat, image_generation, r"),
        ("passages: 4", "pasages: 4", 6, "qa: there is no setting pasages; did you mean passages?"),
        ("passages: 4", "passages: four", 6, "qa: passages is expected to be a whole number"),
        ("passages: 4", "k: 99", 6, "qa.k: expected a whole number from 1 to 50"),
        ("quotes: 2", "qoutes: 2", 7, "qa: chat: there is no setting qoutes; did you mean quotes?"),
        ("{provider: offline, quotes: 2}", "{provider: ofline}", 7, "qa: chat: there is no provider ofline; did"),
        ("    images: {provider: offline}\n", "", 12, "image_generation: images is missing"),
        ("images: {provider: offline}", "images: {provider: langchain}", 14, "image_generation: images: the provider"),
        ('{qa.answer}"\n    sources', '{qb.answer}"\n    sources', 15, "image_generation.prompt: {qb.answer} names no"),
        ('{qa.answer}"\n    sources', '{qa.anser}"\n    sources', 15, "image_generation.prompt: a reference to qa"),
        ("{qa.sources}", "{qa.answer}", 16, "image_generation.sources: a reference to qa names no list field of it"),
        ("unless: qa.abstained", "unless: qb.abstained", 17, "image_generation: unless names the stage qb"),
        ("unless: qa.abstained", "unless: qa.abstain", 17, "image_generation: unless takes a field that is true"),
        ("unless: qa.abstained", "unless: qa.answer", 17, "image_generation: unless takes a field that is true"),
        ("passages: 4", 'question: "{image_generation.alt_text}"', 4, "qa: circular reference between stages"),
        ("  models:", "  qa:", 8, "qa is there twice; give one of them another name"),
        ("  models:", "  meta:", 8, "a stage cannot be called meta, which every response has"),
        ("  models:", "  my models:", 8, "a stage's name is made of letters, digits, _ and -, and begins with"),
        ("chunk_size: 800", "chunk_size: 0", 2, "index: chunk_size is expected to be a whole number of characters"),
        ("overlap: 80", "overlap: 800", 2, "index: overlap is expected to be a whole number of characters from 0"),
        ("english", "klingon", 2, "index: there is no stemmer for klingon; it is one of"),
        ("overlap", "overlaps", 2, "index: there is no setting overlaps; did you mean overlap?"),
        ("index:", "indx:", 1, "it is not a profile: it needs embeddings, index and stages, each with settings"),
        ("stages:", "extra: 1\nstages:", 3, "there is no part extra; it is one of embeddings, index, stages"),
        ("  qa:", "  qa: [", 6, "it is no YAML: "),
        ("fake_chat_models:Fake", "fake_chat_models.Fake", 24, "short: chat: "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_file_and_line(
    found: str, put: str, line: int, sentence: str, tmp_path: Path
) -> None:
    assert found in GOOD
    with pytest.raises(ProfileError) as told:
        validate_profile(written(tmp_path, GOOD.replace(found, put, 1)))
    expected = f"{tmp_path / 'mine.yaml'}:{line}: {sentence}"
    assert any(one.startswith(expected) for one in str(told.value).splitlines()), str(told.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as told:
        validate_profile(written(tmp_path, GOOD.replace("passages: 4", "pasages: 4").replace("quotes: 1", "qoutes: 1")))
    assert [re.sub(r".*:(\d+): .*", r"\1", one) for one in str(told.value).splitlines()] == ["6", "11"]


def test_a_pattern_that_fits_no_document(tmp_path: Path, index_folder: Path) -> None:
    profile = written(tmp_path, GOOD.replace("gpt*", "handbook/*"))
    with pytest.raises(ProfileError, match=r"mine.yaml:8: models: no document of the index matches handbook/\*"):
        profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))


@pytest.mark.parametrize(
    "attack",
    [
        "{qa.__class__}", "{qa.sources}", "{qa}", "{0}", "{self}", "{short.system}", "{short.chat}", "{{qa.answer}}",
        "{qa.answer.__class__}", "{qa.answer!r}", "{qa.answer:>99}", "%(qa)s", "${qa.question}", "{meta.version}",
        "{config.responses}", "{qa.passages}", "{{{{qa}}}}",
    ],
)  # fmt: skip
def test_a_text_can_read_no_setting_and_no_prompt(attack: str, ask: Any) -> None:
    response = ask({"qa": KNOWN, "models": {"question": attack}, "image_generation": {"prompt": f"A fox {attack}"}})
    secrets = ("Be brief", "In three words", "A short answer", "provider", "<class", "FakeListChatModel")
    assert not any(secret in str(response) for secret in secrets)
