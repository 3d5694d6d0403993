"""Statistics: small cases computed by hand, and intervals that hang on nothing but rows and seed."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from moralsc.analysis import statistics
from moralsc.analysis.statistics import Resampling, bootstrap, estimate, holm, mcnemar, mean, needed, newcombe, share

FEW = Resampling(200, seed=5)
VALUES = np.linspace(0, 1, 37) ** 2


def test_mcnemars_p_is_the_two_sided_binomial_of_the_changes() -> None:
    assert mcnemar(1, 5) == pytest.approx(2 * (1 + 6) / 2**6)
    assert mcnemar(5, 1) == mcnemar(1, 5)
    assert mcnemar(0, 4) == pytest.approx(2 / 2**4)
    assert mcnemar(3, 3) == mcnemar(0, 0) == 1


def test_holm_multiplies_by_the_number_that_is_left_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([]) == ()


def test_holm_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(5)
    for size in (1, 2, 7, 40):
        p = rng.random(size).round(1)  # with ties
        assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1])


def test_the_number_of_items_that_a_difference_needs() -> None:
    # d = .3, e = .1: (1.95996 * sqrt(.3) + .84162 * sqrt(.29)) ** 2 / .01
    assert needed(10, 20, 100) == math.ceil((1.959964 * math.sqrt(0.3) + 0.841621 * math.sqrt(0.29)) ** 2 / 0.01)
    assert needed(20, 10, 100) == needed(10, 20, 100)
    assert needed(10, 10, 100) is None
    assert needed(0, 0, 0) is None


def test_a_share_of_nothing_is_null() -> None:
    assert share(0, 0) == share(0, 0, {})
    assert share(0, 0).value is share(0, 0).low is None
    assert share(0, 5).value == 0


def test_a_share_lies_in_its_interval_which_ends_at_0_and_at_1_exactly() -> None:
    for n in range(1, 4000):
        none, whole = share(0, n), share(n, n)
        assert none.low == none.value == 0 < none.high  # type: ignore[operator]
        assert whole.low < whole.value == whole.high == 1  # type: ignore[operator]
    for n in range(1, 60):
        for figure in (share(hits, n) for hits in range(n + 1)):
            assert 0 <= figure.low <= figure.value <= figure.high <= 1  # type: ignore[operator]


def test_a_difference_of_shares_lies_in_its_interval() -> None:
    for n in (*range(1, 30), 300, 3000):
        for m in (1, 7, 50, 999):
            for hits, other in ((0, 0), (0, m), (n, 0), (n, m), (n // 2, m // 3)):
                value = hits / n - other / m
                low, high = newcombe(hits, n, other, m)
                assert -1 <= low <= value <= high <= 1  # type: ignore[operator]


def test_an_interval_hangs_on_rows_and_seed_alone() -> None:
    values = np.arange(12.0)
    first = bootstrap((values,), mean, FEW)
    assert first == bootstrap((values[::-1],), mean, FEW)
    assert first != bootstrap((values,), mean, Resampling(200, seed=6))


def test_one_observation_has_a_value_and_no_interval() -> None:
    figure = estimate((np.array([0.5]),), mean, FEW)
    assert (figure.value, figure.low, figure.high, figure.n) == (0.5, None, None, 1)


def test_an_interval_does_not_hang_on_how_many_numbers_are_drawn_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def intervals() -> list[object]:
        difference = bootstrap((VALUES, VALUES[::-1]), lambda a, b, axis: np.mean(a - b, axis=axis), FEW, paired=True)
        return [bootstrap((VALUES,), mean, FEW), bootstrap((VALUES > 0.5,), mean, FEW), difference]

    whole = intervals()
    for batch in (1, 100):
        monkeypatch.setattr(statistics, "_BATCH", batch)
        assert intervals() == whole
