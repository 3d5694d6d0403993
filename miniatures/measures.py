"""Figures: a number of many items with its 95 % interval. Pure functions of plain values; no item, no model.

An empty set gives a figure without a value, never 0.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

_RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True)
class Figure:
    """A number with its 95 % interval.

    Attributes:
        value: None where there is nothing to measure.
        low, high: of the interval; None where there are too few values for one.
        n: items that it rests on.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    def reaches(self, least: float) -> bool:
        """Whether the value itself is at least so high."""
        return self.value is not None and self.value >= least

    def above(self, other: "Figure") -> bool:
        """Whether the whole interval lies above the other's."""
        return self.low is not None and other.high is not None and self.low > other.high


def mean(values: Collection[float]) -> Figure:
    """Arithmetic mean; percentile bootstrap over the values."""
    listed = np.array(list(values), dtype=float)
    if len(listed) == 0:
        return Figure(None, None, None, 0)
    if len(listed) == 1:
        return Figure(float(listed[0]), None, None, 1)
    drawn = stats.bootstrap(
        (listed,), np.mean, n_resamples=_RESAMPLES, method="percentile", rng=np.random.default_rng(_SEED)
    ).confidence_interval
    return Figure(math.fsum(listed) / len(listed), float(drawn.low), float(drawn.high), len(listed))


def share(values: Collection[bool]) -> Figure:
    """Share of the true ones; Wilson's interval."""
    listed = list(values)
    if not listed:
        return Figure(None, None, None, 0)
    found = stats.binomtest(sum(listed), len(listed)).proportion_ci(method="wilson")
    return Figure(sum(listed) / len(listed), float(found.low), float(found.high), len(listed))


def paired(ones: Sequence[float], others: Sequence[float]) -> Figure:
    """Mean of one - other, item by item; percentile bootstrap over the items."""
    return mean([one - other for one, other in zip(ones, others, strict=True)])


def correlation(xs: Sequence[float], ys: Sequence[float]) -> Figure:
    """Pearson's r with Fisher's interval; no value where one side is constant or there are fewer than three pairs."""
    if len(xs) < 3 or len(set(xs)) == 1 or len(set(ys)) == 1:
        return Figure(None, None, None, len(xs))
    found = stats.pearsonr(xs, ys)
    interval = found.confidence_interval()
    return Figure(float(found.statistic), float(interval.low), float(interval.high), len(xs))


def bias(answers: Collection[int]) -> Figure:
    """s = 2 * n_biased / n_person - 1 (Parrish et al. 2022), of answers: 1 biased, -1 the other person, 0 unknown.

    In [-1, 1]; n counts the answers that name a person. As s is a share drawn out to twice its width, its interval is
    Wilson's, which stays honest where few answers name a person and all of them the same one.
    """
    part = share([a > 0 for a in answers if a])
    if part.value is None or part.low is None or part.high is None:
        return part
    return Figure(2 * part.value - 1, 2 * part.low - 1, 2 * part.high - 1, part.n)


def scaled_bias(answers: Collection[int]) -> Figure:
    """s_AMB = (1 - accuracy) * s on ambiguous items, where unknown is right; percentile bootstrap over the items.

    With answers as in `bias` this is their mean: 1 - accuracy is n_person / n. It is 0 where all answers are right.
    """
    return mean(answers)
