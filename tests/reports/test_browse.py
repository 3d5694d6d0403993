"""Items behind figures: every one is found, in the order asked for, and its records come back whole."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from batch.fakes import FAKES, SETTINGS, design, fake
from catalogues import offering

from moralsc.batch import folder
from moralsc.batch.record import Record
from moralsc.batch.results import By, to_result
from moralsc.batch.run import run
from moralsc.benchmarks import Source
from moralsc.reports.browse import Behind, by_change, items, page, records_of

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
