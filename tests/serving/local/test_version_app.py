"""Server-sent events of a version: format, order, keep-alive, disconnection, refusals, and concurrent callers."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.protos.databricks_pb2 import ErrorCode
from mlflow.pyfunc import PyFuncModel

from serving.doors import app, events
from serving.doors.app import MAX_CALLERS
from serving.local.version_app import make_app
from tests.door_server import serve_app

EVENTS = [
    {"kind": "started", "stage": "qa"},
    {"kind": "token", "text": 'ä "\n'},
    {"kind": "done", "response": {"a": 1}},
]
STREAM = (
    'event: started\ndata: {"kind": "started", "stage": "qa"}\n\n'
    'event: token\ndata: {"kind": "token", "text": "ä \\"\\n"}\n\n'
    'event: done\ndata: {"kind": "done", "response": {"a": 1}}\n\n'
)
REQUEST = {"qa": {"question": "Why?"}}


class Events:
    """Events of one request, each after a pause in seconds, until they are closed."""

    def __init__(self, events: list[dict[str, Any]], pause: float = 0.0) -> None:
        self._events, self._pause = iter(events), pause
        self.is_closed = threading.Event()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        if self.is_closed.wait(self._pause):
            raise StopIteration
        return next(self._events)

    def close(self) -> None:
        self.is_closed.set()


class Version:
    """A version that streams ``events`` and records its calls."""

    def __init__(self, events: Iterator[dict[str, Any]] | Exception) -> None:
        self.events, self.calls = events, list[tuple[Any, ...]]()
        self.answer: Callable[[], object] = lambda: None

    def predict_stream(self, context: object, data: Any, params: Any) -> Iterator[dict[str, Any]]:
        """Record the call and return the events."""
        self.calls.append((context, data, params))
        if isinstance(self.events, Exception):
            raise self.events
        return self.events

    def predict(self, data: Any) -> list[str]:
        """Return a prediction for each request."""
        self.answer()
        return ["answered"]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "false")  # MLflow sets it; restored after each test


@contextmanager
def serve(version: Version) -> Iterator[str]:
    """Serve a version on a free port; yield the address."""
    model = PyFuncModel(Model(), SimpleNamespace(python_model=version, predict=version.predict))
    with serve_app(make_app(model)) as address:
        yield address


def post(address: str, **options: Any) -> requests.Response:
    return requests.post(address, timeout=30, **options)


def read_text(reply: requests.Response) -> str:
    """Return the text of a reply, with one of the three line ends that server-sent events may have."""
    return reply.content.decode().replace("\r\n", "\n")


def test_events_are_sent_in_order_and_closed_at_the_end() -> None:
    events = Events(EVENTS)
    version = Version(events)
    with serve(version) as address:
        reply = post(f"{address}/stream", json={"inputs": REQUEST, "params": {"a": 1}})
    assert read_text(reply) == STREAM
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert reply.headers["cache-control"] == "no-store"
    assert events.is_closed.is_set()
    assert version.calls == [(None, REQUEST, {"a": 1})]


def test_each_event_is_sent_before_the_next_one_is_known() -> None:
    is_first_received = threading.Event()

    def yield_events() -> Iterator[dict[str, Any]]:
        yield EVENTS[0]
        assert is_first_received.wait(20)
        yield EVENTS[1]

    with (
        serve(Version(yield_events())) as address,
        post(f"{address}/stream", json={"inputs": REQUEST}, stream=True) as reply,
    ):
        chunks = reply.iter_content(65536)
        assert next(chunks).startswith(b"event: started")
        is_first_received.set()
        assert b"".join(chunks).startswith(b"event: token")


def test_silent_stream_is_kept_alive_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_KEEP_ALIVE_SECONDS", 0.1)
    with serve(Version(Events(EVENTS, pause=0.35))) as address:
        text = read_text(post(f"{address}/stream", json={"inputs": REQUEST}))
    assert text.startswith(": still working\n\n")
    assert text.replace(": still working\n\n", "") == STREAM


def test_disconnection_closes_the_events_while_they_are_silent() -> None:
    events = Events(EVENTS[:1] * 99, pause=0.5)
    with serve(Version(events)) as address:
        reply = post(f"{address}/stream", json={"inputs": REQUEST}, stream=True)
        chunks = reply.iter_content(65536)
        assert next(chunks).startswith(b"event: started")
        assert not events.is_closed.is_set()
        reply.close()
        assert events.is_closed.wait(5)


@pytest.mark.parametrize(
    ("code", "status"), [("INVALID_PARAMETER_VALUE", 400), ("RESOURCE_DOES_NOT_EXIST", 404), ("INTERNAL_ERROR", 500)]
)
def test_request_that_the_version_refuses_gets_its_error(code: str, status: int) -> None:
    error = MlflowException("invalid_request: qa: tö long", error_code=ErrorCode.Value(code))
    with serve(Version(error)) as address:
        reply = post(f"{address}/stream", json={"inputs": REQUEST})
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert reply.json().items() >= {"error_code": code, "message": "invalid_request: qa: tö long"}.items()


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{", 400),
        ("application/json", b'{"inputs": 1, "instances": 2}', 400),
        ("text/plain", b"{}", 415),
        ("application/json; charset=latin-1", b"{}", 415),
    ],
)
def test_body_is_refused_as_by_mlflow_before_the_version_is_asked(content_type: str, body: bytes, status: int) -> None:
    version, headers = Version(Events(EVENTS)), {"content-type": content_type}
    with serve(version) as address:
        replies = [post(f"{address}/{route}", data=body, headers=headers) for route in ("stream", "invocations")]
    assert [reply.status_code for reply in replies] == [status, status]
    assert replies[0].content == replies[1].content
    assert replies[0].headers["content-type"].split(";")[0] == replies[1].headers["content-type"].split(";")[0]
    assert version.calls == []


def test_body_without_a_content_type_is_refused() -> None:
    with serve(Version(Events(EVENTS))) as address:
        reply = post(f"{address}/stream", data=b"{}")
    assert (reply.status_code, "only supports the following content types" in reply.text) == (415, True)


def test_mlflow_s_own_routes_are_served_beside_the_doors() -> None:
    with serve(Version(Events(EVENTS))) as address:
        assert post(f"{address}/invocations", json={"inputs": REQUEST}).json() == {"predictions": ["answered"]}
        for route in ("ping", "health", "version", "healthz", ""):
            assert requests.get(f"{address}/{route}", timeout=30).status_code == 200, route


def test_as_many_callers_as_allowed_are_answered_concurrently() -> None:
    version, barrier = Version(Events([])), threading.Barrier(MAX_CALLERS)
    version.answer = lambda: barrier.wait(20)  # ends only when all callers are inside

    def call(address: str) -> int:
        return post(f"{address}/invocations", json={"inputs": REQUEST}).status_code

    with serve(version) as address, ThreadPoolExecutor(MAX_CALLERS) as callers:
        assert list(callers.map(call, [address] * MAX_CALLERS)) == [200] * 64


def test_further_caller_waits_for_a_free_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_CALLERS", 2)
    version, running, counts = Version(Events([])), list[int](), list[int]()

    def work() -> None:
        running.append(1)
        counts.append(len(running))
        time.sleep(0.1)
        running.pop()

    version.answer = work
    with serve(version) as address, ThreadPoolExecutor(5) as callers:
        urls = [f"{address}/invocations"] * 5
        replies = list(callers.map(lambda url: post(url, json={"inputs": REQUEST}), urls))
    assert [reply.status_code for reply in replies] == [200] * 5
    assert max(counts) == 2
