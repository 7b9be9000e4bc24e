"""Events of a stage: their form, and stages to which nobody listens."""

from typing import Any

import pytest

from model.contract.events import Event, EventKind, discard, make_emitter


@pytest.mark.parametrize(
    ("kind", "value", "event"),
    [
        ("token", "The ", {"stage": "qa", "kind": "token", "text": "The "}),
        ("source", {"page": 1}, {"stage": "qa", "kind": "source", "source": {"page": 1}}),
        ("error", "internal: a", {"stage": "qa", "kind": "error", "error": "internal: a"}),
        ("done", {"answer": ""}, {"stage": "qa", "kind": "done", "fields": {"answer": ""}}),
    ],
)
def test_event_has_stage_kind_and_the_value_of_its_kind(kind: EventKind, value: Any, event: Event) -> None:
    events: list[Event] = []
    make_emitter("qa", events.append)(kind, value)
    assert events == [event]


def test_listener_receives_the_events_of_two_stages_in_order() -> None:
    events: list[Event] = []
    emit_qa, emit_chat = make_emitter("qa", events.append), make_emitter("chat", events.append)
    emit_qa("token", "a")
    emit_chat("token", "b")
    emit_qa("token", "c")
    assert [(event["stage"], event["text"]) for event in events] == [("qa", "a"), ("chat", "b"), ("qa", "c")]


def test_events_without_a_listener_are_discarded() -> None:
    assert make_emitter("qa", None) is discard
    for kind in ("started", "token", "source", "image", "error", "done"):
        discard(kind, object())
