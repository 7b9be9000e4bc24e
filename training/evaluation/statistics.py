"""Figures of quality, each with a 95 % interval, so that noise is not taken for progress.

Intervals are percentiles of a bootstrap over questions (Efron, 1979): 1,000 samples, the same ones every time.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

_SAMPLES, _LOW_PERCENTILE, _HIGH_PERCENTILE = 1000, 2.5, 97.5
_MAX_RANK = 10

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval, and of how many questions it is."""

    name: str
    value: float
    low: float
    high: float
    count: int

    @property
    def as_line(self) -> str:
        """On one line."""
        return f"{self.name:46}{self.value:8.3f}   [{self.low:.3f}, {self.high:.3f}]   n={self.count}"


def estimate_mean(name: str, values: Sequence[float] | FloatArray, quantile: float | None = None) -> Estimate:
    """The mean of ``values``, one for each question; or the value that the share ``part`` of them does not exceed."""
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        return Estimate(name, math.nan, math.nan, math.nan, 0)
    samples = array[np.random.default_rng(0).integers(0, array.size, (_SAMPLES, array.size))]
    statistic = partial(np.mean if quantile is None else partial(np.quantile, q=quantile), axis=-1)
    low, high = np.percentile(statistic(samples), [_LOW_PERCENTILE, _HIGH_PERCENTILE])
    return Estimate(name, float(statistic(array)), float(low), float(high), array.size)


def estimate_separation(
    name: str,
    statistic: Callable[[FloatArray, FloatArray], float],
    with_answer: Sequence[float],
    without_answer: Sequence[float],
) -> Estimate:
    """What ``how`` makes of the values of questions with an answer there, and of those with it gone."""
    with_answer_array, without_answer_array = (
        np.asarray(values, dtype=np.float64) for values in (with_answer, without_answer)
    )
    if not (with_answer_array.size and without_answer_array.size):
        return Estimate(name, math.nan, math.nan, math.nan, 0)
    random = np.random.default_rng(0)
    samples = [
        statistic(
            random.choice(with_answer_array, with_answer_array.size),
            random.choice(without_answer_array, without_answer_array.size),
        )
        for _ in range(_SAMPLES)
    ]
    low, high = np.percentile(samples, [_LOW_PERCENTILE, _HIGH_PERCENTILE])
    return Estimate(
        name,
        statistic(with_answer_array, without_answer_array),
        float(low),
        float(high),
        with_answer_array.size + without_answer_array.size,
    )


def balanced_accuracy(with_answer: FloatArray, without_answer: FloatArray) -> float:
    """Balanced accuracy of abstaining: the mean of what was answered rightly (1) and refused rightly (0)."""
    return float((with_answer.mean() + (1 - without_answer).mean()) / 2)


def auroc(with_answer: FloatArray, without_answer: FloatArray) -> float:
    """How often a question with an answer has the larger value than one without (Mann & Whitney, 1947)."""
    all_values = np.concatenate([with_answer, without_answer])
    _, where, counts = np.unique(all_values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[where]
    wins = ranks[: with_answer.size].sum() - with_answer.size * (with_answer.size + 1) / 2
    return float(wins / (with_answer.size * without_answer.size))


def estimate_ranking(ranks: Sequence[int | None]) -> list[Estimate]:
    """Recall, reciprocal rank and gain of where the right passage was found, from 1; None when it was not."""
    rank_array = np.array([rank or math.inf for rank in ranks], dtype=np.float64)
    deep = np.where(rank_array <= _MAX_RANK, rank_array, math.inf)
    figures = [estimate_mean(f"recall@{k}", (rank_array <= k).astype(np.float64)) for k in (1, 4, _MAX_RANK)]
    return [
        *figures,
        estimate_mean(f"MRR@{_MAX_RANK}", 1 / deep),
        estimate_mean(f"nDCG@{_MAX_RANK}", 1 / np.log2(1 + deep)),
    ]
