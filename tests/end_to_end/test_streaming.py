"""Events: from the model itself, and over REST beside MLflow's own routes."""

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


def kinds(events: list[Event]) -> list[tuple[str, str]]:
    return [(event["stage"], event["kind"]) for event in events]


class Slow(Stage):
    """Waits, and says when it was cancelled."""

    inputs = (Field("text", "text", required=True, maximum=9),)
    outputs = (Field("told", "text"),)

    def __init__(self) -> None:
        self.cancelled: list[str] = []

    async def run(self, values: StageValues, tell: Emit) -> StageValues:
        tell("token", values["text"])
        try:
            await asyncio.sleep(20 if values["text"] == "slow" else 0.3)
        except asyncio.CancelledError:
            self.cancelled.append(values["text"])
            raise
        return {"told": values["text"]}


def piped(stage: Stage) -> Pipeline:
    return Pipeline(Contract({"slow": StageContract("slow", stage.inputs, stage.outputs)}), {"slow": stage})


def until(condition: Any) -> None:
    ends = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_model_tells_events_and_then_the_response(logged: str) -> None:
    model: Any = mlflow.pyfunc.load_model(logged)
    events = list(model.predict_stream([REQUEST]))
    told = kinds(events)
    assert told[:4] == [("qa", "started"), ("qa", "source"), ("qa", "source"), ("qa", "token")]
    assert told[-4:] == [
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


def test_what_fails_tells_an_error_and_the_rest_goes_on(logged: str) -> None:
    model: Any = mlflow.pyfunc.load_model(logged)
    bad = REQUEST | {"image_generation": {"prompt": "A fox", "size": "tiny"}}
    events = list(model.predict_stream([bad]))
    assert ("image_generation", "error") in kinds(events)
    assert ("qa", "done") in kinds(events)
    assert ("image_generation", "done") not in kinds(events)
    assert events[-1]["response"]["image_generation"]["error"].startswith(
        "invalid_request: size: expected WIDTHxHEIGHT"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([{"qa": {"question": 5}}], "invalid_request: qa.question: expected text"),
        ([{"qa": {"question": "a"}}] * 2, "'predict_stream' requires single input"),
    ],
)
def test_what_cannot_be_streamed(given: Any, message: str, logged: str) -> None:
    model: Any = mlflow.pyfunc.load_model(logged)
    with pytest.raises(MlflowException, match=f"^{message}"):
        list(model.predict_stream(given))


@pytest.mark.parametrize("way", ["close", "drop"])
def test_stopping_to_read_cancels_only_what_was_waited_for(way: str) -> None:
    stage = Slow()
    pipeline = piped(stage)
    first = pipeline.stream_events(Request({"slow": {"text": "slow"}}))
    second = pipeline.stream_events(Request({"slow": {"text": "quick"}}))
    assert [next(first)["kind"], next(first)["kind"]] == ["started", "token"]
    if way == "close":
        first.close()
        assert list(first) == []
    else:
        del first
    assert kinds(list(second))[-1] == ("", "done")
    until(lambda: stage.cancelled == ["slow"])


def test_a_reader_in_another_thread_sees_the_end_of_a_closed_stream() -> None:
    stream = Engine().stream(lambda put: asyncio.sleep(20, put("first")))
    assert next(stream) == "first"
    stream.close()
    assert (list(stream), list(stream)) == ([], [])


def test_a_failure_of_the_work_itself_is_raised() -> None:
    async def work(put: Any) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        next(Engine().stream(work))


SLOWLY = """
import asyncio, pathlib
async def slowly(given: dict) -> dict:
    pathlib.Path(given["mark"] + ".began").touch()
    try:
        await asyncio.sleep(given["seconds"])
    except asyncio.CancelledError:
        pathlib.Path(given["mark"] + ".cancelled").touch()
        raise
    return {"told": given["mark"]}
"""
STAGES = """\
  image_generation: {kind: image_generation, images: {provider: offline}}
  slow:
    kind: runnable
    runnable: slowly:slowly
    inputs: {mark: text, seconds: number}
    outputs: {told: text}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("streamed")


@pytest.fixture(scope="module")
def url(folder: Path, index_folder: Path) -> Iterator[str]:
    """A server of a version with a slow stage, by ``serving up --stream``."""
    (folder / "slowly.py").write_text(SLOWLY, "utf-8")
    (folder / "mine.yaml").write_text(PROFILE + STAGES, "utf-8")
    told = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    log = [sys.executable, "-m", "training", "log", "--profile", "mine.yaml", "--index", str(index_folder)]
    uri = subprocess.run(log, cwd=folder, env=told, capture_output=True, text=True, check=True).stdout.strip()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up = [sys.executable, "-m", "serving", "up", "--stream", "--target", uri, "--port", str(port)]
    with subprocess.Popen(up, cwd=folder, env=told, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("Serving")
        assert "/invocations -H" in server.stdout.readline()
        assert server.stdout.readline().startswith(f"curl -N http://127.0.0.1:{port}/stream")
        yield f"http://127.0.0.1:{port}"
        server.send_signal(signal.SIGINT)


def test_curl_shows_the_events(url: str) -> None:
    body = json.dumps({"inputs": REQUEST})
    command = ["curl", "-sN", f"{url}/stream", "-H", "Content-Type: application/json", "-d", body]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    events = [dict(line.split(": ", 1) for line in block.splitlines()) for block in told.strip().split("\n\n")]
    assert [event["event"] for event in events[:3]] == ["started", "source", "source"]
    assert json.loads(events[-1]["data"])["response"]["qa"]["answer"].startswith("GPT-4 is a powerful")


def test_invocations_are_mlflows(url: str) -> None:
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
def test_a_body_that_mlflow_refuses_is_refused_in_the_same_words(body: str, content_type: str, url: str) -> None:
    headers = {"Content-Type": content_type}
    theirs, ours = (
        requests.post(url + route, data=body, headers=headers, timeout=60) for route in ("/invocations", "/stream")
    )
    assert theirs.status_code in {400, 415}
    assert (ours.status_code, ours.text) == (theirs.status_code, theirs.text)


def test_a_request_that_does_not_fit_is_refused(url: str) -> None:
    told = requests.post(f"{url}/stream", json={"inputs": {"qa": {"question": 5}}}, timeout=60)
    assert told.status_code == 400
    assert told.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert told.json()["message"] == "invalid_request: qa.question: expected text of 1 to 10,000 characters"
    several = requests.post(f"{url}/stream", json={"inputs": [{"qa": {"question": "a"}}] * 2}, timeout=60)
    assert several.json()["message"].startswith("invalid_request: one request at a time is streamed")


def test_a_client_that_goes_away_cancels_only_its_own(url: str, folder: Path) -> None:
    def asked(mark: str, seconds: float) -> Any:
        request = {"slow": {"mark": str(folder / mark), "seconds": seconds}}
        return requests.post(f"{url}/stream", json={"inputs": request}, stream=True, timeout=60)

    stays = asked("stays", 3.0)
    goes = asked("goes", 30.0)
    until((folder / "goes.began").exists)
    goes.close()
    until((folder / "goes.cancelled").exists)
    last = [line for line in stays.iter_lines() if line.startswith(b"data: ")][-1]
    assert json.loads(last[6:])["response"]["slow"]["told"] == str(folder / "stays")
    assert not (folder / "stays.cancelled").exists()
