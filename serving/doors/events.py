"""Send events of a request as server-sent events (WHATWG HTML, 9.2)."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from sse_starlette import EventSourceResponse, ServerSentEvent

from ..errors import ServingError
from ..targets import Event

_KEEP_ALIVE_SECONDS = 15.0
"""Seconds without an event after which a comment is sent, since proxies drop a silent connection."""


def respond_with_events(events: AsyncGenerator[Event]) -> EventSourceResponse:
    """Return a response with one server-sent event for each event, named for its kind.

    A client that disconnects cancels the response, which closes ``events`` and so ends the work for the request.

    Args:
        events: The events of a request. An error of the target becomes a last event of the kind ``error``.
    """
    return EventSourceResponse(
        _format_events(events),
        ping=_KEEP_ALIVE_SECONDS,
        ping_message_factory=lambda: ServerSentEvent(comment="still working", sep="\n"),
        sep="\n",
    )


async def _format_events(events: AsyncGenerator[Event]) -> AsyncIterator[ServerSentEvent]:
    async with aclosing(events):
        try:
            async for event in events:
                yield ServerSentEvent(json.dumps(event, ensure_ascii=False), event=event["kind"], sep="\n")
        except ServingError as error:
            event = {"stage": "", "kind": "error", "error": f"target: {error.message}"}
            yield ServerSentEvent(json.dumps(event, ensure_ascii=False), event="error", sep="\n")
