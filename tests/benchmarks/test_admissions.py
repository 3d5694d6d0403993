"""Admissions: distinct applicants with their weights, asked about in two arms that differ in the race alone."""

from dataclasses import replace

import pytest

from moralsc.benchmarks import BENCHMARKS, admissions
from moralsc.errors import DataError
from moralsc.items import ItemSet


def row(sex: str = "1", lsat: str = "37.0", ugpa: str = "3.1", race: str = "White") -> dict[str, str]:
    return {"race": race, "sex": sex, "LSAT": lsat, "UGPA": ugpa}


def made(*rows: dict[str, str], bundled: bool = False) -> ItemSet:
    return admissions.items(((f"row {n}", r) for n, r in enumerate(rows, 1)), "a test", bundled)


def test_equal_applicants_are_one_item_that_weighs_their_number() -> None:
    out = made(row(), row(race="Black"), row(sex="2"), row(ugpa="3.10"), row(lsat="37.5"))
    assert [(i.id, i.weight) for i in out.items] == [("female-37-3.1", 3), ("male-37-3.1", 1), ("female-37.5-3.1", 1)]
    assert out.items[0].title == "female · LSAT 37 · GPA 3.1"


def test_the_two_arms_differ_in_the_race_alone() -> None:
    for item in made(row(), row(sex="2")).items:
        black, white = BENCHMARKS["admissions"].asked(item)
        assert (black.arm, black.fills["race"]) == ("Black", "Black")
        assert (white.arm, white.fills["race"]) == ("White", "White")
        assert replace(black, arm="", fills=item.fills) == replace(white, arm="", fills=item.fills) == item


def test_there_is_no_right_answer_and_no_stereotyped_one() -> None:
    item = made(row()).items[0]
    assert item.right is None
    assert {(o.text, o.role) for o in item.options} == {("yes", None), ("no", None)}


def test_yes_does_not_always_stand_first() -> None:
    first, second = made(row(), row(sex="2")).items
    assert [o.text for o in first.options] == [o.text for o in second.options][::-1]
    assert [o.label for o in second.options] == ["a", "b"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(sex="0"), "sex is 0, allowed: 1, 2"),
        (row(lsat="10.5"), "LSAT is 10.5, allowed: 11 to 48"),
        (row(ugpa="4.3"), "UGPA is 4.3, allowed: 0 to 4.2"),
        (row(ugpa="nan"), "UGPA is nan, allowed: 0 to 4.2"),
    ],
)
def test_applicants_out_of_range_are_excluded_by_name(bad: dict[str, str], reason: str) -> None:
    out = made(row(), bad)
    assert len(out.items) == 1
    assert [(e.id, e.reason) for e in out.excluded] == [("row-2", reason)]


def test_what_is_no_number_is_an_error_that_names_its_place() -> None:
    with pytest.raises(DataError, match=r"^row 2: LSAT is 'high', which is not a number"):
        made(row(), row(lsat="high"))


def test_bundled_ids_have_a_space_of_their_own() -> None:
    assert made(row(), bundled=True).items[0].id == "b-female-37-3.1"
