"""MCP: tools, calls, errors; by the official clients of Python and TypeScript, over HTTP and standard input."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

from serving.doors.async_target import AsyncTarget
from serving.doors.calls import CallRecorder
from serving.doors.mcp_server import make_mcp_server
from serving.errors import ServingError
from tests.door_server import ANSWER, PIXEL, ScriptedTarget
from tests.fixtures import ROOT

TYPESCRIPT_CLIENT = Path(__file__).parent / "mcp_client.mjs"


@pytest.fixture
def address(server: str) -> str:
    return f"{server}/mcp"


@asynccontextmanager
async def connect(target: ScriptedTarget) -> AsyncIterator[Client]:
    async with Client(make_mcp_server(AsyncTarget(target, CallRecorder()))) as client:
        yield client


async def test_each_stage_is_a_tool_and_one_more_runs_a_chain(target: ScriptedTarget) -> None:
    async with connect(target) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["qa", "image_generation", "caption", "run_stages"]
    for tool in tools.values():
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        assert tool.description
    jsonschema.validate({"question": "Why?", "filter": {"source": ["a", "b"]}}, tools["qa"].input_schema)
    for arguments in ({}, {"question": ""}, {"question": "Why?", "k": 51}, {"question": "Why?", "other": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(arguments, tools["qa"].input_schema)
    assert tools["image_generation"].input_schema["properties"]["style"]["enum"] == ["map", "flow"]


async def test_call_gives_text_passages_and_fields(target: ScriptedTarget) -> None:
    async with connect(target) as client:
        result = await client.call_tool("qa", {"question": "What does a night cost?"})
    assert target.requests == [{"qa": {"question": "What does a night cost?"}}]
    assert not result.is_error
    answer, first, _ = (block.model_dump() for block in result.content)
    assert answer["text"] == ANSWER
    assert first["resource"]["uri"] == "multichain://qa/handbook/travel.md#10-80"
    assert first["resource"]["text"].startswith("<b>Travel</b> expenses")
    assert result.structured_content["sources"][0]["page"] == 3
    assert "text" not in result.structured_content["sources"][0]


async def test_picture_is_image_content_and_notes_are_texts(target: ScriptedTarget) -> None:
    async with connect(target) as client:
        result = await client.call_tool("image_generation", {"prompt": "A pixel"})
    alt_text, image, note = (block.model_dump() for block in result.content)
    assert (alt_text["text"], image["data"], image["mime_type"]) == ("One pixel", PIXEL, "image/png")
    assert note["text"] == "Note: drawn_from_prompt: the picture shows the prompt's own words"
    assert "image" not in result.structured_content


async def test_stage_without_needed_fields_runs_without_arguments(target: ScriptedTarget) -> None:
    async with connect(target) as client:
        result = await client.call_tool("caption", {})
    assert target.requests == [{"caption": {"run": True}}]
    assert [block.model_dump()["text"] for block in result.content] == ["A caption"]


async def test_chain_runs_several_stages_in_one_request(target: ScriptedTarget) -> None:
    chain = {"qa": {"question": "A night?"}, "image_generation": {"prompt": "{qa.answer}"}}
    async with connect(target) as client:
        result = await client.call_tool("run_stages", chain)
    assert target.requests == [chain]
    assert set(result.structured_content) == {"qa", "image_generation"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("provider: it failed", "provider: it failed"),
        (ServingError("cannot reach the endpoint"), "cannot reach the endpoint"),
    ],
)
async def test_failure_is_a_tool_error(target: ScriptedTarget, error: Any, expected: str) -> None:
    async with connect(target) as client:
        await client.list_tools()
        if isinstance(error, Exception):
            target.error = error
        else:
            target.fields["qa"]["error"] = error
        result = await client.call_tool("qa", {"question": "Why?"})
    assert result.is_error
    assert [block.model_dump()["text"] for block in result.content] == [expected]


async def test_missing_argument_is_a_tool_error_of_the_model(target: ScriptedTarget) -> None:
    async with connect(target) as client:
        result = await client.call_tool("qa", {})
    assert result.is_error
    assert result.content[0].model_dump()["text"] == "invalid_request: qa: expected text"


async def test_unknown_tool_is_refused_with_the_names_of_the_tools(target: ScriptedTarget) -> None:
    async with connect(target) as client:
        with pytest.raises(MCPError, match="the tools are qa, image_generation, caption, run_stages"):
            await client.call_tool("delete_everything", {})


def call(address: str, method: str, params: dict[str, Any], **headers: str) -> requests.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    accept = {"accept": "application/json, text/event-stream"}
    return requests.post(address, json=body, headers=accept | headers, timeout=30, allow_redirects=False)


def test_http_client_needs_no_session_and_no_redirect(address: str) -> None:
    reply = call(address, "tools/list", {}, **{"mcp-protocol-version": "2025-11-25"})
    assert reply.status_code == 200
    data = next(line for line in reply.text.splitlines() if line.startswith("data:"))
    assert json.loads(data[5:])["result"]["tools"][0]["name"] == "qa"


def test_http_client_with_a_foreign_host_is_refused(address: str) -> None:
    assert call(address, "tools/list", {}, host="evil.example").status_code == 421


async def test_python_client_calls_over_http(address: str) -> None:
    async with Client(address) as client:
        result = await client.call_tool("qa", {"question": "What does a night cost?"})
    assert result.content[0].model_dump()["text"] == ANSWER


def test_typescript_client_calls_over_http(address: str) -> None:
    node = shutil.which("node")
    if node is None or not (ROOT / "node_modules" / "@modelcontextprotocol").is_dir():
        if os.environ.get("CI"):
            pytest.fail("make test installs the MCP client with npm, and CI must have it")
        pytest.skip("the MCP client of npm is not installed; make test installs it where there is npm")
    done = subprocess.run(
        [node, str(TYPESCRIPT_CLIENT), address], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["tools"] == ["qa", "image_generation", "caption", "run_stages"]
    assert outcome["text"] == ANSWER
    assert outcome["kinds"] == ["text", "image", "text"]
    assert "the tools are" in outcome["refusal"]


async def test_stdio_server_tells_that_its_target_gives_no_description(address: str) -> None:
    target = address.removesuffix("/mcp")  # it has no route /invocations
    command = StdioServerParameters(command=sys.executable, args=["-m", "serving", "mcp", "--target", target])
    async with Client(stdio_client(command)) as client:
        with pytest.raises(MCPError, match="/invocations returned HTTP 404"):
            await client.list_tools()
