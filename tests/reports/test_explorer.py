"""Exploring a run: what is read of it is what figures need, and a filter changes what is shown, never a figure."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from batch.made import admissions, bbq, by_item, in_folder, winogender
from catalogues import HUB, offering

from moralsc.analysis.statistics import Resampling
from moralsc.batch import folder
from moralsc.batch.record import Record
from moralsc.batch.results import By
from moralsc.items import BASELINE
from moralsc.reports.chart import Figures, Kind, Point
from moralsc.reports.figures import Choice, Part, arranged, chosen, figures, measured
from moralsc.reports.runs import read_run, run_of

FEW = Resampling(resamples=100)
MODELS = ("real", "other")
BOTH = {name: replace(HUB, name=name) for name in MODELS}


def asked(model: str, mode: str) -> list[Record]:
    age, ses = ["unknown", "biased", "counter", "failed"], ["biased", "unknown", "biased", "tied"]
    kinds = [("Age", "ambiguous", age), ("SES", "ambiguous", ses), ("SES", "disambiguated", age)]
    made = list[Record]()
    for correction in (BASELINE, "specificity-0", "negation-0"):
        for start, (category, condition, answers) in enumerate(kinds):
            # Another correction, other answers: the list turned round by one.
            answers = answers[len(made) % 3 :] + answers[: len(made) % 3]
            made += bbq(answers, correction, 10 * start, category=category, condition=condition)
        made += winogender([(10, 0.1), (50, 0.4 + 0.1 * (correction == BASELINE)), (90, 0.7)], correction)
        made += admissions([0.2, -0.1 * (correction == BASELINE)], correction, weight=3)
    made += bbq(["unknown", "counter", "unknown", "biased"], "specificity-0", round=1)
    return [replace(r, model=model, mode=mode) for r in made]


ALL = by_item([*asked("real", "follow-up"), *asked("other", "single-turn")])


@pytest.fixture(scope="module")
def parts() -> tuple[Part, ...]:
    with offering(BOTH):
        return measured([run_of(ALL, "one", By.PROBABILITY)], FEW)


def shown(found: Figures) -> set[object]:
    """Every point but for what is larger than itself: the chart that it stands in, and how it is put there."""
    return {
        (
            p.series,
            p.benchmark,
            p.part,
            p.condition,
            p.place,
            p.metric,
            p.figure.value,
            p.figure.low,
            p.figure.n,
            p_of(p),
        )
        for chart in found.charts
        for p in chart.points
    }


def p_of(point: Point) -> object:
    return point.comparison and (point.comparison.p, point.comparison.p_holm)


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("by", By)
def test_a_run_read_from_its_folder_is_that_of_all_its_records(tmp_path: Path, complete: bool, by: By) -> None:
    said = [replace(r, outcome="option", label="a", said_role=r.roles[0] or None) for r in ALL[::3]]
    records = by_item([*said, *(r for k, r in enumerate(ALL) if k % 3)])
    with offering(BOTH):
        read = read_run(in_folder(tmp_path / "run", records, complete), "one", by)
        made = run_of(records, "one", by)
    assert read.results == made.results
    assert (read.models, read.failures, read.by) == (made.models, made.failures, made.by)
    assert bool(read.incomplete) is not complete


def test_fields_that_are_asked_for_are_read_as_they_are(tmp_path: Path) -> None:
    run, names = in_folder(tmp_path / "run", ALL), ("item", "groups", "probabilities", "p_counter", "failure", "weight")
    read = list(folder.records(run, names))
    assert [[getattr(r, name) for name in names] for r in read] == [[getattr(r, name) for name in names] for r in ALL]
    assert not hasattr(read[0], "reply")
    assert list(folder.records(run)) == ALL


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(models=("other",)),
        Choice(benchmarks=("bbq", "admissions")),
        Choice(contexts=("disambig",)),
        Choice(modes=("single-turn",)),
        Choice(corrections=("specificity-0",)),
        Choice(models=("real",), benchmarks=("bbq",), contexts=("ambig",), corrections=("specificity-0",)),
    ],
)
def test_a_choice_shows_those_of_all_figures_that_it_names(parts: Sequence[Part], choice: Choice) -> None:
    def wanted(name: str, among: object) -> bool:
        return not among or name in among  # type: ignore[operator]

    everything, found = arranged(parts), arranged(chosen(parts, choice))
    expected = {
        point
        for point in shown(everything)
        if wanted(point[0].asked.model, choice.models)  # type: ignore[index]
        and wanted(point[0].asked.mode, choice.modes)  # type: ignore[index]
        and wanted(point[1], choice.benchmarks)  # type: ignore[index]
        and (point[2] not in ("ambig", "disambig") or wanted(point[2], choice.contexts))  # type: ignore[index]
        and (point[3] == BASELINE or wanted(point[3].partition(", ")[0], choice.corrections))  # type: ignore[index]
    }
    assert expected
    # What stands for all conditions together is of those that are shown.
    together = {point for point in shown(found) if point[3] == "all"}  # type: ignore[index]
    assert shown(found) - together == {point for point in expected if point[3] != "all"}  # type: ignore[index]


def test_places_are_counted_over_the_conditions_and_contexts_that_are_shown(parts: Sequence[Part]) -> None:
    whole, some = (
        {
            (p.series, p.benchmark, p.part, p.place, p.condition): p.figure
            for p in arranged(of).chart(Kind.POSITION).points
        }
        for of in (parts, chosen(parts, Choice(corrections=("specificity-0",), contexts=("ambig",))))
    )
    assert {part for _, _, part, *_ in whole} >= {"ambig", "disambig"}
    assert "disambig" not in {part for _, _, part, *_ in some}
    for key, figure in some.items():
        assert whole[key].n == figure.n if key[-1] == BASELINE else whole[key].n >= figure.n
    assert any(whole[key].n > figure.n for key, figure in some.items())


def test_another_correction_alone_has_its_own_categories(parts: Sequence[Part]) -> None:
    found = arranged(chosen(parts, Choice(corrections=("negation-0",)))).chart(Kind.CATEGORIES)
    assert found.correction == "negation-0"
    assert {p.condition for p in found.points} == {BASELINE, "negation-0"}
    assert {p.place for p in found.points} == {"Age", "SES", "micro"}


def test_one_category_is_measured_as_if_it_had_been_asked_alone() -> None:
    run, alone = (run_of([r for r in ALL if of in ("", r.category)], "one", By.PROBABILITY) for of in ("", "SES"))
    with offering(BOTH):
        ses = measured([run], FEW, "SES")
        assert {part.kind for part in ses} == {"bbq"}
        assert shown(arranged(ses)) == shown(figures([alone], how=FEW))


def test_one_category_is_no_evidence_of_a_claim() -> None:
    with offering(BOTH):
        run = run_of(ALL, "one", By.PROBABILITY)
        assert any(f.evidence for f in figures([run], how=FEW).findings)
        assert not any(f.evidence for f in arranged(measured([run], FEW, "SES")).findings)
