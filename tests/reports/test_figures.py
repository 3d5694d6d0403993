"""The figures of a report: equal to those of the functions that measure, each chart with n, reading and table."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from batch.made import admissions, bbq, by_item, record, winogender
from catalogues import HUB, offering

from moralsc.analysis.claims import Verdict
from moralsc.analysis.statistics import Resampling
from moralsc.batch.record import Record
from moralsc.batch.results import By, results
from moralsc.batch.summary import summarise
from moralsc.benchmarks import bbq as measuring
from moralsc.benchmarks.admissions import gap
from moralsc.benchmarks.winogender import rho
from moralsc.models import PLANTED
from moralsc.prompts import default_prompts
from moralsc.reports.chart import Chart, Figures, Kind, in_ladder_order
from moralsc.reports.figures import Choice, arranged, chosen, figures, measured
from moralsc.reports.runs import run_of

FEW = Resampling(resamples=100)
POOLED = ("micro", "macro")
CORRECTIONS = default_prompts().corrections
ALL = by_item(
    [
        *bbq(["unknown", "biased", "biased", "counter"]),
        *bbq(["unknown", "unknown", "biased", "unknown"], "specificity-0"),
        *bbq(["biased", "biased", "biased", "biased"], "negation-1"),
        *bbq(["unknown", "biased"], condition="disambiguated", category="SES", start=9),
        *winogender([(10, 0.1), (50, 0.4), (90, 0.7)]),
        *winogender([(10, 0.3), (50, 0.3), (90, 0.4)], "specificity-0"),
        *admissions([0.2, -0.1], weight=3),
        *admissions([0.0, 0.0], "specificity-0", weight=3),
    ]
)


def made(records: Sequence[Record] = ALL, by: By = By.PROBABILITY) -> Figures:
    return figures([run_of(records, "one", by)], how=FEW, pools=True)


def point(chart: Chart, **wanted: object) -> object:
    (found,) = [p for p in chart.points if all(getattr(p, name) == value for name, value in wanted.items())]
    return found.figure


def test_every_chart_is_there_with_reading_n_and_a_table_of_its_figures() -> None:
    with offering({"real": replace(HUB, name="real")}):
        charts = made().charts
    assert [c.kind for c in charts] == list(Kind)
    for chart in charts:
        assert chart.points
        assert chart.reading.endswith(".")
        assert chart.n.startswith("n = ")
        table = chart.table()
        assert len(table) == len(chart.points) + 1 == len(chart.records()) + 1
        assert len({len(row) for row in table}) == 1
        column = table[0].index("n")
        assert [row[column] for row in table[1:]] == [str(p.figure.n) for p in chart.points]


def test_figures_are_those_of_the_summary_at_the_end_of_the_run() -> None:
    measured = {
        (line.benchmark, line.part, line.correction, line.metric): line for line in summarise(ALL, By.PROBABILITY, FEW)
    }
    pooled = [p for chart in made().charts for p in chart.points if p.place in ("", "micro") and not p.beside]
    assert pooled
    for p in pooled:
        line = measured[p.benchmark, p.part, p.condition, p.metric]
        assert p.figure == line.figure
        assert p.comparison is None or p.comparison == line.comparison


def test_figures_are_those_worked_out_by_hand() -> None:
    shown = made()
    bbq_chart, ladder = shown.chart(Kind.CATEGORIES), shown.chart(Kind.LADDER)
    assert point(ladder, condition="baseline", part="ambig").value == 1 / 4  # type: ignore[attr-defined]
    assert point(ladder, condition="specificity-0", part="ambig").value == 3 / 4  # type: ignore[attr-defined]
    # three of four name a person, two of them the biased one: (1 - 1/4) * (2 * 2/3 - 1)
    found = point(bbq_chart, condition="baseline", place="Age", metric="s_AMB")
    assert found.value == pytest.approx(0.25)  # type: ignore[attr-defined]
    flips = shown.chart(Kind.FLIPS)
    (test,) = [p.comparison for p in flips.points if (p.benchmark, p.condition) == ("bbq", "specificity-0")]
    assert test is not None
    assert (test.lost, test.won, test.flips[False, True]) == (0, 2, ("1", "3"))
    gaps = shown.chart(Kind.GAP)
    assert point(gaps, condition="baseline").value == pytest.approx(0.05)  # type: ignore[attr-defined]
    assert point(gaps, condition="baseline").n == 6  # type: ignore[attr-defined]


def test_categories_and_occupations_are_measured_by_the_functions_of_the_benchmarks() -> None:
    shown = made()
    rows = [r for r in results(ALL) if (r.benchmark, r.correction) == ("bbq", "baseline") and r.group == "Age"]
    found = point(shown.chart(Kind.CATEGORIES), condition="baseline", place="Age", metric="s_AMB")
    assert found == measuring.ambiguous_bias(rows, FEW)
    jobs = [r for r in results(ALL) if (r.benchmark, r.correction) == ("winogender", "baseline")]
    chart = shown.chart(Kind.CORRELATION)
    assert point(chart, condition="baseline", metric="rho") == rho(jobs, FEW)
    dots = [(p.x, p.figure.value) for p in chart.points if (p.condition, p.metric) == ("baseline", "p_f")]
    assert dots == [(10, 0.1), (50, 0.4), (90, 0.7)]
    students = [r for r in results(ALL) if (r.benchmark, r.correction) == ("admissions", "baseline")]
    assert point(shown.chart(Kind.GAP), condition="baseline") == gap(students, FEW)


def test_the_means_of_p_f_p_m_and_p_n_stand_beside_rho_over_the_same_items() -> None:
    points = made().chart(Kind.CORRELATION).points
    for condition, p_f in (("baseline", 0.4), ("specificity-0", 1 / 3)):
        at = next(k for k, p in enumerate(points) if (p.condition, p.metric) == (condition, "rho"))
        means = points[at + 1 : at + 4]
        assert [p.metric for p in means] == ["mean p_f", "mean p_m", "mean p_n"]
        assert {(p.condition, p.part, p.figure.n) for p in means} == {(condition, points[at].part, 3)}
        assert [p.figure.value for p in means] == [pytest.approx(p_f), 0, pytest.approx(1 - p_f)]


def test_bbq_has_macro_figures_s_and_cost_in_its_table_alone() -> None:
    chart = made().chart(Kind.CATEGORIES)
    rows = [r for r in results(ALL) if (r.benchmark, r.correction) == ("bbq", "baseline")]
    shown = {
        (p.place, p.part, p.metric): p.figure for p in chart.points if p.condition == "baseline" and p.place in POOLED
    }
    measured = {(x.group, x.context, x.metric): x.figure for x in measuring.lines(rows, FEW) if x.group in POOLED}
    # Of disambiguated items s is s_DIS, which is shown.
    assert shown == {key: figure for key, figure in measured.items() if key[1:] != ("disambig", "s")}
    # Age is right in 1 of 4 ambiguous items; SES has none of them, so it is no part of the mean.
    assert shown["macro", "ambig", "accuracy"].value == 1 / 4
    assert shown["micro", "ambig", "s"].value == pytest.approx(1 / 3)


def test_every_figure_says_what_the_options_hold_over_the_answers_behind_it() -> None:
    asked = [replace(r, mass=0.2 if (r.category, r.correction) == ("SES", "baseline") else 0.8) for r in ALL]
    asked = [replace(r, mass=0.6) if r.item == "job0" else r for r in asked]
    shown = made(asked)
    masses: dict[tuple[str, str, str, str], tuple[float | None, int]] = {}
    for p in (p for chart in shown.charts for p in chart.points if p.condition != "all"):
        assert p.mass
        masses[p.benchmark, p.part, p.condition, p.place] = (p.mass.value, p.mass.n)
    assert masses["bbq", "disambig", "baseline", "SES"] == masses["bbq", "disambig", "baseline", "micro"] == (0.2, 2)
    assert masses["bbq", "ambig", "baseline", "Age"] == masses["bbq", "ambig", "baseline", "macro"] == (0.8, 4)
    assert masses["winogender", "occupation", "baseline", "job0"] == (0.6, 1)
    assert masses["winogender", "occupation", "baseline", ""] == (0.8, 3)
    assert masses["admissions", "", "specificity-0", ""] == (0.8, 4)
    chart = shown.chart(Kind.CATEGORIES)
    assert "mass" in chart.table()[0]
    assert {(r["mass"], r["mass_n"]) for r in chart.records() if r["place"] == "SES"} == {(0.2, 2)}
    (note,) = chart.notes
    assert note.startswith("Behind 2 of 10 figures the options hold less than half"), "SES, alone and pooled"
    assert not any("hold" in note for note in shown.chart(Kind.CORRELATION).notes)


def test_masses_are_those_of_every_model_and_benchmark_and_follow_the_choice() -> None:
    asked = [replace(r, mass=0.2 if r.condition == "disambiguated" else 0.8) for r in ALL]
    parts = measured([run_of(asked, "one", By.PROBABILITY)], FEW)

    def held(choice: Choice) -> dict[tuple[str, str], tuple[float | None, int]]:
        found = arranged(chosen(parts, choice), CORRECTIONS).masses
        return {(m.benchmark, m.found.asked): (m.found.median.value, m.found.median.n) for m in found}

    assert {(m.series.label, m.benchmark) for m in made(asked).masses} == {
        ("real", name) for name in ("bbq", "winogender", "admissions")
    }
    assert held(Choice())["bbq", "baseline"] == (0.8, 6)
    assert held(Choice())["bbq", "corrected"] == (0.8, 8)
    assert held(Choice(corrections=("negation-1",)))["bbq", "corrected"] == (0.8, 4)
    assert held(Choice(contexts=("disambig",))) | {} == {
        key: value for key, value in held(Choice()).items() if key[0] != "bbq"
    } | {("bbq", "baseline"): (0.2, 2)}
    assert {name for name, _ in held(Choice(benchmarks=("winogender",)))} == {"winogender"}


def test_what_models_did_when_told_to_be_unfair_is_that_of_pairs_worked_out_by_hand() -> None:
    # Two of the four were not biased at baseline, and both became it.
    (one,) = made().unethical
    assert (one.series.label, one.benchmark, one.found.part.name, one.found.condition) == (
        "real",
        "bbq",
        "ambig",
        "negation-1",
    )
    assert (one.found.compliance.value, one.found.compliance.n) == (1, 2)
    assert (one.found.resistance.value, one.found.resistance.n) == (0, 2)
    assert one.found.compliance.excluded == {"stereotyped before": 2}


@pytest.mark.parametrize("correction", ["review", "match-stats", "specificity-0"])
def test_what_is_not_unethical_is_no_compliance(correction: str) -> None:
    renamed = [replace(r, correction=correction) for r in ALL if r.correction == "negation-1"]
    kept = [r for r in ALL if r.correction in ("baseline", "negation-1")]
    assert {one.found.condition for one in made([*kept, *renamed]).unethical} == {"negation-1"}


def test_without_a_baseline_or_an_unethical_instruction_nobody_was_told_to_be_unfair() -> None:
    for left_out in ("baseline", "negation-1"):
        assert made([r for r in ALL if r.correction != left_out]).unethical == ()


def test_nothing_at_all_is_said_in_every_chart() -> None:
    for chart in made([]).charts:
        assert (chart.points, chart.table()[1:], chart.n) == ((), [], "")
        assert chart.reading.startswith("Nothing to show")


def test_failed_and_baseline_only_runs_have_figures_that_say_so() -> None:
    shown = made(bbq(["failed", "failed"]))
    assert {p.figure.value for p in shown.chart(Kind.LADDER).points} == {None}
    assert "2 failed: failed" in str(shown.chart(Kind.LADDER).table())
    assert shown.chart(Kind.FLIPS).points == ()


def test_conditions_stand_unethical_first_then_ethical_then_the_others_and_rounds_last() -> None:
    mixed = ["cot, round 1", "cot", "specificity-2", "baseline", "negation-0", "specificity-0", "negation-2", "mine"]
    assert in_ladder_order(mixed, CORRECTIONS) == [
        *("negation-2", "negation-0", "baseline", "specificity-0", "specificity-2", "cot", "mine", "cot, round 1")
    ]


def test_a_miniature_marks_every_chart_of_its_own_and_is_no_evidence() -> None:
    mini = [replace(r, mark=PLANTED) for r in ALL]
    with offering({"real": replace(HUB, name="real")}):
        shown = made(mini)
        assert all(chart.marks == (f"real: {PLANTED}",) for chart in shown.charts)
        assert not any(f.evidence for f in shown.findings)
        assert all(chart.marks == () for chart in made().charts)


def test_published_items_of_a_known_model_are_evidence_and_bundled_ones_are_not() -> None:
    with offering({"real": replace(HUB, name="real")}):
        judged = {f.claim.id: f for f in made().findings}
        assert any(e.models == ("real",) for e in judged["unethical-instructions"].evidence)
        assert judged["unethical-instructions"].runs == ("one",)
        own = made([replace(r, source="bundled") for r in ALL])
        assert {f.verdict for f in own.findings} == {Verdict.NOT_ENOUGH}
        assert not any(f.evidence for f in own.findings)


def test_a_claim_about_single_turns_takes_no_evidence_from_follow_ups() -> None:
    large = replace(HUB, name="real", parameters=175_000_000_000)
    with offering({"real": large}):
        for mode, counts in (("follow-up", False), ("single-turn", True)):
            judged = {f.claim.id: f for f in made([replace(r, mode=mode) for r in ALL]).findings}
            assert bool(judged["capability-at-22b"].evidence) is counts
            assert bool(judged["bbq-instruction"].evidence) is counts
            assert judged["gain-by-size"].evidence
            assert {e.part.correction for e in judged["winogender-correlation"].evidence} == {"baseline"}


def test_bundled_and_published_items_are_never_pooled() -> None:
    both = by_item([*ALL, *(replace(r, source="bundled", item="b" + r.item) for r in ALL)])
    for chart in made(both).charts:
        keys = {p.benchmark for p in chart.points}
        assert keys == {k for name in {k.partition(":")[0] for k in keys} for k in (name, f"{name}:bundled")}
        counts = {(p.benchmark.partition(":")[0], p.condition, p.place, p.metric, p.figure.n) for p in chart.points}
        assert 2 * len(counts) == len({(p.benchmark, p.condition, p.place, p.metric, p.part) for p in chart.points})


def test_models_that_were_read_in_different_ways_are_told_apart() -> None:
    other = [replace(r, model="other", scored_by="label") for r in ALL]
    assert any("different ways" in note for note in made([*ALL, *other]).chart(Kind.LADDER).notes)
    assert made().chart(Kind.LADDER).notes == ()


def test_one_model_in_two_runs_is_two_series() -> None:
    first, second = run_of(ALL, "x", By.PROBABILITY), run_of(ALL, "y", By.PROBABILITY)
    chart = figures([first, second], how=FEW).chart(Kind.LADDER)
    assert [s.label for s in chart.series] == ["real · x", "real · y"]


def test_bare_records_are_read_by_text_only_if_all_of_them_were_said() -> None:
    said = [replace(r, outcome="unparsed") for r in bbq(["unknown", "biased"])]
    assert run_of(said).by is By.TEXT
    assert run_of([*said, record("biased", item="z")]).by is By.PROBABILITY
