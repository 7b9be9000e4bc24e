"""All doors of ``serving up`` with a real version, and ``serving app`` before it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import openai
import pytest
import requests
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from serving.targets import RestTarget
from tests import doors

QUESTION = "What is LangChain?"
BEGINNING = "LangChain is a framework"


@pytest.fixture(scope="module")
def server(logged: str, store: Path) -> Iterator[str]:
    """Yield the address of ``serving up``, which traces each request."""
    with doors.run_server(logged, store, MULTICHAIN_TRACES="1", MLFLOW_ENABLE_ASYNC_TRACE_LOGGING="false") as url:
        yield url


@pytest.fixture(scope="module")
def app(server: str, store: Path) -> Iterator[str]:
    """Yield the address of ``serving app``, whose target is the server."""
    address = f"http://127.0.0.1:{doors.find_free_port()}"
    command = [sys.executable, "-m", "serving", "app", "--target", server, "--port", address.rpartition(":")[2]]
    with subprocess.Popen(command, cwd=store, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"Serving {server} at {address}")
        yield address
        process.terminate()


@pytest.mark.parametrize("door", ["server", "app"])
def test_openai_s_sdk_is_answered_and_streamed(door: str, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue(door)
    messages: Any = [{"role": "user", "content": QUESTION}]
    with openai.OpenAI(base_url=f"{address}/v1", api_key="any") as client:
        completion = client.chat.completions.create(model="multichain/qa", messages=messages)
        stream = client.chat.completions.create(model="multichain/qa", messages=messages, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        image = client.images.generate(model="multichain/image_generation", prompt="LangChain in use")
    assert str(completion.choices[0].message.content).startswith(BEGINNING)
    assert text == completion.choices[0].message.content
    assert image.data
    assert str(image.data[0].b64_json).startswith("iVBORw0KGgo")


@pytest.mark.parametrize("door", ["server", "app"])
async def test_mcp_is_served_over_http(door: str, request: pytest.FixtureRequest) -> None:
    async with Client(f"{request.getfixturevalue(door)}/mcp") as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["qa", "image_generation", "run_stages"]
        result = await client.call_tool("qa", {"question": QUESTION})
    assert result.content[0].model_dump()["text"].startswith(BEGINNING)


async def test_mcp_is_served_on_standard_input_and_output(server: str) -> None:
    command = StdioServerParameters(command=sys.executable, args=["-m", "serving", "mcp", "--target", server])
    async with Client(stdio_client(command)) as client:
        result = await client.call_tool("qa", {"question": QUESTION})
    assert result.content[0].model_dump()["text"].startswith(BEGINNING)


def test_page_offers_questions_of_the_documents_and_streams(app: str) -> None:
    description = requests.get(f"{app}/api/description", timeout=60).json()
    assert description["questions"]
    reply = requests.post(f"{app}/api/stream", json={"qa": {"question": QUESTION}}, timeout=60)
    kinds = [line.removeprefix("event: ") for line in reply.text.splitlines() if line.startswith("event: ")]
    assert kinds[0] == "started"
    assert {"token", "source", "done"} <= set(kinds)


def test_feedback_of_the_page_becomes_an_assessment_of_the_trace(server: str) -> None:
    response = RestTarget(server).ask({"qa": {"question": QUESTION}})
    trace_id = response["meta"]["trace_id"]
    body = {"trace_id": trace_id, "good": False, "reason": "It is old."}
    assert requests.post(f"{server}/api/feedback", json=body, timeout=60).json() == {"noted": True}
    (assessment,) = mlflow.get_trace(trace_id).info.assessments
    assert (assessment.name, assessment.value, assessment.rationale) == ("good", False, "It is old.")


def test_feedback_for_an_unknown_trace_is_refused_in_words(server: str) -> None:
    reply = requests.post(f"{server}/api/feedback", json={"trace_id": "tr-0", "good": True}, timeout=60)
    assert (reply.status_code, "tr-0" in reply.json()["message"]) == (400, True)


def test_body_of_a_gigabyte_is_refused_before_it_is_read(server: str) -> None:
    for route in ("/v1/chat/completions", "/api/stream", "/mcp", "/invocations"):
        reply = requests.post(f"{server}{route}", headers={"content-length": str(2**30)}, timeout=60)
        assert reply.status_code == 413, route
