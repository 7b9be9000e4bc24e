"""How far a long step is, shown on a terminal once there is something to wait for."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

Progress = Callable[[int, int], None]
"""Told how many of how many are done."""
_DELAY = 0.5  # seconds


@contextmanager
def show_progress(label: str) -> Iterator[Progress]:
    """A bar that shows when a step takes longer than half a second."""
    bars: list[Any] = []
    started: list[float] = []

    def show(done: int, total: int) -> None:
        started.append(time.monotonic())
        if not bars and done < total and time.monotonic() - started[0] > _DELAY:
            bars.append(click.progressbar(length=total, label=label))
            bars[0].__enter__()
        if bars:
            bars[0].update(done - bars[0].pos)

    try:
        yield show
    finally:
        for progress_bar in bars:
            progress_bar.__exit__(None, None, None)
