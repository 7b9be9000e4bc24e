"""Make one call for many callers: identical calls are made once, and items of the same moment share a batch.

A stage is linear code for one request; the functions here stand below all requests of an event loop. The first caller
of a shared call is charged, the others report ``cached``; the cost of a batch is split by the size of its items. A call
is cancelled when no caller waits for it any more, and its deadline is that of the caller who waits longest.
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
    """A call that several callers wait for, with its deadline, callers and usage."""

    clock: deadline.Deadline
    waiting_callers: int = 0
    all_callers: int = 0
    account_of_call: Account = field(default_factory=Account)
    task: "asyncio.Task[Any] | None" = None
    parent: "_SharedCall | None" = field(default_factory=_CURRENT_CALL.get)
    """The shared call inside which this one was started."""

    @property
    def caller_count(self) -> int:
        """Number of callers that wait for this call, or for the call that it is part of."""
        return max(self.all_callers, self.parent.caller_count if self.parent else 1)

    def start(self, work: Awaitable[Any]) -> None:
        """Start ``work`` in a context of its own."""
        self.task = asyncio.ensure_future(self._run(work))

    async def _run(self, work: Awaitable[Any]) -> Any:  # what the work gives
        _CURRENT_CALL.set(self)
        with self.clock.activate(), track_usage(self.account_of_call):
            return await work

    async def wait(self) -> Any:
        """Return the result; cancel the call when its last waiting caller leaves."""
        self.waiting_callers += 1
        self.all_callers += 1
        self.clock.extend()
        assert self.task  # noqa: S101 - it was begun
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            if self.task.cancelled() and not _is_cancelling():
                raise CancelledCallError("the call was stopped before it was answered; try again") from None
            raise
        finally:
            self.waiting_callers -= 1
            if not self.waiting_callers:
                self.task.cancel()


def count_callers() -> int:
    """Return how many callers wait for the running call; 1 outside of a shared call."""
    call = _CURRENT_CALL.get()
    return call.caller_count if call else 1


async def single_flight(key: Hashable, start_call: Callable[[], Awaitable[Output]]) -> Output:
    """Run a call once for each ``key``: concurrent callers on this event loop receive the same result.

    Args:
        key: Identifies the call.
        start_call: Starts the call.

    Returns:
        The result of the call.

    Raises:
        CancelledCallError: The event loop was stopped.
    """
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
    """Gather items of concurrent callers into one call.

    Items that arrive within ``window`` seconds go together, at most ``max_batch_size`` in a call; with a window of 0,
    the items that arrive before the event loop turns. A call that returns an exception for an item fails for
    who asked with that item alone; one that raises fails for all.
    """

    def __init__(
        self,
        call: Callable[[list[Input]], Awaitable[Sequence[Output | Exception]]],
        max_batch_size: int,
        window: float = 0.0,
        weigh: Callable[[Input], int] = lambda _: 1,
    ) -> None:
        """Make a batcher.

        Args:
            call: Takes a list of items and returns as many results or exceptions, in order.
            max_batch_size: Most items of one call.
            window: Seconds that the first item waits for others.
            weigh: Size of an item, by which the cost of a call is split.
        """
        self._call, self._max_batch_size, self._window, self._weigh = call, max_batch_size, window, weigh
        self._open_batches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Batch] = WeakKeyDictionary()

    async def __call__(self, item: Input) -> Output:
        """Return the result for ``item``.

        Raises:
            Exception: The error of the call that contained the item.
        """
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
        """Wait for further items, then call."""
        await asyncio.sleep(self._window)
        if self._open_batches.get(loop) is batch:
            del self._open_batches[loop]
        try:
            return await self._call_for_all(batch.items)
        finally:
            batch.shares = batch.call.account_of_call.usage.split([self._weigh(each) for each in batch.items])

    async def _call_for_all(self, items: list[Input]) -> list[Any]:
        """Return the result of each item, or the exception that it caused."""
        try:
            return list(await self._call(items))
        except Exception as error:  # noqa: BLE001 - each who asked raises it
            return [error] * len(items)


@dataclass(slots=True)
class _Batch:
    """Items that go together, in order, with their call and their shares of its usage."""

    call: _SharedCall
    items: list[Any] = field(default_factory=list)
    shares: list[Usage] = field(default_factory=list)


def _charge(notes: Sequence[str], usage: Usage) -> None:
    """Record the notes and usage of a shared call in the account of one caller."""
    for note in notes:
        add_note(*note.split(": ", 1))
    record_usage(usage)


def _is_cancelling() -> bool:
    """Return whether the running task itself is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
