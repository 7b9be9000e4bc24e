"""The one background event loop of a loaded model, on which every call of ``predict`` runs its requests."""

import asyncio
import os
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class Engine:
    """Runs coroutines from any thread on one loop, which ends when the engine is collected.

    The loop starts at the first call, and anew in a forked child, since threads do not survive a fork.
    ``asyncio.to_thread`` on it uses a small pool: what takes over 5 ms (drawing, say) belongs there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns; blocks the calling thread until it is there."""
        return asyncio.run_coroutine_threadsafe(work, self._started()).result()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                self._loop, self._process = _start(), os.getpid()
                weakref.finalize(self, _stop, self._loop, self._process)
            return self._loop


def _start() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    pool = ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="multichain-work")
    loop.set_default_executor(pool)

    def live() -> None:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    threading.Thread(target=live, name="multichain-loop", daemon=True).start()
    return loop


def _stop(loop: asyncio.AbstractEventLoop, process: int) -> None:
    if process == os.getpid() and not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)
