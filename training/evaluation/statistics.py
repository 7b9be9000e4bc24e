"""Estimate metrics with 95 % intervals, so that noise is not taken for progress.

Intervals are percentiles of a bootstrap over questions (Efron, 1979): 1,000 samples, the same samples every time.
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
    """A metric's value over ``count`` questions, with the bounds ``low`` and ``high`` of its 95 % interval."""

    name: str
    value: float
    low: float
    high: float
    count: int

    @property
    def as_line(self) -> str:
        """The estimate on one line."""
        return f"{self.name:46}{self.value:8.3f}   [{self.low:.3f}, {self.high:.3f}]   n={self.count}"


def estimate_mean(name: str, values: Sequence[float] | FloatArray, quantile: float | None = None) -> Estimate:
    """Estimate the mean, or a quantile, of values.

    Args:
        name: Name of the estimate.
        values: One value for each question.
        quantile: Quantile to estimate in place of the mean, from 0 to 1.

    Returns:
        The estimate; NaN with the count 0 when there are no values.
    """
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
    """Estimate a statistic that compares questions with and without an answer.

    Args:
        name: Name of the estimate.
        statistic: Computes the statistic of two arrays of shape (questions,).
        with_answer: Values of the questions whose answer is in the documents.
        without_answer: Values of the questions whose answer is not.

    Returns:
        The estimate; NaN with the count 0 when either group is empty.
    """
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
    """Return the balanced accuracy of abstaining: the mean of the shares answered rightly and refused rightly.

    Args:
        with_answer: For each answerable question, 1 when it was answered, else 0; shape (questions,).
        without_answer: For each unanswerable question, 1 when it was answered, else 0; shape (questions,).
    """
    return float((with_answer.mean() + (1 - without_answer).mean()) / 2)


def auroc(with_answer: FloatArray, without_answer: FloatArray) -> float:
    """Return how often a question with an answer has the larger value than one without (Mann & Whitney, 1947).

    Ties count half.

    Args:
        with_answer: Values of answerable questions; shape (questions,).
        without_answer: Values of unanswerable questions; shape (questions,).
    """
    from sklearn.metrics import roc_auc_score  # a second of import, for a benchmark alone

    labels = np.repeat([1, 0], [with_answer.size, without_answer.size])
    return float(roc_auc_score(labels, np.concatenate([with_answer, without_answer])))


def estimate_ranking(ranks: Sequence[int | None]) -> list[Estimate]:
    """Return recall, mean reciprocal rank (MRR) and normalised discounted cumulative gain (nDCG) of a search.

    ``ranks`` holds the rank of each question's right passage, from 1; None when the search did not find the passage.
    """
    rank_array = np.array([rank or math.inf for rank in ranks], dtype=np.float64)
    shallow_ranks = np.where(rank_array <= _MAX_RANK, rank_array, math.inf)
    recalls = [estimate_mean(f"recall@{k}", (rank_array <= k).astype(np.float64)) for k in (1, 4, _MAX_RANK)]
    return [
        *recalls,
        estimate_mean(f"MRR@{_MAX_RANK}", 1 / shallow_ranks),
        estimate_mean(f"nDCG@{_MAX_RANK}", 1 / np.log2(1 + shallow_ranks)),
    ]
