"""A drawing for which nobody waits does not begin, or stops at its next step."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from model.diagram import draw_in_thread, draw_prompt, render
from model.diagram.stopping import DrawingStoppedError, check_stop

SECONDS = 20.0


def test_drawing_stops_at_its_next_step_when_its_caller_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    has_begun, may_go_on, outcomes = threading.Event(), threading.Event(), list[str]()
    compute_layout = render.compute_layout

    def compute_slowly(*arguments: object, **options: object) -> object:
        has_begun.set()
        assert may_go_on.wait(SECONDS)
        return compute_layout(*arguments, **options)  # type: ignore[arg-type]  # those of the original

    def draw() -> None:
        try:
            draw_prompt("LangChain uses models", [])
            outcomes.append("drawn")
        except DrawingStoppedError:
            outcomes.append("stopped")

    async def draw_and_leave() -> None:
        drawing = asyncio.ensure_future(draw_in_thread(draw))
        await asyncio.to_thread(has_begun.wait, SECONDS)
        drawing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await drawing
        may_go_on.set()

    monkeypatch.setattr(render, "compute_layout", compute_slowly)
    asyncio.run(draw_and_leave())  # waits for the threads at its end
    assert outcomes == ["stopped"]


def test_drawing_that_waits_for_a_thread_does_not_begin_when_its_caller_is_cancelled() -> None:
    may_go_on, drawn = threading.Event(), list[int]()

    async def draw_and_leave() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        first = asyncio.ensure_future(draw_in_thread(may_go_on.wait, SECONDS))
        second = asyncio.ensure_future(draw_in_thread(drawn.append, 1))
        await asyncio.sleep(0.05)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        may_go_on.set()
        assert await first

    asyncio.run(draw_and_leave())
    assert drawn == []


def test_drawing_without_a_caller_that_leaves_is_complete() -> None:
    check_stop()
    assert asyncio.run(draw_in_thread(draw_prompt, "LangChain uses models", [])).content.startswith(b"\x89PNG")
