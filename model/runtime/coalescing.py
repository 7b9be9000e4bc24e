"""One call for many: what is asked at the same moment goes together, and what is asked twice is asked once.

A stage is linear code for one request; these two stand below it, and see what all requests of a loop ask. Who asks
first pays for an identical call, the others get it as ``cached``; a call of many texts is paid by their lengths. A
call ends when nobody waits for it any more, and has the time of whoever waits longest.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from ..errors import LoopError
from . import deadline, loop_resources
from . import usage as account
from .usage import Account, Usage

Asked = TypeVar("Asked")
Given = TypeVar("Given")

_CALLS = "calls"


_IN: ContextVar["_Call | None"] = ContextVar("call", default=None)


@dataclass(slots=True)
class _Call:
    """A call that several wait for: how many, until when, and what it used."""

    clock: deadline.Clock
    waiting: int = 0
    joined: int = 0
    used: Account = field(default_factory=Account)
    task: "asyncio.Task[Any] | None" = None
    around: "_Call | None" = field(default_factory=_IN.get)
    """The call inside which it was begun."""

    @property
    def sharers(self) -> int:
        """How many wait for it, or for what it is part of."""
        return max(self.joined, self.around.sharers if self.around else 1)

    def begin(self, work: Awaitable[Any]) -> None:
        """Starts it, in a context of its own."""
        self.task = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Awaitable[Any]) -> Any:  # what the work gives
        _IN.set(self)
        with self.clock.running(), account.opened(self.used):
            return await work

    async def result(self) -> Any:
        """What it gives; ends it when the last who waits goes away."""
        self.waiting += 1
        self.joined += 1
        self.clock.extend()
        assert self.task  # noqa: S101 - it was begun
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if self.task.cancelled() and not _leaving():
                raise LoopError("what it waited for was stopped; try again") from None
            raise
        finally:
            self.waiting -= 1
            if not self.waiting:
                self.task.cancel()


def sharers() -> int:
    """How many wait for the call that is running here; 1 outside of one."""
    call = _IN.get()
    return call.sharers if call else 1


async def once(key: Hashable, ask: Callable[[], Awaitable[Given]]) -> Given:
    """What ``ask`` gives; whoever asks with the same ``key`` meanwhile, on the same loop, gets the same."""
    calls: dict[Hashable, _Call] = loop_resources.kept(_CALLS, dict)
    call = calls.get(key)
    first = call is None or not call.waiting
    if call is None or first:
        call = calls[key] = _Call(deadline.Clock())
        call.begin(ask())
    try:
        given: Given = await call.result()
    finally:
        if not call.waiting and calls.get(key) is call:
            del calls[key]
        _settle(call.used.notes, call.used.usage if first else Usage(cached=True))
    return given


class Gathered(Generic[Asked, Given]):
    """Asks for many at once: ``ask`` takes a list and gives as many, in order.

    What is asked within ``pause`` seconds goes together, at most ``most`` in a call; without a pause, what is asked
    before the loop turns. When a call fails in a way that ``parts`` says is the fault of some of it, its halves are
    asked.
    """

    def __init__(
        self,
        ask: Callable[[list[Asked]], Awaitable[Sequence[Given]]],
        most: int,
        pause: float = 0.0,
        parts: Callable[[Exception], bool] = lambda _: False,
        size: Callable[[Asked], int] = lambda _: 1,
    ) -> None:
        """``size`` weighs what each has of a call's cost."""
        self._ask, self._most, self._pause, self._parts, self._size = ask, most, pause, parts, size
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, _Batch] = WeakKeyDictionary()

    async def __call__(self, one: Asked) -> Given:
        """What is given for ``one``."""
        loop = asyncio.get_running_loop()
        batch = self._waiting.get(loop)
        if batch is None or len(batch.asked) == self._most or not batch.call.waiting:
            batch = self._waiting[loop] = _Batch(_Call(deadline.Clock()))
            batch.call.begin(self._gather(loop, batch))
        place = len(batch.asked)
        batch.asked.append(one)
        try:
            found = (await batch.call.result())[place]
        finally:
            _settle(batch.call.used.notes, batch.shares[place] if batch.shares else Usage())
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]  # one of the batch's

    async def _gather(self, loop: asyncio.AbstractEventLoop, batch: "_Batch") -> list[Any]:
        """Waits for those who ask in the same moment, then asks."""
        await asyncio.sleep(self._pause)
        if self._waiting.get(loop) is batch:
            del self._waiting[loop]
        try:
            return await self._given(batch.asked)
        finally:
            batch.shares = batch.call.used.usage.shared([self._size(each) for each in batch.asked])

    async def _given(self, asked: list[Asked]) -> list[Any]:
        """What is given for each, or why it is not."""
        try:
            return list(await self._ask(asked))
        except Exception as error:  # noqa: BLE001 - each who asked raises it
            if len(asked) == 1 or not self._parts(error):
                return [error] * len(asked)
        middle = len(asked) // 2
        first, second = await asyncio.gather(self._given(asked[:middle]), self._given(asked[middle:]))
        return first + second


@dataclass(slots=True)
class _Batch:
    """What is asked together, in order."""

    call: _Call
    asked: list[Any] = field(default_factory=list)
    shares: list[Usage] = field(default_factory=list)


def _settle(notes: Sequence[str], usage: Usage) -> None:
    """What a shared call noted and cost, in the account of one who asked."""
    for told in notes:
        account.note(*told.split(": ", 1))
    account.spend(usage)


def _leaving() -> bool:
    """Whether the running task itself is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
