"""Decide whether a challenger may replace the champion: no metric may be worse beyond noise.

Both versions answered the same examples, so values are compared in pairs. Shares (each example has 0 or 1) are compared
by McNemar's exact test (1947), which looks at the examples where the versions differ; other metrics by a bootstrap
interval of the mean difference (Efron, 1979). The significance level is divided among the metrics (Bonferroni), so that
an equal version is refused once in twenty times at most. Seconds and costs also have to be a tenth worse: a smaller
difference is measurable but matters to nobody.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.config.settings import suggest
from model.errors import CommandError

from ..evaluation.metrics import METRICS, Metric, MetricValues
from ..evaluation.statistics import FloatArray

SIGNIFICANCE = 0.05
"""Significance level of the whole comparison."""
_SAMPLES = 4000
_TOLERATED_RATIO = 1.1  # of seconds and costs
_NOTICEABLE_SECONDS = 0.005  # nobody notices a smaller difference, whatever share of the whole it is
_SMALLEST = {"seconds": 1e-4, "cost": 1e-7}
"""Lower bounds of values before their ratio is taken, in seconds and US dollars."""
_NOT_COMPARED = ("recall_at_1",)
"""Metrics that are not compared: the reciprocal rank says the same and more than ``recall_at_1``."""

Outcome = Literal["worse", "same", "better"]
"""Result of a comparison, from the challenger's side."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of two versions over the same examples.

    Attributes:
        name: Name of the metric.
        challenger: Mean of the challenger.
        champion: Mean of the champion.
        low: Lower bound of the mean difference, challenger minus champion.
        high: Upper bound of the mean difference.
        rows: Number of examples compared.
        outcome: Whether the challenger is worse, the same or better.
    """

    name: str
    challenger: float
    champion: float
    low: float
    high: float
    rows: int
    outcome: Outcome

    @property
    def as_line(self) -> str:
        """The comparison on one line."""
        figures = (
            f"{self.challenger:9.4g} against {self.champion:9.4g}   difference [{self.low:+.4f}, {self.high:+.4f}]"
        )
        return f"{self.outcome:8}{self.name:20}{figures}   n={self.rows}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision on a challenger.

    Attributes:
        is_promoted: Whether to promote the challenger.
        reasons: Reasons in words.
        comparisons: The compared metrics.
        weakness: Which metrics have too few examples to show a loss; empty when none has.
    """

    is_promoted: bool
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    weakness: str = ""


def decide_verdict(
    challenger: Sequence[MetricValues],
    champion: Sequence[MetricValues] | None = None,
    floors: Mapping[str, float] | None = None,
) -> Verdict:
    """Decide on a challenger.

    Args:
        challenger: Metrics of the challenger's examples.
        champion: Metrics of the champion for the same examples, in the same order; None when there is no champion.
        floors: Floors of the challenger's profile by metric.

    Returns:
        The verdict: promoted when no floor is missed and no metric is worse.

    Raises:
        CommandError: A floor names no metric.
    """
    missed_floors = [*_find_missed_floors(challenger, floors or {})]
    comparisons = compare_versions(challenger, champion) if champion else []
    worse = [
        f"{METRICS[comparison.name].description}: {_describe_difference(comparison)}"
        for comparison in comparisons
        if comparison.outcome == "worse"
    ]
    better = [
        f"better, {METRICS[comparison.name].description}: {_describe_difference(comparison)}"
        for comparison in comparisons
        if comparison.outcome == "better"
    ]
    reasons = missed_floors + worse or better or ["nothing is worse beyond noise" if champion else "no floor is missed"]
    return Verdict(not (missed_floors or worse), tuple(reasons), tuple(comparisons), _describe_weakness(comparisons))


def compare_versions(challenger: Sequence[MetricValues], champion: Sequence[MetricValues]) -> list[Comparison]:
    """Compare each metric over the examples for which both versions have a value.

    Args:
        challenger: Metrics of the challenger's examples.
        champion: Metrics of the champion for the same examples, in the same order.
    """
    pairs = {name: _pair_values(name, challenger, champion) for name in METRICS if name not in _NOT_COMPARED}
    pairs_with_rows = {name: pair for name, pair in pairs.items() if pair.size}
    level = SIGNIFICANCE / max(1, len(pairs_with_rows))
    return [_compare_pair(name, pair, level) for name, pair in pairs_with_rows.items()]


def _pair_values(name: str, challenger: Sequence[MetricValues], champion: Sequence[MetricValues]) -> FloatArray:
    pairs = [
        (challenger_row[name], champion_row[name])
        for challenger_row, champion_row in zip(challenger, champion, strict=True)
        if name in challenger_row and name in champion_row
    ]
    return np.array(pairs, dtype=np.float64)


def _compare_pair(name: str, pair: FloatArray, level: float) -> Comparison:
    metric = METRICS[name]
    challenger, champion = pair[:, 0], pair[:, 1]
    low, high = _mean_interval(challenger - champion, level)
    if metric.is_share:
        outcome: Outcome = _test_shares(challenger, champion, level, metric)
    elif not _can_show_difference(int(np.count_nonzero(challenger - champion)), level):
        outcome = "same"
    elif name in _SMALLEST:
        outcome = _test_ratios(name, challenger, champion, level)
    else:
        outcome = "worse" if high < 0 else "better" if low > 0 else "same"
    return Comparison(name, float(challenger.mean()), float(champion.mean()), low, high, len(pair), outcome)


def _test_shares(challenger: FloatArray, champion: FloatArray, level: float, metric: Metric) -> Outcome:
    """Compare shares over the examples in which they differ: equal versions are equally likely to be ahead."""
    from scipy.stats import binomtest  # the import takes a second, and not every promotion needs it

    gained, lost = int((challenger > champion).sum()), int((challenger < champion).sum())
    if not gained + lost or binomtest(gained, gained + lost).pvalue >= 2 * level:
        return "same"
    return "better" if (gained > lost) == metric.more_is_better else "worse"


def _test_ratios(name: str, challenger: FloatArray, champion: FloatArray, level: float) -> Outcome:
    """Compare by the geometric mean of the ratios: a second more is little after ten seconds and much after two."""
    ratios = np.log(np.maximum(challenger, _SMALLEST[name]) / np.maximum(champion, _SMALLEST[name]))
    low, high = _mean_interval(ratios, level)
    is_noticeable = name != "seconds" or abs(float(np.median(challenger - champion))) > _NOTICEABLE_SECONDS
    if not is_noticeable or (low <= math.log(_TOLERATED_RATIO) and high >= -math.log(_TOLERATED_RATIO)):
        return "same"
    return "worse" if low > 0 else "better"


def _mean_interval(values: FloatArray, level: float) -> tuple[float, float]:
    """Return the bootstrap interval of the mean, two-sided, with ``level`` at each end."""
    from scipy.stats import bootstrap

    if not np.ptp(values):
        return float(values[0]), float(values[0])
    options = {"confidence_level": 1 - 2 * level, "method": "percentile", "n_resamples": _SAMPLES, "batch": 100}
    low, high = bootstrap((values,), np.mean, rng=np.random.default_rng(0), **options).confidence_interval
    return float(low), float(high)


def _can_show_difference(differing: int, level: float) -> bool:
    """Return whether this many differing examples can show a difference.

    The chance that all of them differ in one direction is 0.5 to the power of ``differing``.
    """
    return 0.5**differing < level


def _find_missed_floors(challenger: Sequence[MetricValues], floors: Mapping[str, float]) -> Iterator[str]:
    """Yield a sentence for each floor that is missed, or whose metric no example has."""
    for name, floor in floors.items():
        if name not in METRICS:
            raise CommandError(f"the profile's gate names {name}, which is no metric; {suggest(name, METRICS)}")
        values = [row[name] for row in challenger if name in row]
        if not values:
            yield f"{METRICS[name].description}: the profile requires {floor:g}, but no example measures it"
            continue
        mean, more_is_better = sum(values) / len(values), METRICS[name].more_is_better
        if mean < floor if more_is_better else mean > floor:
            bound = "at least" if more_is_better else "at most"
            yield f"{METRICS[name].description}: {mean:.4g}, but the profile requires {bound} {floor:g}"


def _describe_difference(comparison: Comparison) -> str:
    unit = {"seconds": " s", "cost": " US dollars"}.get(comparison.name, "")
    means = f"{comparison.challenger:.4g}{unit} against {comparison.champion:.4g}{unit}"
    return f"{means}, a difference of {comparison.low:+.4g} to {comparison.high:+.4g}"


def _describe_weakness(comparisons: Sequence[Comparison]) -> str:
    """Return a sentence on the metrics of which no test could show a loss, since too few examples have them."""
    needed = next(n for n in range(100) if _can_show_difference(n, SIGNIFICANCE / max(1, len(comparisons))))
    few = [f"{comparison.name} ({comparison.rows})" for comparison in comparisons if comparison.rows < needed]
    return f"fewer than {needed} examples cannot show a loss: {', '.join(few)}" if few else ""
