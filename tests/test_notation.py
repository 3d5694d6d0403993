"""Figures and conditions are short, and say what they are."""

import pytest

from moralsc.items import BASELINE
from moralsc.notation import left_out, number, options_hold, percent, rate, signed
from moralsc.prompts import default_prompts, tick

PROMPTS = default_prompts()


@pytest.mark.parametrize(
    ("each_second", "shown"),
    [(85.2, "85 a second"), (4.25, "4.2 a second"), (0.25, "15 a minute"), (0.05, "3.0 a minute"), (0, "0.0 a minute")],
)
def test_a_rate_is_told_by_the_second_or_where_it_is_slow_by_the_minute(each_second: float, shown: str) -> None:
    assert rate(each_second) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, ".00"), (0.004, ".00"), (0.05, ".05"), (0.5, ".50"), (0.996, "1.00"), (1, "1.00"), (0.994, ".99")],
)
def test_a_share_has_two_decimals_and_no_leading_zero(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, ".00"), (0.004, ".00"), (-0.004, ".00"), (0.12, "+.12"), (-0.12, "−.12"), (1, "+1.00"), (-1, "−1.00")],
)
def test_a_change_has_its_sign_unless_it_is_none(value: float, shown: str) -> None:
    assert signed(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        *[(0, "0 %"), (0.001, "under 1 %"), (0.006, "1 %"), (0.274, "27 %"), (0.4999, "under 50 %"), (0.5, "50 %")],
        *[(0.504, "50 %"), (0.994, "99 %"), (0.9999, "over 99 %"), (1, "100 %"), (1 + 1e-12, "100 %")],
    ],
)
def test_a_percentage_is_whole_and_never_rounded_to_none_half_or_all(share: float, shown: str) -> None:
    assert percent(share) == shown


def test_less_than_half_is_said_in_words_and_half_is_not() -> None:
    assert options_hold(0.274).startswith("The options hold 27 % of the probability: left alone,")
    assert options_hold(0.4999).startswith("The options hold under 50 % of the probability: left alone,")
    assert options_hold(0.5) == "The options hold 50 % of the probability."


def test_what_a_ranking_leaves_out_is_counted_and_nothing_is_not_said() -> None:
    assert left_out(0) == ""
    assert left_out(1).startswith("1 item left out: the options hold less than half")
    assert left_out(12).startswith("12 items left out:")


@pytest.mark.parametrize(
    ("id", "shown"),
    [
        *[("specificity-0", "0"), ("specificity-3", "3"), ("negation-0", "−0"), ("negation-2", "−2")],
        *[("baseline", "Q"), ("cot", "CoT"), ("match-stats", "stats"), ("review", "review"), ("custom", "own")],
        *[("cot, round 2", "CoT·2"), ("negation-1, round 3", "−1·3")],
    ],
)
def test_a_tick_is_short(id: str, shown: str) -> None:
    assert tick(id, PROMPTS.corrections) == shown


def test_every_correction_has_a_tick_of_its_own() -> None:
    ticks = [tick(id, PROMPTS.corrections) for id in (BASELINE, *PROMPTS.corrections)]
    assert len(set(ticks)) == len(ticks)
