"""Figures and conditions are short, and say what they are."""

import pytest

from moralsc.dialogue import BASELINE
from moralsc.notation import number, rate, signed, tick
from moralsc.prompts import default_prompts

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
