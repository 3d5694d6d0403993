"""Position: answers by the place of the option that they name, with n, intervals and what each can say."""

import pytest

from moralsc.analysis.position import Tally, tally
from moralsc.analysis.results import Result
from moralsc.analysis.statistics import wilson


def asked(*places: int, why: tuple[str, ...] = ()) -> Result:
    return Result("bbq", "i", "Age", places=places, unplaced=why)


def test_shares_are_over_answers_with_wilsons_interval_and_what_is_missing_is_named() -> None:
    found = tally(
        [asked(1, 2, 0), asked(3, 0, 0), asked(0, 1, 0, why=("tied", "unparsed")), asked(0, 0, 0, why=("tied",))]
    )
    shares = found.shares()
    assert [(place, f.value, f.n) for place, f in shares.items()] == [
        ("1st", pytest.approx(4 / 7), 7),
        ("2nd", pytest.approx(3 / 7), 7),
        ("3rd", 0.0, 7),
    ]
    for hits, figure in zip((4, 3, 0), shares.values(), strict=True):
        assert (figure.low, figure.high) == wilson(hits, 7)
        assert figure.excluded == {"tied": 2, "unparsed": 1}


def test_without_an_answer_a_share_is_undefined_and_not_nothing() -> None:
    figures = tally([asked(0, 0, why=("failed",))]).shares()
    assert {(f.value, f.low, f.n) for f in figures.values()} == {(None, None, 0)}


def test_answers_whose_options_stood_nobody_knows_how_are_in_no_share() -> None:
    assert tally([asked(), asked()]) == Tally()
    assert Tally().shares() == {}
    assert Tally().sentence == ""


def test_one_order_confounds_places_with_options_and_several_have_an_even_share() -> None:
    assert "cannot be told apart" in tally([asked(1, 0, 0), asked(0, 1, 0)]).sentence
    assert "each of the 3 places would hold .33" in tally([asked(1, 1, 1)]).sentence
    assert "each of the 2 places would hold .50" in tally([asked(1, 1)]).sentence
    assert "cannot be told apart" in tally([asked(0, 0, 0, why=("tied",))]).sentence


def test_tallies_add_up() -> None:
    one, two = [asked(1, 0, 0, why=("tied",))], [asked(0, 2, 1), asked(1, 0)]
    assert tally(one) + tally(two) == tally([*one, *two])
    assert sum((tally(rows) for rows in (one, two)), Tally()) == tally([*one, *two])
