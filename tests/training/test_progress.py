"""A progress bar appears only for a step that takes longer than half a second."""

import re
import time
from functools import partial
from io import StringIO

import click
import pytest
from click.testing import CliRunner

from training import progress
from training.progress import Progress, announce_waiting, ignore_progress, show_progress


class Clock:
    """Clock of a test, in seconds."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.seconds


class Screen(StringIO):
    """Terminal that records what is written to it."""

    def isatty(self) -> bool:
        """Say that this is a terminal."""
        return True

    @property
    def percentages(self) -> list[int]:
        """The percentages that the bars showed, in order."""
        return [int(number) for number in re.findall(r"(\d+)%", self.getvalue())]

    @property
    def labels(self) -> set[str]:
        """The labels of the bars."""
        return set(re.findall(r"([A-Z]\w+) +\[", self.getvalue()))

    @property
    def is_closed(self) -> bool:
        """Whether the last bar gave the cursor back."""
        return self.getvalue().endswith("\x1b[?25h\n")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    test_clock = Clock()
    monkeypatch.setattr(progress, "time", test_clock)
    return test_clock


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Return the terminal on which click draws its bars."""
    terminal = Screen()
    monkeypatch.setattr(click, "progressbar", partial(click.progressbar, file=terminal))
    return terminal


def report(show: Progress, clock: Clock, *steps: tuple[float, int]) -> None:
    """Report 8 items in all: after which seconds from the start how many are done."""
    for seconds, done in steps:
        clock.seconds = 100.0 + seconds
        show(done, 8)


def test_first_report_draws_no_bar_however_late_it_comes(clock: Clock, screen: Screen) -> None:
    with show_progress("Reading") as show:
        report(show, clock, (60.0, 1))
    assert screen.getvalue() == ""


@pytest.mark.parametrize(("seconds", "percentages"), [(0.25, []), (0.5, []), (0.75, [0, 25])])
def test_bar_appears_after_half_a_second(seconds: float, percentages: list[int], clock: Clock, screen: Screen) -> None:
    with show_progress("Reading") as show:
        report(show, clock, (0.0, 1), (seconds, 2))
        assert screen.percentages == percentages


def test_step_that_is_done_draws_no_bar(clock: Clock, screen: Screen) -> None:
    with show_progress("Reading") as show:
        report(show, clock, (0.0, 1), (9.0, 8))
    assert screen.getvalue() == ""


def test_single_bar_moves_to_what_is_done_and_is_closed(clock: Clock, screen: Screen) -> None:
    with show_progress("Reading") as show:
        report(show, clock, (0.0, 1), (1.0, 2), (1.1, 4), (9.0, 8))
        assert not screen.is_closed
    assert (screen.percentages, screen.labels, screen.is_closed) == ([0, 25, 50, 100], {"Reading"}, True)


def test_bar_is_closed_after_an_error(clock: Clock, screen: Screen) -> None:
    def fail() -> None:
        with show_progress("Reading") as show:
            report(show, clock, (0.0, 1), (1.0, 2))
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert screen.is_closed


def test_each_step_has_a_delay_of_its_own(clock: Clock, screen: Screen) -> None:
    with show_progress("Reading") as reading, show_progress("Embedding") as embedding:
        report(reading, clock, (0.0, 1))
        report(embedding, clock, (0.75, 1))
        report(reading, clock, (0.8, 2))
        report(embedding, clock, (1.0, 2))
    assert screen.labels == {"Reading"}


def test_bar_of_click_names_the_label_outside_a_terminal(clock: Clock) -> None:
    @click.command()
    def command() -> None:
        with show_progress("Reading documents") as show:
            report(show, clock, (0.0, 1), (1.0, 4), (2.0, 8))

    assert CliRunner().invoke(command).output == "Reading documents\n"


def test_progress_that_is_ignored_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    ignore_progress(1, 8)
    assert capsys.readouterr() == ("", "")


def test_step_tells_for_which_models_it_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(progress, "_WAIT_SECONDS", 0.02)
    with announce_waiting(["compatible:a", "openai:b"], "a first reply of each"):
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    assert set(lines) == {"Waiting for compatible:a, openai:b: a first reply of each; 0 seconds so far"}


@pytest.mark.parametrize("models", [[], ["compatible:a"]])
def test_step_without_models_or_that_ends_soon_tells_nothing(
    models: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with announce_waiting(models, "a first reply of each"):
        pass
    assert capsys.readouterr() == ("", "")
