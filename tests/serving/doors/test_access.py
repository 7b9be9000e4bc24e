"""Who may call the doors: tokens, budgets, rates, names, origins; and what is noted of each call."""

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.testclient import TestClient

from serving.doors import access
from serving.doors.settings import DoorSettings
from serving.doors.tokens import Token, make_token, read_tokens
from serving.errors import ServingError
from tests.door_server import ScriptedTarget, make_app, serve_app

SECRET = "s3cret-" + "x" * 20
ANN, BEN = make_token("ann", SECRET), make_token("ben", "another-" + "y" * 20)
REQUEST = {"qa": {"question": "What does a night cost?"}}
GUARDED = ["/", "/api/description", "/page/main.js", "/v1/models", "/metrics", "/mcp", "/nothing"]


def open_client(target: ScriptedTarget, **settings: Any) -> TestClient:
    return TestClient(make_app(target, DoorSettings(**settings)), base_url="http://localhost")


@pytest.fixture
def client(target: ScriptedTarget) -> Iterator[TestClient]:
    with open_client(target, tokens=[ANN, BEN]) as client:
        yield client


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_health_is_open_and_all_else_wants_a_token(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready"}
    for path in GUARDED:
        reply = client.get(path)
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "unauthenticated"), path
        assert reply.headers["www-authenticate"].startswith("Basic "), path


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {SECRET}", "Basic ///", f"Digest {SECRET}"])
def test_wrong_token_is_refused(client: TestClient, target: ScriptedTarget, header: str) -> None:
    assert client.post("/api/stream", json=REQUEST, headers={"authorization": header}).status_code == 401
    assert target.requests == []


def test_token_opens_the_doors_as_bearer_and_as_password(client: TestClient) -> None:
    assert client.get("/v1/models", headers=bearer(SECRET)).status_code == 200
    assert client.get("/", auth=("anybody", SECRET)).status_code == 200


def test_target_that_gives_no_description_is_not_ready(target: ScriptedTarget) -> None:
    target.error = ServingError("the endpoint is away")
    with open_client(target) as client:
        reply = client.get("/readyz")
    assert (reply.status_code, reply.json()["message"]) == (503, "the endpoint is away")


def test_client_that_calls_too_often_waits(target: ScriptedTarget) -> None:
    with open_client(target, tokens=[Token("ann", ANN.digest, calls_per_minute=2), BEN]) as client:
        statuses = [client.get("/v1/models", headers=bearer(SECRET)).status_code for _ in range(3)]
        reply_to_ben = client.get("/v1/models", headers=bearer("another-" + "y" * 20))
        reply = client.get("/v1/models", headers=bearer(SECRET))
    assert statuses == [200, 200, 429]
    assert reply_to_ben.status_code == 200
    assert (reply.headers["retry-after"], reply.json()["error"]["code"]) == ("60", "request_limit_exceeded")


def test_rate_holds_for_clients_without_a_token(target: ScriptedTarget) -> None:
    with open_client(target, calls_per_minute=1) as client:
        assert [client.get("/v1/models").status_code for _ in range(2)] == [200, 429]


def test_spent_budget_ends_until_the_next_day(target: ScriptedTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_client(target, tokens=[Token("ann", ANN.digest, dollars_per_day=0.5)]) as client:

        def ask() -> int:
            return client.post("/api/stream", json=REQUEST, headers=bearer(SECRET)).status_code

        assert [ask() for _ in range(3)] == [200, 200, 429]  # each costs 0.25 dollars
        tomorrow = access._today().replace(year=2100)  # noqa: SLF001 - time passes in no other way
        monkeypatch.setattr(access, "_today", lambda: tomorrow)
        assert ask() == 200


@pytest.mark.parametrize(("host", "origin"), [("evil.example", None), ("localhost", "https://evil.example")])
def test_foreign_host_and_origin_are_refused_on_every_route(
    target: ScriptedTarget, host: str, origin: str | None
) -> None:
    with open_client(target) as client:
        for path in [*GUARDED, "/healthz", "/readyz"]:
            headers = {"host": host} | ({"origin": origin} if origin else {})
            assert client.get(path, headers=headers).status_code == 421, path


def test_other_pages_may_call_only_when_allowed(target: ScriptedTarget) -> None:
    origin = {"origin": "https://intranet.example"}
    with open_client(target, allowed_origins=["https://intranet.example"], tokens=[ANN]) as client:
        header_wish = {"access-control-request-headers": "authorization"}
        preflight = origin | header_wish | {"access-control-request-method": "POST"}
        assert client.options("/v1/chat/completions", headers=preflight).status_code == 200
        reply = client.get("/v1/models", headers=origin | bearer(SECRET))
    assert reply.headers["access-control-allow-origin"] == "https://intranet.example"
    with open_client(target) as client:
        assert "access-control-allow-origin" not in client.get("/v1/models").headers


def test_proxy_names_the_user_and_passes_the_user_s_token(target: ScriptedTarget) -> None:
    headers = {"host": "app.example", "x-forwarded-email": "ann@example.com", "x-forwarded-access-token": "dapi-ann"}
    with open_client(target, trusts_proxy=True) as client:
        assert client.post("/api/stream", json=REQUEST, headers=headers).status_code == 200
    assert target.tokens == ["dapi-ann"]


def test_header_of_a_user_s_token_has_no_effect_without_a_proxy(target: ScriptedTarget) -> None:
    with open_client(target) as client:
        client.post("/api/stream", json=REQUEST, headers={"x-forwarded-access-token": "dapi-ann"})
    assert target.tokens == []


@pytest.mark.parametrize("notes_questions", [False, True])
def test_audit_line_names_client_door_and_outcome_and_the_question_when_asked(
    target: ScriptedTarget, caplog: pytest.LogCaptureFixture, notes_questions: bool
) -> None:
    target.fields["image_generation"]["error"] = "deadline: too late"
    request = REQUEST | {"image_generation": {"prompt": "A night"}}
    with (
        caplog.at_level(logging.INFO, "multichain.audit"),
        open_client(target, tokens=[ANN], notes_questions=notes_questions) as client,
    ):
        client.post("/api/stream", json=request, headers=bearer(SECRET))
    (line,) = [json.loads(record.message) for record in caplog.records if record.name == "multichain.audit"]
    assert (line["door"], line["client"], line["status"], line["version"]) == ("page", "ann", 200, "7")
    assert line["stages"] == {"qa": "ok", "image_generation": "deadline"}
    assert line.get("question") == (request if notes_questions else None)
    assert SECRET not in caplog.text


def test_metrics_count_requests_stages_tokens_and_dollars(target: ScriptedTarget) -> None:
    with open_client(target) as client:
        client.post("/api/stream", json=REQUEST)
        client.post("/v1/chat/completions", json={"model": "gone", "messages": []})
        lines = client.get("/metrics").text.splitlines()
    assert 'multichain_requests_total{door="page",status="200"} 1.0' in lines
    assert 'multichain_requests_total{door="openai",status="404"} 1.0' in lines
    assert 'multichain_stages_total{outcome="ok",stage="qa"} 1.0' in lines
    assert 'multichain_tokens_total{direction="input"} 7.0' in lines
    assert "multichain_dollars_total 0.25" in lines
    assert "multichain_in_flight 1.0" in lines  # the request for the metrics


def test_web_socket_is_refused_in_words(target: ScriptedTarget) -> None:
    with open_client(target) as client:
        reply = client.get("/", headers={"upgrade": "websocket", "connection": "upgrade"})
    assert (reply.status_code, "no WebSocket" in reply.json()["message"]) == (400, True)


def test_two_hundred_open_streams_leave_room_for_a_question(target: ScriptedTarget) -> None:
    target.pause = 30.0
    body = json.dumps(REQUEST)
    head = "POST /api/stream HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with serve_app(make_app(target)) as address:
        port = int(address.rpartition(":")[2])
        streams = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        try:
            for stream in streams:
                stream.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            for stream in streams:
                assert stream.recv(12) == b"HTTP/1.1 200"
            reply = requests.post(
                f"{address}/v1/chat/completions",
                json={"model": "qa", "messages": [{"role": "user", "content": "Why?"}]},
                timeout=10,
            )
            assert reply.status_code == 200
        finally:
            for stream in streams:
                stream.close()
        assert all(events.is_closed.wait(10) for events in target.streams)


def test_tokens_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text(
        f"- {{name: ann, token: {SECRET}, calls_per_minute: 60, dollars_per_day: 2.5}}\n"
        f"- {{name: ben, sha256: {BEN.digest}}}\n",
        "utf-8",
    )
    assert read_tokens(file) == [Token("ann", ANN.digest, 60, 2.5), BEN]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "contains no tokens"),
        ("a: b", "contains no tokens"),
        ("[", "cannot read tokens"),
        ("- ann", "entry 1: expected name"),
        ("- {name: ann, token: short}", "fewer than 16 characters"),
        ("- {name: ann}", "either token or sha256"),
        (f"- {{name: ann, token: {SECRET}, sha256: abc}}", "either token or sha256"),
        ("- {name: ann, sha256: abc}", "64 hexadecimal digits"),
        (f"- {{name: ann, token: {SECRET}, calls_per_minute: -1}}", "numbers from 0"),
        (f"- {{name: ann, token: {SECRET}, budget: 1}}", "expected name"),
        (f"- {{name: ann, token: {SECRET}}}\n- {{name: ann, token: {SECRET}}}", "the same name"),
    ],
)
def test_wrong_file_of_tokens_is_refused_without_a_token_in_the_message(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "tokens.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(ServingError, match=words) as refusal:
        read_tokens(file)
    assert SECRET not in refusal.value.message
