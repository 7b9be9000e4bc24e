"""Background event loops: use by many threads, end with the engine, and a new loop after a fork."""

import asyncio
import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from model.runtime.event_loop import Engine


async def _double(number: int) -> int:
    await asyncio.sleep(0.01)
    return 2 * number


def _list_loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "multichain-loop"]


def test_many_threads_share_one_loop() -> None:
    before = set(_list_loop_threads())
    engine = Engine()
    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(lambda n: engine.run(_double(n)), range(200))) == [2 * n for n in range(200)]
    assert len(set(_list_loop_threads()) - before) == 1


def test_loop_ends_after_the_last_reference_to_its_engine() -> None:
    before = set(_list_loop_threads())
    engine = Engine()
    engine.run(asyncio.to_thread(time.monotonic))  # starts the pool as well
    (thread,) = set(_list_loop_threads()) - before
    del engine
    gc.collect()
    thread.join(timeout=5)
    assert not thread.is_alive()


def test_forked_process_runs_a_loop_of_its_own() -> None:
    engine = Engine()
    assert engine.run(_double(1)) == 2
    child = os.fork()
    if child == 0:
        os._exit(engine.run(_double(20)))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 40
    assert engine.run(_double(3)) == 6
