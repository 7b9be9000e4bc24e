"""The Model Context Protocol: each stage of the version is a tool, and one more runs several stages in a chain.

A tool takes the stage's input fields by a JSON schema, and returns the stage's text, its pictures as image content, its
passages as embedded resources, and its output fields as structured content. A stage's error is a tool error, which the
calling model sees. Protocol: modelcontextprotocol.io, revisions 2025-11-25 and 2026-07-28.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from starlette.routing import Route

from ..errors import ServingError
from ..targets import Request, Response
from .async_target import AsyncTarget
from .described_stage import DescribedStage

NAME, CHAIN_TOOL = "multichain", "run_stages"
_CHAIN_DESCRIPTION = (
    "Runs several stages in one request. A text may refer to the output of another stage of the same request, as in "
    "{qa.answer}."
)
_INSTRUCTIONS = (
    "Each tool is a stage of one model: stages with a question answer from the model's own documents and cite them as "
    "[1], [2], …; the cited passages come with the answer as resources."
)


def make_mcp_server(target: AsyncTarget) -> "Server[Any]":
    """Return the server that offers the stages of a target as tools.

    Args:
        target: Where calls go.
    """

    async def list_tools(_context: object, _params: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=list(_make_tools(await _list_stages(target))))

    async def call_tool(_context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
        stages = {stage.name: stage for stage in await _list_stages(target)}
        request = _make_request(params, stages)
        try:
            response = await target.ask(request)
        except ServingError as error:
            return types.CallToolResult(content=[types.TextContent(text=error.message)], is_error=True)
        return _make_result(response, [stages[name] for name in request if name in stages], params.name)

    return Server(NAME, instructions=_INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool)


def make_mcp_route(server: "Server[Any]", max_body_bytes: int) -> tuple[Route, StreamableHTTPSessionManager]:
    """Return the route ``/mcp`` (streamable HTTP, without sessions), and what has to run while the route is served.

    Args:
        server: The MCP server.
        max_body_bytes: Size of the largest body.
    """
    sessions = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=max_body_bytes)
    return Route("/mcp", endpoint=StreamableHTTPASGIApp(sessions)), sessions


async def serve_stdio(server: "Server[Any]") -> None:
    """Serve on standard input and output until the input ends."""
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


async def _list_stages(target: AsyncTarget) -> list[DescribedStage]:
    try:
        return await target.list_stages()
    except ServingError as error:
        raise MCPError(types.INTERNAL_ERROR, error.message) from None


def _make_tools(stages: list[DescribedStage]) -> Iterator[types.Tool]:
    hints = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
    for stage in stages:
        yield types.Tool(
            name=stage.name,
            description=stage.summary,
            input_schema=stage.make_input_schema(),
            output_schema=stage.make_output_schema(),
            annotations=hints,
        )
    if len(stages) > 1:
        schemas = {stage.name: stage.make_input_schema() for stage in stages}
        schema = {"type": "object", "properties": schemas, "additionalProperties": False, "minProperties": 1}
        yield types.Tool(name=CHAIN_TOOL, description=_CHAIN_DESCRIPTION, input_schema=schema, annotations=hints)


def _make_request(params: types.CallToolRequestParams, stages: Mapping[str, DescribedStage]) -> Request:
    """Return the request of a tool call.

    Raises:
        MCPError: There is no such tool.
    """
    arguments = dict(params.arguments or {})
    if params.name in stages:
        # an empty object means that the stage is absent
        main_input = stages[params.name].main_input
        return {params.name: arguments or ({main_input: ""} if main_input else {"run": True})}
    if params.name == CHAIN_TOOL and len(stages) > 1:
        return arguments
    names = ", ".join([*stages, *([CHAIN_TOOL] if len(stages) > 1 else [])])
    raise MCPError(types.INVALID_PARAMS, f"there is no such tool; the tools are {names}")


def _make_result(response: Response, stages: list[DescribedStage], tool: str) -> types.CallToolResult:
    content: list[types.ContentBlock] = []
    has_failed = False
    structured: dict[str, Any] = {}
    for stage in stages:
        fields = response[stage.name]
        if fields["error"]:
            has_failed = True
            content.append(types.TextContent(text=fields["error"]))
            continue
        content.extend(_make_content(stage, fields))
        structured[stage.name] = _structure(stage, fields)
    if has_failed:
        return types.CallToolResult(content=content, is_error=True)
    return types.CallToolResult(content=content, structured_content=structured.get(tool, structured))


def _make_content(stage: DescribedStage, fields: Mapping[str, Any]) -> Iterator[types.ContentBlock]:
    if stage.text_output:
        yield types.TextContent(text=str(fields[stage.text_output]))
    if stage.image_output:
        yield types.TextContent(text=" ".join(filter(None, [fields.get("alt_text", ""), fields.get("url", "")])))
        if fields[stage.image_output]:
            yield types.ImageContent(data=fields[stage.image_output], mime_type=fields.get("mime_type") or "image/png")
    for note in fields["notes"]:
        yield types.TextContent(text=f"Note: {note}")
    for source in fields.get("sources", []) if stage.has_sources else []:
        uri = f"{NAME}://{stage.name}/{quote(source['source'])}#{source['start']}-{source['end']}"
        yield types.EmbeddedResource(
            resource=types.TextResourceContents(uri=uri, text=source["text"], mime_type="text/markdown")
        )


def _structure(stage: DescribedStage, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stage's output fields without what the content contains: the picture, and the passages' texts."""
    structured = {name: value for name, value in fields.items() if name != stage.image_output}
    if stage.has_sources:
        structured["sources"] = [
            {name: value for name, value in source.items() if name != "text"} for source in fields["sources"]
        ]
    return structured
