"""The options' mass: medians and shares by hand, and intervals that are those of a drawn bootstrap."""

from dataclasses import replace

import numpy as np
import pytest
from batch.made import bbq, record
from scipy import stats

from moralsc.analysis.correction import compare
from moralsc.analysis.mass import CORRECTED, cells, masses, median_mass, with_interval
from moralsc.analysis.results import Missing, Result
from moralsc.analysis.statistics import median, wilson
from moralsc.answers import SMALL_MASS, is_small
from moralsc.batch.results import By, results, to_result
from moralsc.items import BASELINE


def answers(*given: float | None, correction: str = BASELINE) -> list[Result]:
    return [Result("bbq", str(k), "Age", mass=mass, correction=correction) for k, mass in enumerate(given)]


@pytest.mark.parametrize("n", [3, 5, 25, 101])
def test_a_medians_interval_is_that_of_a_drawn_bootstrap(n: int) -> None:
    values = np.random.default_rng(n).random(n)
    found = median(values)
    drawn = stats.bootstrap((values,), np.median, n_resamples=100_000, batch=10_000, method="percentile", rng=n)
    ordered = np.sort(values).tolist()
    # Each end is an observation, and may be its neighbour where the tail ends almost between the two.
    for mine, theirs in zip((found.low, found.high), drawn.confidence_interval, strict=True):
        assert abs(ordered.index(mine) - np.searchsorted(ordered, theirs)) <= (n > 5)
    assert (found.value, found.n) == (np.median(values), n)


@pytest.mark.parametrize("n", [2, 4, 30, 100])
def test_of_an_even_number_the_interval_is_never_narrower_than_the_drawn_one(n: int) -> None:
    values = np.random.default_rng(n).random(n)
    found = median(values)
    drawn = stats.bootstrap((values,), np.median, n_resamples=20_000, batch=10_000, method="percentile", rng=n)
    assert found.low <= drawn.confidence_interval.low <= drawn.confidence_interval.high <= found.high  # type: ignore[operator]


def test_a_median_lies_in_its_interval_whose_ends_are_observations() -> None:
    for n in range(2, 200):
        found = median(range(n))
        assert found.low <= found.value <= found.high  # type: ignore[operator]
        assert {found.low, found.high} <= set(range(n))


def test_a_median_of_nothing_is_null_and_of_one_value_has_no_interval() -> None:
    assert (median([]).value, median([]).n) == (None, 0)
    assert (median([0.3]).value, median([0.3]).low, median([0.3]).high) == (0.3, None, None)


def test_groups_are_the_baseline_and_all_corrections_together() -> None:
    conditions = {
        BASELINE: answers(0.2, 0.4, 0.9),
        "cot": answers(0.6, 0.7, 0.1, correction="cot"),
        "cot, round 1": answers(0.8, 0.9, 0.95, correction="cot, round 1"),
    }
    before, after = masses(conditions)
    assert (before.asked, before.median.value, before.median.n) == (BASELINE, 0.4, 3)
    assert (before.small.value, before.small.low, before.small.high) == (2 / 3, *wilson(2, 3))
    assert (after.asked, after.median.value, after.median.n) == (CORRECTED, pytest.approx(0.75), 6)
    assert (after.small.value, after.small.n) == (1 / 6, 6)


def test_what_has_no_mass_is_counted_by_its_reason_and_no_zero() -> None:
    rows = [*answers(0.8, None), replace(answers(None)[0], missing=Missing.FAILED, reason="too long")]
    (found,) = masses({BASELINE: rows})
    expected = {"failed: too long": 1, "no probabilities": 1}
    assert (found.median.value, found.median.n, found.median.excluded) == (0.8, 1, expected)
    assert (found.small.value, found.small.n, found.small.excluded) == (0, 1, expected)
    assert cells(found)[-1] == "1 failed: too long, 1 no probabilities"


def test_a_group_without_any_mass_has_no_figure() -> None:
    assert masses({BASELINE: answers(None, None), "cot": []}) == ()
    assert with_interval(median_mass(answers(None))) == ""


def test_half_is_not_less_than_half_and_unknown_is_not_small() -> None:
    assert [is_small(m) for m in (0.0, SMALL_MASS - 1e-9, SMALL_MASS, 1.0, None)] == [True, True, False, False, False]


@pytest.mark.parametrize("by", By)
def test_an_items_mass_is_the_mean_over_its_orders(by: By) -> None:
    orders = [record("biased", order=o, mass=m, outcome="option", label="a", said_role="stereotyped")
              for o, m in (("abc", 0.3), ("bca", 0.5), ("cab", 1.0))]  # fmt: skip
    (found,) = results(orders, by)
    assert found.mass == pytest.approx(0.6)
    assert [to_result(r, by).mass for r in orders] == [0.3, 0.5, 1.0]
    (unknown,) = results([*orders, replace(orders[0], order="acb", mass=None)], by)
    assert unknown.mass is None, "a mean over some of the orders would be another figure"
    (failed,) = results([*orders, record("failed", order="acb")], by)
    assert (failed.missing, failed.mass) == (Missing.FAILED, None)


def test_records_of_small_mass_on_either_side_are_known_to_a_comparison_and_its_counts_stay() -> None:
    before = bbq(["unknown", "unknown", "biased", "biased"])
    after = bbq(["biased", "biased", "unknown", "unknown"], "cot")
    before[0], after[2] = replace(before[0], mass=0.2), replace(after[2], mass=0.4)
    after[3] = replace(after[3], mass=None)
    test = compare([to_result(r) for r in before], [to_result(r) for r in after])
    assert (test.lost, test.won, test.small_mass) == (2, 2, {"0", "2"})
    assert [test.ranked(test.flips[cell]) for cell in ((True, False), (False, True))] == [("1",), ("3",)]
    assert test.ranked(test.flips[True, False], small_mass=True) == ("0", "1")
