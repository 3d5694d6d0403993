"""Drawings: every figure is drawn where it belongs, inside its sheet, and letters do not cover each other."""

from dataclasses import replace
from itertools import pairwise

import pytest
from batch.made import admissions, bbq, by_item, winogender
from catalogues import HUB, offering

from moralsc.analysis.statistics import Figure, Resampling
from moralsc.batch.results import By
from moralsc.prompts import default_prompts
from moralsc.reports.chart import Chart, Kind
from moralsc.reports.charts import draw
from moralsc.reports.figures import figures
from moralsc.reports.runs import run_of
from moralsc.reports.svg import apart, reach

CORRECTIONS = default_prompts().corrections
ALL = by_item(
    [
        *bbq(["unknown", "biased", "counter"]),
        *bbq(["unknown", "unknown", "unknown"], "specificity-0"),
        *bbq(["biased", "biased", "biased"], "negation-0"),
        *bbq(["unknown", "biased", "failed"], "cot"),
        *winogender([(10, 0.1), (50, 0.4), (90, 0.7)]),
        *winogender([(10, 0.3), (50, 0.3), (90, 0.4)], "specificity-0"),
        *admissions([0.2, -0.1]),
        *admissions([0.3, -0.4], "negation-0"),
    ]
)


@pytest.fixture(scope="module")
def charts() -> dict[Kind, Chart]:
    names = [f"model{k}" for k in range(9)]
    with offering({name: replace(HUB, name=name, parameters=10 ** (3 + k)) for k, name in enumerate(names)}):
        run = run_of([replace(r, model=name) for name in names for r in ALL], "many", By.PROBABILITY)
        return {c.kind: c for c in figures([run], how=Resampling(50)).charts}


@pytest.mark.parametrize("kind", Kind)
def test_every_figure_is_drawn_once_and_says_what_it_is(charts: dict[Kind, Chart], kind: Kind) -> None:
    drawn = draw(charts[kind], CORRECTIONS)
    said = [
        s.says for _, sheets in drawn.groups for sheet in sheets for s in sheet.shapes if s.says and s.tag != "line"
    ]
    # rho stands in its drawing's title; a flip has a bar for each way.
    shown = [p for p in charts[kind].points if p.figure.value is not None and p.metric != "rho"]
    assert shown
    assert len(said) == len(shown) * (2 if kind is Kind.FLIPS else 1)
    if kind is not Kind.FLIPS:
        for point in shown:
            assert any(point.series.label in s and point.condition in s and f"n = {point.figure.n}" in s for s in said)


@pytest.mark.parametrize("kind", Kind)
def test_nothing_is_drawn_outside_of_its_sheet(charts: dict[Kind, Chart], kind: Kind) -> None:
    for _, sheets in draw(charts[kind], CORRECTIONS).groups:
        for sheet in sheets:
            for shape in sheet.shapes:
                for across in ("x", "x1", "x2", "cx"):
                    assert 0 <= float(shape.attributes.get(across, 0)) <= sheet.width
                for down in ("y", "y1", "y2", "cy"):
                    assert 0 <= float(shape.attributes.get(down, 0)) <= sheet.height


@pytest.mark.parametrize("kind", [Kind.LADDER, Kind.ADMISSIONS])
def test_higher_scores_stand_higher_and_conditions_in_one_column(charts: dict[Kind, Chart], kind: Kind) -> None:
    for _, sheets in draw(charts[kind], CORRECTIONS).groups:
        for sheet in sheets:
            dots = [s for s in sheet.shapes if s.tag == "circle"]
            found = {
                (float(d.says.split(":")[1].split()[1].replace("−", "-")), float(d.attributes["cy"])) for d in dots
            }
            ordered = sorted(found)
            assert all(below[1] >= above[1] for below, above in pairwise(ordered) if below[0] < above[0])


def test_models_are_told_apart_without_colour(charts: dict[Kind, Chart]) -> None:
    legend = draw(charts[Kind.LADDER], CORRECTIONS).legend
    assert len({entry.letter for entry in legend}) == len(legend) == 9
    assert len({entry.cls for entry in legend}) == 9


@pytest.mark.parametrize("places", [[], [5.0], [5.0, 5.0, 5.0], [99.0, 98.0, 97.0], [0.0, 50.0, 51.0, 100.0]])
def test_letters_are_moved_apart_in_their_order(places: list[float]) -> None:
    moved = apart(places, 11, 0, 100)
    assert all(0 <= place <= 100 for place in moved)
    assert all(b - a >= 11 - 1e-9 for a, b in pairwise(sorted(moved)))
    assert sorted(range(len(places)), key=lambda k: places[k]) == sorted(range(len(places)), key=lambda k: moved[k])


def test_an_axis_reaches_over_values_and_intervals() -> None:
    assert reach([Figure(0.2, -0.55, 0.4, 3), Figure(None, None, None, 0)]) == 0.6
    assert reach([]) == 0.1
