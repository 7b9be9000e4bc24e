"""Profiles: the pipelines that they describe, and the messages about their mistakes."""

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
from model.transport.rate_limiter import RateLimits

VALID_PROFILE = """\
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
KNOWN_QUESTION = {"question": "Tell me about LangChain."}
UNKNOWN_QUESTION = {"question": "Who discovered penicillin?"}


def write_profile(folder: Path, text: str) -> Profile:
    (folder / "mine.yaml").write_text(text, "utf-8")
    return Profile.read(str(folder / "mine.yaml"))


@pytest.fixture
def answer_request(tmp_path: Path, index_folder: Path) -> Any:
    profile = write_profile(tmp_path, VALID_PROFILE)
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))

    def parse_and_answer(request: dict[str, Any]) -> Any:
        return pipeline.answer_requests(parse_requests(request, pipeline.contract).requests)[0]

    return parse_and_answer


def test_stages_of_one_kind_use_their_own_settings(answer_request: Any) -> None:
    response = answer_request({"qa": KNOWN_QUESTION, "models": {"question": "What is GPT-4?"}})
    assert {source["source"] for source in response["models"]["sources"]} == {"gpt-4.txt"}
    assert len(response["qa"]["sources"]) == 3
    assert response["models"]["answer"].count("[") == 1
    values = {"question": "What is GPT-4?", "filter": {"source": "langchain.txt"}}
    assert answer_request({"models": values})["models"]["sources"] == []


def test_default_value_refers_to_another_stage(answer_request: Any) -> None:
    response = answer_request({"qa": KNOWN_QUESTION, "image_generation": {"run": True}, "short": {"run": True}})
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


def test_request_overrides_default_value(answer_request: Any) -> None:
    values = answer_request({"image_generation": {"prompt": "A fox with a tail"}})["image_generation"]
    assert values["error"] == ""
    assert values["alt_text"].startswith("Diagram of A fox with a tail: Fox with Tail")


def test_default_reference_to_absent_stage_is_an_error(answer_request: Any) -> None:
    error = answer_request({"short": {"run": True}})["short"]["error"]
    assert error == (
        "bad_reference: short: it refers to qa, which this request does not contain; add qa or remove the reference"
    )


def test_unless_skips_stage_only_when_its_field_is_true(answer_request: Any) -> None:
    response = answer_request({"qa": UNKNOWN_QUESTION, "image_generation": {"run": True}})
    assert response["qa"]["abstained"]
    assert (response["image_generation"]["ran"], response["image_generation"]["error"]) == (False, "")
    assert response["image_generation"]["image"] == ""
    assert answer_request({"qa": KNOWN_QUESTION, "image_generation": {"run": True}})["image_generation"]["ran"]


@pytest.mark.parametrize("values", [{"run": False}, {"run": False, "prompt": "A fox"}, {"run": None}])
def test_stage_with_run_false_does_not_run(values: dict[str, Any], answer_request: Any) -> None:
    assert not answer_request({"qa": KNOWN_QUESTION, "image_generation": values})["image_generation"]["ran"]


def test_image_is_drawn_from_sources_of_answer_or_request(answer_request: Any) -> None:
    request = {"qa": KNOWN_QUESTION | {"filter": {"source": "langchain.txt"}}, "image_generation": {"run": True}}
    content = base64.b64decode(answer_request(request)["image_generation"]["image"])
    assert content.startswith(b"\x89PNG")
    values = {"prompt": "A fox", "sources": [{"text": "A fox eats berries. A fox sees owls.", "source": "fox.txt"}]}
    output = answer_request({"image_generation": values})["image_generation"]
    assert output["alt_text"] == "Diagram of A fox: Fox eats Berries; Fox sees Owls."


@pytest.mark.parametrize(
    ("sources", "error"),
    [
        ("{qa.answer}", "bad_reference: image_generation: a reference to qa names no list field of it"),
        ("{nobody.sources}", "bad_reference: image_generation: a list may refer to a list of one of the stages qa"),
        (
            [{"source": "a"}],
            "invalid_request: image_generation.sources: expected a list of at most 100 objects with text",
        ),
        (["a"], "invalid_request: image_generation.sources: expected a list of at most 100 objects with text"),
    ],
)
def test_invalid_sources_are_an_error_of_the_stage(
    sources: Any, error: str, tmp_path: Path, index_folder: Path
) -> None:
    profile = write_profile(tmp_path, VALID_PROFILE)
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))
    rows = [{"qa": KNOWN_QUESTION, "image_generation": {"prompt": "A fox", "sources": sources}}]
    response = pipeline.answer_requests(parse_requests(rows, pipeline.contract).requests)[0]
    assert response["image_generation"]["error"].startswith(error)


def test_valid_profile_is_described_as_text_and_as_mermaid(tmp_path: Path) -> None:
    result = description.describe_contract(validate_profile(write_profile(tmp_path, VALID_PROFILE)))
    assert result["stages"]["image_generation"]["refers"] == ["qa.answer", "qa.sources"]
    assert result["stages"]["image_generation"]["unless"] == "qa.abstained"
    assert result["stages"]["short"]["providers"] == {"chat": "langchain"}
    assert "short (chat; chat by langchain)\n  takes   message=, run\n" in result["text"]
    assert '  stage_qa -->|"answer"| stage_short' in result["mermaid"]
    assert '  stage_qa -.->|"unless qa.abstained"| stage_image_generation' in result["mermaid"]


def test_description_contains_no_prompt(tmp_path: Path) -> None:
    text = str(description.describe_contract(validate_profile(write_profile(tmp_path, VALID_PROFILE))))
    assert "In three words" not in text
    assert "Be brief" not in text


@pytest.mark.parametrize(
    ("part", "replacement", "line", "sentence"),
    [
        ("kind: chat", "kind: chta", 19, "short: there is no kind chta; did you mean chat?"),
        ("    kind: chat\n", "", 18, "short: its kind is missing; it is one of chat, image_generation, r"),
        ("passages: 4", "pasages: 4", 6, "qa: there is no setting pasages; did you mean passages?"),
        ("passages: 4", "passages: four", 6, "qa: passages must be a whole number"),
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
        ("chunk_size: 800", "chunk_size: 0", 2, "index: chunk_size must be a whole number from 50 to 100,000"),
        ("overlap: 80", "overlap: 800", 2, "index: overlap must be less than chunk_size, which is 800"),
        ("overlap: 80", "overlap: 80, readers: {PDF: docling}", 2, "index: PDF is not a suffix in lower case, such as"),
        ("english", "klingon", 2, "index: there is no stemmer for klingon; it is one of"),
        ("overlap", "overlaps", 2, "index: there is no setting overlaps; did you mean overlap?"),
        ("index:", "indx:", 1, "it is not a profile: it needs embeddings, index and stages, each with settings"),
        ("stages:", "extra: 1\nstages:", 3, "there is no part extra; it is one of embeddings, index, stages"),
        ("  qa:", "  qa: [", 6, "the file is not YAML: "),
        ("fake_chat_models:Fake", "fake_chat_models.Fake", 24, "short: chat: "),
    ],
)  # fmt: skip
def test_mistake_is_reported_with_its_file_and_line(
    part: str, replacement: str, line: int, sentence: str, tmp_path: Path
) -> None:
    assert part in VALID_PROFILE
    with pytest.raises(ProfileError) as error:
        validate_profile(write_profile(tmp_path, VALID_PROFILE.replace(part, replacement, 1)))
    expected = f"{tmp_path / 'mine.yaml'}:{line}: {sentence}"
    assert any(message.startswith(expected) for message in str(error.value).splitlines()), str(error.value)


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    text = VALID_PROFILE.replace("passages: 4", "pasages: 4").replace("quotes: 1", "qoutes: 1")
    with pytest.raises(ProfileError) as error:
        validate_profile(write_profile(tmp_path, text))
    assert [re.sub(r".*:(\d+): .*", r"\1", message) for message in str(error.value).splitlines()] == ["6", "11"]


TWO_STAGES = """embeddings: {provider: offline}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa: {kind: retrieval_qa, chat: {provider: openai, models: [gpt-4.1], pace: {requests_per_minute: 60}}}
  picture:
    kind: image_generation
    images: {provider: openai, way: diagram, chat_models: [gpt-4.1]PACE}
"""


def test_entries_of_one_provider_share_the_pace_that_one_of_them_sets(tmp_path: Path, index_folder: Path) -> None:
    profile = write_profile(tmp_path, TWO_STAGES.replace("PACE", ""))
    validate_profile(profile)
    assert profile.find_pace("openai", "images") == {"requests_per_minute": 60}
    assert profile.find_pace("openai", "embeddings") is None
    assert profile.find_pace("azure", "chat") is None
    pipeline = profile.make_pipeline(profile.make_retriever(Index.open(index_folder)))
    generator: Any = pipeline.stages["picture"]._images  # noqa: SLF001 - a pace shows under load alone
    assert generator._chat._operation.limits == RateLimits(requests_per_minute=60)  # noqa: SLF001


@pytest.mark.parametrize(
    ("chat", "images", "expected"),
    [
        ("{provider: openai, models: [m]}", "{provider: openai, way: images, models: [m]}", 32),
        ("{provider: openai, models: [m]}", "{provider: openai, chat_models: [m]}", 16),
        (
            "{provider: openai, models: [m], pace: {concurrency: 40}}",
            "{provider: openai, models: [m], chat_models: [m]}",
            80,
        ),
        ("{provider: openai, models: [m]}", "{provider: azure, chat_models: [m], models: [m]}", 48),
        ("{provider: offline}", "{provider: offline}", 0),
    ],
)
def test_calls_at_once_are_those_of_each_kind_and_provider(
    chat: str, images: str, expected: int, tmp_path: Path
) -> None:
    text = (
        "embeddings: {provider: openai, model: m}\nindex: {chunk_size: 800, overlap: 80, language: english}\nstages:\n"
        f"  qa:\n    kind: retrieval_qa\n    chat: {chat}\n"
        f"  image_generation:\n    kind: image_generation\n    images: {images}\n"
    )
    assert write_profile(tmp_path, text).count_calls_at_once() == expected


def test_another_pace_of_one_provider_is_a_mistake(tmp_path: Path) -> None:
    profile = write_profile(tmp_path, TWO_STAGES.replace("PACE", ", pace: {concurrency: 2}"))
    with pytest.raises(ProfileError) as error:
        validate_profile(profile)
    assert str(error.value) == (
        f"{tmp_path / 'mine.yaml'}:7: picture: images: another entry of openai has another pace, and both call the "
        "same server; write the pace in one of them"
    )


def test_entry_that_is_no_provider_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"qa: chat must name a provider, such as \{provider: offline\}"):
        validate_profile(write_profile(tmp_path, VALID_PROFILE.replace("{provider: offline, quotes: 2}", "offline")))


def test_pattern_without_matching_document_raises_profile_error(tmp_path: Path, index_folder: Path) -> None:
    profile = write_profile(tmp_path, VALID_PROFILE.replace("gpt*", "handbook/*"))
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
def test_text_of_request_cannot_read_settings_or_prompts(attack: str, answer_request: Any) -> None:
    response = answer_request(
        {"qa": KNOWN_QUESTION, "models": {"question": attack}, "image_generation": {"prompt": f"A fox {attack}"}}
    )
    secrets = ("Be brief", "In three words", "A short answer", "provider", "<class", "FakeListChatModel")
    assert not any(secret in str(response) for secret in secrets)
