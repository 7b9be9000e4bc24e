"""List the contract as a table: requests, and the outcome of each stage, in whatever way the request is sent.

The table has three uses: ``verify`` runs the cases against a saved version, the tests send them in every way in which a
version can be asked and compare values exactly, and docs/contract.md prints them.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..versions.process import JsonObject

OUTCOME_RAN = "ran"
"""The outcome of a stage that ran and has no error; any other outcome is the text of its error."""

_QUESTION = {"question": "Tell me about LangChain."}
_PROMPT = {"prompt": "A conceptual diagram of LangChain in use"}
_NO_QUESTION = "invalid_request: qa.question: expected text of 1 to 10,000 characters"
_NO_K = "invalid_request: qa.k: expected a whole number from 1 to 50"
_NO_FILTER = "invalid_request: qa.filter: expected an object with source, title, heading, page, tag"
_NO_PROMPT = "invalid_request: image_generation.prompt: expected text of 1 to 32,000 characters"
_NO_OBJECT = "invalid_request: qa: expected an object with question, k, filter, history"
_NO_FIELD = "bad_reference: image_generation: a reference to qa names no text field of it; it has {}".format(
    ", ".join(f"{{qa.{name}}}" for name in ("answer", "error", "answered_by"))
)


@dataclass(frozen=True, slots=True)
class ContractCase:
    """Requests, and for each the outcome of the stages that it names.

    Attributes:
        name: Name in reports and in docs/contract.md.
        rows: The requests.
        outcomes: For each request, ``OUTCOME_RAN`` or an error by stage. A stage that is absent has empty fields.
        json: Whether JSON can express the values.
        spark: Whether Spark can express the values.
        is_allowed_alone: Whether the request may be sent as one object. MLflow turns an object without objects in it
            into a row.
    """

    name: str
    rows: list[JsonObject]
    outcomes: list[dict[str, str]]
    json: bool = True
    spark: bool = True
    is_allowed_alone: bool = field(default=True)

    @property
    def can_be_single(self) -> bool:
        """Whether the case can also be sent as one object."""
        return self.is_allowed_alone and len(self.rows) == 1

    @property
    def is_refused(self) -> bool:
        """Whether the case, sent as one object, is refused with HTTP 400; in rows the stage has the error."""
        return any(error.startswith("invalid_request: ") for error in self.outcomes[0].values())

    @property
    def calls_providers(self) -> bool:
        """Whether a stage runs, and so a provider is called."""
        return any(outcome == OUTCOME_RAN for outcomes in self.outcomes for outcome in outcomes.values())


def _single_row(name: str, row: JsonObject, outcome: dict[str, str] | None = None, **doors: bool) -> ContractCase:
    return ContractCase(name, [row], [outcome if outcome is not None else dict.fromkeys(row, OUTCOME_RAN)], **doors)


_BOTH = {"qa": OUTCOME_RAN, "image_generation": OUTCOME_RAN}
_QA = {"qa": OUTCOME_RAN}

CASES = [
    _single_row("one stage", {"qa": _QUESTION}),
    _single_row("the other stage", {"image_generation": _PROMPT}),
    _single_row("both stages", {"qa": _QUESTION, "image_generation": _PROMPT}),
    ContractCase(
        "rows that request different stages",
        [{"qa": _QUESTION}, {"image_generation": _PROMPT}, {"qa": {"question": "What is GPT-4?"}}],
        [_QA, {"image_generation": OUTCOME_RAN}, _QA],
    ),
    ContractCase("rows, one of which requests no stage", [{"qa": _QUESTION}, {}], [_QA, {}]),
    _single_row("a stage that is null", {"qa": _QUESTION, "image_generation": None}, _QA),
    _single_row("a stage that is NaN", {"qa": _QUESTION, "image_generation": np.nan}, _QA, json=False, spark=False),
    _single_row("a stage that is pd.NA", {"qa": _QUESTION, "image_generation": pd.NA}, _QA, json=False, spark=False),
    _single_row("a stage without fields", {"qa": _QUESTION, "image_generation": {}}, _QA, spark=False),
    _single_row("a stage whose fields are all null", {"qa": _QUESTION, "image_generation": {"prompt": None}}, _QA),
    _single_row("a field that is null", {"qa": _QUESTION | {"k": None}}, _QA),
    _single_row("k as a whole number", {"qa": _QUESTION | {"k": 1}}),
    _single_row("k as 3.0", {"qa": _QUESTION | {"k": 3.0}}),
    _single_row("k as a numpy number", {"qa": _QUESTION | {"k": np.int64(2)}}, json=False, spark=False),
    _single_row(
        "text in a numpy array without dimensions",
        {"qa": {"question": np.array(_QUESTION["question"])}},
        json=False,
        spark=False,
    ),
    _single_row(
        "a list in a numpy array",
        {"qa": _QUESTION | {"filter": {"source": np.array(["langchain.txt"])}}},
        json=False,
        spark=False,
    ),
    _single_row("a field that is an object", {"qa": _QUESTION | {"filter": {"source": "langchain.txt"}}}),
    _single_row(
        "a field that holds a list", {"qa": _QUESTION | {"filter": {"source": ["gpt-4.txt", "langchain.txt"]}}}
    ),
    _single_row("a follow-up question", {"qa": {"question": "What is GPT-4?", "history": [_QUESTION]}}),
    _single_row("a field that the stage does not declare", {"qa": _QUESTION | {"purpose": "a test"}}),
    _single_row("a stage that the profile does not have", {"qa": _QUESTION, "translation": {"text": "Hallo"}}, _QA),
    _single_row(
        "a reference to another stage's output",
        {"qa": _QUESTION, "image_generation": {"prompt": "A diagram of: {qa.answer}"}},
    ),
    _single_row("braces that name no stage", {"qa": {"question": 'What is {"a": 1} and {x.y} to LangChain?'}}),
    _single_row("escaped braces", {"image_generation": {"prompt": "LangChain with {{qa.answer}}"}}),
    _single_row(
        "a reference to a field that is not text",
        {"qa": _QUESTION, "image_generation": {"prompt": "Draw {qa.sources}"}},
        {"qa": OUTCOME_RAN, "image_generation": _NO_FIELD},
    ),
    _single_row(
        "a reference to a field that does not exist",
        {"qa": _QUESTION, "image_generation": {"prompt": "Draw {qa.__class__}"}},
        {"qa": OUTCOME_RAN, "image_generation": _NO_FIELD},
    ),
    _single_row(
        "a reference to a stage that is not requested",
        {"image_generation": {"prompt": "Draw {qa.answer}"}},
        {
            "image_generation": "bad_reference: image_generation: it refers to qa, which this request does not "
            "contain; add qa or remove the reference"
        },
    ),
    _single_row(
        "circular references",
        {"qa": {"question": "What is {image_generation.alt_text}?"}, "image_generation": {"prompt": "{qa.answer}"}},
        {
            name: f"bad_reference: {name}: circular reference between stages; remove one of the references"
            for name in ("qa", "image_generation")
        },
    ),
    _single_row("malformed: a number for text", {"qa": {"question": 5}}, {"qa": _NO_QUESTION}),
    _single_row("malformed: a list for text", {"qa": {"question": ["a", "b"]}}, {"qa": _NO_QUESTION}),
    _single_row("malformed: empty text", {"qa": {"question": " "}}, {"qa": _NO_QUESTION}),
    _single_row("malformed: text of 100,000 characters", {"qa": {"question": "x" * 100_000}}, {"qa": _NO_QUESTION}),
    _single_row("malformed: the required field is missing", {"qa": {"k": 3}}, {"qa": _NO_QUESTION}),
    _single_row("malformed: text for a number", {"qa": _QUESTION | {"k": "3"}}, {"qa": _NO_K}),
    _single_row("malformed: a number out of bounds", {"qa": _QUESTION | {"k": 0}}, {"qa": _NO_K}),
    _single_row("malformed: a number that is not whole", {"qa": _QUESTION | {"k": 2.5}}, {"qa": _NO_K}),
    _single_row("malformed: text for an object", {"qa": _QUESTION | {"filter": "langchain.txt"}}, {"qa": _NO_FILTER}),
    _single_row(
        "malformed: an object with other fields", {"qa": _QUESTION | {"filter": {"author": "me"}}}, {"qa": _NO_FILTER}
    ),
    _single_row(
        "malformed: a misspelled field",
        {"qa": _QUESTION | {"fliter": {"source": "langchain.txt"}}},
        {"qa": "invalid_request: qa: expected the field filter, found a similar name"},
    ),
    _single_row(
        "malformed: text for a stage", {"qa": "Tell me about LangChain."}, {"qa": _NO_OBJECT}, is_allowed_alone=False
    ),
    _single_row(
        "malformed in one stage of two",
        {"qa": _QUESTION, "image_generation": {"prompt": True}},
        {"qa": OUTCOME_RAN, "image_generation": _NO_PROMPT},
    ),
]
"""The cases of the contract."""

EMPTY_INPUTS: list[tuple[str, object, bool]] = [
    ("an empty object", {}, True),
    ("an empty list", [], True),
    ("a list of one empty object", [{}], True),
    ("a stage that the profile does not have, alone", [{"translation": {"text": "Hallo"}}], True),
    ("a frame with a known column and no rows", pd.DataFrame({"qa": []}), False),
]
"""Inputs without a request: name, input, and whether the input is refused with HTTP 400.

MLflow turns the first four into the same frame without columns. An input that is not refused gives [].
"""

NOTHING_KNOWN = (
    "invalid_request: found none of the stages qa, image_generation; expected an object such as "
    '{"qa": {...}}, in "inputs" or "dataframe_records" over REST'
)
"""Message that refuses an input without a request."""
