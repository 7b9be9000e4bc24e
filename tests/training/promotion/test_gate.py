"""When a challenger may take the champion's place."""

import subprocess
import sys
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.errors import CommandError
from tests.fixtures import ROOT
from training.evaluation.metrics import MetricValues
from training.promotion.gate import Comparison, compare_versions, decide_verdict


def rows(right: int, wrong: int, **more: float) -> list[MetricValues]:
    """So many rows with an answer that contains an expected text, and so many without."""
    return [{"answer_recall": 1.0} | more] * right + [{"answer_recall": 0.0} | more] * wrong


def told(ours: list[MetricValues], theirs: list[MetricValues]) -> dict[str, Comparison]:
    return {one.name: one for one in compare_versions(ours, theirs)}


def test_the_same_rows_are_the_same() -> None:
    verdict = decide_verdict(rows(80, 20), rows(80, 20))
    assert (verdict.is_promoted, verdict.reasons, verdict.weakness) == (True, ("nothing is worse beyond noise",), "")


def test_a_share_is_compared_by_the_rows_that_differ() -> None:
    ours, theirs = rows(90, 10), rows(100, 0)
    assert told(ours, theirs)["answer_recall"].outcome == "worse"  # 10 lost, none gained
    assert told(rows(96, 4), rows(100, 0))["answer_recall"].outcome == "same"  # 4 lost: 1 in 16 by chance
    assert told(theirs, ours)["answer_recall"].outcome == "better"


def test_the_verdict_says_why() -> None:
    refused = decide_verdict(rows(60, 40), rows(90, 10))
    assert not refused.is_promoted
    assert refused.reasons[0].startswith("the answer contains an expected text: 0.6 against 0.9, a difference of -0.")
    assert (
        decide_verdict(rows(90, 10), rows(60, 40))
        .reasons[0]
        .startswith("better, the answer contains an expected text: 0.9")
    )


def test_less_is_better_where_it_is() -> None:
    assert told([{"error": 1.0}] * 30, [{"error": 0.0}] * 30)["error"].outcome == "worse"
    assert told([{"error": 0.0}] * 30, [{"error": 1.0}] * 30)["error"].outcome == "better"


@pytest.mark.parametrize(
    ("factor", "outcome"), [(1.5, "worse"), (1.05, "same"), (1.0, "same"), (0.95, "same"), (0.5, "better")]
)
def test_seconds_have_to_be_a_tenth_worse(factor: float, outcome: str) -> None:
    random = Random(3)  # noqa: S311 - a sample
    theirs = [{"seconds": random.lognormvariate(0, 0.3)} for _ in range(100)]
    ours = [{"seconds": row["seconds"] * factor * random.lognormvariate(0, 0.05)} for row in theirs]
    assert told(ours, theirs)["seconds"].outcome == outcome


def test_milliseconds_matter_to_nobody() -> None:
    assert told([{"seconds": 0.004}] * 50, [{"seconds": 0.002}] * 50)["seconds"].outcome == "same"


def test_only_rows_that_both_have_are_compared() -> None:
    one = told([*rows(10, 0), {"refused": 1.0}], [*rows(10, 0), {"answered": 1.0}])
    assert {name: comparison.rows for name, comparison in one.items()} == {"answer_recall": 10}


def test_few_rows_show_nothing_and_that_is_said() -> None:
    verdict = decide_verdict(rows(0, 4), rows(4, 0))
    assert verdict.is_promoted
    assert verdict.weakness == "fewer than 5 examples cannot show a loss: answer_recall (4)"


def test_floors_hold_without_a_champion() -> None:
    verdict = decide_verdict(rows(8, 2, seconds=3.0), None, {"answer_recall": 0.9, "seconds": 2, "refused": 0.5})
    assert verdict.reasons == (
        "the answer contains an expected text: 0.8, but the profile requires at least 0.9",
        "seconds per request: 3, but the profile requires at most 2",
        "questions without an answer were refused: the profile requires 0.5, but no example measures it",
    )
    assert decide_verdict(rows(8, 2), None, {"answer_recall": 0.8}).reasons == ("no floor is missed",)


def test_a_floor_of_what_is_no_measure() -> None:
    with pytest.raises(CommandError, match=r"gate names recal, which is no metric; did you mean recall\?"):
        decide_verdict(rows(1, 0), None, {"recal": 1})


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_better_one_way_is_worse_the_other(values: list[float], random: Random) -> None:
    ours: list[MetricValues] = [{"answer_recall": value, "reciprocal_rank": value} for value in values]
    theirs: list[MetricValues] = [{name: float(random.random() < 0.5) for name in row} for row in ours]
    turned = {"worse": "better", "better": "worse", "same": "same"}
    forth, back = told(ours, theirs), told(theirs, ours)
    assert {name: turned[one.outcome] for name, one in forth.items()} == {n: one.outcome for n, one in back.items()}


@pytest.mark.skipif(not (ROOT / "../shared/data/xquad-en-dev.json").exists(), reason="the development set is not here")
def test_planted_versions() -> None:
    """``make gate`` with fewer trials, and without times, which other tests on the machine disturb."""
    command = [sys.executable, str(ROOT / "benchmarks" / "gate.py"), "2", "60", "untimed"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    refused = [line.partition("refused ")[2].split()[0] for line in done.stdout.splitlines()[:-1]]
    assert refused == ["0", "0", "2", "2", "2", "0"]
