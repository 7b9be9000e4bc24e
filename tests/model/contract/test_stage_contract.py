"""Contracts of stages: parsing inputs, serializing outputs, empty responses and examples."""

from typing import Any

import pytest

from model.contract.fields import Field
from model.contract.stage_contract import COMMON_FIELDS, META_FIELDS, RUN_FIELD, Contract, StageContract
from model.errors import InvalidRequestError, StageFailedError

QUESTION = Field("question", "text", required=True, maximum=5, example="Why?")
FILTER = Field("filter", "object", fields=(Field("tag", "text"),))
COUNT = Field("k", "integer", minimum=1, maximum=9, example=3)
OUTPUTS = (Field("answer", "text"), Field("sources", "list"))
QA = StageContract("qa", (QUESTION, FILTER, COUNT), OUTPUTS, "retrieval_qa", providers={"chat": "offline"})
OPTIONAL = StageContract("draw", (FILTER,), (), unless=("qa", "abstained"))
EMPTY_COMMON_VALUES: dict[str, Any] = {
    "ran": False,
    "error": "",
    "seconds": 0.0,
    "answered_by": "",
    "notes": [],
    "usage": {"input_tokens": 0, "output_tokens": 0, "images": 0, "cost": 0.0, "cost_known": False, "cached": False},
}


def add_default(value: object) -> StageContract:
    """Return a contract in which the profile says the question."""
    question = Field("question", "text", required=True, maximum=5, example="Why?", default=value)
    return StageContract("qa", (question, FILTER, COUNT), OUTPUTS)


def test_stage_without_required_input_takes_run() -> None:
    assert QA.input_fields == (QUESTION, FILTER, COUNT)
    assert OPTIONAL.input_fields == (FILTER, RUN_FIELD)
    assert StageContract("a", (), ()).input_fields == (RUN_FIELD,)
    assert add_default("Hi").input_fields[-1] == RUN_FIELD


def test_common_outputs_follow_the_declared_ones() -> None:
    names = ["answer", "sources", "ran", "error", "seconds", "answered_by", "notes", "usage"]
    assert [field.name for field in QA.output_fields] == names
    assert QA.find_output("sources") == OUTPUTS[1]
    assert QA.find_output("ran") == COMMON_FIELDS[0]
    assert QA.find_output("question") is None


def test_empty_values_contain_each_output_in_order() -> None:
    assert list(QA.empty_values().items()) == list(({"answer": "", "sources": []} | EMPTY_COMMON_VALUES).items())


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ({"question": "Why?"}, {"question": "Why?"}),
        ({"k": 3.0, "question": "Why?", "purpose": "x"}, {"question": "Why?", "k": 3}),
        ({"question": "Why?", "k": None, "filter": None}, {"question": "Why?"}),
        ({"question": "Why?", "filter": {}}, {"question": "Why?", "filter": {}}),
    ],
)
def test_input_is_parsed_without_absent_and_undeclared_fields(raw: dict[str, Any], values: dict[str, Any]) -> None:
    assert QA.parse(raw) == values


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        ({}, {"question": "Hi"}),
        ({"question": None}, {"question": "Hi"}),
        ({"question": "No", "run": False}, {"question": "No", "run": False}),
        ({"run": True}, {"question": "Hi", "run": True}),
    ],
)
def test_default_replaces_absent_input_alone(raw: dict[str, Any], values: dict[str, Any]) -> None:
    assert add_default("Hi").parse(raw) == values


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (None, "qa: expected an object with question, filter, k"),
        (["question"], "qa: expected an object with question, filter, k"),
        ({}, "qa.question: expected text of 1 to 5 characters"),
        ({"question": ""}, "qa.question: expected text of 1 to 5 characters"),
        ({"question": "Why so"}, "qa.question: expected text of 1 to 5 characters"),
        ({"question": "Why?", "k": 10}, "qa.k: expected a whole number from 1 to 9"),
        ({"question": "Why?", "k": 0}, "qa.k: expected a whole number from 1 to 9"),
        ({"question": "Why?", "filter": {"tags": "a"}}, "qa.filter: expected an object with tag"),
        ({"question": "Why?", "Filter": {}}, "qa: expected the field filter, found a similar name"),
        ({"question": "Why?", "filters": {}}, "qa: expected the field filter, found a similar name"),
        ({"question": "Why?", "filt": {}}, "qa: expected the field filter, found a similar name"),
        ({"qestion": "Why?"}, "qa: expected the field question, found a similar name"),
    ],
)
def test_input_that_does_not_fit_names_stage_and_field(raw: object, message: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        QA.parse(raw)
    assert str(error.value) == message


def test_name_far_from_a_field_or_of_another_type_is_ignored() -> None:
    assert QA.parse({"question": "Why?", "quest": "x", 5: "x", "fil": 1}) == {"question": "Why?"}


@pytest.mark.parametrize("default", ["", "Longer", 5])
def test_default_that_does_not_fit_is_an_error_of_the_request(default: object) -> None:
    with pytest.raises(InvalidRequestError, match=r"^qa\.question: expected text of 1 to 5 characters$"):
        add_default(default).parse({})


def test_validation_checks_required_fields_and_drops_others() -> None:
    assert QA.validate({"question": "Why?", "k": None, "other": 1}) == {"question": "Why?"}
    with pytest.raises(InvalidRequestError, match=r"^qa\.question: expected text of 1 to 5 characters$"):
        QA.validate({"k": 3})


def test_outputs_are_serialized_in_order_of_declaration() -> None:
    raw = {"seconds": 1, "sources": ("a",), "undeclared": object(), "answer": None}
    assert list(QA.serialize(raw).items()) == [("answer", ""), ("sources", ["a"]), ("seconds", 1.0)]
    assert QA.serialize({}) == {}
    with pytest.raises(StageFailedError, match=r"^its output answer is declared as text and is not; mend the stage$"):
        QA.serialize({"answer": 1})


@pytest.mark.parametrize(
    ("contract", "example"),
    [
        (QA, {"question": "Why?", "k": 3}),
        (add_default("Hi"), {"k": 3}),
        (OPTIONAL, {"run": True}),
        (StageContract("a", (Field("k", "integer", example=3, default=5),), ()), {"run": True}),
        (StageContract("a", (Field("flag", "boolean", required=True),), ()), {"flag": True}),
    ],
)
def test_example_contains_required_inputs_and_declared_examples(
    contract: StageContract, example: dict[str, Any]
) -> None:
    assert contract.example_values() == example
    assert contract.parse(example).items() >= example.items()


def test_stage_is_described_with_all_its_fields() -> None:
    description = QA.describe()
    assert list(description) == ["kind", "inputs", "outputs", "unless", "providers"]
    assert (description["kind"], description["unless"], description["providers"]) == (
        "retrieval_qa",
        "",
        {"chat": "offline"},
    )
    assert description["inputs"] == [QUESTION.describe(), FILTER.describe(), COUNT.describe()]
    assert description["outputs"] == [field.describe() for field in (*OUTPUTS, *COMMON_FIELDS)]
    assert OPTIONAL.describe()["unless"] == "qa.abstained"
    assert OPTIONAL.describe()["inputs"] == [FILTER.describe(), RUN_FIELD.describe()]


def test_empty_response_has_all_stages_then_meta() -> None:
    contract = Contract({"qa": QA, "draw": OPTIONAL})
    assert list(contract.empty_response("7").items()) == [
        ("qa", {"answer": "", "sources": []} | EMPTY_COMMON_VALUES),
        ("draw", EMPTY_COMMON_VALUES),
        ("meta", {"version": "7", "trace_id": "", "description": ""}),
    ]
    assert contract.empty_response()["meta"] == {field.name: "" for field in META_FIELDS}


def test_empty_responses_share_no_values() -> None:
    contract = Contract({"qa": QA})
    contract.empty_response()["qa"]["sources"].append("a")
    contract.empty_response()["qa"]["usage"]["images"] = 1
    assert contract.empty_response()["qa"] == {"answer": "", "sources": []} | EMPTY_COMMON_VALUES


def test_contract_has_one_example_and_all_input_names() -> None:
    contract = Contract({"qa": QA, "draw": OPTIONAL})
    assert contract.example_request() == {"qa": {"question": "Why?", "k": 3}, "draw": {"run": True}}
    assert contract.input_names() == {"question", "filter", "k", "run"}
    assert Contract({}).input_names() == set()
