"""A target as the doors use it: on an event loop, with each caller's own rights, and with each call noted."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from cachetools import TTLCache

from ..targets import Description, Event, EventStream, Request, Response, Target
from .calls import CURRENT_CALL, CallRecorder
from .described_stage import DescribedStage

_DESCRIBED_SECONDS = 60
"""For how long a description is used again: an endpoint may serve another version later."""
_USERS = 256
"""Number of users whose connections to the workspace are used again."""
_USER_SECONDS = 600
_END = StopIteration()
"""What a thread puts after the last item of its stream."""


class AsyncTarget:
    """Asks a target from an event loop."""

    def __init__(self, target: Target, recorder: CallRecorder) -> None:
        self._target, self._recorder = target, recorder
        self._descriptions: TTLCache[str, Description] = TTLCache(1, _DESCRIBED_SECONDS)
        self._targets_of_users: TTLCache[str, Target] = TTLCache(_USERS, _USER_SECONDS)

    async def describe(self) -> Description:
        """Return what the version says of itself.

        Raises:
            ServingError: The target cannot be reached, or gives no description.
        """
        if "" not in self._descriptions:
            target = await self._target_of_caller()
            self._descriptions[""] = await asyncio.to_thread(target.describe)
        return self._descriptions[""]

    async def list_stages(self) -> list[DescribedStage]:
        """Return the version's stages.

        Raises:
            ServingError: The target cannot be reached, or gives no description.
        """
        return DescribedStage.list_all(await self.describe())

    async def ask(self, request: Request) -> Response:
        """Return the response to a request.

        Raises:
            RefusedError: The target refused the request.
            ServingError: The target cannot be reached, or returned no response of a version.
        """
        self._recorder.note_request(request)
        target = await self._target_of_caller()
        response = await asyncio.to_thread(target.ask, request)
        self._recorder.note_response(response)
        return response

    async def stream(self, request: Request) -> AsyncGenerator[Event]:
        """Return the events of a request. Closing them ends the work.

        Raises:
            RefusedError: The target refused the request.
            ServingError: The target cannot be reached, or returned no response of a version.
        """
        self._recorder.note_request(request)
        target = await self._target_of_caller()
        return self._recorder.note_events(iterate_in_thread(await asyncio.to_thread(target.stream, request)))

    async def _target_of_caller(self) -> Target:
        """Return the target with the rights of the caller, where the caller has a token of the workspace."""
        call = CURRENT_CALL.get()
        token = call.workspace_token if call else ""
        if not token:
            return self._target
        target = self._targets_of_users.get(token)
        if target is None:
            target = self._targets_of_users[token] = await asyncio.to_thread(self._target.with_token, token)
        return target


async def iterate_in_thread(stream: EventStream) -> AsyncGenerator[Event]:
    """Yield the items of a blocking iterator, which a thread of its own reads; close it at the end.

    A pool's threads would not do: each open stream waits in one, and the others would wait for it.
    """
    loop, items = asyncio.get_running_loop(), asyncio.Queue[Any]()

    def put(item: Any) -> None:
        with suppress(RuntimeError):  # the loop was closed
            loop.call_soon_threadsafe(items.put_nowait, item)

    def read() -> None:
        try:
            for item in stream:
                put((item, None))
            put((None, _END))
        except Exception as error:  # noqa: BLE001 - raised again where the items are awaited
            put((None, error))

    threading.Thread(target=read, name="multichain-stream", daemon=True).start()
    try:
        while True:
            item, error = await items.get()
            if error is _END:
                return
            if error is not None:
                raise error
            yield item
    finally:
        stream.close()
