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
import numpy.typing as npt

from model.config.arguments import suggest
from model.errors import CommandError

from ..evaluation.metrics import MEASURES, Measure, Values

LEVEL = 0.05
_SAMPLES = 4000
_TOLERATED = 1.1
_NOTICED = 0.005  # seconds that a person cannot notice, whatever share of the whole they are
_LEAST = {"seconds": 1e-4, "cost": 1e-7}
_REPEATED = ("recall_at_1",)
"""Not compared: the reciprocal rank says the same and more."""

Floats = npt.NDArray[np.float64]
Outcome = Literal["worse", "same", "better"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of two versions on the same rows; ``low`` and ``high`` bound the difference."""

    name: str
    ours: float
    theirs: float
    low: float
    high: float
    rows: int
    outcome: Outcome

    @property
    def told(self) -> str:
        """On one line."""
        figures = f"{self.ours:9.4g} against {self.theirs:9.4g}   difference [{self.low:+.4f}, {self.high:+.4f}]"
        return f"{self.outcome:8}{self.name:20}{figures}   n={self.rows}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to promote, and why, in words; ``weak`` says what so few rows cannot show."""

    promoted: bool
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    weak: str = ""


def judge(
    ours: Sequence[Values], theirs: Sequence[Values] | None = None, floors: Mapping[str, float] | None = None
) -> Verdict:
    """The verdict on a challenger by its rows, the champion's where there is one, and the floors of its profile.

    Raises CommandError for a floor of what is no measure.
    """
    low = [*_below(ours, floors or {})]
    told = compare(ours, theirs) if theirs else []
    worse = [f"{MEASURES[one.name].words}: {_against(one)}" for one in told if one.outcome == "worse"]
    better = [f"better, {MEASURES[one.name].words}: {_against(one)}" for one in told if one.outcome == "better"]
    reasons = low + worse or better or ["nothing is worse beyond noise" if theirs else "no floor is missed"]
    return Verdict(not (low or worse), tuple(reasons), tuple(told), _weak(told))


def compare(ours: Sequence[Values], theirs: Sequence[Values]) -> list[Comparison]:
    """Each measure that both have, over the rows where both have it."""
    pairs = {name: _pairs(name, ours, theirs) for name in MEASURES if name not in _REPEATED}
    told = {name: pair for name, pair in pairs.items() if pair.size}
    level = LEVEL / max(1, len(told))
    return [_compared(name, pair, level) for name, pair in told.items()]


def _pairs(name: str, ours: Sequence[Values], theirs: Sequence[Values]) -> Floats:
    both = [(one[name], other[name]) for one, other in zip(ours, theirs, strict=True) if name in one and name in other]
    return np.array(both, dtype=np.float64)


def _compared(name: str, pair: Floats, level: float) -> Comparison:
    measure = MEASURES[name]
    mine, other = pair[:, 0], pair[:, 1]
    low, high = _interval(mine - other, level)
    if measure.share:
        outcome: Outcome = _mcnemar(mine, other, level, measure)
    elif not _tellable(int(np.count_nonzero(mine - other)), level):
        outcome = "same"
    elif name in _LEAST:
        outcome = _slower(name, mine, other, level)
    else:
        outcome = "worse" if high < 0 else "better" if low > 0 else "same"
    return Comparison(name, float(mine.mean()), float(other.mean()), low, high, len(pair), outcome)


def _mcnemar(mine: Floats, other: Floats, level: float, measure: Measure) -> Outcome:
    """By the rows in which one has it and the other has not: as likely either way when both are the same."""
    from scipy.stats import binomtest  # a second, which not every promotion needs

    gained, lost = int((mine > other).sum()), int((mine < other).sum())
    if not gained + lost or binomtest(gained, gained + lost).pvalue >= 2 * level:
        return "same"
    return "better" if (gained > lost) == measure.more else "worse"


def _slower(name: str, mine: Floats, other: Floats, level: float) -> Outcome:
    """By the mean ratio, since a second of ten is not a second of two."""
    ratios = np.log(np.maximum(mine, _LEAST[name]) / np.maximum(other, _LEAST[name]))
    low, high = _interval(ratios, level)
    noticed = name != "seconds" or abs(float(np.median(mine - other))) > _NOTICED
    if not noticed or (low <= math.log(_TOLERATED) and high >= -math.log(_TOLERATED)):
        return "same"
    return "worse" if low > 0 else "better"


def _interval(values: Floats, level: float) -> tuple[float, float]:
    """Of the mean, two-sided, with ``level`` at each end."""
    from scipy.stats import bootstrap

    if not np.ptp(values):
        return float(values[0]), float(values[0])
    inside = {"confidence_level": 1 - 2 * level, "method": "percentile", "n_resamples": _SAMPLES, "batch": 100}
    low, high = bootstrap((values,), np.mean, rng=np.random.default_rng(0), **inside).confidence_interval
    return float(low), float(high)


def _tellable(differing: int, level: float) -> bool:
    """Whether so many rows that differ can show anything: all of them one way has a chance of 1 in 2 to that power."""
    return 0.5**differing < level


def _below(ours: Sequence[Values], floors: Mapping[str, float]) -> Iterator[str]:
    """The floors that are missed, and those that nothing was measured for."""
    for name, floor in floors.items():
        if name not in MEASURES:
            raise CommandError(f"the profile's gate names {name}, which is not measured; {suggest(name, MEASURES)}")
        values = [one[name] for one in ours if name in one]
        if not values:
            yield f"{MEASURES[name].words}: the profile wants {floor:g}, and no row measures it"
            continue
        mean, more = sum(values) / len(values), MEASURES[name].more
        if mean < floor if more else mean > floor:
            bound = "at least" if more else "at most"
            yield f"{MEASURES[name].words}: {mean:.4g}, and the profile wants {bound} {floor:g}"


def _against(one: Comparison) -> str:
    unit = {"seconds": " s", "cost": " US dollars"}.get(one.name, "")
    return f"{one.ours:.4g}{unit} against {one.theirs:.4g}{unit}, a difference of {one.low:+.4g} to {one.high:+.4g}"


def _weak(told: Sequence[Comparison]) -> str:
    """What is said of measures that so few rows have that no test could tell."""
    needed = next(n for n in range(100) if _tellable(n, LEVEL / max(1, len(told))))
    few = [f"{one.name} ({one.rows})" for one in told if one.rows < needed]
    return f"fewer than {needed} rows cannot show that anything got worse: {', '.join(few)}" if few else ""
