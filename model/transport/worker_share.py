"""Count the worker processes that call at present, by notes in a folder that they share.

A process touches its note every few seconds while it calls. As tasks of a Spark job end, their notes grow old, and the
others share out the limits per minute anew.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

from ..config import environment
from ..runtime import loop_resources

log = logging.getLogger(__name__)
INTERVAL = 5.0
"""Seconds between two looks at the notes."""
_LIFETIME_INTERVALS = 3
"""A note that is older than so many intervals belongs to a process that no longer calls."""


class WorkerShare:
    """The processes that share limits with the running event loop.

    Attributes:
        workers: How many processes call, at the last look; at first, as many as MULTICHAIN_WORKERS says.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        """Begin to count, until the event loop ends."""
        self.workers = workers
        self._note, self._calls, self._has_called = folder / uuid4().hex, 0, True
        self._counting = asyncio.ensure_future(self._keep_counting())

    @asynccontextmanager
    async def note_calls(self, turn: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
        """Enter ``turn``, and note that this process calls until it is left, also while it waits there."""
        self._calls += 1
        self._has_called = True
        try:
            async with turn:
                yield
        finally:
            self._calls -= 1

    async def _keep_counting(self) -> None:
        try:
            while True:
                is_calling, self._has_called = self._has_called or self._calls > 0, False
                if is_calling:
                    await asyncio.to_thread(self._touch)
                await asyncio.sleep(INTERVAL)
                self.workers = await asyncio.to_thread(self._count)
        except OSError:
            log.warning("the limits per minute stay shared by %d: notes of workers cannot be written", self.workers)
        finally:
            with suppress(OSError):
                self._note.unlink(missing_ok=True)

    def _touch(self) -> None:
        self._note.parent.mkdir(parents=True, exist_ok=True)
        self._note.touch()

    def _count(self) -> int:
        """Return how many notes are nearly as young as the youngest, by the clock of the folder; at least 1."""
        times = []
        for note in self._note.parent.iterdir():
            with suppress(FileNotFoundError):  # its process has ended
                times.append(note.stat().st_mtime)
        oldest = max(times, default=0.0) - _LIFETIME_INTERVALS * INTERVAL
        return max(1, sum(time >= oldest for time in times))


def open_share() -> WorkerShare | None:
    """Return the count of the running event loop; None where no folder is shared."""
    folder = environment.WORKERS_FOLDER.read()
    if not folder:
        return None
    share: WorkerShare = loop_resources.get_or_create_sync(
        ("workers", folder), lambda: WorkerShare(Path(folder), environment.WORKERS.read())
    )
    return share
