"""Figures of quality, each with a 95 % interval, so that noise is not taken for progress.

Intervals are percentiles of a bootstrap over questions (Efron, 1979): 1,000 samples, the same ones every time.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

_SAMPLES, _LOW, _HIGH = 1000, 2.5, 97.5
_DEEP = 10

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with its interval, and of how many questions it is."""

    name: str
    value: float
    low: float
    high: float
    count: int

    @property
    def told(self) -> str:
        """On one line."""
        return f"{self.name:46}{self.value:8.3f}   [{self.low:.3f}, {self.high:.3f}]   n={self.count}"


def mean(name: str, values: Sequence[float] | Values, part: float | None = None) -> Figure:
    """The mean of ``values``, one for each question; or the value that the share ``part`` of them does not exceed."""
    told = np.asarray(values, dtype=np.float64)
    if not told.size:
        return Figure(name, math.nan, math.nan, math.nan, 0)
    drawn = told[np.random.default_rng(0).integers(0, told.size, (_SAMPLES, told.size))]
    how = partial(np.mean if part is None else partial(np.quantile, q=part), axis=-1)
    low, high = np.percentile(how(drawn), [_LOW, _HIGH])
    return Figure(name, float(how(told)), float(low), float(high), told.size)


def parted(name: str, how: Callable[[Values, Values], float], there: Sequence[float], gone: Sequence[float]) -> Figure:
    """What ``how`` makes of the values of questions with an answer there, and of those with it gone."""
    one, other = (np.asarray(values, dtype=np.float64) for values in (there, gone))
    if not (one.size and other.size):
        return Figure(name, math.nan, math.nan, math.nan, 0)
    random = np.random.default_rng(0)
    drawn = [how(random.choice(one, one.size), random.choice(other, other.size)) for _ in range(_SAMPLES)]
    low, high = np.percentile(drawn, [_LOW, _HIGH])
    return Figure(name, how(one, other), float(low), float(high), one.size + other.size)


def balanced(there: Values, gone: Values) -> float:
    """Balanced accuracy of abstaining: the mean of what was answered rightly (1) and refused rightly (0)."""
    return float((there.mean() + (1 - gone).mean()) / 2)


def auroc(there: Values, gone: Values) -> float:
    """How often a question with an answer has the larger value than one without (Mann & Whitney, 1947)."""
    both = np.concatenate([there, gone])
    _, where, counts = np.unique(both, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[where]
    wins = ranks[: there.size].sum() - there.size * (there.size + 1) / 2
    return float(wins / (there.size * gone.size))


def ranking(ranks: Sequence[int | None]) -> list[Figure]:
    """Recall, reciprocal rank and gain of where the right passage was found, from 1; None when it was not."""
    found = np.array([rank or math.inf for rank in ranks], dtype=np.float64)
    deep = np.where(found <= _DEEP, found, math.inf)
    figures = [mean(f"recall@{k}", (found <= k).astype(np.float64)) for k in (1, 4, _DEEP)]
    return [*figures, mean(f"MRR@{_DEEP}", 1 / deep), mean(f"nDCG@{_DEEP}", 1 / np.log2(1 + deep))]
