"""Descriptions of a contract: declarations, words and a Mermaid diagram."""

from typing import Any

from model.contract.description import describe_contract
from model.contract.fields import Field
from model.contract.stage_contract import Contract, StageContract

QA = StageContract(
    "qa",
    (Field("question", "text", required=True, example="Why?"), Field("k", "integer")),
    (Field("answer", "text"), Field("abstained", "boolean"), Field("sources", "list")),
    "retrieval_qa",
    providers={"chat": "offline", "reranker": "openai"},
)
DRAWING = StageContract(
    "end-note",
    (
        Field("prompt", "text", required=True, default="{qa.answer} and {qa.answer}, {{qa.error}}, {x.y}"),
        Field("sources", "list", default="{qa.sources}"),
        Field("size", "text"),
    ),
    (),
    "image_generation",
    ("qa", "abstained"),
)
CONTRACT = Contract({"qa": QA, "end-note": DRAWING})


def describe_stage(stage: StageContract) -> tuple[list[str], list[str]]:
    """Return the lines of the text and of the diagram for a contract of one stage."""
    description = describe_contract(Contract({stage.name: stage}))
    return description["text"].splitlines(), description["mermaid"].splitlines()


def test_description_contains_declarations_references_and_example() -> None:
    description = describe_contract(CONTRACT)
    assert list(description) == ["stages", "example", "text", "mermaid"]
    assert description["stages"] == {
        "qa": QA.describe() | {"refers": []},
        "end-note": DRAWING.describe() | {"refers": ["qa.answer", "qa.sources"]},
    }
    assert description["example"] == {"qa": {"question": "Why?"}, "end-note": {"run": True}}


def test_text_marks_required_inputs_and_defaults() -> None:
    assert describe_contract(CONTRACT)["text"] == (
        "qa (retrieval_qa; chat by offline, reranker by openai)\n"
        "  takes   question*, k\n"
        "  gives   answer, abstained, sources, ran, error, seconds, answered_by, notes, usage\n"
        "end-note (image_generation)\n"
        "  takes   prompt=, sources=, size, run\n"
        "  gives   ran, error, seconds, answered_by, notes, usage\n"
        "  refers  to qa.answer, qa.sources\n"
        "  unless  qa.abstained"
    )


def test_diagram_draws_stages_then_what_flows_between_them() -> None:
    assert describe_contract(CONTRACT)["mermaid"] == (
        "flowchart LR\n"
        "  request([request])\n"
        "  response([response])\n"
        '  stage_qa["<b>qa</b><br>retrieval_qa<br>chat: offline, reranker: openai"]\n'
        '  stage_end_note["<b>end-note</b><br>image_generation"]\n'
        '  request -->|"question"| stage_qa\n'
        "  stage_qa --> response\n"
        '  request -->|"run"| stage_end_note\n'
        '  stage_qa -->|"answer"| stage_end_note\n'
        '  stage_qa -->|"sources"| stage_end_note\n'
        '  stage_qa -.->|"unless qa.abstained"| stage_end_note\n'
        "  stage_end_note --> response"
    )


def test_diagram_lists_all_required_inputs() -> None:
    inputs = tuple(Field(name, "text", required=name != "b") for name in "abc")
    text, mermaid = describe_stage(StageContract("join", inputs, (), "chat"))
    assert text[1] == "  takes   a*, b, c*"
    assert mermaid[4] == '  request -->|"a, c"| stage_join'


def test_empty_contract_is_described_as_request_and_response() -> None:
    description: dict[str, Any] = describe_contract(Contract({}))
    assert description == {
        "stages": {},
        "example": {},
        "text": "",
        "mermaid": "flowchart LR\n  request([request])\n  response([response])",
    }
