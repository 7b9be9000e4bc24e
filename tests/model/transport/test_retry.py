"""Retries: errors that are retried, waiting times, and the effect of the deadline."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from model.config import environment
from model.contract.events import discard
from model.errors import MultichainError
from model.providers.compatible import CompatibleProvider
from model.providers.openai import OpenAIProvider
from model.runtime import deadline
from model.runtime.event_loop import Engine
from model.transport import retry
from standin.app import StandIn
from standin.faults import Fault

compatible, openai = CompatibleProvider(), OpenAIProvider()

CHAT = ["gpt-4.1"]


def complete_chat(engine: Engine, tell: Any = discard) -> Any:
    return engine.run(openai.chat(CHAT).complete("my secret question", "", tell))


class ServerError(Exception):
    """Error of an SDK, with its status, code and headers."""

    def __init__(self, status: int | None = None, code: str = "", **headers: str) -> None:
        super().__init__("what the server said")
        self.status_code, self.code = status, code
        self.response = SimpleNamespace(headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_transient_status_is_retried(status: int, stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.faults.extend([Fault(status=status, headers={"retry-after-ms": "5"})] * 2)
    assert complete_chat(engine).text == "This is the stand-in; it was sent 18 characters."
    assert len(stand_in.script.calls) == 3


@pytest.mark.parametrize("fault_kind", ["cut", "half", "garbage"])
def test_cut_or_invalid_response_is_requested_again(fault_kind: Any, stand_in: StandIn, engine: Engine) -> None:
    calls = {
        "chat/completions": openai.chat(CHAT).complete("Hi", "", discard),
        "embeddings": openai.embeddings("text-embedding-3-small").embed(["a"]),
        "images/generations": openai.images(["gpt-image-2"], way="images").draw("a", [], style="", size="", sample=1),
        "responses": openai.images(chat_models=CHAT, way="responses").draw("a", [], style="", size="", sample=1),
    }
    for path, work in calls.items():
        stand_in.script.faults.append(Fault(fault_kind, path=path))
        assert engine.run(work) is not None
    assert [path for path, _ in stand_in.script.calls] == [path for path in calls for _ in range(2)]


def test_retry_of_cut_stream_emits_no_token_twice(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.faults.append(Fault("cut"))
    events: list[Any] = []
    reply = complete_chat(engine, lambda *event: events.append(event))
    assert reply.text == "This is the stand-in; it was sent 18 characters."
    assert "".join(text for _, text in events) == reply.text
    assert len(stand_in.script.calls) == 2


@pytest.mark.parametrize(
    ("fault", "calls", "message"),
    [
        (
            Fault(status=503, headers={"retry-after": "0"}),
            5,
            "provider_busy: openai:gpt-4.1 is overloaded or failed (HTTP 503",
        ),
        (Fault(status=400, code="x"), 1, "provider: openai:gpt-4.1 did not take the request (HTTP 400); check it"),
        (Fault(status=401), 1, "credential: openai:gpt-4.1 rejects the key; check that the key is set"),
        (Fault(status=403), 1, "model_unavailable: openai:gpt-4.1 is not permitted with this key; name another"),
        (Fault(status=404), 1, "model_unavailable: openai:gpt-4.1 does not exist, or no longer exists;"),
        (Fault(status=400, code="model_not_found"), 1, "model_unavailable: openai:gpt-4.1 does not exist"),
        (Fault(status=400, code="context_length_exceeded"), 1, "provider: openai:gpt-4.1 was asked more than it can"),
        (
            Fault(status=400, code="content_filter"),
            1,
            "refused: openai:gpt-4.1 refused the request (content_filter); rephrase",
        ),
        (
            Fault("garbage"),
            5,
            "provider_busy: openai:gpt-4.1 returned an invalid response (not JSON, or fields are missing)",
        ),
    ],
)
def test_failure_is_multichain_error_without_request_data(
    fault: Fault, calls: int, message: str, stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_BACK_OFF", lambda _: 0.0)
    stand_in.script.faults.extend([fault] * 9)
    with pytest.raises(MultichainError) as failure:
        complete_chat(engine)
    assert failure.value.coded_message.startswith(message)
    assert "secret" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.is_retryable == message.startswith("provider_busy")
    assert len(stand_in.script.calls) == calls


def test_unreachable_server_raises_multichain_error(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setenv("COMPATIBLE_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr(retry, "_BACK_OFF", lambda _: 0.0)
    with pytest.raises(MultichainError, match="did not answer in time, or cannot be reached"):
        engine.run(compatible.embeddings("any").embed(["a"]))


def test_retry_fails_at_once_when_wait_exceeds_deadline(
    stand_in: StandIn, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.DEADLINE_SECONDS.name, "5")
    stand_in.script.faults.append(Fault(status=429, headers={"retry-after": "20"}))

    async def complete_within_deadline() -> Any:
        with deadline.start_deadline():
            return await openai.chat(CHAT).complete("Hi", "", discard)

    started = time.monotonic()
    with pytest.raises(MultichainError, match=r"is overloaded or failed \(HTTP 429\)"):
        engine.run(complete_within_deadline())
    assert time.monotonic() - started < 2
    assert len(stand_in.script.calls) == 1


def test_retry_fails_at_once_when_server_requests_ten_minutes(stand_in: StandIn, engine: Engine) -> None:
    stand_in.script.faults.append(Fault(status=429, headers={"retry-after": "600"}))
    with pytest.raises(MultichainError, match=r"HTTP 429"):
        complete_chat(engine)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after": "3"}, 3.0),
        ({"retry_after": "0.5", "retry_after_ms": "20"}, 0.02),
        ({"retry_after": "-1"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
def test_requested_wait_reads_retry_after_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert retry.requested_wait(ServerError(429, **headers)) == seconds


def test_requested_wait_reads_retry_after_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert retry.requested_wait(ServerError(429, retry_after=date)) == pytest.approx(60, abs=2)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ServerError(429), True),
        (ServerError(429, "insufficient_quota"), False),
        (ServerError(503, x_should_retry="false"), False),
        (ServerError(404), False),
        (ValueError("ours"), False),
    ],
)
def test_is_retryable_depends_on_status_code_and_headers(error: Exception, expected: bool) -> None:
    assert retry.is_retryable(error) == expected
