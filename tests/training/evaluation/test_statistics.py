"""Estimates have repeatable bounds, and rankings count ranks up to their limit."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.statistics import (
    Estimate,
    FloatArray,
    auroc,
    balanced_accuracy,
    estimate_mean,
    estimate_ranking,
    estimate_separation,
)

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=20)


def subtract_means(with_answer: FloatArray, without_answer: FloatArray) -> float:
    """Return a statistic that is not symmetric in its two groups."""
    return float(with_answer.mean() - without_answer.mean())


def read_values(ranks: list[int | None]) -> dict[str, float]:
    """Return the values of a ranking by the names of the estimates."""
    return {estimate.name: estimate.value for estimate in estimate_ranking(ranks)}


def test_estimate_is_written_on_one_aligned_line() -> None:
    line = Estimate("recall@1", 0.5, 0.25, 0.75, 12).as_line
    assert line == "recall@1" + " " * 38 + "   0.500   [0.250, 0.750]   n=12"


def test_estimate_of_no_values_is_nan_with_the_count_0() -> None:
    estimate = estimate_mean("a", [])
    assert (estimate.name, estimate.count) == ("a", 0)
    assert all(map(math.isnan, (estimate.value, estimate.low, estimate.high)))


@pytest.mark.parametrize(("quantile", "value"), [(None, 22.0), (0.0, 1.0), (0.5, 3.0), (0.25, 2.0), (1.0, 100.0)])
def test_quantile_is_estimated_in_place_of_the_mean(quantile: float | None, value: float) -> None:
    estimate = estimate_mean("a", [1, 2, 3, 4, 100], quantile)
    assert (estimate.value, estimate.count) == (value, 5)


def test_interval_is_that_of_a_thousand_samples_with_a_fixed_seed() -> None:
    values = np.arange(30.0)
    samples = np.random.default_rng(0).integers(0, 30, (1000, 30)).astype(np.float64)
    low, high = np.percentile(samples.mean(axis=1), [2.5, 97.5])
    assert estimate_mean("a", values) == Estimate("a", 14.5, low, high, 30)


def test_interval_of_a_mean_has_the_width_that_theory_gives() -> None:
    values = [0.0, 1.0] * 200
    estimate = estimate_mean("a", values)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(400), rel=0.1)


@given(VALUES)
@settings(max_examples=30)
def test_interval_lies_within_the_values_and_is_the_same_again(values: list[float]) -> None:
    estimate = estimate_mean("a", values)
    assert min(values) - 1e-9 <= estimate.low <= estimate.high <= max(values) + 1e-9
    assert estimate_mean("a", values) == estimate


@given(st.floats(-100, 100), st.integers(1, 20))
@settings(max_examples=30)
def test_equal_values_have_an_interval_without_width(value: float, count: int) -> None:
    estimate = estimate_mean("a", [value] * count)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((value,) * 3)


@pytest.mark.parametrize("groups", [([], [1.0]), ([1.0], []), ([], [])])
def test_separation_without_one_group_is_nan_with_the_count_0(groups: tuple[list[float], list[float]]) -> None:
    estimate = estimate_separation("a", subtract_means, *groups)
    assert (estimate.name, estimate.count) == ("a", 0)
    assert all(map(math.isnan, (estimate.value, estimate.low, estimate.high)))


def test_separation_counts_both_groups_and_keeps_their_order() -> None:
    estimate = estimate_separation("a", subtract_means, [5.0, 5.0, 5.0], [1.0, 1.0])
    assert estimate == Estimate("a", 4.0, 4.0, 4.0, 5)


def test_separation_draws_samples_of_each_groups_own_size() -> None:
    with_answer, without_answer = [0.0, 1.0] * 200, [0.0, 1.0] * 50
    estimate = estimate_separation("a", subtract_means, with_answer, without_answer)
    deviation = math.sqrt(0.25 / 400 + 0.25 / 100)
    assert estimate.value == 0
    assert (estimate.low, estimate.high) == pytest.approx((-1.96 * deviation, 1.96 * deviation), rel=0.15)
    assert estimate_separation("a", subtract_means, with_answer, without_answer) == estimate


@pytest.mark.parametrize(
    ("with_answer", "without_answer", "accuracy"),
    [
        ([1, 1], [0, 0, 0], 1.0),
        ([0, 0], [1], 0.0),
        ([1, 1], [1, 1], 0.5),
        ([1, 0, 0, 0], [0], 0.625),
    ],
)
def test_balanced_accuracy_weighs_both_groups_alike(
    with_answer: list[float], without_answer: list[float], accuracy: float
) -> None:
    assert balanced_accuracy(np.array(with_answer), np.array(without_answer)) == accuracy


@pytest.mark.parametrize(
    ("with_answer", "without_answer", "area"),
    [([2, 3], [0, 1], 1.0), ([0, 1], [2, 3], 0.0), ([1], [1], 0.5), ([1, 3], [2], 0.5), ([1, 2], [1], 0.75)],
)
def test_auroc_is_high_when_answerable_questions_rank_higher(
    with_answer: list[float], without_answer: list[float], area: float
) -> None:
    assert auroc(np.array(with_answer), np.array(without_answer)) == area


@pytest.mark.parametrize(
    ("rank", "recalls"),
    [
        (1, (1, 1, 1)),
        (2, (0, 1, 1)),
        (4, (0, 1, 1)),
        (5, (0, 0, 1)),
        (10, (0, 0, 1)),
        (11, (0, 0, 0)),
        (None, (0, 0, 0)),
    ],
)
def test_recall_includes_the_passage_at_its_limit(rank: int | None, recalls: tuple[float, ...]) -> None:
    values = read_values([rank])
    assert tuple(values[f"recall@{limit}"] for limit in (1, 4, 10)) == recalls


@pytest.mark.parametrize(
    ("rank", "reciprocal", "gain"),
    [(1, 1.0, 1.0), (3, 1 / 3, 0.5), (10, 0.1, 1 / math.log2(11)), (11, 0.0, 0.0), (None, 0.0, 0.0)],
)
def test_reciprocal_rank_and_gain_end_after_rank_10(rank: int | None, reciprocal: float, gain: float) -> None:
    values = read_values([rank])
    assert (values["MRR@10"], values["nDCG@10"]) == pytest.approx((reciprocal, gain))


def test_ranking_has_five_estimates_in_order_over_all_questions() -> None:
    estimates = estimate_ranking([1, None, 3])
    assert [estimate.name for estimate in estimates] == ["recall@1", "recall@4", "recall@10", "MRR@10", "nDCG@10"]
    assert {estimate.count for estimate in estimates} == {3}


@given(st.lists(st.one_of(st.none(), st.integers(1, 30)), min_size=1, max_size=15), st.randoms())
@settings(max_examples=20)
def test_ranking_does_not_depend_on_the_order_of_questions(ranks: list[int | None], random: Random) -> None:
    shuffled = sorted(ranks, key=lambda _: random.random())
    assert read_values(shuffled) == pytest.approx(read_values(ranks))
