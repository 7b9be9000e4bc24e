"""Run the one background event loop of a loaded model, on which every ``predict`` call runs its requests."""

import asyncio
import os
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from ..errors import CancelledCallError
from . import loop_resources

T = TypeVar("T")
_STOPPED_MESSAGE = "the engine was stopped while it worked; try again"


class Engine:
    """Run coroutines from any thread on one event loop, which ends when the engine is collected.

    The loop starts with the first call, and again in a forked child, since threads do not survive a fork.
    ``asyncio.to_thread`` on the loop uses a small pool, which is where work of more than 5 ms belongs. The caller's
    context variables accompany each coroutine, so that LangChain's callbacks reach it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop_thread: _LoopThread | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Block until ``work`` is done and return its result.

        Raises:
            CancelledCallError: The loop was stopped.
        """
        try:
            return self._submit(work).result()
        except CancelledError:
            raise CancelledCallError(_STOPPED_MESSAGE) from None

    async def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of ``work`` to a caller on another loop; cancelling the caller cancels ``work``."""
        return await asyncio.wrap_future(self._submit(work))

    def stream(self, work: Callable[[Callable[[T], None]], Coroutine[Any, Any, object]]) -> "Stream[T]":
        """Return a stream of the items that ``work`` puts into its argument; closing the stream cancels ``work``."""
        items: SimpleQueue[T | _EndOfStream] = SimpleQueue()
        return Stream(self, items, self._submit(work(items.put)))

    def _submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        try:
            return asyncio.run_coroutine_threadsafe(work, self._ensure_loop().loop)
        except RuntimeError:  # it was closed since
            work.close()
            raise CancelledCallError(_STOPPED_MESSAGE) from None

    def _ensure_loop(self) -> "_LoopThread":
        with self._lock:
            if self._loop_thread is None or not self._loop_thread.is_usable:
                self._loop_thread = _LoopThread()
                weakref.finalize(self, self._loop_thread.stop)
            return self._loop_thread


class _EndOfStream:
    """Last item of a stream's queue."""


class Stream(Iterator[T], Generic[T]):
    """Items of work that continues meanwhile.

    ``close``, from any thread, cancels the work, and so does dropping the stream.
    """

    def __init__(self, engine: Engine, items: "SimpleQueue[T | _EndOfStream]", work: "Future[Any]") -> None:
        self._engine, self._items, self._work = engine, items, work
        work.add_done_callback(lambda _: items.put(_EndOfStream()))

    def __next__(self) -> T:
        item = self._items.get()
        if not isinstance(item, _EndOfStream):
            return item
        self._items.put(item)  # so that whoever asks again, or another thread, sees the end too
        with suppress(CancelledError):  # it was closed: the end like any other
            self._work.result()
        raise StopIteration

    def close(self) -> None:
        """Cancel the unfinished work; the stream then ends."""
        self._work.cancel()

    def __del__(self) -> None:
        self.close()


class _LoopThread:
    """An event loop in a thread of its own, for the process that started it."""

    def __init__(self) -> None:
        self.loop, self._process, self._has_ended = asyncio.new_event_loop(), os.getpid(), False
        workers = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="multichain-work")
        self.loop.set_default_executor(workers)
        threading.Thread(target=self._run, name="multichain-loop", daemon=True).start()

    @property
    def is_usable(self) -> bool:
        """Whether work can be started on the loop in this process."""
        return not self._has_ended and self._process == os.getpid()

    def stop(self) -> None:
        """Stop the loop and its work; do nothing in a forked child, which has no such thread."""
        if self.is_usable and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)

    def _run(self) -> None:
        self.loop.run_forever()
        self._has_ended = True
        self.loop.run_until_complete(_cancel_all_tasks())
        self.loop.run_until_complete(loop_resources.close_all())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


async def _cancel_all_tasks() -> None:
    """Cancel all tasks of the running loop, so that no caller waits forever."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
