"""The one background event loop of a loaded model, on which every call of ``predict`` runs its requests."""

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from . import pool

T = TypeVar("T")


class Engine:
    """Runs coroutines from any thread on one loop, which ends when the engine is collected.

    The loop starts at the first call, and anew in a forked child, since threads do not survive a fork.
    ``asyncio.to_thread`` on it uses a small pool: what takes over 5 ms (drawing, say) belongs there.
    The caller's context variables go with each coroutine, so that LangChain's callbacks reach what runs in it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns; blocks the calling thread until it is there."""
        return self._begun(work).result()

    async def awaited(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns, for a caller on a loop of its own; cancelling the caller cancels it."""
        return await asyncio.wrap_future(self._begun(work))

    def stream(self, work: Callable[[Callable[[T], None]], Coroutine[Any, Any, object]]) -> "Stream[T]":
        """What ``work`` puts into the function that it is given, as it does; closing the stream cancels it."""
        items: SimpleQueue[T | _End] = SimpleQueue()
        return Stream(self, items, self._begun(work(items.put)))

    def _begun(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                self._loop, self._process = _start(), os.getpid()
                weakref.finalize(self, _stop, self._loop, self._process)
            return self._loop


class _End:
    """What a stream's queue holds last."""


class Stream(Iterator[T], Generic[T]):
    """Items of work that goes on meanwhile. ``close``, from any thread, cancels it, and so does losing the stream."""

    def __init__(self, engine: Engine, items: "SimpleQueue[T | _End]", work: "Future[Any]") -> None:
        self._engine, self._items, self._work = engine, items, work
        work.add_done_callback(lambda _: items.put(_End()))

    def __next__(self) -> T:
        item = self._items.get()
        if not isinstance(item, _End):
            return item
        self._items.put(item)  # so that whoever asks again, or another thread, sees the end too
        with suppress(CancelledError):  # it was closed: the end like any other
            self._work.result()
        raise StopIteration

    def close(self) -> None:
        """Cancels what is not done yet; the next item is then the end."""
        self._work.cancel()

    def __del__(self) -> None:
        self.close()


def _start() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    workers = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="multichain-work")
    loop.set_default_executor(workers)

    def live() -> None:
        loop.run_forever()
        loop.run_until_complete(pool.close())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    threading.Thread(target=live, name="multichain-loop", daemon=True).start()
    return loop


def _stop(loop: asyncio.AbstractEventLoop, process: int) -> None:
    if process == os.getpid() and not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
