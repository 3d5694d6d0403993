"""Items behind figures: every one is found, in the order asked for, and its records come back whole."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from batch.fakes import FAKES, SETTINGS, design, fake
from batch.made import admissions, by_item, in_folder
from batch.made import record as made_by_hand
from catalogues import offering

from moralsc.batch import folder
from moralsc.batch.record import Record
from moralsc.batch.results import By, to_result
from moralsc.batch.run import run
from moralsc.benchmarks import Source
from moralsc.reports.browse import Behind, by_change, items, page, ranked, records_of

MADE = design(
    ["bbq:bundled:Age,Religion", "admissions:bundled"], "specificity-0,cot,rounds=1", limit=4, models=("fake",)
)
BBQ = Behind("fake", "bbq", Source.BUNDLED, "specificity-0")


class BrokenOffError(Exception):
    """Ends a run after its first batches."""


@pytest.fixture(scope="module", params=["complete", "unfinished"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "run"
    left = [3]

    def stop(_: object) -> None:
        left[0] -= 1
        if request.param == "unfinished" and not left[0]:
            raise BrokenOffError

    with offering(FAKES):
        try:
            run(MADE, out, SETTINGS, load=lambda name: fake(FAKES[name]), on_progress=stop)
        except BrokenOffError:
            assert not folder.status(out).complete
    return out


def records(made: Path, **wanted: object) -> list[Record]:
    return [r for r in folder.records(made) if all(getattr(r, name) == value for name, value in wanted.items())]


@pytest.mark.parametrize("behind", [BBQ, replace(BBQ, correction="cot", round=1), replace(BBQ, correction="baseline")])
def test_there_is_a_row_for_every_record_of_the_correction(made: Path, behind: Behind) -> None:
    found = items(made, behind)
    expected = records(made, benchmark="bbq", correction=behind.correction, round=behind.round)
    assert list(found["row"]) == [r.row for r in expected]
    assert list(found["item"]) == [r.item for r in expected]


@pytest.mark.parametrize("by", By)
def test_a_row_says_what_the_records_say(made: Path, by: By) -> None:
    found = items(made, replace(BBQ, correction="cot", round=1, by=by)).set_index("row")
    before = {(r.item, r.arm, r.order): r for r in records(made, correction="baseline")}
    for record in records(made, benchmark="bbq", correction="cot", round=1):
        row, first = found.loc[record.row], before[record.item, record.arm, record.order]
        for shown, from_record, p in (("before", first, "p_before"), ("after", record, "p_after")):
            result = to_result(from_record, by)
            assert row[shown] == (result.role or result.missing or "none")
            expected = dict(zip(from_record.roles, from_record.probabilities or (), strict=True))
            assert row[p] == pytest.approx(expected[from_record.correct or ""])
        assert row["change"] == pytest.approx(row["p_after"] - row["p_before"])


def test_a_row_has_the_mass_of_both_its_records(made: Path) -> None:
    before = {(r.item, r.arm, r.order): r.mass for r in records(made, correction="baseline")}
    after = {r.row: r.mass for r in records(made, correction="specificity-0", round=0)}
    for behind in (BBQ, replace(BBQ, benchmark="admissions")):
        found = items(made, behind)
        assert len(found)
        keys = zip(found["item"], found["arm"], found["order"], strict=True)
        assert list(found["mass_before"]) == [before[key] for key in keys]
        assert list(found["mass_after"]) == [after[row] for row in found["row"]]


def test_a_ranking_leaves_out_what_is_small_on_either_side_on_average_over_orders_and_in_either_arm(
    tmp_path: Path,
) -> None:
    masses = {
        "large": ((0.6, 0.9), (0.5, 0.5)),
        "small before": ((0.2, 0.2), (0.9, 0.9)),
        "small after": ((0.9, 0.9), (0.1, 0.2)),
        "large on average": ((0.3, 0.9), (0.9, 0.9)),
        "small on average": ((0.3, 0.6), (0.9, 0.9)),
        "not known": ((None, None), (None, None)),
    }
    asked = [
        made_by_hand("unknown", item=item, correction=correction, order=order, mass=mass)
        for item, sides in masses.items()
        for correction, of in zip(("baseline", "specificity-0"), sides, strict=True)
        for order, mass in zip(("abc", "cab"), of, strict=True)
    ]
    asked += [
        replace(r, mass=0.3 if (r.item, r.arm) == ("applicant0", "White") else 0.9)
        for correction in ("baseline", "specificity-0")
        for r in admissions([0.1, 0.2], correction)
    ]
    run = in_folder(tmp_path / "run", by_item(asked))
    left, out = ranked(items(run, Behind("real", "bbq", Source.PUBLISHED, "specificity-0")))
    assert list(dict.fromkeys(left["item"])) == ["large", "large on average", "not known"]
    assert (len(left), out) == (6, 3)
    left, out = ranked(items(run, Behind("real", "admissions", Source.PUBLISHED, "specificity-0")))
    assert (list(left["item"]), out) == (["applicant1"] * 2, 1)
    nothing = items(run, Behind("real", "bbq", Source.PUBLISHED, "specificity-0", search="no such"))
    assert (len(ranked(nothing)[0]), ranked(nothing)[1]) == (0, 0)


def test_admissions_change_by_the_probability_of_yes(made: Path) -> None:
    found = items(made, replace(BBQ, benchmark="admissions"))
    asked = {r.row: r for r in records(made, benchmark="admissions", correction="specificity-0", round=0)}
    assert len(found) == len(asked)
    for row, p in zip(found["row"], found["p_after"], strict=True):
        assert p == pytest.approx(dict(zip(asked[row].groups, asked[row].probabilities or (), strict=True))["yes"])


def test_filters_and_words_leave_what_they_name(made: Path) -> None:
    everything = items(made, BBQ)
    category = everything["category"].iloc[0]
    assert set(items(made, replace(BBQ, category=category))["category"]) == {category}
    ambiguous = items(made, replace(BBQ, context="ambiguous"))
    assert set(ambiguous["condition"]) == {"ambiguous"}
    assert 0 < len(ambiguous) < len(everything)
    one = everything["item"].iloc[0]
    assert set(items(made, replace(BBQ, search=f" {one.upper()} {category[:2]}"))["item"]) >= {one}
    assert items(made, replace(BBQ, search="(no such[")).empty


@pytest.mark.parametrize("falling", [True, False])
def test_the_greatest_change_comes_first(made: Path, falling: bool) -> None:
    changes = by_change(items(made, BBQ), falling)["change"]
    assert changes.is_monotonic_increasing if falling else changes.is_monotonic_decreasing


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages_hold_every_row_once_and_a_page_too_far_is_the_last(size: int) -> None:
    frame = pd.DataFrame({"row": range(7)})
    last = 6 // size
    pages = [list(page(frame, number, size)["row"]) for number in range(last + 1)]
    assert [row for rows in pages for row in rows] == list(range(7))
    assert list(page(frame, 99, size)["row"]) == pages[-1]
    assert page(frame.iloc[:0], 3, size).empty


def test_the_records_of_an_item_come_back_whole(made: Path) -> None:
    for item in dict.fromkeys(r.item for r in records(made)):
        expected = records(made, item=item)
        first = expected[0]
        assert records_of(made, "fake", first.benchmark, Source(first.source), item) == expected
