"""The clients of each event loop: made once, shared by all stages, closed when the loop ends."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

_KEPT: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Any]] = WeakKeyDictionary()
_HTTP = "http"


async def made(key: Hashable, make: Callable[[], Awaitable[Any]]) -> Any:  # a client of whatever kind
    """What ``make`` made for ``key`` on the running loop: once, however many ask at a time, until it fails."""
    mine = _mine()
    if key not in mine:
        mine[key] = asyncio.ensure_future(make())
    making: asyncio.Future[Any] = mine[key]
    try:
        return await asyncio.shield(making)
    except BaseException:
        if making.done() and mine.get(key) is making:
            del mine[key]
        raise


def kept(key: Hashable, make: Callable[[], Any]) -> Any:
    """What ``make`` made for ``key`` on the running loop, at the first time it was asked for."""
    mine = _mine()
    if key not in mine:
        mine[key] = make()
    return mine[key]


def http(heard: Callable[[Any], Awaitable[None]]) -> Any:  # httpx2 is typed, and no direct dependency
    """The connections that all clients of the running loop share; ``heard`` is told of each response."""
    from openai import DefaultAsyncHttpxClient  # half a second, and not for every profile

    mine = _mine()
    if _HTTP not in mine:
        mine[_HTTP] = DefaultAsyncHttpxClient(event_hooks={"response": [heard]})
    return mine[_HTTP]


async def close() -> None:
    """Closes the connections of the running loop, at its end."""
    mine = _KEPT.pop(asyncio.get_running_loop(), {})
    if _HTTP in mine:
        await mine[_HTTP].aclose()


def _mine() -> dict[Hashable, Any]:
    return _KEPT.setdefault(asyncio.get_running_loop(), {})
