"""The page: its files, and the routes that its scripts call."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ..errors import RefusedError, ServingError
from ..local.feedback import record_feedback
from .async_target import AsyncTarget
from .calls import CURRENT_CALL
from .events import respond_with_events

PAGE_FOLDER = Path(__file__).parent / "page"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""Nothing but the page's own files is loaded or run, whatever a document or an answer contains."""
_MAX_REASON = 2_000


class _PageFiles(StaticFiles):
    """The files of the page, with its headers."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:  # as in Starlette
        """Return a file."""
        response = super().file_response(*arguments, **options)
        response.headers.update(_HEADERS)
        return response


def make_page_routes(target: AsyncTarget, address: str) -> list[BaseRoute]:
    """Return the routes of the page.

    Args:
        target: Where requests go.
        address: The target's address, which the page's snippets of code contain.
    """

    async def show(_: Request) -> Response:
        return FileResponse(PAGE_FOLDER / "index.html", headers=_HEADERS)

    async def describe(_: Request) -> Response:
        try:
            description = await target.describe()
        except ServingError as error:
            return _refuse(502, error.message)
        shown = ("stages", "example", "questions")
        return JSONResponse({name: description.get(name) for name in shown} | {"target": address})

    async def stream(request: Request) -> Response:
        try:
            values = await _read_object(request)
            return respond_with_events(await target.stream(values))
        except RefusedError as error:
            return _refuse(400, error.message)
        except ServingError as error:
            return _refuse(502, error.message)

    async def note_feedback(request: Request) -> Response:
        try:
            values = await _read_object(request)
            trace, good, reason = values.get("trace_id"), values.get("good"), values.get("reason") or ""
            if not isinstance(trace, str) or not isinstance(good, bool) or not isinstance(reason, str):
                return _refuse(400, "expected trace_id, good (true or false) and reason")
            call = CURRENT_CALL.get()
            user = call.client if call else ""
            await asyncio.to_thread(record_feedback, trace, reason[:_MAX_REASON], good=good, user=user)
        except ServingError as error:
            return _refuse(400, error.message)
        return JSONResponse({"noted": True})

    return [
        Route("/", show),
        Route("/api/description", describe),
        Route("/api/stream", stream, methods=["POST"]),
        Route("/api/feedback", note_feedback, methods=["POST"]),
        Mount("/page", _PageFiles(directory=PAGE_FOLDER)),
    ]


async def _read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        RefusedError: The body is something else.
    """
    try:
        values = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise RefusedError("the body is not JSON") from None
    if not isinstance(values, Mapping):
        raise RefusedError("the body is not a JSON object")
    return dict(values)


def _refuse(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)
