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

from ..errors import CancelledCallError
from . import deadline, loop_resources
from .usage import Account, Usage, add_note, record_usage, track_usage

Input = TypeVar("Input")
Output = TypeVar("Output")

_CALLS_KEY = "calls"


_CURRENT_CALL: ContextVar["_SharedCall | None"] = ContextVar("call", default=None)


@dataclass(slots=True)
class _SharedCall:
    """A call that several wait for: how many, until when, and what it used."""

    clock: deadline.Deadline
    waiting_callers: int = 0
    all_callers: int = 0
    account_of_call: Account = field(default_factory=Account)
    task: "asyncio.Task[Any] | None" = None
    parent: "_SharedCall | None" = field(default_factory=_CURRENT_CALL.get)
    """The call inside which it was begun."""

    @property
    def caller_count(self) -> int:
        """How many wait for it, or for what it is part of."""
        return max(self.all_callers, self.parent.caller_count if self.parent else 1)

    def start(self, work: Awaitable[Any]) -> None:
        """Starts it, in a context of its own."""
        self.task = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Awaitable[Any]) -> Any:  # what the work gives
        _CURRENT_CALL.set(self)
        with self.clock.activate(), track_usage(self.account_of_call):
            return await work

    async def wait(self) -> Any:
        """What it gives; ends it when the last who waits goes away."""
        self.waiting_callers += 1
        self.all_callers += 1
        self.clock.extend()
        assert self.task  # noqa: S101 - it was begun
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if self.task.cancelled() and not _is_cancelling():
                raise CancelledCallError("what it waited for was stopped; try again") from None
            raise
        finally:
            self.waiting_callers -= 1
            if not self.waiting_callers:
                self.task.cancel()


def count_callers() -> int:
    """How many wait for the call that is running here; 1 outside of one."""
    call = _CURRENT_CALL.get()
    return call.caller_count if call else 1


async def single_flight(key: Hashable, start_call: Callable[[], Awaitable[Output]]) -> Output:
    """What ``ask`` gives; whoever asks with the same ``key`` meanwhile, on the same loop, gets the same."""
    calls: dict[Hashable, _SharedCall] = loop_resources.get_or_create_sync(_CALLS_KEY, dict)
    call = calls.get(key)
    is_first = call is None or not call.waiting_callers
    if call is None or is_first:
        call = calls[key] = _SharedCall(deadline.Deadline())
        call.start(start_call())
    try:
        result: Output = await call.wait()
    finally:
        if not call.waiting_callers and calls.get(key) is call:
            del calls[key]
        _charge(call.account_of_call.notes, call.account_of_call.usage if is_first else Usage(cached=True))
    return result


class MicroBatcher(Generic[Input, Output]):
    """Asks for many at once: ``ask`` takes a list and gives as many, in order.

    What is asked within ``pause`` seconds goes together, at most ``most`` in a call; without a pause, what is asked
    before the loop turns. When a call fails in a way that ``parts`` says is the fault of some of it, its halves are
    asked.
    """

    def __init__(
        self,
        call: Callable[[list[Input]], Awaitable[Sequence[Output]]],
        max_batch_size: int,
        window: float = 0.0,
        can_split: Callable[[Exception], bool] = lambda _: False,
        weigh: Callable[[Input], int] = lambda _: 1,
    ) -> None:
        """``size`` weighs what each has of a call's cost."""
        self._call, self._max_batch_size, self._window, self._can_split, self._weigh = (
            call,
            max_batch_size,
            window,
            can_split,
            weigh,
        )
        self._open_batches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Batch] = WeakKeyDictionary()

    async def __call__(self, item: Input) -> Output:
        """What is given for ``one``."""
        loop = asyncio.get_running_loop()
        batch = self._open_batches.get(loop)
        if batch is None or len(batch.items) == self._max_batch_size or not batch.call.waiting_callers:
            batch = self._open_batches[loop] = _Batch(_SharedCall(deadline.Deadline()))
            batch.call.start(self._run_batch(loop, batch))
        position = len(batch.items)
        batch.items.append(item)
        try:
            outcome = (await batch.call.wait())[position]
        finally:
            _charge(batch.call.account_of_call.notes, batch.shares[position] if batch.shares else Usage())
        if isinstance(outcome, Exception):
            raise outcome
        return outcome  # type: ignore[no-any-return]  # one of the batch's

    async def _run_batch(self, loop: asyncio.AbstractEventLoop, batch: "_Batch") -> list[Any]:
        """Waits for those who ask in the same moment, then asks."""
        await asyncio.sleep(self._window)
        if self._open_batches.get(loop) is batch:
            del self._open_batches[loop]
        try:
            return await self._call_or_split(batch.items)
        finally:
            batch.shares = batch.call.account_of_call.usage.split([self._weigh(each) for each in batch.items])

    async def _call_or_split(self, items: list[Input]) -> list[Any]:
        """What is given for each, or why it is not."""
        try:
            return list(await self._call(items))
        except Exception as error:  # noqa: BLE001 - each who asked raises it
            if len(items) == 1 or not self._can_split(error):
                return [error] * len(items)
        middle = len(items) // 2
        first_half, second_half = await asyncio.gather(
            self._call_or_split(items[:middle]), self._call_or_split(items[middle:])
        )
        return first_half + second_half


@dataclass(slots=True)
class _Batch:
    """What is asked together, in order."""

    call: _SharedCall
    items: list[Any] = field(default_factory=list)
    shares: list[Usage] = field(default_factory=list)


def _charge(notes: Sequence[str], usage: Usage) -> None:
    """What a shared call noted and cost, in the account of one who asked."""
    for note in notes:
        add_note(*note.split(": ", 1))
    record_usage(usage)


def _is_cancelling() -> bool:
    """Whether the running task itself is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
