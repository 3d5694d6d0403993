"""What all drawings share: type, rows, axes, the layers that they are made of, and a sheet with its words."""

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import altair as alt

from moralsc.analysis.statistics import Figure
from moralsc.prompts import Correction
from moralsc.reports.chart import Chart, Point, Series
from moralsc.reports.colours import Entry, Palette
from moralsc.reports.words import interval, value

Row = dict[str, Any]
Corrections = Mapping[str, Correction]

WIDTH, HEIGHT = 280, 180
"""Of the field in which figures stand, in pixels; with its axis a panel is as wide as a phone's page."""

FONT = "ui-sans-serif, system-ui, sans-serif"
TYPE = 12
_LINE, _TITLE = 50, 40  # characters that fit into a line of the words and of the title


def printable(text: str) -> str:
    """The text with a replacement character for what no reader can see but a page may obey: controls, directions."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def cleaned(chart: Chart) -> Chart:
    """The chart with nothing in its words that no reader can see but a page may obey."""

    def series(s: Series) -> Series:
        asked = replace(s.asked, model=printable(s.asked.model), mark=printable(s.asked.mark))
        return replace(s, label=printable(s.label), asked=asked)

    known = {s: series(s) for s in chart.series}
    points = [
        replace(
            p,
            series=known[p.series],
            benchmark=printable(p.benchmark),
            place=printable(p.place),
            condition=printable(p.condition),
        )
        for p in chart.points
    ]
    return replace(chart, points=tuple(points), correction=printable(chart.correction))


def short(text: str, most: int = 30) -> str:
    """The text, cut with an ellipsis where it is too long for a drawing; the table has all of it."""
    return text if len(text) <= most else text[: most - 1] + "…"


# The rows behind a drawing


def row(point: Point, **more: Any) -> Row:
    """A figure as a row of a drawing's data: its value, interval and n, and the same in words."""
    figure = point.figure
    return {
        "model": point.series.label,
        "condition": point.condition,
        "place": point.place,
        "metric": point.metric,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "n": figure.n,
        "shown": value(figure),
        "interval": interval(figure),
        "says": says(point),
        **more,
    }


def says(point: Point) -> str:
    """A figure in words, for pointers and screen readers."""
    where = " ".join(filter(None, (point.series.label, point.condition, point.place)))
    bounds = f" ({interval(point.figure)})" if interval(point.figure) else ""
    return f"{where}: {point.metric} {value(point.figure)}{bounds}, n = {point.figure.n}"


def described(points: Sequence[Point]) -> str:
    """What a drawing shows, for those who do not see it."""
    shown = "; ".join(map(says, points[:40]))
    return shown + (f"; and {len(points) - 40} more in the table" if len(points) > 40 else "")


_TOLD = (
    *(("model", "model"), ("condition", "condition"), ("place", "of"), ("metric", "figure")),
    *(("shown", "value"), ("interval", "95 % interval"), ("n", "n")),
)


def told(rows: Sequence[Row]) -> list[alt.Tooltip]:
    """What a pointer over a figure shows."""
    return [alt.Tooltip(f"{name}:N", title=word) for name, word in _TOLD if any(r[name] != "" for r in rows)]


# Scales and axes


def reach(figures: Sequence[Figure], least: float = 0.1) -> float:
    """How far an axis around 0 has to go, in tenths: so that values and intervals fit."""
    ends = [abs(v) for f in figures for v in (f.value, f.low, f.high) if v is not None]
    return max(least, math.ceil(max(ends, default=0) * 10 - 1e-9) / 10)


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places moved so that no two are nearer than `gap`, in their order, within [low, high] while there is room."""
    order = sorted(range(len(places)), key=lambda k: places[k])
    moved = list(places)
    for before, k in pairwise(order):
        moved[k] = max(moved[k], moved[before] + gap)
    if order and (over := moved[order[-1]] - high) > 0:
        moved[order[-1]] -= over
        for after, k in pairwise(order[::-1]):
            moved[k] = min(moved[k], moved[after] - gap)
    return [max(low, place) for place in moved]


def figures_axis(low: float, high: float, palette: Palette) -> alt.Axis:
    """Three lines across with their values, without a leading zero; around 0 these have a sign."""
    form = "'+.1f'" if low < 0 else "'.1f'"
    shown = rf"replace(format(datum.value, {form}), /^([+−]?)0\./, '$1.')"
    grid = alt.condition("datum.value === 0", alt.value(palette.grey), alt.value(palette.line))
    # Else the zero in the middle of a signed axis would be "+.0".
    words = f"datum.value === 0 && {str(low < 0).lower()} ? '0' : {shown}"
    return alt.Axis(values=[low, (low + high) / 2, high], labelExpr=words, gridColor=grid)


def x(field: str, low: float, high: float, axis: alt.Axis | None = None, **scale: Any) -> alt.X:
    """A quantitative x."""
    return alt.X(f"{field}:Q", title=None, scale=alt.Scale(domain=[low, high], nice=False, **scale), axis=axis)


def y(field: str, low: float, high: float, axis: alt.Axis | None = None, **scale: Any) -> alt.Y:
    """A quantitative y."""
    return alt.Y(f"{field}:Q", title=None, scale=alt.Scale(domain=[low, high], nice=False, **scale), axis=axis)


COLOUR = alt.Color("colour:N", scale=None, legend=None)
DASH = alt.StrokeDash("dash:N", scale=None, legend=None)
SAYS = alt.Description("says:N")


def rows_of(rows: Iterable[Row]) -> alt.Chart:
    """Rows, to be given marks."""
    return alt.Chart(alt.InlineData(list(rows)))


def halo(
    base: alt.Chart, palette: Palette, text: str, weight: Any = 600, own: bool = False, **mark: Any
) -> Iterator[alt.Chart]:
    """Text that stays legible over lines: the same text in the card's colour, wider, beneath it.

    Args:
        own: in the colour of its row, not in that of ink.
    """
    words = alt.Text(f"{text}:N")
    behind = base.mark_text(stroke=palette.card, strokeWidth=4, color=palette.card, fontWeight=weight, **mark)
    front = base.mark_text(fontWeight=weight, color=palette.ink, **mark).encode(text=words)
    yield behind.encode(text=words)
    yield front.encode(color=COLOUR) if own else front


# Sheets


@dataclass(frozen=True)
class Sheet:
    """One drawing, not yet dressed.

    Attributes:
        heading: whose figures, where a chart shows one model after the other; else empty.
        above, below: pixels that its words take over and under the field.
    """

    heading: str
    layers: tuple[alt.Chart, ...]
    height: float
    title: alt.TitleParams
    description: str
    above: int
    below: int

    def drawing(self, **top: Any) -> alt.LayerChart:
        """The layers together, with what stands at the top of a specification.

        All of it is given at once: to a chart that is there already it would be added by copying and checking it anew.
        """
        return alt.LayerChart(
            layer=list(self.layers),
            width=WIDTH,
            height=self.height,
            title=self.title,
            description=self.description,
            **top,
        )


LEFT, RIGHT = 34, 12
"""What stands beside the field, in pixels."""
_OVER = 30  # between the title and the field, with the words that stand there


def sheet(
    heading: str,
    layers: Iterable[alt.Chart],
    points: Sequence[Point],
    title: str,
    words: Sequence[str],
    height: float = HEIGHT,
    below: int = 44,
) -> Sheet:
    """Layers as one drawing under its title; the words and the mark of miniatures are part of the picture."""
    lines = [line for text in (*words, *_marks(points)) for line in _lines(text, _LINE)]
    over = _lines(title, _TITLE) or [""]
    title_of = alt.TitleParams(over, subtitle=lines, anchor="start", frame="group", dx=-LEFT, offset=12)
    above = _OVER + 16 * len(over) + 4 + 15 * len(lines)
    return Sheet(heading, tuple(layers), height, title_of, described(points), above, below)


def _lines(text: str, most: int) -> list[str]:
    return textwrap.wrap(text, most, break_on_hyphens=False)


def _marks(points: Sequence[Point]) -> list[str]:
    """The marks of a drawing's models; with whose they are where others have none or another."""
    by: dict[str, list[str]] = {}
    for series in dict.fromkeys(p.series for p in points):
        by.setdefault(series.asked.mark, []).append(short(series.label))
    return [f"{', '.join(whose)}: {mark}" if len(by) > 1 else mark for mark, whose in by.items() if mark]


def letters(points: Sequence[Point], known: Mapping[str, Entry]) -> list[str]:
    """ "A this model · B that model" of the models in a drawing; the model's name where it stands alone."""
    if len(known) == 1:
        return [short(label, _LINE) for label in known]
    there = {p.series.label for p in points}
    named = (f"{known[label].letter}\N{NO-BREAK SPACE}{_unbroken(label)}" for label in known if label in there)
    return [" · ".join(named)]


def _unbroken(text: str) -> str:
    return short(text, 40).replace(" ", "\N{NO-BREAK SPACE}")


Drawing = alt.LayerChart | alt.ConcatChart


def panel(made: Sheet, palette: Palette) -> alt.LayerChart:
    """A sheet as a drawing of its own. Its size does not hang on fonts, so that panels stand side by side alike."""
    around = {"left": LEFT, "right": RIGHT, "top": made.above, "bottom": made.below}
    return made.drawing(autosize="none", padding=around, **dress(palette))


def dress(palette: Palette, background: str = "transparent") -> dict[str, Any]:
    """What gives a drawing the house's type and lines, and tells vega-embed, as in gr.Plot, to draw SVG.

    A canvas knows no CSS variables, and would stay light in a dark page.
    """
    config = alt.Config(
        aria=False,
        background=background,
        font=FONT,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            domain=False,
            ticks=False,
            labelColor=palette.grey,
            labelFontSize=TYPE,
            labelPadding=5,
            gridDash=[2, 3],
            titleColor=palette.grey,
            titleFontSize=TYPE,
            titleFontWeight="normal",
            aria=False,
        ),
        title=alt.TitleConfig(
            color=palette.ink,
            fontSize=13,
            subtitleColor=palette.grey,
            subtitleFontSize=TYPE,
            subtitleLineHeight=15,
            lineHeight=16,
            subtitlePadding=4,
            aria=False,
        ),
        text=alt.MarkConfig(font=FONT, fontSize=TYPE, color=palette.ink),
        rule=alt.MarkConfig(color=palette.grey),
        concat=alt.CompositionConfig(spacing=28),
    )
    embedding = {"renderer": "svg", "actions": False}
    return {"config": config, "usermeta": {"embedOptions": embedding}}
