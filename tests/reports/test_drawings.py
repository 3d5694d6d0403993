"""Drawings: every figure is in them with its interval and n, and they are legible without colour, in light and dark."""

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from batch.made import admissions, bbq, by_item, winogender
from catalogues import HUB, offering

from moralsc.analysis.statistics import Figure, Resampling
from moralsc.batch.results import By
from moralsc.models import PLANTED, Stage
from moralsc.prompts import Side, default_prompts
from moralsc.reports import look, pictures
from moralsc.reports.chart import Chart, Kind, Point, by_panel, side_of
from moralsc.reports.charts import STAGE_MARKS, panels, whole
from moralsc.reports.colours import LIGHT, PAGE
from moralsc.reports.figures import figures
from moralsc.reports.runs import run_of

Spec = dict[str, Any]
STYLES = Path(__file__).resolve().parents[2] / "moralsc"
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


@cache
def made(count: int, mark: str = "") -> dict[Kind, Chart]:
    names = [f"model{k}" for k in range(count)]
    with offering({name: replace(HUB, name=name, parameters=10 ** (3 + k)) for k, name in enumerate(names)}):
        run = run_of([replace(r, model=name, mark=mark) for name in names for r in ALL], "many", By.PROBABILITY)
        return {c.kind: c for c in figures([run], how=Resampling(50), pools=True).charts}


@pytest.fixture(scope="module")
def charts() -> dict[Kind, Chart]:
    return made(3)


@pytest.fixture(scope="module")
def specs(charts: dict[Kind, Chart]) -> dict[Kind, list[Spec]]:
    """Every panel as Vega-Lite, checked against its schema."""
    return {kind: [p.drawing.to_dict() for p in panels(chart, CORRECTIONS)] for kind, chart in charts.items()}


@pytest.fixture(scope="module")
def inlined(charts: dict[Kind, Chart]) -> Callable[[Kind], list[ET.Element]]:
    """The pictures of a chart, each drawn once."""
    return cache(lambda kind: [ET.fromstring(pictures.inline(p.drawing)) for p in panels(charts[kind], CORRECTIONS)])


def rows(spec: Spec) -> Iterator[Spec]:
    """Every row of data in a spec, wherever it stands."""
    yield from (row for found in spec.get("datasets", {}).values() for row in found)
    for layer in (*spec.get("layer", ()), *spec.get("concat", ())):
        yield from rows(layer)
    yield from spec.get("data", {}).get("values", ())


def key(point: Point) -> tuple[object, ...]:
    figure = point.figure
    return (
        point.series.label,
        point.condition,
        point.place,
        point.metric,
        figure.value,
        figure.low,
        figure.high,
        figure.n,
    )


@pytest.mark.parametrize("kind", Kind)
def test_every_figure_is_in_the_data_with_its_interval_and_n(
    charts: dict[Kind, Chart], specs: dict[Kind, list[Spec]], kind: Kind
) -> None:
    names = ("model", "condition", "place", "metric", "value", "low", "high", "n")
    # The rows of one drawing stand in it once, though several marks are drawn from them.
    found = Counter(
        key for spec in specs[kind] for key in {tuple(r[name] for name in names) for r in rows(spec) if "n" in r}
    )
    assert set(found) == {key(p) for p in charts[kind].points if not p.beside}
    assert found


@pytest.mark.parametrize("kind", Kind)
def test_every_picture_says_each_of_its_figures(
    charts: dict[Kind, Chart], inlined: Callable[[Kind], list[ET.Element]], kind: Kind
) -> None:
    """Those with a value; rho stands written in its picture, and of flips the counts."""
    said = Counter[str]()
    for root in inlined(kind):
        said.update(str(e.text) for e in root.iter("title"))
    drawn = [p for p in charts[kind].points if p.figure.value is not None and p.metric != "rho" and not p.beside]
    assert drawn
    if kind is not Kind.FLIPS:
        assert said == Counter(map(look.says, drawn))
    for p in drawn:
        if kind is Kind.FLIPS and (test := p.comparison):
            assert said[f"{p.condition}: {test.lost} lost of {test.n}"]
            assert said[f"{p.condition}: {test.won} won of {test.n}"]


def test_the_means_of_the_three_probabilities_stand_in_every_picture_that_has_a_rho(
    charts: dict[Kind, Chart], specs: dict[Kind, list[Spec]]
) -> None:
    found = [p for p in charts[Kind.CORRELATION].points if p.metric == "rho"]
    assert len(found) == len(specs[Kind.CORRELATION]) > 1
    means = {p_f: f"means: p_f {p_f}, p_m .000, p_n {p_n}" for p_f, p_n in ((".400", ".600"), (".333", ".667"))}
    for spec in specs[Kind.CORRELATION]:
        p_f = ".400" if spec["title"]["text"] == ["baseline"] else ".333"
        assert means[p_f] in spec["title"]["subtitle"]


def test_the_papers_thresholds_are_drawn_where_they_belong(specs: dict[Kind, list[Spec]]) -> None:
    for spec in specs[Kind.SIZE]:
        assert {(r["x"], r["word"]) for r in rows(spec) if "word" in r} == {(3.8e9, "3.8B"), (2.2e10, "22B")}


@pytest.mark.parametrize("kind", [Kind.LADDER, Kind.GAP])
def test_unethical_rungs_stand_left_of_the_baseline_and_are_marked(specs: dict[Kind, list[Spec]], kind: Kind) -> None:
    for spec in specs[kind]:
        found = [r for r in rows(spec) if r.get("n")]
        base = [r["x"] for r in found if r["condition"] == "baseline"]
        seen = False
        for r in found:
            side = side_of(r["condition"], CORRECTIONS)
            if side is Side.UNETHICAL:
                seen = True
                assert r["x"] < min(base)
            elif side is Side.ETHICAL:
                assert r["x"] > max(base)
        if seen:
            assert any(r["colour"] == PAGE.danger and r["tick"].startswith("−") for r in rows(spec) if "tick" in r)
            assert any("unethical" in r["word"] for r in rows(spec) if "word" in r)
            assert all(r["dash"] == [4, 4] for r in rows(spec) if "dash" in r and r["x"] < min(base))


def test_roles_shapes_and_colours_stand_for_roles_alone(charts: dict[Kind, Chart]) -> None:
    roles = set(re.findall(r"--m-(?:unbiased|stereotyped|counter): (#\w+)", css("reports/templates/report.css")))
    assert len(roles) == 6
    for chart in charts.values():
        for palette in (PAGE, LIGHT):
            for panel in panels(chart, CORRECTIONS, palette):
                text = json.dumps(panel.drawing.to_dict(validate=False))
                assert not [colour for colour in (*roles, "unbiased", "stereotyped", "counter") if colour in text]
                assert not re.search(r'"(?:triangle|diamond)', text)
                # A full dot is the unbiased role's; an occupation's is hollow.
                for mark in re.findall(r'\{[^{}]*"shape": "circle"[^{}]*\}', text):
                    assert '"filled": false' in mark


def test_every_stage_has_a_mark_of_its_own_that_no_role_has() -> None:
    assert set(STAGE_MARKS) == set(Stage)
    signs = [sign for sign, _ in STAGE_MARKS.values()]
    assert len(set(signs)) == len(signs)
    assert not set(signs) & set("▲▼●")
    # Base and instruct are one shape, empty and full.
    shapes = Counter(shape for _, shape in STAGE_MARKS.values())
    assert [shape for shape, times in shapes.items() if times > 1] == ["square"]
    assert not [shape for shape in shapes if shape.startswith(("triangle", "diamond", "circle"))]


def test_models_are_told_apart_without_colour() -> None:
    chart = made(9)[Kind.LADDER]
    for panel in panels(chart, CORRECTIONS):
        spec = panel.drawing.to_dict(validate=False)
        letters = [r["letter"] for r in rows(spec) if "letter" in r]
        assert sorted(set(letters)) == list("ABCDEFGHI")
        words = " ".join(spec["title"]["subtitle"]).replace("\N{NO-BREAK SPACE}", " ")
        assert all(f"{letter} model{k}" in words for k, letter in enumerate("ABCDEFGHI"))
        looks = {(r["colour"], str(r["dash"])) for r in rows(spec) if r.get("dash", [4, 4]) != [4, 4]}
        assert len(looks) == 9


def test_many_models_have_a_drawing_for_each_stage_and_begin_their_colours_anew() -> None:
    names = {f"{size}-{stage}": Stage(stage) for size in "abc" for stage in ("base", "instruct", "aligned")}
    with offering({name: replace(HUB, name=name, stage=stage) for name, stage in names.items()}):
        chart = figures(
            [run_of([replace(r, model=name) for name in names for r in ALL], "", By.PROBABILITY)], how=Resampling(50)
        ).chart(Kind.LADDER)
    drawn, stages = panels(chart, CORRECTIONS), ["base", "instruct", "aligned"] * len(by_panel(chart.points))
    titles = [panel.drawing.to_dict(validate=False)["title"]["text"] for panel in drawn]
    assert [" ".join(t).split(", ")[-1] for t in titles] == stages
    for panel, stage in zip(drawn, stages, strict=True):
        found = [r for r in rows(panel.drawing.to_dict(validate=False)) if "n" in r]
        assert {r["model"] for r in found} == {name for name in names if name.endswith(stage)}
        assert len({r["colour"] for r in found}) == 3
    assert all(f" of 6 {stage}" in chart.reading for stage in stages), chart.reading


def test_one_model_that_two_runs_asked_different_items_is_one_model() -> None:
    runs = [run_of(bbq(["unknown", "biased"]), "x"), run_of(winogender([(10, 0.1)]), "y")]
    chart = figures(runs, how=Resampling(50)).chart(Kind.LADDER)
    assert list(chart.models) == ["real"]
    words = [" ".join(p.drawing.to_dict(validate=False)["title"]["subtitle"]) for p in panels(chart, CORRECTIONS)]
    assert set(words) == {"real"}


@pytest.mark.parametrize("kind", Kind)
def test_a_miniatures_mark_is_part_of_every_picture(kind: Kind) -> None:
    chart = made(1, PLANTED)[kind]
    for drawing in (*(p.drawing for p in panels(chart, CORRECTIONS)), whole(chart, CORRECTIONS)):
        assert PLANTED in " ".join(ET.fromstring(pictures.svg(drawing)).itertext())
    assert all(PLANTED not in pictures.svg(p.drawing) for p in panels(made(1)[kind], CORRECTIONS))


def test_a_mark_names_its_models_where_others_have_none() -> None:
    chart = made(2)[Kind.LADDER]
    first = chart.series[0]
    marked = replace(first, asked=replace(first.asked, mark=PLANTED))
    mixed = replace(chart, points=tuple(replace(p, series=marked) if p.series == first else p for p in chart.points))
    for panel in panels(mixed, CORRECTIONS):
        assert f"model0: {PLANTED}" in " ".join(panel.drawing.to_dict(validate=False)["title"]["subtitle"])


def css(path: str) -> str:
    return (STYLES / path).read_text(encoding="utf-8")


def test_every_colour_of_a_drawing_is_one_of_the_pages_variables() -> None:
    """So that the same drawing is light and dark; light stands behind each, for a page that does not know it."""
    light, dark = css("reports/templates/report.css").split("@media", 1)
    for name, colour in asdict(LIGHT).items():
        assert f"--m-{name}: {colour};" in light
        assert re.search(rf"--m-{name}: #\w+;", dark)
        assert getattr(PAGE, name) == f"var(--m-{name}, {colour})"


@pytest.mark.parametrize("kind", Kind)
def test_pictures_fit_a_phone_and_no_type_is_small(inlined: Callable[[Kind], list[ET.Element]], kind: Kind) -> None:
    for root in inlined(kind):
        assert float(root.attrib["width"]) <= 330  # 390 less what a page and its cards have at their sides
        sizes = [float(e.attrib["font-size"].removesuffix("px")) for e in root.iter("text")]
        assert sizes
        assert min(sizes) >= 11
        used = {e.attrib[name] for e in root.iter() for name in ("fill", "stroke") if name in e.attrib}
        assert used <= {*asdict(PAGE).values(), "none", "transparent"}


def test_files_leave_the_page_with_plain_colours(charts: dict[Kind, Chart]) -> None:
    drawing = whole(charts[Kind.SIZE], CORRECTIONS)
    assert "var(" not in pictures.svg(drawing)
    assert pictures.png(drawing).startswith(b"\x89PNG")
    found = {(r["model"], r["value"], r["n"]) for r in rows(drawing.to_dict()) if "n" in r}
    assert found == {(p.series.label, p.figure.value, p.figure.n) for p in charts[Kind.SIZE].points}


@pytest.mark.parametrize("places", [[], [5.0], [5.0, 5.0, 5.0], [99.0, 98.0, 97.0], [0.0, 50.0, 51.0, 100.0]])
def test_letters_are_moved_apart_in_their_order(places: list[float]) -> None:
    moved = look.apart(places, 11, 0, 100)
    assert all(0 <= place <= 100 for place in moved)
    assert all(b - a >= 11 - 1e-9 for a, b in pairwise(sorted(moved)))
    assert sorted(range(len(places)), key=lambda k: places[k]) == sorted(range(len(places)), key=lambda k: moved[k])


def test_an_axis_reaches_over_values_and_intervals() -> None:
    assert look.reach([Figure(0.2, -0.55, 0.4, 3), Figure(None, None, None, 0)]) == 0.6
    assert look.reach([]) == 0.1
