"""Comparing: what stands against what, that nothing is lost, and that tests are those of the analysis."""

from dataclasses import replace
from typing import Any

import pytest
from batch.made import admissions, bbq, by_item

from moralsc.analysis.statistics import Resampling, mcnemar, needed
from moralsc.batch.results import By
from moralsc.errors import InputError
from moralsc.reports.pairs import Compared, Wanted, compare_runs, records, squares, table
from moralsc.reports.runs import Run, run_of

FEW = Resampling(resamples=100)
BEFORE = ["unknown", "unknown", "biased", "biased", "counter", "failed"]
AFTER = ["unknown", "biased", "unknown", "unknown", "unknown", "unknown"]
ONE = by_item([*bbq(BEFORE), *bbq(AFTER, "specificity-0"), *bbq(["biased"] * 6, "negation-0")])


def run(found: object = ONE, name: str = "a") -> Run:
    return run_of(found, name, By.PROBABILITY)  # type: ignore[arg-type]


def compared(a: Run, b: Run | None = None, left: str = "", *right: str) -> Compared:
    return compare_runs(a, b or a, Wanted.read(left), [Wanted.read(text) for text in right], FEW)


def test_two_conditions_give_the_square_of_right_and_wrong_with_its_items() -> None:
    (pair,) = compared(run(), None, "real/baseline", "real/specificity-0").pairs
    assert pair.test is not None
    assert pair.test.flips[True, False] == ("1",)
    assert pair.test.flips[False, True] == ("2", "3", "4")
    assert pair.test.p == mcnemar(1, 3)
    assert pair.test.needed == needed(1, 3, 5)
    assert dict(pair.test.excluded) == {"failed: failed": 1}
    right, roles = squares(pair)
    assert right == [("a \\ b", "right", "wrong"), ("right", "1", "1"), ("wrong", "3", "0")]
    assert sum(int(cell) for row in roles[1:] for cell in row[1:]) == 5


def small(item: str, correction: str = "baseline") -> list[object]:
    return [replace(r, mass=0.2 if (r.item, r.correction) == (item, correction) else 0.9) for r in ONE]


def test_a_pair_says_what_the_options_hold_on_both_sides() -> None:
    (pair, _) = compared(run([replace(r, mass=0.3) if r.correction == "baseline" and r.mass else r for r in ONE])).pairs
    assert [(m.value, m.n) for m in pair.masses] == [(0.3, 5), (0.9, 6)]
    header, row, _ = table(compared(run()))
    assert (header[-2:], row[-2]) == (("mass a", "mass b"), "90 % (90 % to 90 %; n = 5)")
    first, _ = records(compared(run()))
    assert (first["mass"]["a"]["value"], first["mass"]["a"]["excluded"]) == (0.9, {"failed: failed": 1})


def test_medians_below_half_are_counted_once_a_condition() -> None:
    before = [replace(r, mass=0.3) if r.correction == "baseline" else r for r in ONE]
    (note,) = compared(run(before)).notes
    assert note.startswith("In 1 of 3 conditions and their items the options hold less than half")
    assert compared(run()).notes == ()


def test_plain_values_name_the_items_of_small_mass_and_keep_every_count() -> None:
    for correction, named in (("baseline", [["2"], ["2"]]), ("specificity-0", [["2"], []])):
        found = records(compared(run(small("2", correction))))
        assert [plain["small_mass"] for plain in found] == named
        assert [plain["flips"] for plain in found] == [plain["flips"] for plain in records(compared(run()))]


def test_every_other_condition_stands_against_the_baseline_and_p_is_corrected_for_all() -> None:
    found = compared(run()).pairs
    assert [(p.a.condition, p.b.condition) for p in found] == [
        ("baseline", "specificity-0"),
        ("baseline", "negation-0"),
    ]
    assert all(p.test and p.test.p_holm is not None and p.test.p and p.test.p_holm >= p.test.p for p in found)


def test_sides_may_be_swapped_and_the_difference_turns_round() -> None:
    (pair,) = compared(run(), None, "/specificity-0", "/baseline").pairs
    (other,) = compared(run(), None, "/baseline", "/specificity-0").pairs
    assert pair.test is not None
    assert other.test is not None
    assert (pair.test.lost, pair.test.won) == (other.test.won, other.test.lost)
    assert pair.figure.value == pytest.approx(-other.figure.value)  # type: ignore[operator]


def test_two_runs_join_by_benchmark_source_and_item_and_what_has_no_partner_is_said() -> None:
    fewer = [r for r in ONE if r.item != "0"] + bbq(["unknown"], start=77)
    (pair, *_) = compared(run(), run(fewer, "b")).pairs
    assert pair.test is not None
    assert (pair.a.run, pair.b.run) == ("a", "b")
    assert pair.test.excluded["not in both conditions"] == 2
    assert pair.figure.value == 0
    with pytest.raises(InputError, match="no benchmark was asked in both"):
        compared(run(), run([replace(r, source="bundled") for r in ONE], "b"))


def test_rounds_are_conditions_of_their_own() -> None:
    rounds = [replace(r, round=2) for r in bbq(["biased"] * 6, "specificity-0")]
    (pair,) = compared(run(by_item([*ONE, *rounds])), None, "real/specificity-0", "real/specificity-0/2").pairs
    assert pair.b.condition == "specificity-0, round 2"


def test_the_gap_of_admissions_is_compared_in_pairs() -> None:
    rows = by_item([*admissions([0.2, 0.0, 0.4]), *admissions([0.1, 0.1, 0.1], "cot")])
    (pair,) = compared(run(rows)).pairs
    assert pair.test is None
    assert pair.figure.value == pytest.approx(-0.1)
    assert pair.figure.n == 3
    assert squares(pair) == []
    assert len(table(Compared((pair,), ()))) == 2


@pytest.mark.parametrize(
    ("left", "right", "says"),
    [
        ("reel/baseline", (), "Did you mean 'real'"),
        ("real/specificty-0", (), "Did you mean 'specificity-0'"),
        ("real/baseline", ("real/cot",), "There is no condition"),
        ("real/specificity-0/follwo-up", (), "Did you mean 'follow-up'"),
        ("real/specificity-0/single-turn", (), "in mode follow-up"),
        ("a/b/1/follow-up/2", (), "Write MODEL/CORRECTION"),
        ("real//2", (), "Write MODEL/CORRECTION"),
    ],
)
def test_what_is_not_there_is_named(left: str, right: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        compared(run(), None, left, *right)


def test_one_of_several_models_has_to_be_named() -> None:
    two = run([*ONE, *(replace(r, model="other") for r in ONE)])
    with pytest.raises(InputError, match="Name one: real, other"):
        compared(two, None, "/baseline", "/specificity-0")
    (pair,) = compared(two, None, "real/baseline", "other/baseline").pairs
    assert pair.figure.value == 0


def test_scores_by_label_and_by_text_are_never_compared() -> None:
    with pytest.raises(InputError, match="never compared"):
        compared(run(), run([replace(r, scored_by="label") for r in ONE], "b"))


def test_plain_values_hold_every_item_once() -> None:
    for plain in records(compared(run())):
        for cells in (plain["flips"], plain["roles"]):
            items = [item for cell in cells for item in cell["items"]]
            assert sorted(items) == sorted(set(items))
            assert len(items) == plain["n"]
        assert plain["n"] + sum(plain["excluded"].values()) == 6


def test_runs_are_worded_alike_where_they_share_texts_and_an_earlier_build_says_nothing() -> None:
    def head(**texts: str) -> dict[str, dict[str, Any]]:
        return {"prompts": {"name": "x", "hash": str(texts), "texts": texts}}

    old = {"prompts": {"name": "x", "hash": "0bc419eda8d4"}}
    for first, second, noted in (
        (head(bbq="1", cot="2"), head(bbq="1", rounds="3"), False),
        (head(bbq="1"), head(bbq="2"), True),
        (old, head(bbq="1"), False),
        (old, {"prompts": {"name": "x", "hash": "1111aaaa2222"}}, True),
    ):
        a, b = (replace(made, head=said) for made, said in zip((run(), run(name="b")), (first, second), strict=True))
        assert any("worded alike" in note for note in compared(a, b).notes) is noted
