"""Keep the clients of each event loop: created once, shared by all stages, closed when the loop ends."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any
from weakref import WeakKeyDictionary

from ..config import environment
from .batch_calls import make_client_class

_RESOURCES: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Hashable, Any]] = WeakKeyDictionary()
_HTTP_KEY = "http"


async def get_or_create(key: Hashable, factory: Callable[[], Awaitable[Any]]) -> Any:  # a client of whatever kind
    """Return this event loop's resource for ``key``, creating it on first use.

    Concurrent callers share one attempt; a failure is not kept.

    Args:
        key: Identifies the resource.
        factory: Creates the resource.
    """
    resources = _own_resources()
    if key not in resources:
        resources[key] = asyncio.ensure_future(factory())
    creation: asyncio.Future[Any] = resources[key]
    try:
        return await asyncio.shield(creation)
    except BaseException:
        if creation.done() and resources.get(key) is creation:
            del resources[key]
        raise


def get_or_create_sync(key: Hashable, factory: Callable[[], Any]) -> Any:
    """Return this event loop's resource for ``key``, creating it with ``factory`` on first use."""
    resources = _own_resources()
    if key not in resources:
        resources[key] = factory()
    return resources[key]


def http_client(on_response: Callable[[Any], Awaitable[None]]) -> Any:  # httpx2 is typed, and no direct dependency
    """Return the HTTP connections that all clients of this event loop share; ``on_response`` receives each response."""
    resources = _own_resources()
    if _HTTP_KEY not in resources:
        from .http_transport import HttpClient  # half a second, and not for every profile

        collects = bool(environment.BATCH_FOLDER.read())
        client_class = make_client_class(HttpClient) if collects else HttpClient
        resources[_HTTP_KEY] = client_class(event_hooks={"response": [on_response]})
    return resources[_HTTP_KEY]


async def close_all() -> None:
    """Close the connections of this event loop, at its end."""
    resources = _RESOURCES.pop(asyncio.get_running_loop(), {})
    if _HTTP_KEY in resources:
        await resources[_HTTP_KEY].aclose()


def _own_resources() -> dict[Hashable, Any]:
    return _RESOURCES.setdefault(asyncio.get_running_loop(), {})
