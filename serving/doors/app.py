"""The ASGI application with all doors: the page, MCP, OpenAI's protocol, health and metrics."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..errors import ServingError
from ..local.request_limits import ANY_NAME, MAX_BODY_BYTES, RequestLimits
from ..targets import Target
from .access import AccessControl
from .async_target import AsyncTarget
from .calls import CallRecorder
from .mcp_server import make_mcp_route, make_mcp_server
from .openai_protocol import make_routes
from .page_routes import make_page_routes
from .settings import DoorSettings

MAX_CALLERS = 64
"""Number of callers that are answered concurrently; further callers wait."""


def make_door_app(
    target: Target,
    address: str,
    settings: DoorSettings,
    recorder: CallRecorder,
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the application.

    Args:
        target: Where requests go.
        address: The target's address.
        settings: Who may use the doors, and what is noted.
        recorder: Notes each call.
        routes: Further routes, which come last.
    """
    async_target = AsyncTarget(target, recorder)
    mcp_route, sessions = make_mcp_route(make_mcp_server(async_target), MAX_BODY_BYTES)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # each caller blocks a thread until the target has answered
        with ThreadPoolExecutor(MAX_CALLERS, thread_name_prefix="multichain-caller") as callers:
            asyncio.get_running_loop().set_default_executor(callers)
            async with sessions.run():
                yield

    names = [*settings.allowed_names, *(urlsplit(origin).hostname or "" for origin in settings.allowed_origins)]
    cross_origin = Middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "mcp-protocol-version"],
    )
    return Starlette(
        routes=[
            *_make_health_routes(async_target, recorder),
            *make_page_routes(async_target, address),
            mcp_route,
            *make_routes(async_target),
            *routes,
        ],
        middleware=[
            Middleware(RequestLimits, allowed_names=frozenset({ANY_NAME} if settings.trusts_proxy else names)),
            *([cross_origin] if settings.allowed_origins else []),
            Middleware(
                AccessControl,
                recorder=recorder,
                tokens=settings.tokens,
                trusts_proxy=settings.trusts_proxy,
                calls_per_minute=settings.calls_per_minute,
            ),
        ],
        lifespan=lifespan,
    )


def _make_health_routes(target: AsyncTarget, recorder: CallRecorder) -> list[Route]:
    """Return the routes for operations: whether the server lives, whether its target answers, and metrics."""

    async def is_alive(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def is_ready(_: Request) -> Response:
        try:
            await target.describe()
        except ServingError as error:
            return JSONResponse({"status": "not ready", "message": error.message}, 503)
        return JSONResponse({"status": "ready"})

    async def metrics(_: Request) -> Response:
        return Response(recorder.format_metrics(), media_type="text/plain; version=0.0.4")

    return [Route("/healthz", is_alive), Route("/readyz", is_ready), Route("/metrics", metrics)]
