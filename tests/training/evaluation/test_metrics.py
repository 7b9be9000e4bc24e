"""Metrics of one response."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from training.evaluation.dataset import Example
from training.evaluation.metrics import build_request, compute_answer_metrics, compute_metrics, is_good_image

EXPECTED_SOURCE = {"source": "a.txt", "text": "Berg built it.", "cited": True}
OTHER_SOURCE = {"source": "b.txt", "text": "Nothing.", "cited": False}
EXAMPLE = Example("Who built it?", ("Berg",), "a.txt")


def make_outputs(**fields: Any) -> dict[str, Any]:
    """Return outputs of the stage ``qa``, with the given fields replaced."""
    common = {
        "ran": True,
        "error": "",
        "abstained": False,
        "answer": "Berg built it.",
        "sources": [EXPECTED_SOURCE, OTHER_SOURCE],
    }
    return common | {"seconds": 0.5, "usage": {"cost": 0.25, "cost_known": True}} | fields


@pytest.mark.parametrize(
    ("example", "outputs", "values"),
    [
        (
            EXAMPLE,
            make_outputs(),
            {"recall_at_1": 1, "recall": 1, "reciprocal_rank": 1, "answer_recall": 1, "citation_precision": 1},
        ),
        (
            EXAMPLE,
            make_outputs(sources=[OTHER_SOURCE | {"cited": True}, EXPECTED_SOURCE], answer="Lind."),
            {"recall_at_1": 0, "recall": 1, "reciprocal_rank": 0.5, "answer_recall": 0, "citation_precision": 0.5},
        ),
        (
            EXAMPLE,
            make_outputs(sources=[], abstained=True, answer="The documents do not hold Berg."),
            {"recall_at_1": 0, "recall": 0, "reciprocal_rank": 0, "answer_recall": 0},
        ),
    ],
)
def test_answer_metrics_equal_hand_computed_values(
    example: Example, outputs: dict[str, Any], values: dict[str, float]
) -> None:
    assert compute_answer_metrics(example, outputs) == values | {"answered": float(not outputs["abstained"])}


def test_unanswerable_question_is_measured_only_by_refusal() -> None:
    unanswerable = Example("Who?", is_answerable=False)
    assert compute_answer_metrics(unanswerable, make_outputs()) == {"refused": 0}
    assert compute_answer_metrics(unanswerable, make_outputs(abstained=True)) == {"refused": 1}
    assert compute_answer_metrics(unanswerable, make_outputs(ran=False, error="timeout: qa: …", abstained=False)) == {
        "refused": 0
    }


def test_example_with_expected_response_only_gives_answered() -> None:
    assert compute_answer_metrics(Example("Who?", expected_response="Berg did."), make_outputs()) == {"answered": 1}


def test_failed_response_counts_as_zero_recall() -> None:
    outputs = make_outputs(ran=True, error="timeout: qa: …", answer="", sources=[])
    response = {"qa": outputs, "meta": {}}
    values = compute_metrics(EXAMPLE, response, {"qa": {"outputs": []}}, "qa", "")
    assert (values["error"], values["answered"], values["recall"], values["contract"]) == (1, 0, 0, 0)
    assert (values["seconds"], values["cost"]) == (0.5, 0.25)


def test_unknown_cost_is_left_out() -> None:
    values = compute_metrics(EXAMPLE, {"qa": make_outputs(usage={"cost": 0.0, "cost_known": False})}, {}, "qa", "")
    assert "cost" not in values


def test_request_contains_the_stages_of_the_example() -> None:
    both = Example("q", prompt="p")
    assert build_request(both, "qa", "draw") == {"qa": {"question": "q"}, "draw": {"prompt": "p"}}
    assert build_request(Example("", prompt="p"), "qa", "draw") == {"draw": {"prompt": "p"}}
    assert build_request(both, "qa", "") == {"qa": {"question": "q"}}


def make_picture(size: tuple[int, int], *, blank: bool) -> str:
    """Return a PNG in Base64, whose left half is black unless ``blank``."""
    image = Image.new("RGB", size, "white")
    if not blank:
        image.paste("black", (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("text", "is_good"),
    [
        (make_picture((200, 100), blank=False), True),
        (make_picture((200, 100), blank=True), False),
        (make_picture((40, 40), blank=False), False),
        (base64.b64encode(b"no picture").decode(), False),
        ("not base64!", False),
        ("", False),
        (make_picture((200, 100), blank=False)[:200], False),
    ],
)
def test_good_image_is_large_enough_and_not_blank(text: str, is_good: bool) -> None:
    assert is_good_image(text) == is_good
