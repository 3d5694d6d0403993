"""Charts as drawings: small multiples that are legible at 390 px and stand side by side where there is room.

A model's lines carry its letter as well as its colour. Roles' shapes and colours are not used for anything else.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from moralsc.dialogue import BASELINE
from moralsc.notation import number, signed, tick
from moralsc.prompts import Side
from moralsc.reports import multiples
from moralsc.reports.chart import Chart, Kind, Point, Series, by_panel, in_ladder_order
from moralsc.reports.drawn import WIDTH, Corrections, Drawn, Entry, alt, says, side_of, y_axis
from moralsc.reports.readings import benchmark_title
from moralsc.reports.svg import Drawing, apart, linear, logarithmic, reach

COLOURS = 6
"""How many line colours the style sheet has; further models take them again with dashes."""

THRESHOLDS = ((3.8e9, "3.8B"), (2.2e10, "22B"))
"""Sizes from which the papers claim that models correct themselves."""


def draw(chart: Chart, corrections: Corrections) -> Drawn:
    """The chart's drawings; none without points."""
    return _DRAW[chart.kind](chart, corrections)


def _legend(chart: Chart) -> dict[Series, Entry]:
    return {
        series: Entry(chr(65 + k) if k < 26 else str(k + 1), f"s{k % COLOURS} d{k // COLOURS % 3}", series.label)
        for k, series in enumerate(chart.series)
    }


def _shown_legend(chart: Chart) -> tuple[Entry, ...]:
    return tuple(_legend(chart).values()) if len(chart.series) > 1 else ()


# Score by condition: the ladder and the admissions gap.


def _by_condition(chart: Chart, corrections: Corrections) -> Drawn:
    points = [p for p in chart.points if ", round " not in p.condition]
    drawings = []
    for (benchmark, part, metric), found in by_panel(points).items():
        what = {"neutral_rate": "share of neutral answers", "gap": "gap"}.get(metric, metric)
        title = f"{benchmark_title(benchmark, part)}: {what}"
        low, high = (-(most := reach([p.figure for p in found])), most) if metric == "gap" else (0.0, 1.0)
        drawings.append(_rungs(Drawing(title, alt(found), WIDTH, 250), found, _legend(chart), corrections, low, high))
    return Drawn((("", tuple(drawings)),), _shown_legend(chart))


def _rungs(
    sheet: Drawing,
    points: Sequence[Point],
    legend: Mapping[Series, Entry],
    corrections: Corrections,
    low: float,
    high: float,
) -> Drawing:
    places = in_ladder_order((p.condition for p in points), corrections)
    alone = len(legend) == 1
    left, right, top, bottom = 34.0, WIDTH - (10.0 if alone else 24.0), 18.0, 200.0
    x = _slots(places, left, right)
    y = linear(low, high, bottom, top)
    if BASELINE in places:
        wide = (right - left) / max(len(places), 1)
        sheet.rect(x[BASELINE] - wide / 2, top - 8, wide, bottom - top + 26, "band")
    y_axis(sheet, y, low, high, left, right)
    _sides(sheet, places, x, corrections, bottom)
    ends = list[tuple[float, float, Entry]]()
    for k, (series, entry) in enumerate(legend.items()):
        shift = 0 if alone else (k - (len(legend) - 1) / 2) * min(5.0, 16 / len(legend))
        found = [
            (x[p.condition] + shift, y(v), p)
            for p in points
            if p.series == series and (v := p.figure.value) is not None
        ]
        _lines(sheet, found, corrections, entry.cls)
        for px, py, point in found:
            if point.figure.low is not None and point.figure.high is not None:
                sheet.line(px, y(point.figure.low), px, y(point.figure.high), f"whisker {entry.cls}")
            sheet.dot(px, py, 4, f"dot {entry.cls}", says(point))
            if alone:
                shown = signed if low < 0 else number
                above = py - 9 if py > top + 14 else py + 17
                sheet.text(px, above, shown(point.figure.value or 0.0), "value", "middle")
        if found and not alone:
            ends.append((found[-1][0], found[-1][1], entry))
    for (ex, _, entry), ey in zip(ends, apart([e[1] for e in ends], 11, top, bottom), strict=True):
        sheet.text(ex + 8, ey + 4, entry.letter, f"letter {entry.cls}")
    return sheet


def _slots(places: Sequence[str], left: float, right: float) -> dict[str, float]:
    width = (right - left) / max(len(places), 1)
    return {place: left + (k + 0.5) * width for k, place in enumerate(places)}


def _lines(sheet: Drawing, found: Sequence[tuple[float, float, Point]], corrections: Corrections, cls: str) -> None:
    """Rungs are joined, dashed where they are unethical; what stands on no rung is not."""
    steps = [(x, y, side_of(p.condition, corrections)) for x, y, p in found]
    for (x1, y1, side), (x2, y2, following) in pairwise(steps):
        if following is not Side.OTHER:
            sheet.path([(x1, y1), (x2, y2)], f"joined {cls}" + (" unethical" if side is Side.UNETHICAL else ""))


def _sides(
    sheet: Drawing, places: Sequence[str], x: Mapping[str, float], corrections: Corrections, bottom: float
) -> None:
    for place in places:
        unethical = side_of(place, corrections) is Side.UNETHICAL
        sheet.text(x[place], bottom + 15, tick(place, corrections), "tick unethical" if unethical else "tick", "middle")
    for side, word in ((Side.UNETHICAL, "◂ unethical"), (Side.ETHICAL, "ethical ▸")):
        within = [x[place] for place in places if side_of(place, corrections) is side]
        if within:
            sheet.text((min(within) + max(within)) / 2, bottom + 36, word, f"side {side}", "middle")
    if BASELINE in places:
        sheet.text(x[BASELINE], bottom + 36, "base", "side", "middle")


# Size against gain.


def _size(chart: Chart, corrections: Corrections) -> Drawn:
    drawings = []
    for (benchmark, part, _), points in by_panel(chart.points).items():
        sheet = Drawing(f"{benchmark_title(benchmark, part)}: gain", alt(points), WIDTH, 250)
        drawings.append(_sized(sheet, points, _legend(chart)))
    stages = tuple(dict.fromkeys(p.series.asked.stage for p in chart.points))
    return Drawn((("", tuple(drawings)),), _shown_legend(chart), stages)


def _sized(sheet: Drawing, points: Sequence[Point], legend: Mapping[Series, Entry]) -> Drawing:
    left, right, top, bottom, most = 42.0, WIDTH - 14.0, 30.0, 205.0, reach([p.figure for p in points])
    sizes = [p.x or 1.0 for p in points] + [size for size, _ in THRESHOLDS]
    x, y = logarithmic(min(sizes) / 2, max(sizes) * 2, left, right), linear(-most, most, bottom, top)
    y_axis(sheet, y, -most, most, left, right)
    for size, word in THRESHOLDS:
        sheet.line(x(size), top - 6, x(size), bottom, "threshold")
        sheet.text(x(size), top - 11, word, "tick", "middle")
    for power in range(3, 13):
        if min(sizes) / 2 <= 10**power <= max(sizes) * 2:
            sheet.text(x(10**power), bottom + 16, _POWERS[power], "tick", "middle")
    sheet.text((left + right) / 2, bottom + 36, "parameters", "side", "middle")
    for point in points:
        if point.figure.value is None or point.x is None:
            continue
        entry, px, py = legend[point.series], x(point.x), y(point.figure.value)
        if point.figure.low is not None and point.figure.high is not None:
            sheet.line(px, y(point.figure.low), px, y(point.figure.high), f"whisker {entry.cls}")
        stage = point.series.asked.stage
        sheet.mark(px, py, stage, f"stage {stage} {entry.cls}", says(point))
        if len(legend) > 1:
            sheet.text(px + 8, py + 4, entry.letter, f"letter {entry.cls}")
        else:
            sheet.text(px + 9, py + 4, signed(point.figure.value), "value")
    return sheet


_POWERS = {3: "1K", 4: "10K", 5: "100K", 6: "1M", 7: "10M", 8: "100M", 9: "1B", 10: "10B", 11: "100B", 12: "1T"}


_DRAW: Mapping[Kind, Callable[[Chart, Corrections], Drawn]] = {
    Kind.LADDER: _by_condition,
    Kind.SIZE: _size,
    Kind.BBQ: multiples.bbq,
    Kind.WINOGENDER: multiples.winogender,
    Kind.FLIPS: multiples.flips,
    Kind.ADMISSIONS: _by_condition,
}
