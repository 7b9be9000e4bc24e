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

_ENDS: ContextVar["Clock | None"] = ContextVar("deadline", default=None)


class Clock:
    """When something ends: what runs now, or, where several wait for it, what the last of them waits for."""

    def __init__(self, ends: float | None = None) -> None:
        """``ends`` is by the loop's clock; without it, when what runs now does."""
        now = _ENDS.get()
        self.ends: float = ends if ends is not None else now.ends if now else math.inf

    def extend(self) -> None:
        """Gives it the time that what runs now has, if that is longer."""
        now = _ENDS.get()
        self.ends = max(self.ends, now.ends if now else math.inf)

    @contextmanager
    def running(self) -> Iterator[None]:
        """What runs inside has this time."""
        token = _ENDS.set(self)
        try:
            yield
        finally:
            _ENDS.reset(token)


@contextmanager
def begun() -> Iterator[None]:
    """The clock runs from here, on the running loop, unless it runs already."""
    if _ENDS.get() is not None:
        yield
        return
    with Clock(asyncio.get_running_loop().time() + allowed()).running():
        yield


def left() -> float:
    """The seconds that are left; infinite without a limit."""
    clock = _ENDS.get()
    return math.inf if clock is None else clock.ends - asyncio.get_running_loop().time()


@asynccontextmanager
async def kept(name: str) -> AsyncIterator[None]:
    """Ends what runs inside when the time is up. Raises DeadlineError, which names the stage."""
    running = _ENDS.get()
    ends = None if running is None or running.ends == math.inf else running.ends
    try:
        async with asyncio.timeout_at(ends) as limit:
            yield
    except TimeoutError:
        if not limit.expired():  # somebody else's
            raise
        raise DeadlineError(f"{name}: the request's time was up; ask for less at once, or raise {VARIABLE}") from None


def allowed() -> float:
    """The seconds that a call may take; infinite without a setting. Raises SettingError."""
    told = os.environ.get(VARIABLE)
    try:
        seconds = float(told) if told else math.inf
    except ValueError:
        seconds = 0.0
    if not seconds > 0:
        raise SettingError(f"{VARIABLE} is expected to be a number of seconds, above 0")
    return seconds
