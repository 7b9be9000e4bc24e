"""Show the progress of a long step on the terminal."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import click

Progress = Callable[[int, int], None]
"""Callback of a long step: called with the number of items done and the number of all items."""
_DELAY_SECONDS = 0.5
_FIRST_WAIT_SECONDS, _WAIT_SECONDS = 10.0, 60.0


def ignore_progress(_done: int, _total: int) -> None:
    """Do nothing: a callback for a step whose progress is not shown."""


@contextmanager
def show_progress(label: str) -> Iterator[Progress]:
    """Yield a callback that draws a progress bar once the step has taken half a second.

    Args:
        label: Text before the bar.
    """
    bars: list[Any] = []
    started: list[float] = []

    def show(done: int, total: int) -> None:
        started.append(time.monotonic())
        if not bars and done < total and time.monotonic() - started[0] > _DELAY_SECONDS:
            bars.append(click.progressbar(length=total, label=label))
            bars[0].__enter__()
        if bars:
            bars[0].update(done - bars[0].pos)

    try:
        yield show
    finally:
        for progress_bar in bars:
            progress_bar.__exit__(None, None, None)


@contextmanager
def announce_waiting(models: Sequence[str], purpose: str) -> Iterator[None]:
    """Tell on the error stream for which models a step waits, after ten seconds and then each minute.

    Args:
        models: Names of the models; empty for a step that waits for none.
        purpose: What the models are asked for, as in "a first reply".
    """
    has_ended = Event()

    def announce() -> None:
        started, seconds = time.monotonic(), _FIRST_WAIT_SECONDS
        while not has_ended.wait(seconds):
            waited = round(time.monotonic() - started)
            click.echo(f"Waiting for {', '.join(models)}: {purpose}; {waited:,} seconds so far", err=True)
            seconds = _WAIT_SECONDS

    thread = Thread(target=announce, name="announce waiting", daemon=True)
    if models:
        thread.start()
    try:
        yield
    finally:
        has_ended.set()
        if models:
            thread.join()
