"""Versions are asked the same examples in turns, after a warm-up."""

import json
from typing import Any

import pytest

from model.errors import CommandError
from training.evaluation.dataset import Example
from training.evaluation.runner import EvaluatedExample, ask_versions
from training.progress import ignore_progress
from training.versions.process import VersionProcess

USAGE = {"cost_known": True, "cost": 0.25}
STAGES = {"answers": {"kind": "retrieval_qa"}, "pictures": {"kind": "image_generation"}}


def answer_request(request: dict[str, Any]) -> dict[str, Any]:
    """Return a response that repeats the question and has no picture."""
    common = {"ran": True, "error": "", "seconds": 0.5, "usage": USAGE}
    question = request.get("answers", {}).get("question", "")
    answers = {"answer": question, "abstained": False, "sources": []}
    return {"answers": answers | common, "pictures": {"url": "", "image": ""} | common}


def make_version(uri: str, calls: list[tuple[str, list[Any]]], *kinds: str) -> VersionProcess:
    """Return a version that records its calls; it has the stages of ``kinds``, or all."""
    stages = {name: stage | {"outputs": []} for name, stage in STAGES.items() if not kinds or stage["kind"] in kinds}

    def exchange(line: str) -> list[Any]:
        requests = json.loads(line)
        calls.append((uri, requests))
        return [answer_request(request) for request in requests]

    return VersionProcess(uri, stages, exchange)


def make_questions(count: int) -> list[Example]:
    return [Example(f"q{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (1, [1]),
        (7, [1] * 7),
        (15, [1] * 15),
        (16, [2] * 8),
        (17, [2] * 8 + [1]),
        (127, [15] * 8 + [7]),
        (128, [16] * 8),
        (136, [16] * 8 + [8]),
        (300, [16] * 18 + [12]),
    ],
)
def test_batches_give_eight_turns_and_hold_sixteen_at_most(count: int, sizes: list[int]) -> None:
    calls: list[tuple[str, list[Any]]] = []
    progress: list[tuple[int, int]] = []
    version = make_version("a", calls)
    ask_versions([version], make_questions(count), lambda done, total: progress.append((done, total)))
    assert [len(requests) for _, requests in calls[1:]] == sizes
    assert progress == [(sum(sizes[: turn + 1]), count) for turn in range(len(sizes))]


def test_versions_take_turns_at_being_first() -> None:
    calls: list[tuple[str, list[Any]]] = []
    versions = [make_version(uri, calls) for uri in ("a", "b", "c")]
    ask_versions(versions, make_questions(3), ignore_progress)
    assert "".join(uri for uri, _ in calls) == "abc" + "abc" + "cba" + "abc"


def test_each_version_answers_every_example_in_order() -> None:
    calls: list[tuple[str, list[Any]]] = []
    examples = make_questions(20)
    evaluated = ask_versions([make_version(uri, calls) for uri in ("a", "b")], examples, ignore_progress)
    for rows in evaluated:
        assert [row.example for row in rows] == examples
        assert [row.answer_output["answer"] for row in rows] == [example.question for example in examples]
        assert {row.answer_stage for row in rows} == {"answers"}


def test_warm_up_asks_the_first_example_of_each_kind_once() -> None:
    calls: list[tuple[str, list[Any]]] = []
    examples = [Example("q1"), Example("q2"), Example("", prompt="p1"), Example("q3", prompt="p3"), Example("q4")]
    ask_versions([make_version("a", calls)], examples, ignore_progress)
    warm_up = sorted(json.dumps(request) for request in calls[0][1])
    assert warm_up == [
        '{"answers": {"question": "q1"}}',
        '{"answers": {"question": "q3"}, "pictures": {"prompt": "p3"}}',
        '{"pictures": {"prompt": "p1"}}',
    ]
    assert [requests for _, requests in calls[1:]] == [
        [{"answers": {"question": "q1"}}],
        [{"answers": {"question": "q2"}}],
        [{"pictures": {"prompt": "p1"}}],
        [{"answers": {"question": "q3"}, "pictures": {"prompt": "p3"}}],
        [{"answers": {"question": "q4"}}],
    ]


def test_metrics_are_those_of_the_examples_response() -> None:
    ((with_picture, question),) = ask_versions(
        [make_version("a", [])], [Example("x", ("y",), prompt="p"), Example("y", ("y",))], ignore_progress
    )
    assert (with_picture.metrics["seconds"], with_picture.metrics["cost"]) == (1.0, 0.5)
    assert (with_picture.metrics["picture"], with_picture.metrics["answer_recall"]) == (0.0, 0.0)
    assert (question.metrics["seconds"], question.metrics["answer_recall"]) == (0.5, 1.0)
    assert "picture" not in question.metrics


def test_answer_output_is_empty_where_no_question_was_asked() -> None:
    response = answer_request({})
    assert EvaluatedExample(Example("", prompt="p"), response, {}, "answers").answer_output == {}
    assert EvaluatedExample(Example("q"), response, {}, "answers").answer_output == response["answers"]


def test_version_without_an_unneeded_stage_is_asked() -> None:
    calls: list[tuple[str, list[Any]]] = []
    ask_versions([make_version("a", calls, "retrieval_qa")], [Example("q")], ignore_progress)
    ask_versions([make_version("b", calls, "image_generation")], [Example("", prompt="p")], ignore_progress)
    assert [uri for uri, _ in calls] == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("present", "absent", "examples"),
    [
        ("image_generation", "retrieval_qa", [Example("", prompt="p"), Example("q")]),
        ("retrieval_qa", "image_generation", [Example("q"), Example("q", prompt="p")]),
    ],
)
def test_version_that_lacks_a_needed_stage_is_refused(present: str, absent: str, examples: list[Example]) -> None:
    calls: list[tuple[str, list[Any]]] = []
    with pytest.raises(CommandError) as refusal:
        ask_versions([make_version("models:/a/1", calls, present)], examples, ignore_progress)
    assert str(refusal.value) == f"models:/a/1 has no stage of the kind {absent}, which the evaluation file needs"
    assert calls == []


def test_no_example_gives_no_row_and_no_call() -> None:
    calls: list[tuple[str, list[Any]]] = []
    assert ask_versions([make_version("a", calls), make_version("b", calls)], [], ignore_progress) == [[], []]
    assert calls == []
