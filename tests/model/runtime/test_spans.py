"""Spans: their order, parents, times, errors and attributes, and none when nobody records them."""

import asyncio
import time

import pytest

from model.runtime.spans import Span, Trace, add_attributes, open_span, record_spans


def list_parents(recorded: list[Span]) -> list[tuple[str, str]]:
    return [(span.name, span.parent.name if span.parent else "") for span in recorded]


def test_step_is_none_when_nobody_records() -> None:
    add_attributes(model="a")
    with open_span("chat", "CHAT_MODEL", {}) as step:
        add_attributes(model="a")
        assert step is None


def test_error_passes_when_nobody_records() -> None:
    with pytest.raises(OSError, match="gone"), open_span("chat", "CHAT_MODEL", {}):
        raise OSError("gone")


def test_steps_are_recorded_with_the_enclosing_ones_first() -> None:
    with record_spans() as recorded:
        with open_span("qa", "CHAIN", {}):
            with open_span("retrieval", "RETRIEVER", {}), open_span("embedding", "EMBEDDING", {}):
                pass
            with open_span("chat", "CHAT_MODEL", {}):
                pass
        with open_span("image", "CHAIN", {}):
            pass
    assert list_parents(recorded) == [
        ("qa", ""), ("retrieval", "qa"), ("embedding", "retrieval"), ("chat", "qa"), ("image", "")
    ]  # fmt: skip


def test_step_has_its_inputs_and_receives_outputs() -> None:
    with record_spans() as recorded, open_span("retrieval", "RETRIEVER", {"k": 3}) as step:
        assert step is not None
        step.outputs = ["a"]
    (span,) = recorded
    assert (span.kind, span.inputs, span.outputs, span.attributes, span.error) == ("RETRIEVER", {"k": 3}, ["a"], {}, "")


def test_times_of_a_step_enclose_its_work() -> None:
    before = time.time_ns()
    with record_spans() as recorded, open_span("qa", "CHAIN", {}) as step:
        assert step is not None
        assert step.end_ns == 0
        time.sleep(0.002)
    (span,) = recorded
    assert before <= span.start_ns <= span.end_ns - 1_000_000 <= time.time_ns() - 1_000_000


def test_error_is_recorded_by_class_in_each_enclosing_step() -> None:
    def fail_in_second_step() -> None:
        with open_span("qa", "CHAIN", {}):
            with open_span("chat", "CHAT_MODEL", {}):
                pass
            with open_span("rerank", "RERANKER", {}):
                raise OSError("gone")

    with record_spans() as recorded, pytest.raises(OSError, match="gone"):
        fail_in_second_step()
    assert [(span.name, span.error, span.end_ns > 0) for span in recorded] == [
        ("qa", "OSError", True),
        ("chat", "", True),
        ("rerank", "OSError", True),
    ]


def test_cancellation_is_recorded() -> None:
    async def wait_forever() -> None:
        with open_span("chat", "CHAT_MODEL", {}):
            await asyncio.sleep(60)

    async def cancel_step() -> list[Span]:
        with record_spans() as recorded:
            task = asyncio.ensure_future(wait_forever())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return recorded

    (span,) = asyncio.run(cancel_step())
    assert span.error == "CancelledError"


def test_attributes_go_to_the_running_step() -> None:
    with record_spans() as recorded:
        add_attributes(lost=True)
        with open_span("qa", "CHAIN", {}):
            add_attributes(cost=1, version="a")
            with open_span("chat", "CHAT_MODEL", {}):
                add_attributes(model="m")
            add_attributes(cost=2)
    assert [span.attributes for span in recorded] == [{"cost": 2, "version": "a"}, {"model": "m"}]


def test_concurrent_steps_have_the_parent_in_which_they_began() -> None:
    async def run_stage(name: str) -> None:
        with open_span(name, "CHAIN", {}):
            await asyncio.sleep(0)
            with open_span(f"chat of {name}", "CHAT_MODEL", {}):
                await asyncio.sleep(0)
                add_attributes(stage=name)

    async def run_both() -> list[Span]:
        with record_spans() as recorded, open_span("multichain", "CHAIN", {}):
            await asyncio.gather(run_stage("qa"), run_stage("image"))
        return recorded

    recorded = asyncio.run(run_both())
    assert sorted(list_parents(recorded)) == [
        ("chat of image", "image"), ("chat of qa", "qa"), ("image", "multichain"), ("multichain", ""),
        ("qa", "multichain"),
    ]  # fmt: skip
    assert {span.name: span.attributes.get("stage") for span in recorded if span.name.startswith("chat")} == {
        "chat of qa": "qa",
        "chat of image": "image",
    }


def test_inner_recording_receives_its_steps_alone() -> None:
    with record_spans() as outer, open_span("outer", "CHAIN", {}):
        with record_spans() as inner, open_span("inner", "CHAIN", {}):
            pass
        with open_span("after", "CHAIN", {}):
            pass
    assert (list_parents(outer), list_parents(inner)) == ([("outer", ""), ("after", "outer")], [("inner", "")])


def test_recording_ends_after_an_error() -> None:
    with pytest.raises(OSError, match="gone"), record_spans():
        raise OSError("gone")
    with open_span("qa", "CHAIN", {}) as step:
        assert step is None


def test_traces_and_spans_do_not_share_their_dictionaries() -> None:
    Trace().response["a"] = 1
    Span("a", "CHAIN", {}).attributes["a"] = 1
    assert (Trace().response, Span("a", "CHAIN", {}).attributes) == ({}, {})
