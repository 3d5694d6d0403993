"""Charts of one model at a time: BBQ's categories, Winogender's occupations, flips."""

from collections.abc import Iterator, Sequence

from moralsc.analysis.statistics import Figure
from moralsc.dialogue import BASELINE
from moralsc.notation import number, signed, tick
from moralsc.prompts import Side
from moralsc.reports.chart import Chart, Point, Series, by_panel
from moralsc.reports.drawn import WIDTH, Corrections, Drawn, alt, says, side_of, y_axis
from moralsc.reports.readings import benchmark_title
from moralsc.reports.svg import Drawing, Scale, linear
from moralsc.reports.words import UNDEFINED, interval, value


def _by_model(chart: Chart) -> Iterator[tuple[str, Series, str, list[Point]]]:
    """A heading, whose points, of which benchmark, and they."""
    found: dict[tuple[Series, str], list[Point]] = {}
    for point in chart.points:
        found.setdefault((point.series, point.benchmark), []).append(point)
    for (series, benchmark), points in found.items():
        yield f"{series.label} on {benchmark_title(benchmark)}", series, benchmark, points


def bbq(chart: Chart, corrections: Corrections) -> Drawn:
    """Accuracy in both contexts and s_AMB side by side, a row a category."""
    groups = []
    for heading, _, _, points in _by_model(chart):
        panels = [("ambig", "accuracy"), ("disambig", "accuracy"), ("ambig", "s_AMB")]
        drawings = []
        for part, metric in panels:
            found = [p for p in points if (p.part, p.metric) == (part, metric)]
            if found:
                words = "s_AMB" if metric == "s_AMB" else f"accuracy, {_PARTS[part]}"
                drawings.append(_categories(words, found, metric))
        groups.append((heading, tuple(drawings)))
    return Drawn(tuple(groups))


_PARTS = {"ambig": "ambiguous", "disambig": "disambiguated"}


def _categories(title: str, points: Sequence[Point], metric: str) -> Drawing:
    """A row a category: hollow at baseline, full after the correction."""
    places = list(dict.fromkeys(p.place for p in points))
    step, top, left, right = 40.0, 8.0, 12.0, WIDTH - 12.0
    bottom = top + step * len(places)
    sheet = Drawing(title, alt(points), WIDTH, bottom + 24)
    low, high = (-1.0, 1.0) if metric == "s_AMB" else (0.0, 1.0)
    x = linear(low, high, left, right)
    for at in (low, (low + high) / 2, high):
        sheet.line(x(at), top, x(at), bottom, "zero" if at == 0 else "grid")
        words = signed(at) if low < 0 else number(at, 1)
        sheet.text(x(at), bottom + 16, words, "tick", {low: "start", high: "end"}.get(at, "middle"))
    for k, place in enumerate(places):
        row = {p.condition: p for p in points if p.place == place}
        shown = [v for p in row.values() if (v := p.figure.value) is not None]
        said = " → ".join(_value(p.figure, low) for p in row.values())
        sheet.text(left, top + k * step + 14, _short(place), "place" + (" pooled" if place == "micro" else ""))
        sheet.text(right, top + k * step + 14, said, "value", "end")
        y = top + k * step + 26
        if len(shown) == 2:
            sheet.line(x(shown[0]), y, x(shown[1]), y, "moved")
        for point in row.values():
            _interval_across(sheet, x, y + (0 if point.condition == BASELINE else 5), point)
    return sheet


def _interval_across(sheet: Drawing, x: Scale, y: float, point: Point) -> None:
    figure, cls = point.figure, "before" if point.condition == BASELINE else "after"
    if figure.low is not None and figure.high is not None:
        sheet.line(x(figure.low), y, x(figure.high), y, f"whisker {cls}")
    if figure.value is not None:
        sheet.dot(x(figure.value), y, 4.5, f"dot {cls}", says(point))


def _value(figure: Figure, low: float) -> str:
    if figure.value is None:
        return UNDEFINED
    return signed(figure.value) if low < 0 else number(figure.value)


def _short(text: str, most: int = 30) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def winogender(chart: Chart, corrections: Corrections) -> Drawn:
    """A dot an occupation, a drawing a condition."""
    groups = []
    for heading, _, _, points in _by_model(chart):
        drawings = []
        for condition in dict.fromkeys(p.condition for p in points):
            found = [p for p in points if p.condition == condition]
            rho = next((p.figure for p in found if p.metric == "rho"), Figure(None, None, None, 0))
            bounds = f" ({interval(rho)})" if interval(rho) else ""
            after = condition if condition == BASELINE else f"after {condition}"
            title = f"{after}: rho {value(rho)}{bounds}, n = {rho.n}"
            drawings.append(_occupations(title, [p for p in found if p.metric == "p_f"]))
        groups.append((heading, tuple(drawings)))
    return Drawn(tuple(groups))


def _occupations(title: str, points: Sequence[Point]) -> Drawing:
    left, right, top, bottom = 34.0, WIDTH - 14.0, 10.0, 210.0
    sheet = Drawing(title, alt(points), WIDTH, 250)
    x, y = linear(0, 100, left, right), linear(0, 1, bottom, top)
    y_axis(sheet, y, 0, 1, left, right)
    sheet.line(x(0), y(0), x(100), y(1), "diagonal", "as many as work there")
    for at in (0, 50, 100):
        sheet.text(x(at), bottom + 15, str(at), "tick", "middle")
    sheet.text((left + right) / 2, bottom + 34, "women in the occupation, % (BLS)", "side", "middle")
    sheet.text(left + 5, top + 9, "p(female)", "side")
    for point in points:
        if point.x is not None and point.figure.value is not None:
            sheet.dot(x(point.x), y(point.figure.value), 3.5, "dot occupation", says(point))
    return sheet


def flips(chart: Chart, corrections: Corrections) -> Drawn:
    """What turned, a row a correction."""
    groups = []
    for heading, _, _, points in _by_model(chart):
        drawings = [_flipped(panel, corrections) for panel in by_panel(points).values()]
        groups.append((heading, tuple(drawings)))
    return Drawn(tuple(groups))


def _flipped(points: Sequence[Point], corrections: Corrections) -> Drawing:
    """A row a condition: lost to the left, won to the right, as shares of n on one scale."""
    first, step, top = points[0], 26.0, 26.0
    bottom = top + step * len(points)
    title = benchmark_title(first.benchmark, first.part)
    sheet = Drawing(title, alt(points), WIDTH, bottom + 8)
    left, right = 60.0, WIDTH - 70.0
    middle, half = (left + right) / 2, (right - left) / 2 - 26
    sheet.text(middle - 8, 14, "◂ right → wrong", "side unethical", "end")
    sheet.text(middle + 8, 14, "wrong → right ▸", "side ethical")
    sheet.text(WIDTH, 14, "p (Holm)", "tick", "end")
    for k, point in enumerate(points):
        test, y = point.comparison, top + k * step
        if test is None:
            continue
        unethical = side_of(point.condition, corrections) is Side.UNETHICAL
        sheet.text(
            left - 8, y + 14, tick(point.condition, corrections), "tick unethical" if unethical else "tick", "end"
        )
        for count, word, cls, sign in ((test.lost, "lost", "lost", -1), (test.won, "won", "won", 1)):
            wide = half * count / test.n if test.n else 0
            sheet.rect(
                middle - (wide if sign < 0 else 0),
                y + 3,
                wide,
                15,
                cls,
                f"{point.condition}: {count} {word} of {test.n}",
            )
            sheet.text(middle + sign * (wide + 5), y + 15, str(count), "value", "end" if sign < 0 else "start")
        sheet.text(WIDTH, y + 15, _p(test.p_holm), "tick", "end")
    sheet.line(middle, top, middle, bottom, "zero")
    return sheet


def _p(p: float | None) -> str:
    return "" if p is None else "< .001" if p < 0.001 else number(p, 3)
