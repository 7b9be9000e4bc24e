"""How long the requests of one call may take, all together; without a limit when nobody sets one.

An endpoint ends a request after 297 s, so its deployment sets MULTICHAIN_DEADLINE_SECONDS; Spark and notebooks
have no limit unless it is set.
"""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from ..errors import DeadlineError, SettingError

VARIABLE = "MULTICHAIN_DEADLINE_SECONDS"

_CURRENT: ContextVar["Deadline | None"] = ContextVar("deadline", default=None)


class Deadline:
    """When something ends: what runs now, or, where several wait for it, what the last of them waits for."""

    def __init__(self, end_time: float | None = None) -> None:
        """``ends`` is by the loop's clock; without it, when what runs now does."""
        current = _CURRENT.get()
        self.end_time: float = end_time if end_time is not None else current.end_time if current else math.inf

    def extend(self) -> None:
        """Gives it the time that what runs now has, if that is longer."""
        current = _CURRENT.get()
        self.end_time = max(self.end_time, current.end_time if current else math.inf)

    @contextmanager
    def activate(self) -> Iterator[None]:
        """What runs inside has this time."""
        token = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(token)


@contextmanager
def start_deadline() -> Iterator[None]:
    """The clock runs from here, on the running loop, unless it runs already."""
    if _CURRENT.get() is not None:
        yield
        return
    with Deadline(asyncio.get_running_loop().time() + read_deadline_seconds()).activate():
        yield


def remaining_seconds() -> float:
    """The seconds that are left; infinite without a limit."""
    clock = _CURRENT.get()
    return math.inf if clock is None else clock.end_time - asyncio.get_running_loop().time()


@asynccontextmanager
async def enforce_deadline(name: str) -> AsyncIterator[None]:
    """Ends what runs inside when the time is up. Raises DeadlineError, which names the stage."""
    running = _CURRENT.get()
    end_time = None if running is None or running.end_time == math.inf else running.end_time
    try:
        async with asyncio.timeout_at(end_time) as limit:
            yield
    except TimeoutError:
        if not limit.expired():  # somebody else's
            raise
        raise DeadlineError(f"{name}: the request's time was up; ask for less at once, or raise {VARIABLE}") from None


def read_deadline_seconds() -> float:
    """The seconds that a call may take; infinite without a setting. Raises SettingError."""
    setting = os.environ.get(VARIABLE)
    try:
        seconds = float(setting) if setting else math.inf
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise SettingError(f"{VARIABLE} is expected to be a number of seconds, above 0")
    return seconds
