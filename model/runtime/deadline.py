"""Limit how long the requests of one call may take together. There is no limit unless one is set.

A Model Serving endpoint ends a request after 297 s, so a deployment sets MULTICHAIN_DEADLINE_SECONDS. Spark and
notebooks have no limit unless the variable is set.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any

from ..config import environment
from ..errors import DeadlineError

_MARGIN = 0.1
"""Seconds before the deadline at which work stops that has something to show."""
_CURRENT: ContextVar["Deadline | None"] = ContextVar("deadline", default=None)


class OutOfTimeError(Exception):
    """The time of a stage is up, and this is what it has found.

    Args:
        partial: Output fields of the stage.
    """

    def __init__(self, partial: Mapping[str, Any]) -> None:
        super().__init__()
        self.partial = partial


class Deadline:
    """The time at which work has to end; for a shared call, the latest of its callers."""

    def __init__(self, end_time: float | None = None) -> None:
        """Make a deadline at ``end_time`` on the event loop's clock, or that of the running work when it is None."""
        current = _CURRENT.get()
        self.end_time: float = end_time if end_time is not None else current.end_time if current else math.inf

    def extend(self) -> None:
        """Extend the deadline to that of the running work, if that is later."""
        current = _CURRENT.get()
        self.end_time = max(self.end_time, current.end_time if current else math.inf)

    @contextmanager
    def activate(self) -> Iterator[None]:
        """Apply this deadline to the work inside."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


@contextmanager
def start_deadline() -> Iterator[None]:
    """Start the deadline of the request (MULTICHAIN_DEADLINE_SECONDS), unless one is active."""
    if _CURRENT.get() is not None:
        yield
        return
    with Deadline(asyncio.get_running_loop().time() + environment.DEADLINE_SECONDS.read()).activate():
        yield


def remaining_seconds() -> float:
    """Return the seconds until the active deadline; infinite without one."""
    clock = _CURRENT.get()
    return math.inf if clock is None else clock.end_time - asyncio.get_running_loop().time()


@asynccontextmanager
async def stop_in_time(partial: Mapping[str, Any]) -> AsyncIterator[None]:
    """Cancel the work inside shortly before the deadline, so that what was found until then is returned.

    Args:
        partial: What was found: output fields of the stage.

    Raises:
        OutOfTimeError: The time was up.
    """
    running, loop = _CURRENT.get(), asyncio.get_running_loop()
    if running is None or running.end_time == math.inf:
        yield
        return
    timer: asyncio.TimerHandle | None = None

    def check() -> None:
        """Stop the work, unless a further caller of it has extended the deadline."""
        nonlocal timer
        end_time = running.end_time - _MARGIN
        if loop.time() >= end_time:
            limit.reschedule(loop.time())
        else:
            timer = loop.call_at(end_time, check)

    try:
        async with asyncio.timeout(None) as limit:
            check()
            yield
    except TimeoutError:
        if not limit.expired():  # somebody else's
            raise
        raise OutOfTimeError(partial) from None
    finally:
        if timer:
            timer.cancel()


@asynccontextmanager
async def enforce_deadline(name: str) -> AsyncIterator[None]:
    """Cancel the work inside at the deadline.

    Raises:
        DeadlineError: The time was up. The message names the stage ``name``.
    """
    running = _CURRENT.get()
    end_time = None if running is None or running.end_time == math.inf else running.end_time
    try:
        async with asyncio.timeout_at(end_time) as limit:
            yield
    except TimeoutError:
        if not limit.expired():  # somebody else's
            raise
        raise make_deadline_error(name) from None


def make_deadline_error(name: str) -> DeadlineError:
    """Return the error of the stage ``name`` whose time was up."""
    return DeadlineError(
        f"{name}: the request's time was up; ask for less at once, or raise {environment.DEADLINE_SECONDS.name}"
    )
