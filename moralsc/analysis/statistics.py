"""Figures with intervals, and the tests that libraries compute: Wilson, bootstrap, McNemar, Holm.

Formulas of the benchmarks stand in their own modules. scipy and statsmodels take a second to import, so that functions
import them: whoever only names a figure does not wait. Intervals treat items as independent draws; items made from one
template are not quite that, so that the true intervals are, if anything, wider.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Statistic = Callable[..., Any]
"""(*samples, axis) -> the statistic along that axis."""

NONE: Mapping[str, int] = MappingProxyType({})
LEVEL = 0.95
_BATCH = 100_000  # numbers drawn at a time while resampling: as many as a processor keeps close
_BATCH_OF_SEVERAL = 2_000_000  # samples of strata are drawn in turns, so that this one moves their intervals a little
_DEFINED = 0.95  # share of resamples in which the statistic must exist


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        value: None where it is not defined; never 0 in its place.
        low, high: 95 % interval, None where there is none (no value, or too few observations).
        n: what the value is computed from: items, answers that name a person, occupations or students.
        excluded: reason -> how many are left out for it.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    excluded: Mapping[str, int] = field(default_factory=lambda: NONE)


@dataclass(frozen=True)
class Resampling:
    """How intervals are bootstrapped. The same settings and rows give the same interval, in whatever order."""

    resamples: int = 2000
    seed: int = 0


DEFAULT = Resampling()
Bounds = tuple[float | None, float | None]
_NO_BOUNDS: Bounds = (None, None)


def wilson(count: float, n: int) -> Bounds:
    """95 % interval of a share (Wilson 1927), by statsmodels; it holds count / n, and ends there at 0 and at 1."""
    if not n:
        return _NO_BOUNDS
    from statsmodels.stats.proportion import proportion_confint

    return _holding(count / n, proportion_confint(count, n, alpha=1 - LEVEL, method="wilson"), least=0.0)


def share(hits: int, n: int, excluded: Mapping[str, int] = NONE) -> Figure:
    """hits / n with its Wilson interval; null for n = 0."""
    return Figure(hits / n if n else None, *wilson(hits, n), n, excluded)


def newcombe(hits: int, n: int, other_hits: int, other_n: int) -> Bounds:
    """95 % interval of hits/n - other_hits/other_n for independent samples (Newcombe 1998), by statsmodels.

    It holds the difference, and ends there at -1 and at 1.
    """
    if not n or not other_n:
        return _NO_BOUNDS
    from statsmodels.stats.proportion import confint_proportions_2indep

    pair = confint_proportions_2indep(hits, n, other_hits, other_n, method="newcomb", compare="diff", alpha=1 - LEVEL)
    return _holding(hits / n - other_hits / other_n, pair, least=-1.0)


def bootstrap(
    samples: Sequence[Array], statistic: Statistic, how: Resampling = DEFAULT, paired: bool = False
) -> Bounds:
    """95 % percentile interval by scipy.

    Args:
        samples: one or more; each is resampled on its own (strata), or all by the same places if `paired`.
        statistic: see `Statistic`; nan where it does not exist.

    Returns:
        (None, None) if a sample has fewer than two observations, or the statistic exists in too few resamples.
    """
    if not samples or min(map(len, samples)) < 2:
        return _NO_BOUNDS
    from scipy import stats

    ordered = _ordered(samples, paired)
    batch = _BATCH if paired or len(samples) == 1 else _BATCH_OF_SEVERAL
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy on degenerate resamples, which are dealt with below
        done = stats.bootstrap(
            ordered,
            statistic,
            n_resamples=how.resamples,
            batch=max(1, batch // sum(map(len, ordered))),
            method="percentile",
            paired=paired,
            vectorized=True,
            rng=np.random.default_rng(how.seed),
        )
    drawn = np.asarray(done.bootstrap_distribution)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < _DEFINED * how.resamples:
        return _NO_BOUNDS
    tail = 100 * (1 - LEVEL) / 2
    return _bounds(np.percentile(drawn, (tail, 100 - tail)))


def estimate(
    samples: Sequence[Array],
    statistic: Statistic,
    how: Resampling = DEFAULT,
    excluded: Mapping[str, int] = NONE,
    paired: bool = False,
    n: int | None = None,
) -> Figure:
    """The statistic with its bootstrap interval; null if a sample is empty or the statistic does not exist.

    Args:
        n: what the figure reports as n, None for the number of observations.
    """
    if n is None:
        n = len(samples[0]) if paired else sum(map(len, samples))
    if not samples or not all(map(len, samples)):
        return Figure(None, None, None, n, excluded)
    with np.errstate(all="ignore"):
        value = float(statistic(*samples, axis=-1))
    if not math.isfinite(value):
        return Figure(None, None, None, n, excluded)
    return Figure(value, *bootstrap(samples, statistic, how, paired), n, excluded)


def mean(sample: Array, axis: int = -1) -> Any:
    """The mean, as a Statistic."""
    return np.mean(sample, axis=axis)


def median(values: Iterable[float], excluded: Mapping[str, int] = NONE) -> Figure:
    """The median with its percentile bootstrap interval, without drawing: null for no values, no interval for one.

    A resample's median is one of the observations, and how often which one is known: with m the rank of the middle,
    P(median* <= x_(k)) = I_{k/n}(m, n + 1 - m), the incomplete beta function. Of an even number the ends are those of
    the lower and of the upper middle, so that the interval is never too narrow. Sources: Efron 1979, Annals of
    Statistics 7, 1-26; Maritz and Jarrett 1978, JASA 73, 194-196.
    """
    ordered = np.sort(np.fromiter(values, dtype=float))
    n = len(ordered)
    if n < 2:
        return Figure(float(ordered[0]) if n else None, *_NO_BOUNDS, n, excluded)
    low, high = _median_ranks(n)
    return Figure(float(np.median(ordered)), float(ordered[low]), float(ordered[high]), n, excluded)


@lru_cache(1024)
def _median_ranks(n: int) -> tuple[int, int]:
    """The places, from 0, of the ends of a median's interval among n ordered values."""
    from scipy import special

    tail = (1 - LEVEL) / 2
    ends = ((n + 1) // 2, tail), (n // 2 + 1, 1 - tail)
    low, high = (math.ceil(n * special.betaincinv(m, n + 1 - m, q)) - 1 for m, q in ends)
    return low, high


def mcnemar(lost: int, won: int) -> float:
    """Two-sided p of McNemar's exact test, by statsmodels: are changes either way equally likely? 1 without any."""
    from statsmodels.stats.contingency_tables import mcnemar as test

    return float(test([[0, lost], [won, 0]], exact=True).pvalue) if lost + won else 1.0


def binomial(hits: int, n: int) -> float | None:
    """Two-sided p of the exact binomial test against one half, by scipy; None for n = 0."""
    from scipy import stats

    return float(stats.binomtest(hits, n).pvalue) if n else None


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """p-values corrected for their number (Holm 1979), in the order given.

    As statsmodels' multipletests gives them, which collects the whole process's garbage at every call: a third of a
    second each time, nearly all that measuring a run took.
    """
    order = np.argsort(p_values)
    grown = np.maximum.accumulate(np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1))
    return tuple(np.minimum(grown, 1.0)[np.argsort(order)].tolist())


def needed(lost: int, won: int, n: int, power: float = 0.8, alpha: float = 0.05) -> int | None:
    """How many pairs McNemar's test would need to find the observed difference.

    n = (z_a sqrt(d) + z_b sqrt(d - e^2))^2 / e^2 with d = (lost + won) / n, e = (won - lost) / n, z_a the normal
    quantile of 1 - alpha/2, z_b that of `power`. Source: Connor 1987, Biometrics 43, 207-211.

    Returns:
        The number, rounded up; None where no difference was observed.
    """
    if not n or lost == won:
        return None
    from scipy import stats

    d, e = (lost + won) / n, (won - lost) / n
    z_a, z_b = (float(stats.norm.ppf(q)) for q in (1 - alpha / 2, power))
    return math.ceil((z_a * math.sqrt(d) + z_b * math.sqrt(d - e * e)) ** 2 / (e * e))


def _ordered(samples: Sequence[Array], paired: bool) -> tuple[Array, ...]:
    # Sorted, so that a seeded interval does not hang on the order in which items were asked.
    if not paired:
        return tuple(np.sort(sample) for sample in samples)
    places = np.lexsort(tuple(samples))
    return tuple(np.asarray(sample)[places] for sample in samples)


def _holding(value: float, pair: Any, least: float) -> Bounds:
    """The interval without the rounding by which its ends can miss the value, or leave [least, 1]."""
    low, high = (float(x) for x in pair)
    return max(least, min(low, value)), min(1.0, max(high, value))


def _bounds(pair: Any) -> Bounds:
    low, high = (float(x) for x in pair)
    return low, high
