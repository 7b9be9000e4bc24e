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

from .errors import DeadlineError, SettingError

VARIABLE = "MULTICHAIN_DEADLINE_SECONDS"

_ENDS: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def begun() -> Iterator[None]:
    """The clock runs from here, on the running loop, unless it runs already."""
    if _ENDS.get() is not None:
        yield
        return
    token = _ENDS.set(asyncio.get_running_loop().time() + allowed())
    try:
        yield
    finally:
        _ENDS.reset(token)


def left() -> float:
    """The seconds that are left; infinite without a limit."""
    ends = _ENDS.get()
    return math.inf if ends is None else ends - asyncio.get_running_loop().time()


@asynccontextmanager
async def kept(name: str) -> AsyncIterator[None]:
    """Ends what runs inside when the time is up. Raises DeadlineError, which names the stage."""
    ends = _ENDS.get()
    try:
        async with asyncio.timeout_at(None if ends in {None, math.inf} else ends) as clock:
            yield
    except TimeoutError:
        if not clock.expired():  # somebody else's
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
