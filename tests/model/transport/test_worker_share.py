"""Processes that share limits per minute: who calls at present counts, and others take over the share of who ends."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from model.transport import worker_share
from model.transport.rate_limiter import AdaptiveLimiter, RateLimits
from model.transport.worker_share import WorkerShare, open_share


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the notes twenty times a second."""
    monkeypatch.setattr(worker_share, "INTERVAL", 0.05)


async def wait_until(is_reached: Callable[[], bool]) -> None:
    for _ in range(200):
        if is_reached():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it was not reached in four seconds")


async def call_until(share: WorkerShare, ended: asyncio.Event) -> None:
    """Call again and again, until ``ended``."""

    async def call() -> None:
        async with share.note_calls(AdaptiveLimiter(RateLimits()).acquire()):
            await asyncio.sleep(0.01)

    while not ended.is_set():
        await call()


async def test_processes_count_while_they_call(tmp_path: Path) -> None:
    first, second = (WorkerShare(tmp_path / "workers", 8) for _ in range(2))
    assert first.workers == second.workers == 8
    first_ended, second_ended = asyncio.Event(), asyncio.Event()
    callers = [
        asyncio.ensure_future(call_until(first, first_ended)),
        asyncio.ensure_future(call_until(second, second_ended)),
    ]
    await wait_until(lambda: first.workers == second.workers == 2)
    second_ended.set()
    await wait_until(lambda: first.workers == 1)
    first_ended.set()
    await asyncio.gather(*callers)


async def test_process_that_waits_for_its_turn_counts(tmp_path: Path) -> None:
    calling, waiting = (WorkerShare(tmp_path, 2) for _ in range(2))
    limiter, ended = AdaptiveLimiter(RateLimits(concurrency=1)), asyncio.Event()
    caller = asyncio.ensure_future(call_until(calling, ended))
    async with limiter.acquire():

        async def wait_for_turn() -> None:
            async with waiting.note_calls(limiter.acquire()):
                pass

        waiter = asyncio.ensure_future(wait_for_turn())
        await asyncio.sleep(0.5)  # ten looks, in which nothing begins there
        assert calling.workers == 2
    ended.set()
    await asyncio.gather(caller, waiter)


def test_note_goes_with_its_event_loop(tmp_path: Path) -> None:
    async def begin() -> None:
        WorkerShare(tmp_path / "workers", 2)
        await wait_until(lambda: any((tmp_path / "workers").glob("*")))

    asyncio.run(begin())
    assert not [*(tmp_path / "workers").iterdir()]


async def test_limits_are_shared_out_anew_when_another_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAIN_WORKERS", "4")
    monkeypatch.setenv("MULTICHAIN_WORKERS_FOLDER", str(tmp_path))
    limiter = AdaptiveLimiter(RateLimits(requests_per_minute=2400))  # 10 a second for each of four
    share = open_share()
    assert share
    share.workers = 4
    loop = asyncio.get_running_loop()
    for _ in range(100):  # what may be used at once
        async with limiter.acquire():
            pass
    await wait_until(lambda: share.workers == 1)
    started = loop.time()
    for _ in range(8):
        async with limiter.acquire():
            pass
    assert loop.time() - started < 0.5  # 40 a second, and 10 a second would be 0.8


async def test_folder_that_cannot_be_written_leaves_the_number_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    share = WorkerShare(tmp_path / "file", 3)
    await wait_until(lambda: "shared by 3" in caplog.text)
    assert share.workers == 3


def test_without_a_folder_nothing_is_counted() -> None:
    assert open_share() is None
