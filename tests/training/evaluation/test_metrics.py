"""What one response is worth."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from training.evaluation.dataset import Example
from training.evaluation.metrics import build_request, compute_answer_metrics, compute_metrics, is_good_image

RIGHT = {"source": "a.txt", "text": "Berg built it.", "cited": True}
WRONG = {"source": "b.txt", "text": "Nothing.", "cited": False}
ASKED = Example("Who built it?", ("Berg",), "a.txt")


def told(**fields: Any) -> dict[str, Any]:
    """An answer as the stage gives it."""
    common = {"ran": True, "error": "", "abstained": False, "answer": "Berg built it.", "sources": [RIGHT, WRONG]}
    return common | {"seconds": 0.5, "usage": {"cost": 0.25, "cost_known": True}} | fields


@pytest.mark.parametrize(
    ("example", "given", "values"),
    [
        (
            ASKED,
            told(),
            {"recall_at_1": 1, "recall": 1, "reciprocal_rank": 1, "answer_recall": 1, "citation_precision": 1},
        ),
        (
            ASKED,
            told(sources=[WRONG | {"cited": True}, RIGHT], answer="Lind."),
            {"recall_at_1": 0, "recall": 1, "reciprocal_rank": 0.5, "answer_recall": 0, "citation_precision": 0.5},
        ),
        (
            ASKED,
            told(sources=[], abstained=True, answer="The documents do not hold Berg."),
            {"recall_at_1": 0, "recall": 0, "reciprocal_rank": 0, "answer_recall": 0},
        ),
    ],
)
def test_an_answer(example: Example, given: dict[str, Any], values: dict[str, float]) -> None:
    assert compute_answer_metrics(example, given) == values | {"answered": float(not given["abstained"])}


def test_a_question_without_an_answer() -> None:
    gone = Example("Who?", is_answerable=False)
    assert compute_answer_metrics(gone, told()) == {"refused": 0}
    assert compute_answer_metrics(gone, told(abstained=True)) == {"refused": 1}
    assert compute_answer_metrics(gone, told(ran=False, error="timeout: qa: …", abstained=False)) == {"refused": 0}


def test_a_row_with_nothing_expected_but_an_answer() -> None:
    assert compute_answer_metrics(Example("Who?", expected_response="Berg did."), told()) == {"answered": 1}


def test_a_failed_row_counts_as_nothing_found() -> None:
    failed = told(ran=True, error="timeout: qa: …", answer="", sources=[])
    response = {"qa": failed, "meta": {}}
    values = compute_metrics(ASKED, response, {"qa": {"outputs": []}}, "qa", "")
    assert (values["error"], values["answered"], values["recall"], values["contract"]) == (1, 0, 0, 0)
    assert (values["seconds"], values["cost"]) == (0.5, 0.25)


def test_a_cost_that_is_not_known_is_none() -> None:
    values = compute_metrics(ASKED, {"qa": told(usage={"cost": 0.0, "cost_known": False})}, {}, "qa", "")
    assert "cost" not in values


def test_what_is_asked() -> None:
    both = Example("q", prompt="p")
    assert build_request(both, "qa", "draw") == {"qa": {"question": "q"}, "draw": {"prompt": "p"}}
    assert build_request(Example("", prompt="p"), "qa", "draw") == {"draw": {"prompt": "p"}}
    assert build_request(both, "qa", "") == {"qa": {"question": "q"}}


def picture(size: tuple[int, int], *, blank: bool) -> str:
    """A PNG, one half of it black unless it is blank."""
    made = Image.new("RGB", size, "white")
    if not blank:
        made.paste("black", (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    made.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        (picture((200, 100), blank=False), True),
        (picture((200, 100), blank=True), False),
        (picture((40, 40), blank=False), False),
        (base64.b64encode(b"no picture").decode(), False),
        ("not base64!", False),
        ("", False),
        (picture((200, 100), blank=False)[:200], False),
    ],
)
def test_pictures(text: str, fine: bool) -> None:
    assert is_good_image(text) == fine
