"""Events of a request: from the model in process, and over REST beside MLflow's own routes."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import requests
from mlflow.exceptions import MlflowException

from model.contract.events import Emit, Event
from model.contract.fields import Field, StageValues
from model.contract.requests import Request
from model.contract.stage_contract import Contract, StageContract
from model.pipeline import Pipeline
from model.runtime.event_loop import Engine
from model.stages.base import Stage
from tests import doors
from tests.fixtures import PROFILE

REQUEST = {
    "qa": {"question": "What is GPT-4?", "k": 2},
    "image_generation": {"prompt": "A diagram of: {qa.answer}", "size": "256x256"},
}


def list_kinds(events: list[Event]) -> list[tuple[str, str]]:
    """Return the stage and kind of each event."""
    return [(event["stage"], event["kind"]) for event in events]


class SlowStage(Stage):
    """Stage that waits and records each cancelled request."""

    inputs = (Field("text", "text", required=True, maximum=9),)
    outputs = (Field("echo", "text"),)

    def __init__(self) -> None:
        self.cancelled: list[str] = []

    async def run(self, values: StageValues, emit: Emit) -> StageValues:
        emit("token", values["text"])
        try:
            await asyncio.sleep(20 if values["text"] == "slow" else 0.3)
        except asyncio.CancelledError:
            self.cancelled.append(values["text"])
            raise
        return {"echo": values["text"]}


def make_pipeline(stage: Stage) -> Pipeline:
    return Pipeline(Contract({"slow": StageContract("slow", stage.inputs, stage.outputs)}), {"slow": stage})


def wait_until(condition: Any) -> None:
    """Wait until ``condition()`` is true, for ten seconds at most."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_predict_stream_gives_events_and_then_the_response_of_predict(logged: str) -> None:
    model: Any = mlflow.pyfunc.load_model(logged)
    events = list(model.predict_stream([REQUEST]))
    kinds = list_kinds(events)
    assert kinds[:4] == [("qa", "started"), ("qa", "source"), ("qa", "source"), ("qa", "token")]
    assert kinds[-4:] == [
        ("image_generation", "started"),
        ("image_generation", "image"),
        ("image_generation", "done"),
        ("", "done"),
    ]
    response = events[-1]["response"]
    assert "".join(event["text"] for event in events if event["kind"] == "token") == response["qa"]["answer"]
    assert events[-3]["image"] == response["image_generation"]["image"]
    assert "image" not in events[-2]["fields"]
    expected = model.predict(REQUEST)
    for stage in ("qa", "image_generation"):
        response[stage]["seconds"] = expected[stage]["seconds"] = 0
    assert response == expected


def test_failing_stage_gives_an_error_event_and_the_other_stage_completes(logged: str) -> None:
    model: Any = mlflow.pyfunc.load_model(logged)
    request = REQUEST | {"image_generation": {"prompt": "A fox", "size": "tiny"}}
    events = list(model.predict_stream([request]))
    assert ("image_generation", "error") in list_kinds(events)
    assert ("qa", "done") in list_kinds(events)
    assert ("image_generation", "done") not in list_kinds(events)
    assert events[-1]["response"]["image_generation"]["error"].startswith(
        "invalid_request: size: expected WIDTHxHEIGHT"
    )


@pytest.mark.parametrize(
    ("model_input", "message"),
    [
        ([{"qa": {"question": 5}}], "invalid_request: qa.question: expected text"),
        ([{"qa": {"question": "a"}}] * 2, "'predict_stream' requires single input"),
    ],
)
def test_predict_stream_refuses_an_invalid_request_and_several_requests(
    model_input: Any, message: str, logged: str
) -> None:
    model: Any = mlflow.pyfunc.load_model(logged)
    with pytest.raises(MlflowException, match=f"^{message}"):
        list(model.predict_stream(model_input))


@pytest.mark.parametrize("way", ["close", "drop"])
def test_abandoned_stream_cancels_only_its_own_request(way: str) -> None:
    stage = SlowStage()
    pipeline = make_pipeline(stage)
    first = pipeline.stream_events(Request({"slow": {"text": "slow"}}))
    second = pipeline.stream_events(Request({"slow": {"text": "quick"}}))
    assert [next(first)["kind"], next(first)["kind"]] == ["started", "token"]
    if way == "close":
        first.close()
        assert list(first) == []
    else:
        del first
    assert list_kinds(list(second))[-1] == ("", "done")
    wait_until(lambda: stage.cancelled == ["slow"])


def test_closed_stream_gives_no_further_event() -> None:
    stream = Engine().stream(lambda put: asyncio.sleep(20, put("first")))
    assert next(stream) == "first"
    stream.close()
    assert (list(stream), list(stream)) == ([], [])


def test_stream_raises_the_exception_of_its_work() -> None:
    async def work(put: Any) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        next(Engine().stream(work))


SLOW_STAGE = """
import asyncio, pathlib
async def wait(values: dict) -> dict:
    pathlib.Path(values["mark"] + ".started").touch()
    try:
        await asyncio.sleep(values["seconds"])
    except asyncio.CancelledError:
        pathlib.Path(values["mark"] + ".cancelled").touch()
        raise
    return {"echo": values["mark"]}
"""
STAGES = """\
  image_generation: {kind: image_generation, images: {provider: offline}}
  slow:
    kind: runnable
    runnable: slow_stage:wait
    inputs: {mark: text, seconds: number}
    outputs: {echo: text}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streamed")


@pytest.fixture(scope="module")
def url(folder: Path, index_folder: Path) -> Iterator[str]:
    """Yield the address of ``serving up --stream`` with a version that has a slow stage."""
    (folder / "slow_stage.py").write_text(SLOW_STAGE, "utf-8")
    (folder / "mine.yaml").write_text(PROFILE + STAGES, "utf-8")
    variables = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    log = [sys.executable, "-m", "training", "log", "--profile", "mine.yaml", "--index", str(index_folder)]
    uri = subprocess.run(log, cwd=folder, env=variables, capture_output=True, text=True, check=True).stdout.strip()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = [sys.executable, "-m", "serving", "up", "--stream", "--target", uri, "--port", str(port)]
    with subprocess.Popen(up, cwd=folder, env=variables, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Serving")
        assert "/invocations -H" in server.stdout.readline()
        assert server.stdout.readline().startswith(f"curl -N http://127.0.0.1:{port}/stream")
        yield f"http://127.0.0.1:{port}"
        server.send_signal(signal.SIGINT)


def test_stream_route_sends_server_sent_events_to_curl(url: str) -> None:
    body = json.dumps({"inputs": REQUEST})
    command = ["curl", "-sN", f"{url}/stream", "-H", "Content-Type: application/json", "-d", body]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    events = [dict(line.split(": ", 1) for line in block.splitlines()) for block in output.strip().split("\n\n")]
    assert [event["event"] for event in events[:3]] == ["started", "source", "source"]
    assert json.loads(events[-1]["data"])["response"]["qa"]["answer"].startswith("GPT-4 is a powerful")


def test_streaming_server_answers_the_routes_of_mlflow(url: str) -> None:
    assert doors.post_body(url, {"inputs": REQUEST})["qa"]["answer"].startswith("GPT-4 is a powerful")
    assert len(doors.post_body(url, {"dataframe_records": [REQUEST, REQUEST]})) == 2
    assert requests.get(f"{url}/ping", timeout=10).ok


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("{", "application/json"),
        ('{"qa": {"question": "a"}}', "application/json"),
        ('{"inputs": {"qa": {"question": "a"}}}', "text/plain"),
        ('{"inputs": {"qa": {"question": "a"}}}', "application/json; charset=latin-1"),
    ],
)
def test_stream_route_refuses_a_body_exactly_as_mlflow_does(body: str, content_type: str, url: str) -> None:
    headers = {"Content-Type": content_type}
    invocations_reply, stream_reply = (
        requests.post(url + route, data=body, headers=headers, timeout=60) for route in ("/invocations", "/stream")
    )
    assert invocations_reply.status_code in {400, 415}
    assert (stream_reply.status_code, stream_reply.text) == (invocations_reply.status_code, invocations_reply.text)


def test_stream_route_refuses_an_invalid_request_and_several_requests(url: str) -> None:
    reply = requests.post(f"{url}/stream", json={"inputs": {"qa": {"question": 5}}}, timeout=60)
    assert reply.status_code == 400
    assert reply.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert reply.json()["message"] == "invalid_request: qa.question: expected text of 1 to 10,000 characters"
    several = requests.post(f"{url}/stream", json={"inputs": [{"qa": {"question": "a"}}] * 2}, timeout=60)
    assert several.json()["message"].startswith("invalid_request: one request at a time is streamed")


def test_client_that_disconnects_cancels_only_its_own_request(url: str, folder: Path) -> None:
    def post_request(mark: str, seconds: float) -> Any:
        request = {"slow": {"mark": str(folder / mark), "seconds": seconds}}
        return requests.post(f"{url}/stream", json={"inputs": request}, stream=True, timeout=60)

    open_stream = post_request("open", 3.0)
    closed_stream = post_request("closed", 30.0)
    wait_until((folder / "closed.started").exists)
    closed_stream.close()
    wait_until((folder / "closed.cancelled").exists)
    last = [line for line in open_stream.iter_lines() if line.startswith(b"data: ")][-1]
    assert json.loads(last[6:])["response"]["slow"]["echo"] == str(folder / "open")
    assert not (folder / "open.cancelled").exists()
