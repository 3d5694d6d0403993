"""A chart as drawings: small multiples that are legible at 390 px and stand side by side where there is room.

The page shows them live, the report and downloads as pictures. A model's figures carry its letter as well as its
colour. Roles' shapes and colours are not used for anything else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

import altair as alt

from moralsc.batch.summary import EVERY
from moralsc.benchmarks import benchmark_of
from moralsc.items import BASELINE, Condition
from moralsc.models import Stage
from moralsc.notation import number, signed
from moralsc.prompts import Side, tick
from moralsc.reports import look, multiples
from moralsc.reports.chart import Chart, Kind, Point, by_panel, in_ladder_order, side_of
from moralsc.reports.colours import LIGHT, PAGE, UNETHICAL_DASH, Entry, Palette, is_many, legend
from moralsc.reports.look import HEIGHT, Corrections, Row, Sheet
from moralsc.reports.readings import benchmark_title

THRESHOLDS = ((3.8e9, "3.8B"), (2.2e10, "22B"))
"""Sizes from which the papers claim that models correct themselves."""


@dataclass(frozen=True)
class Panel:
    """One drawing of a chart.

    Attributes:
        heading: whose figures, where a chart shows one model after the other; else empty.
    """

    heading: str
    drawing: look.Drawing


def panels(chart: Chart, corrections: Corrections, palette: Palette = PAGE) -> tuple[Panel, ...]:
    """The chart's drawings, each with its title, its models and their marks; none without points."""
    sheets = _DRAW[chart.kind](look.cleaned(chart), corrections, palette)
    return tuple(Panel(sheet.heading, look.panel(sheet, palette)) for sheet in sheets)


def whole(chart: Chart, corrections: Corrections, columns: int = 3) -> look.Drawing:
    """All of them as one picture on a light ground, for a file; only of a chart with points."""
    return alt.ConcatChart(
        concat=[sheet.drawing() for sheet in _DRAW[chart.kind](look.cleaned(chart), corrections, LIGHT)],
        columns=columns,
        title=alt.TitleParams(f"{chart.title}, {chart.n}", fontSize=16, offset=18, anchor="start"),
        description=chart.reading,
        padding={"left": 16, "right": 40, "top": 16, "bottom": 16},
        **look.dress(LIGHT, background=LIGHT.card),
    )


# Score by condition: the ladder and the gap between two arms. Answers by place look alike.


def _by_condition(chart: Chart, corrections: Corrections, palette: Palette, when: str = "") -> Iterator[Sheet]:
    points = [p for p in chart.points if not Condition(p.condition).round]
    known = legend(chart, palette)
    for (benchmark, part, metric), found in by_panel(points).items():
        kind = benchmark_of(benchmark.partition(":")[0])
        what = (_PLACES if metric == "share" else kind.words.get(metric, metric)) + when
        leans = metric in kind.signed
        high = look.reach([p.figure for p in found]) if leans else 1.0
        low = -high if leans else 0.0
        title = f"{benchmark_title(benchmark, part)}: {what}"
        for stage, those in _by_stage(chart, found).items():
            layers = [*_ground(those, corrections, palette), *_rungs(those, known, corrections, palette, low, high)]
            heading, of = (title, f", {stage}") if stage else ("", "")
            yield look.sheet(heading, layers, those, title + of, look.letters(those, known))


_PLACES = "answers by place"


def _position(chart: Chart, corrections: Corrections, palette: Palette) -> Iterator[Sheet]:
    """Places stand beside each other as rungs do, the baseline and all conditions each in a drawing."""
    for condition, when in ((BASELINE, ", baseline"), (EVERY, ", all conditions")):
        points = tuple(p for p in chart.points if p.condition == condition)
        yield from _by_condition(replace(chart, points=points), corrections, palette, when)


def _by_stage(chart: Chart, points: Sequence[Point]) -> dict[str, list[Point]]:
    """Stage -> its points where there are too many models for one drawing; else all of them, of no stage."""
    found: dict[str, list[Point]] = {}
    for point in points:
        found.setdefault(_stage_name(point) if is_many(chart) else "", []).append(point)
    return found


def _stage_name(point: Point) -> str:
    stage = _stage(point)
    return "stage not known" if stage is Stage.UNKNOWN else str(stage)


def _columns(points: Sequence[Point], corrections: Corrections) -> dict[str, int]:
    return {place: k for k, place in enumerate(in_ladder_order(map(_column, points), corrections))}


def _column(point: Point) -> str:
    return point.place or point.condition


def _ground(points: Sequence[Point], corrections: Corrections, palette: Palette) -> Iterator[alt.Chart]:
    """What stands beneath: the baseline's band, the rungs' short names, and the sides."""
    places = _columns(points, corrections)
    across = look.x("x", -0.5, len(places) - 0.5)
    if BASELINE in places:
        band = look.rows_of([{"x": places[BASELINE] - 0.5, "to": places[BASELINE] + 0.5}])
        yield band.mark_rect(color=palette.soft, y=-8, y2=HEIGHT + 42).encode(x=across, x2=alt.X2("to:Q"))
    unethical = {place for place in places if side_is(place, corrections, Side.UNETHICAL)}
    ticks = [
        {
            "x": k,
            "tick": look.short(tick(place, corrections), 7),
            "colour": palette.danger if place in unethical else palette.grey,
        }
        for place, k in places.items()
    ]
    names = look.rows_of(ticks).mark_text(y=HEIGHT + 16)
    yield names.encode(x=across, text=alt.Text("tick:N"), color=look.COLOUR)
    ethical = [k for place, k in places.items() if side_is(place, corrections, Side.ETHICAL)]
    if unethical:
        edge = max(places[place] for place in unethical) + 0.2
        yield _side(edge, "← unethical", palette.danger, across, align="right")
    if BASELINE in places:
        yield _side(places[BASELINE], "base", palette.grey, across)
    if ethical:
        yield _side(min(ethical) - 0.2, "ethical →", palette.accent, across, align="left")


def _side(at: float, word: str, colour: str, across: alt.X, **mark: Any) -> alt.Chart:
    base = look.rows_of([{"x": at, "word": word}]).encode(x=across, text=alt.Text("word:N"))
    return cast(alt.Chart, base.mark_text(y=HEIGHT + 33, fontWeight=600, color=colour, **mark))


def side_is(condition: str, corrections: Corrections, side: Side) -> bool:
    """Whether a condition is a rung of this side."""
    return side_of(condition, corrections) is side


def _rungs(
    points: Sequence[Point],
    known: Mapping[str, Entry],
    corrections: Corrections,
    palette: Palette,
    low: float,
    high: float,
) -> Iterator[alt.Chart]:
    places, alone = _columns(points, corrections), len(known) == 1
    across = look.x("x", -0.5, len(places) - 0.5)
    axis = look.figures_axis(low, high, palette)
    rows, joined, ends = list[Row](), list[Row](), list[Row]()
    labels = list(dict.fromkeys(p.series.label for p in points))
    for k, label in enumerate(labels):
        entry, found = known[label], [p for p in points if p.series.label == label]
        shift = (k - (len(labels) - 1) / 2) * min(0.12, 0.5 / len(labels))
        mine = [_rung(p, places[_column(p)] + shift, entry, low) for p in found]
        rows += mine
        drawn = [r for r in mine if r["value"] is not None]
        joined += _joined(drawn, entry, corrections)
        ends += [{"x": r["x"], "value": r["value"], "letter": entry.letter, "colour": entry.colour} for r in drawn[-1:]]
    if joined:
        step = look.rows_of(joined).mark_rule(strokeWidth=2)
        y = look.y("value", low, high, axis)
        yield step.encode(
            x=across, x2=alt.X2("to:Q"), y=y, y2=alt.Y2("to_value:Q"), color=look.COLOUR, strokeDash=look.DASH
        )
    yield from _figures(rows, across, look.y("value", low, high, axis), look.y("low", low, high, axis), palette)
    if alone:
        # Beyond the whisker, which they would cover: above it, or below it where that is out of the field.
        for over, bound, dy in ((True, "high", -9), (False, "low", 11)):
            there = [r | {"at": r["value"] if r[bound] is None else r[bound]} for r in rows if r["value"] is not None]
            near = look.rows_of(r for r in there if ((r["high"] or r["value"]) < high * 0.95) is over)
            base = near.encode(x=across, y=look.y("at", low, high, axis))
            yield from look.halo(base, palette, "words", dy=dy)
        return
    moved = look.apart([e["value"] for e in ends], 12 / HEIGHT * (high - low), low, high)
    placed = look.rows_of(e | {"value": v} for e, v in zip(ends, moved, strict=True))
    base = placed.encode(x=across, y=look.y("value", low, high, axis))
    yield from look.halo(base, palette, "letter", 700, own=True, align="left", dx=8)


def _rung(point: Point, x: float, entry: Entry, low: float) -> Row:
    shown = signed if low < 0 else number
    words = "" if point.figure.value is None else shown(point.figure.value)
    return look.row(point, x=x, colour=entry.colour, words=words)


def _joined(drawn: Sequence[Row], entry: Entry, corrections: Corrections) -> Iterator[Row]:
    """Rungs are joined, dashed where they are unethical; what stands on no rung is not, and no place."""
    for one, following in pairwise(drawn):
        if not following["place"] and not side_is(following["condition"], corrections, Side.OTHER):
            unethical = side_is(one["condition"], corrections, Side.UNETHICAL)
            dash = UNETHICAL_DASH if unethical else entry.dash
            ends = {"x": one["x"], "to": following["x"], "value": one["value"], "to_value": following["value"]}
            yield ends | {"colour": entry.colour, "dash": dash}


def _figures(rows: Sequence[Row], x: alt.X, y: alt.Y, low: alt.Y, palette: Palette) -> Iterator[alt.Chart]:
    """Whiskers, and a mark for each figure."""
    base = look.rows_of(rows)
    yield base.mark_rule(strokeWidth=1.6, opacity=0.75).encode(x=x, y=low, y2=alt.Y2("high:Q"), color=look.COLOUR)
    mark = base.mark_point(
        filled=True, shape="square", size=60, opacity=1, stroke=palette.card, strokeWidth=1, aria=True
    )
    yield mark.encode(x=x, y=y, color=look.COLOUR, tooltip=look.told(rows), description=look.SAYS)


# Size against gain.


def _size(chart: Chart, corrections: Corrections, palette: Palette) -> Iterator[Sheet]:
    known = legend(chart, palette)
    for (benchmark, part, _), points in by_panel(chart.points).items():
        words = " · ".join(dict.fromkeys(f"{STAGE_MARKS[_stage(p)][0]} {_stage_name(p)}" for p in points))
        title = f"{benchmark_title(benchmark, part)}: gain"
        layers = _sized(points, known, palette)
        yield look.sheet("", layers, points, title, [*look.letters(points, known), words])


STAGE_MARKS = {
    Stage.BASE: ("□", "square"),  # drawn empty
    Stage.SFT: ("×", "M-1,-1L1,1M-1,1L1,-1"),
    Stage.INSTRUCT: ("■", "square"),
    Stage.PREFERENCE: ("+", "M0,-1.2L0,1.2M-1.2,0L1.2,0"),
    Stage.ALIGNED: ("*", "M0,-1.1L0,1.1M-1,-.6L1,.6M-1,.6L1,-.6"),
    Stage.RLVR: ("#", "M-.4,-1.1L-.4,1.1M.4,-1.1L.4,1.1M-1.1,-.4L1.1,-.4M-1.1,.4L1.1,.4"),
    Stage.UNKNOWN: ("–", "M-1,0L1,0"),
}
"""Stage -> its sign and its shape. None of them is a shape of the options' roles."""


def _stage(p: Point) -> Stage:
    return Stage(p.series.asked.stage or Stage.UNKNOWN)


def _sized(points: Sequence[Point], known: Mapping[str, Entry], palette: Palette) -> Iterator[alt.Chart]:
    most = look.reach([p.figure for p in points])
    sizes = [p.x or 1.0 for p in points] + [size for size, _ in THRESHOLDS]
    least, largest = min(sizes) / 2, max(sizes) * 2
    powers = [10.0**k for k in range(3, 14) if least <= 10.0**k <= largest]
    words = "datum.value < 1e6 ? datum.value / 1e3 + 'K' : datum.value < 1e9 ? datum.value / 1e6 + 'M' : "
    axis = alt.Axis(
        values=powers, labelExpr=words + "datum.value / 1e9 + 'B'", grid=False, title="parameters", titlePadding=8
    )
    across = look.x("x", least, largest, axis, type="log").title("parameters")
    up = look.figures_axis(-most, most, palette)
    lines = look.rows_of({"x": size, "word": word} for size, word in THRESHOLDS)
    yield lines.mark_rule(strokeDash=[6, 4]).encode(x=across)
    yield lines.mark_text(y=-9, color=palette.grey).encode(x=across, text=alt.Text("word:N"))
    rows = [
        look.row(
            p,
            x=p.x,
            colour=known[p.series.label].colour,
            fill=palette.card if _stage(p) is Stage.BASE else known[p.series.label].colour,
            shape=STAGE_MARKS[_stage(p)][1],
            letter=known[p.series.label].letter if len(known) > 1 else "",
            words="" if p.figure.value is None else signed(p.figure.value),
        )
        for p in points
    ]
    base = look.rows_of(rows)
    low, value = look.y("low", -most, most, up), look.y("value", -most, most, up)
    yield base.mark_rule(strokeWidth=1.6, opacity=0.75).encode(x=across, y=low, y2=alt.Y2("high:Q"), color=look.COLOUR)
    mark = base.mark_point(size=70, strokeWidth=2, opacity=1, aria=True)
    yield mark.encode(
        x=across,
        y=value,
        stroke=alt.Stroke("colour:N", scale=None, legend=None),
        fill=alt.Fill("fill:N", scale=None, legend=None),
        shape=alt.Shape("shape:N", scale=None, legend=None),
        tooltip=look.told(rows),
        description=look.SAYS,
    )
    field, weight = ("letter", 700) if len(known) > 1 else ("words", 600)
    yield from look.halo(base.encode(x=across, y=value), palette, field, weight, own=True, align="left", dx=9)


_DRAW: Mapping[Kind, Callable[[Chart, Corrections, Palette], Iterator[Sheet]]] = {
    Kind.LADDER: _by_condition,
    Kind.SIZE: _size,
    Kind.CATEGORIES: multiples.categories,
    Kind.CORRELATION: multiples.correlation,
    Kind.FLIPS: multiples.flips,
    Kind.GAP: _by_condition,
    Kind.POSITION: _position,
}
