"""Mistakes in the sections, stages, fields and references of a profile."""

from pathlib import Path

import pytest

from model.errors import ProfileError
from model.profile import Profile
from model.profile_validation import validate_profile

VALID_PROFILE = """\
embeddings: {provider: offline}
index: {chunk_size: 800, overlap: 80, language: english}
stages:
  qa:
    kind: retrieval_qa
    chat: {provider: offline}
  draw:
    kind: image_generation
    images: {provider: offline}
    style: flow
    prompt: "A {qa.answer}"
    unless: qa.abstained
  count:
    kind: runnable
    runnable: json:loads
    inputs: {input: text}
    outputs: {words: integer}
    input: "{qa.answer}"
gate: {recall: 0.9}
"""
KINDS = "chat, image_generation, retrieval_qa, runnable"
GATE, EMBEDDINGS, CHAT = "gate: {recall: 0.9}", "{provider: offline}", "chat: {provider: offline}"
EXPECTED_GATE = "19: gate: expected measures with a number each, such as {recall: 0.9}"
NO_TEXT_FIELD = (
    "11: draw.prompt: a reference to count names no text field of it; it has {count.error}, {count.answered_by}"
)
PROVIDERS = "offline, openai, azure, databricks, compatible, sentence_transformers, langchain"
RUNNABLE = VALID_PROFILE[VALID_PROFILE.index("    kind: runnable") : VALID_PROFILE.index("gate")]


def validate_changed_profile(folder: Path, part: str, replacement: str) -> list[str]:
    """Return the lines of the error of a profile with a replacement, each without the file; none when it is valid."""
    assert part in VALID_PROFILE
    file = folder / "mine.yaml"
    file.write_text(VALID_PROFILE.replace(part, replacement, 1), "utf-8")
    try:
        validate_profile(Profile.read(str(file)))
    except ProfileError as error:
        return str(error).replace(f"{file}:", "").splitlines()
    return []


def test_valid_profile_returns_its_contract(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(VALID_PROFILE, "utf-8")
    contract = validate_profile(Profile.read(str(tmp_path / "mine.yaml")))
    assert list(contract.stages) == ["qa", "draw", "count"]
    assert contract.stages["draw"].unless == ("qa", "abstained")
    assert [field.default for field in contract.stages["count"].inputs] == ["{qa.answer}"]


@pytest.mark.parametrize(
    ("part", "replacement", "message"),
    [
        (GATE, "gate: [recall]", EXPECTED_GATE),
        (GATE, "gate:", EXPECTED_GATE),
        (GATE, "gate:\n  f1: 1\n  recall: high", "21: gate: recall must be a number"),
        ("recall: 0.9", "recall: true", "19: gate: recall must be a number"),
        ("recall: 0.9", "recall:", "19: gate: recall must be a number"),
        (EMBEDDINGS, "{provider: ofline}", "1: embeddings: there is no provider ofline; did you mean offline?"),
        (EMBEDDINGS, "{provider: 5}", f"1: embeddings: there is no provider 5; it is one of {PROVIDERS}"),
        (EMBEDDINGS, "{provider: openai}", "1: embeddings: model is missing"),
        (EMBEDDINGS, "{provider: offline, model: a}", "1: embeddings: there is no setting model; it is one of none"),
    ],
)
def test_mistake_in_a_section_is_explained(part: str, replacement: str, message: str, tmp_path: Path) -> None:
    assert validate_changed_profile(tmp_path, part, replacement) == [message]


@pytest.mark.parametrize(
    ("part", "replacement", "messages"),
    [
        (f"\n{RUNNABLE}", " json:loads\n", [f"13: count: its kind is missing; it is one of {KINDS}"]),
        ("kind: runnable", "kind: base", [f"14: count: there is no kind base; it is one of {KINDS}"]),
        ("kind: runnable", "kind: runable", ["14: count: there is no kind runable; did you mean runnable?"]),
        ("  count:", "  _count:", ["13: a stage's name is made of letters, digits, _ and -, and begins with a letter"]),
        ("  count:", "  1st:", ["13: a stage's name is made of letters, digits, _ and -, and begins with a letter"]),
        ("  count:", "  a.b:", ["13: a stage's name is made of letters, digits, _ and -, and begins with a letter"]),
        ("  count:", "  meta:", ["13: a stage cannot be called meta, which every response has; give it another name"]),
        ("    chat: {provider: offline}\n", "", ["4: qa: chat is missing"]),
        (CHAT, "chat: offline", ["6: qa: chat must name a provider, such as {provider: offline}"]),
        (
            CHAT,
            "chat: {provider: sentence_transformers, model: a}",
            ["6: qa: chat: the provider sentence_transformers has no chat; name another"],
        ),
        (CHAT, "chat: {provider: offline}\n    passages: 0", ["7: qa: passages must be a whole number of at least 1"]),
        (
            CHAT,
            "chat:\n      provider: offline\n      quotes: 0",
            ["8: qa: chat: quotes must be a whole number of at least 1"],
        ),
        (
            "images: {provider: offline}",
            "images: {provider: openai}",
            ["9: draw: images: the way auto needs chat_models, which is not set"],
        ),
        ("style: flow", "stile: flow", ["10: draw: there is no setting stile; did you mean style?"]),
        ("json:loads", "json:lods", ["15: count: json has no lods; write the path as package.module:name"]),
        ("json:loads", "json:__all__", ["15: count: json:__all__ is neither a LangChain Runnable nor a function"]),
    ],
)
def test_mistake_in_a_stage_is_explained(part: str, replacement: str, messages: list[str], tmp_path: Path) -> None:
    assert validate_changed_profile(tmp_path, part, replacement) == messages


@pytest.mark.parametrize(
    ("part", "replacement", "messages"),
    [
        ("style: flow", "style: spiral", ["10: draw.style: expected one of map, flow, layers"]),
        ("style: flow", "size: ''", ["10: draw.size: expected text of 1 to 9 characters"]),
        ("style: flow", "sample: 101", ["10: draw.sample: expected a whole number from 1 to 100"]),
        ('"A {qa.answer}"', "5", ["11: draw.prompt: expected text of 1 to 32,000 characters"]),
        ("{input: text}", "{input: text, run: boolean}", ["13: count: an input cannot be called run; rename it"]),
        (
            "{words: integer}",
            "{error: text, words: integer, ran: boolean}",
            [
                "13: count: an output cannot be called error; rename it",
                "13: count: an output cannot be called ran; rename it",
            ],
        ),
    ],
)
def test_mistake_in_a_field_is_explained(part: str, replacement: str, messages: list[str], tmp_path: Path) -> None:
    assert validate_changed_profile(tmp_path, part, replacement) == messages


@pytest.mark.parametrize(
    ("part", "replacement", "messages"),
    [
        (
            "A {qa.answer}",
            "A {dra.alt_text} {q-9.text}",
            [
                "11: draw.prompt: {dra.alt_text} names no stage; did you mean draw?",
                "11: draw.prompt: {q-9.text} names no stage; it is one of qa, draw, count",
            ],
        ),
        ("A {qa.answer}", "A {count.words}", [NO_TEXT_FIELD]),
        (
            "style: flow",
            'sources: "{qb.sources}"',
            ["10: draw.sources: a list may refer to a list of one of the stages qa, draw, count"],
        ),
        (
            "unless: qa.abstained",
            "unless: drew.ran",
            ["12: draw: unless names the stage drew, which is not there; did you mean draw?"],
        ),
        (
            "unless: qa.abstained",
            "unless: qa",
            ["12: draw: unless takes a field that is true or false; did you mean qa.ran?"],
        ),
        (
            "unless: qa.abstained",
            "unless: qa.abstain",
            ["12: draw: unless takes a field that is true or false; did you mean qa.abstained?"],
        ),
        (
            "unless: qa.abstained",
            "unless: draw.ran",
            ["7: draw: circular reference between stages; remove one of the references"],
        ),
        (
            'input: "{qa.answer}"',
            'input: "{draw.alt_text}"\n    unless: count.ran',
            ["13: count: circular reference between stages; remove one of the references"],
        ),
        (
            CHAT,
            'chat: {provider: offline}\n    question: "{draw.alt_text}"',
            [
                "4: qa: circular reference between stages; remove one of the references",
                "8: draw: circular reference between stages; remove one of the references",
            ],
        ),
    ],
)
def test_mistake_in_a_reference_is_explained(part: str, replacement: str, messages: list[str], tmp_path: Path) -> None:
    assert validate_changed_profile(tmp_path, part, replacement) == messages


@pytest.mark.parametrize(
    ("part", "replacement"),
    [
        (GATE, "gate: {}"),
        (GATE, "gate: {recall: 1, cost: -0.5}"),
        ("gate: {recall: 0.9}\n", ""),
        ("  count:", "  C-ount_2:"),
        ("A {qa.answer}", "A {{qb.answer}} {qb} { qb.answer } {qb.answer!r} {{{qb.answer}}}"),
        ("unless: qa.abstained", "unless: qa.ran"),
        ("unless: qa.abstained", "unless: ''"),
        ("style: flow", "style: layers"),
        (CHAT, "chat: {provider: offline, quotes: 1, margin: 0}"),
    ],
)
def test_unusual_but_valid_profile_is_accepted(part: str, replacement: str, tmp_path: Path) -> None:
    assert validate_changed_profile(tmp_path, part, replacement) == []


def test_mistakes_in_sections_are_reported_before_those_in_stages(tmp_path: Path) -> None:
    start = VALID_PROFILE[: VALID_PROFILE.index("    kind: retrieval_qa")]
    changed = start.replace(EMBEDDINGS, "{provider: none}").replace("800", "80")
    assert validate_changed_profile(tmp_path, start, f"{changed}    colour: red\n") == [
        "2: index: overlap must be less than chunk_size, which is 80",
        f"1: embeddings: there is no provider none; it is one of {PROVIDERS}",
    ]


def test_equal_paces_of_one_provider_are_no_mistake(tmp_path: Path) -> None:
    start = VALID_PROFILE[VALID_PROFILE.index("    chat") : VALID_PROFILE.index("    style")]
    chat = "{provider: openai, models: [a], pace: {concurrency: 2}}"
    images = "{provider: openai, way: diagram, chat_models: [a], pace: {concurrency: 2}}"
    changed = start.replace(EMBEDDINGS, chat, 1).replace(EMBEDDINGS, images, 1)
    assert validate_changed_profile(tmp_path, start, changed) == []
