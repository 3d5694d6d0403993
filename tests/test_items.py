"""What an item and its conditions are, as plain records."""

import pytest

from moralsc.items import BASELINE, Condition


@pytest.mark.parametrize(("correction", "round"), [(BASELINE, 0), ("cot", 0), ("cot", 1), ("specificity-0", 12)])
def test_a_condition_is_its_own_text_and_is_read_back_from_it(correction: str, round: int) -> None:
    condition = Condition.of(correction, round)
    again = Condition(str(condition))
    assert (again, again.correction, again.round) == (condition, correction, round)
    assert {condition: 1}[str(condition)] == 1


@pytest.mark.parametrize(
    "text", ["cot, round x", "cot, round ²", "cot, round -1", "cot, round " + "9" * 99, ", round "]
)
def test_what_is_no_round_is_none(text: str) -> None:
    assert Condition(text).round == 0
