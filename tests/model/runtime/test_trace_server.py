"""A tracking server that is away is noticed before a trace is given to MLflow, which would try for minutes."""

import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from model.config.environment import limit_trace_calls
from model.runtime import trace_server
from model.runtime.trace_server import TraceServer


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def address_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "file:///x", "databricks", "databricks://profile", ""])
def test_store_without_a_server_takes_traces(uri: str) -> None:
    assert TraceServer().is_reachable(uri)


def test_server_that_goes_away_is_noticed_and_logged_once(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trace_server, "_RECHECK_SECONDS", 0.0)
    server, address = TraceServer(), address_of(listener)
    assert server.is_reachable(address)
    listener.close()
    with caplog.at_level(logging.WARNING):
        assert not server.is_reachable(address)
        assert not server.is_reachable(address)
    assert [record.message for record in caplog.records] == [
        "MLflow's tracking server cannot be reached, so that requests are not traced"
    ]


def test_answer_counts_for_half_a_minute(listener: socket.socket) -> None:
    server, address = TraceServer(), address_of(listener)
    assert server.is_reachable(address)
    listener.close()
    assert server.is_reachable(address)


def test_server_behind_a_proxy_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert TraceServer().is_reachable("http://mlflow.example")


def test_bounds_of_the_user_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "")
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_TIMEOUT")
    limit_trace_calls()
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "5"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "10"


def test_process_with_traces_ends_although_the_tracking_server_is_away(logged: str, listener: socket.socket) -> None:
    folder = Path(mlflow.artifacts.download_artifacts(logged))
    address = address_of(listener)
    listener.close()
    environment = os.environ | {"MLFLOW_TRACKING_URI": address, "MULTICHAIN_TRACES": "1"}
    program = (
        "import mlflow, sys; model = mlflow.pyfunc.load_model(sys.argv[1]);"
        "response = model.predict([{'qa': {'question': 'What is GPT-4?'}}] * 20);"
        "print(len(response), repr(response[0]['meta']['trace_id']))"
    )
    started = time.monotonic()
    command = [sys.executable, "-c", program, str(folder)]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert process.stdout == "20 ''\n"
    assert time.monotonic() - started < 60  # MLflow alone takes more than four minutes
