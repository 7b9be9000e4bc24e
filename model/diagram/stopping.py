"""Draw in a thread that ends soon after its caller has: between two steps of a drawing, of half a second at most."""

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Drawn = TypeVar("Drawn")
_STOP: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


class DrawingStoppedError(Exception):
    """Nobody waits for the drawing any more."""


async def draw_in_thread(
    draw: Callable[Arguments, Drawn], *arguments: Arguments.args, **options: Arguments.kwargs
) -> Drawn:
    """Return what ``draw`` returns, from a thread.

    When the caller is cancelled, as it is at the deadline, the drawing does not begin, or stops at its next step.

    Args:
        draw: Draws, and calls ``check_stop`` between its steps.
        arguments: Arguments of ``draw``.
        options: Further arguments of ``draw``.

    Raises:
        asyncio.CancelledError: The caller was cancelled.
    """
    stop = threading.Event()
    token = _STOP.set(stop)  # the thread gets a copy of the context
    try:
        return await asyncio.to_thread(draw, *arguments, **options)
    except asyncio.CancelledError:
        stop.set()
        raise
    finally:
        _STOP.reset(token)


def check_stop() -> None:
    """Stop the drawing of this thread when nobody waits for it any more.

    Raises:
        DrawingStoppedError: Nobody waits.
    """
    stop = _STOP.get()
    if stop is not None and stop.is_set():
        raise DrawingStoppedError
