"""Whether a challenger may take a champion's place: nothing that is measured is worse than noise can explain.

Both answered the same rows, so rows are compared in pairs. Shares (a row has 0 or 1) by McNemar's exact test (1947),
which looks at the rows where the two differ; other measures by a bootstrap interval of the mean difference (Efron,
1979). The level is shared out among the measures (Bonferroni), so that a version that is the same is refused once in
twenty times at most. Times and costs have to be a tenth worse, too: less is measured, and matters to nobody.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.config.arguments import suggest
from model.errors import CommandError

from ..evaluation.metrics import METRICS, Metric, MetricValues
from ..evaluation.statistics import FloatArray

SIGNIFICANCE = 0.05
_SAMPLES = 4000
_TOLERATED_RATIO = 1.1
_NOTICEABLE_SECONDS = 0.005  # seconds that a person cannot notice, whatever share of the whole they are
_SMALLEST = {"seconds": 1e-4, "cost": 1e-7}
_NOT_COMPARED = ("recall_at_1",)
"""Not compared: the reciprocal rank says the same and more."""

Outcome = Literal["worse", "same", "better"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of two versions on the same rows; ``low`` and ``high`` bound the difference."""

    name: str
    challenger: float
    champion: float
    low: float
    high: float
    rows: int
    outcome: Outcome

    @property
    def as_line(self) -> str:
        """On one line."""
        figures = (
            f"{self.challenger:9.4g} against {self.champion:9.4g}   difference [{self.low:+.4f}, {self.high:+.4f}]"
        )
        return f"{self.outcome:8}{self.name:20}{figures}   n={self.rows}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to promote, and why, in words; ``weak`` says what so few rows cannot show."""

    is_promoted: bool
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    weakness: str = ""


def decide_verdict(
    challenger: Sequence[MetricValues],
    champion: Sequence[MetricValues] | None = None,
    floors: Mapping[str, float] | None = None,
) -> Verdict:
    """The verdict on a challenger by its rows, the champion's where there is one, and the floors of its profile.

    Raises CommandError for a floor of what is no measure.
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
    """Each measure that both have, over the rows where both have it."""
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
    measure = METRICS[name]
    challenger, champion = pair[:, 0], pair[:, 1]
    low, high = _mean_interval(challenger - champion, level)
    if measure.is_share:
        outcome: Outcome = _test_shares(challenger, champion, level, measure)
    elif not _can_show_difference(int(np.count_nonzero(challenger - champion)), level):
        outcome = "same"
    elif name in _SMALLEST:
        outcome = _test_ratios(name, challenger, champion, level)
    else:
        outcome = "worse" if high < 0 else "better" if low > 0 else "same"
    return Comparison(name, float(challenger.mean()), float(champion.mean()), low, high, len(pair), outcome)


def _test_shares(challenger: FloatArray, champion: FloatArray, level: float, measure: Metric) -> Outcome:
    """By the rows in which one has it and the other has not: as likely either way when both are the same."""
    from scipy.stats import binomtest  # a second, which not every promotion needs

    gained, lost = int((challenger > champion).sum()), int((challenger < champion).sum())
    if not gained + lost or binomtest(gained, gained + lost).pvalue >= 2 * level:
        return "same"
    return "better" if (gained > lost) == measure.more_is_better else "worse"


def _test_ratios(name: str, challenger: FloatArray, champion: FloatArray, level: float) -> Outcome:
    """By the mean ratio, since a second of ten is not a second of two."""
    ratios = np.log(np.maximum(challenger, _SMALLEST[name]) / np.maximum(champion, _SMALLEST[name]))
    low, high = _mean_interval(ratios, level)
    is_noticeable = name != "seconds" or abs(float(np.median(challenger - champion))) > _NOTICEABLE_SECONDS
    if not is_noticeable or (low <= math.log(_TOLERATED_RATIO) and high >= -math.log(_TOLERATED_RATIO)):
        return "same"
    return "worse" if low > 0 else "better"


def _mean_interval(values: FloatArray, level: float) -> tuple[float, float]:
    """Of the mean, two-sided, with ``level`` at each end."""
    from scipy.stats import bootstrap

    if not np.ptp(values):
        return float(values[0]), float(values[0])
    options = {"confidence_level": 1 - 2 * level, "method": "percentile", "n_resamples": _SAMPLES, "batch": 100}
    low, high = bootstrap((values,), np.mean, rng=np.random.default_rng(0), **options).confidence_interval
    return float(low), float(high)


def _can_show_difference(differing: int, level: float) -> bool:
    """Whether so many rows that differ can show anything: all of them one way has a chance of 1 in 2 to that power."""
    return 0.5**differing < level


def _find_missed_floors(challenger: Sequence[MetricValues], floors: Mapping[str, float]) -> Iterator[str]:
    """The floors that are missed, and those that nothing was measured for."""
    for name, floor in floors.items():
        if name not in METRICS:
            raise CommandError(f"the profile's gate names {name}, which is not measured; {suggest(name, METRICS)}")
        values = [row[name] for row in challenger if name in row]
        if not values:
            yield f"{METRICS[name].description}: the profile wants {floor:g}, and no row measures it"
            continue
        mean, more_is_better = sum(values) / len(values), METRICS[name].more_is_better
        if mean < floor if more_is_better else mean > floor:
            bound = "at least" if more_is_better else "at most"
            yield f"{METRICS[name].description}: {mean:.4g}, and the profile wants {bound} {floor:g}"


def _describe_difference(comparison: Comparison) -> str:
    unit = {"seconds": " s", "cost": " US dollars"}.get(comparison.name, "")
    means = f"{comparison.challenger:.4g}{unit} against {comparison.champion:.4g}{unit}"
    return f"{means}, a difference of {comparison.low:+.4g} to {comparison.high:+.4g}"


def _describe_weakness(comparisons: Sequence[Comparison]) -> str:
    """What is said of measures that so few rows have that no test could tell."""
    needed = next(n for n in range(100) if _can_show_difference(n, SIGNIFICANCE / max(1, len(comparisons))))
    few = [f"{comparison.name} ({comparison.rows})" for comparison in comparisons if comparison.rows < needed]
    return f"fewer than {needed} rows cannot show that anything got worse: {', '.join(few)}" if few else ""
