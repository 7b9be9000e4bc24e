"""Comparison of a challenger with the champion, and the verdict on it."""

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


def make_rows(right_count: int, wrong_count: int, **values: float) -> list[MetricValues]:
    """Return rows with an expected text in their answer, then rows without."""
    return [{"answer_recall": 1.0} | values] * right_count + [{"answer_recall": 0.0} | values] * wrong_count


def compare_by_metric(challenger: list[MetricValues], champion: list[MetricValues]) -> dict[str, Comparison]:
    return {comparison.name: comparison for comparison in compare_versions(challenger, champion)}


def test_equal_rows_are_promoted() -> None:
    verdict = decide_verdict(make_rows(80, 20), make_rows(80, 20))
    assert (verdict.is_promoted, verdict.reasons, verdict.weakness) == (True, ("nothing is worse beyond noise",), "")


def test_share_is_compared_by_the_rows_that_differ() -> None:
    challenger, champion = make_rows(90, 10), make_rows(100, 0)
    assert compare_by_metric(challenger, champion)["answer_recall"].outcome == "worse"  # 10 lost, none gained
    assert compare_by_metric(champion, challenger)["answer_recall"].outcome == "better"
    by_chance = make_rows(96, 4)  # 4 lost: 1 in 16 by chance
    assert compare_by_metric(by_chance, champion)["answer_recall"].outcome == "same"


def test_verdict_reason_names_the_metric_and_the_difference() -> None:
    verdict = decide_verdict(make_rows(60, 40), make_rows(90, 10))
    assert not verdict.is_promoted
    assert verdict.reasons[0].startswith("the answer contains an expected text: 0.6 against 0.9, a difference of -0.")
    assert (
        decide_verdict(make_rows(90, 10), make_rows(60, 40))
        .reasons[0]
        .startswith("better, the answer contains an expected text: 0.9")
    )


def test_lower_error_rate_is_better() -> None:
    assert compare_by_metric([{"error": 1.0}] * 30, [{"error": 0.0}] * 30)["error"].outcome == "worse"
    assert compare_by_metric([{"error": 0.0}] * 30, [{"error": 1.0}] * 30)["error"].outcome == "better"


@pytest.mark.parametrize(
    ("factor", "outcome"), [(1.5, "worse"), (1.05, "same"), (1.0, "same"), (0.95, "same"), (0.5, "better")]
)
def test_seconds_are_worse_only_beyond_a_tenth(factor: float, outcome: str) -> None:
    random = Random(3)  # noqa: S311 - a sample
    champion = [{"seconds": random.lognormvariate(0, 0.3)} for _ in range(100)]
    challenger = [{"seconds": row["seconds"] * factor * random.lognormvariate(0, 0.05)} for row in champion]
    assert compare_by_metric(challenger, champion)["seconds"].outcome == outcome


def test_difference_of_milliseconds_is_no_difference() -> None:
    assert compare_by_metric([{"seconds": 0.004}] * 50, [{"seconds": 0.002}] * 50)["seconds"].outcome == "same"


def test_comparison_uses_only_rows_of_both_versions() -> None:
    comparisons = compare_by_metric([*make_rows(10, 0), {"refused": 1.0}], [*make_rows(10, 0), {"answered": 1.0}])
    assert {name: comparison.rows for name, comparison in comparisons.items()} == {"answer_recall": 10}


def test_verdict_on_few_rows_promotes_and_names_the_weakness() -> None:
    verdict = decide_verdict(make_rows(0, 4), make_rows(4, 0))
    assert verdict.is_promoted
    assert verdict.weakness == "fewer than 5 examples cannot show a loss: answer_recall (4)"


def test_floors_apply_without_a_champion() -> None:
    verdict = decide_verdict(make_rows(8, 2, seconds=3.0), None, {"answer_recall": 0.9, "seconds": 2, "refused": 0.5})
    assert verdict.reasons == (
        "the answer contains an expected text: 0.8, but the profile requires at least 0.9",
        "seconds per request: 3, but the profile requires at most 2",
        "questions without an answer were refused: the profile requires 0.5, but no example measures it",
    )
    assert decide_verdict(make_rows(8, 2), None, {"answer_recall": 0.8}).reasons == ("no floor is missed",)


def test_floor_of_an_unknown_metric_is_refused() -> None:
    with pytest.raises(CommandError, match=r"gate names recal, which is no metric; did you mean recall\?"):
        decide_verdict(make_rows(1, 0), None, {"recal": 1})


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_swapped_versions_give_the_opposite_outcome(values: list[float], random: Random) -> None:
    challenger: list[MetricValues] = [{"answer_recall": value, "reciprocal_rank": value} for value in values]
    champion: list[MetricValues] = [{name: float(random.random() < 0.5) for name in row} for row in challenger]
    opposite = {"worse": "better", "better": "worse", "same": "same"}
    forward, backward = compare_by_metric(challenger, champion), compare_by_metric(champion, challenger)
    assert {name: opposite[comparison.outcome] for name, comparison in forward.items()} == {
        name: comparison.outcome for name, comparison in backward.items()
    }


@pytest.mark.skipif(
    not (ROOT / "../shared/data/xquad-en-dev.json").exists(), reason="the development set is not available"
)
@pytest.mark.long
def test_gate_benchmark_refuses_only_worse_versions() -> None:
    """Run ``make gate`` with fewer trials, and without times, since other tests load the machine."""
    command = [sys.executable, str(ROOT / "benchmarks" / "gate.py"), "2", "60", "untimed"]
    process = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert process.returncode == 0, process.stdout + process.stderr
    refusal_counts = [line.partition("refused ")[2].split()[0] for line in process.stdout.splitlines()[:-1]]
    assert refusal_counts == ["0", "0", "2", "2", "2", "0"]
