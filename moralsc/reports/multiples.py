"""Charts of one model at a time: categories, a correlation over places, flips."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from moralsc.analysis.lines import ALL
from moralsc.analysis.statistics import Figure
from moralsc.benchmarks import benchmark_of
from moralsc.benchmarks.base import Benchmark, Correlation
from moralsc.items import BASELINE
from moralsc.notation import number, signed
from moralsc.prompts import Side, tick
from moralsc.reports import look
from moralsc.reports.chart import Chart, Point, by_panel, side_of
from moralsc.reports.colours import Palette
from moralsc.reports.look import WIDTH, Corrections, Row, Sheet
from moralsc.reports.readings import benchmark_title
from moralsc.reports.words import UNDEFINED, interval, value


def _by_model(chart: Chart) -> Iterator[tuple[str, Benchmark, list[Point]]]:
    """Whose figures of which benchmark, the benchmark, and they."""
    found: dict[tuple[str, str], list[Point]] = {}
    for point in chart.points:
        found.setdefault((point.series.label, point.benchmark), []).append(point)
    for (label, benchmark), points in found.items():
        yield (
            f"{look.short(label, 40)} on {benchmark_title(benchmark)}",
            benchmark_of(benchmark.partition(":")[0]),
            points,
        )


def categories(chart: Chart, corrections: Corrections, palette: Palette) -> Iterator[Sheet]:
    """A drawing a metric and context, in each a row a category."""
    before_after = "□ baseline" + (f"  ■ after {look.short(chart.correction)}" if chart.correction else "")
    for heading, benchmark, points in _by_model(chart):
        drawn = [(context, metric) for context, metrics in benchmark.by_category.items() for metric in metrics]
        for part, metric in sorted(drawn, key=lambda one: one[1] != "accuracy"):
            found = [p for p in points if (p.part, p.metric) == (part, metric) and not p.beside]
            if found:
                leans = metric in benchmark.signed
                everywhere = sum(metric in metrics for metrics in benchmark.by_category.values()) > 1
                where = _PARTS.get(part, part) if everywhere else ""
                title = ", ".join(filter(None, (benchmark.words.get(metric, metric), where)))
                title += " (above 0: with the stereotype)" if leans else ""
                places = len({p.place for p in found})
                layers = _categories(found, -1.0 if leans else 0.0, palette)
                yield look.sheet(heading, layers, found, title, [heading, before_after], _STEP * places, 26)


_PARTS = {"ambig": "ambiguous", "disambig": "disambiguated"}
_STEP = 44  # pixels a row: words above, marks below


def _categories(points: Sequence[Point], low: float, palette: Palette) -> Iterator[alt.Chart]:
    """A row a category: hollow at baseline, full after the correction."""
    high = 1.0
    places = list(dict.fromkeys(p.place for p in points))
    axis = look.figures_axis(low, high, palette)
    across, bounds = look.x("value", low, high, axis), look.x("low", low, high, axis)
    down = look.y("row", 0, len(places), reverse=True)
    rows, words, moves = list[Row](), list[Row](), list[Row]()
    for k, place in enumerate(places):
        row = [p for p in points if p.place == place]
        rows += [_category(p, k, palette) for p in row]
        said = " → ".join(_value(p.figure, low) for p in row)
        words.append(
            {"row": k + 0.27, "place": look.short(place), "said": said, "pooled": place in ("micro", "macro", ALL)}
        )
        shown = [p.figure.value for p in row if p.figure.value is not None]
        moves += [{"row": k + 0.72, "value": shown[0], "to": shown[1]}] if len(shown) == 2 else []
    for pooled, weight in ((False, 400), (True, 700)):
        names = look.rows_of(w for w in words if w["pooled"] is pooled)
        yield from look.halo(names.encode(y=down), palette, "place", weight, align="left", x=0)
    yield from look.halo(look.rows_of(words).encode(y=down), palette, "said", align="right", x=WIDTH)
    if moves:
        moved = look.rows_of(moves).mark_rule(strokeDash=[2, 2])
        yield moved.encode(x=across, x2=alt.X2("to:Q"), y=down)
    base = look.rows_of(rows)
    yield base.mark_rule(strokeWidth=1.6).encode(x=bounds, x2=alt.X2("high:Q"), y=down, color=look.COLOUR)
    mark = base.mark_point(shape="square", size=60, strokeWidth=2, opacity=1, aria=True)
    yield mark.encode(
        x=across,
        y=down,
        stroke=alt.Stroke("colour:N", scale=None, legend=None),
        fill=alt.Fill("fill:N", scale=None, legend=None),
        tooltip=look.told(rows),
        description=look.SAYS,
    )


def _category(point: Point, k: int, palette: Palette) -> Row:
    before = point.condition == BASELINE
    colour, fill = (palette.grey, palette.card) if before else (palette.accent, palette.accent)
    return look.row(point, row=k + (0.66 if before else 0.79), colour=colour, fill=fill)


def _value(figure: Figure, low: float) -> str:
    if figure.value is None:
        return UNDEFINED
    return signed(figure.value) if low < 0 else number(figure.value)


def correlation(chart: Chart, corrections: Corrections, palette: Palette) -> Iterator[Sheet]:
    """A dot a place, a drawing a condition; what sums it up never stands without the means beside it."""
    for heading, benchmark, points in _by_model(chart):
        if (shown := benchmark.correlation) is None:
            continue
        for condition in dict.fromkeys(p.condition for p in points):
            found = [p for p in points if p.condition == condition]
            title = condition if condition == BASELINE else f"after {condition}"
            means = ", ".join(f"{p.metric.removeprefix('mean ')} {value(p.figure)}" for p in found if p.beside)
            words = [heading, *([f"means: {means}"] if means else [])]
            yield look.sheet(heading, _dots(found, shown, palette), found, title, words)


def _dots(points: Sequence[Point], shown: Correlation, palette: Palette) -> Iterator[alt.Chart]:
    title, end = shown.x
    below = alt.Axis(values=[0, end / 2, end], grid=False, title=title, titlePadding=8)
    across = look.x("x", 0, end, below).title(title)
    up = look.y("value", 0, 1, look.figures_axis(0, 1, palette))
    even = look.rows_of([{"x": 0, "value": 0, "to": end, "to_value": 1}])
    yield even.mark_rule(strokeDash=[4, 4]).encode(x=across, x2=alt.X2("to:Q"), y=up, y2=alt.Y2("to_value:Q"))
    rows = [look.row(p, x=p.x) for p in points if p.metric == shown.metric]
    dots = look.rows_of(rows).mark_point(
        filled=False, color=palette.accent, shape="circle", size=45, strokeWidth=1.6, opacity=1, aria=True
    )
    yield dots.encode(x=across, y=up, tooltip=look.told(rows), description=look.SAYS)
    rho = look.rows_of(look.row(p, words=_summed(p)) for p in points if p.metric == shown.summary)
    named = look.rows_of([{"words": shown.title.partition(" against ")[0]}]).mark_text(
        align="left", x=0, y=-12, color=palette.grey
    )
    yield named.encode(text=alt.Text("words:N"))
    stands = rho.mark_text(align="right", x=WIDTH, y=-12, fontWeight=600)
    yield stands.encode(text=alt.Text("words:N"))


def _summed(point: Point) -> str:
    figure = point.figure
    bounds = f" ({interval(figure)})" if interval(figure) else ""
    return f"{point.metric} {value(figure)}{bounds}, n = {figure.n}"


def flips(chart: Chart, corrections: Corrections, palette: Palette) -> Iterator[Sheet]:
    """What turned, a row a correction; a model's benchmarks stand beside each other."""
    for label in dict.fromkeys(p.series.label for p in chart.points):
        model = look.short(label, 40)
        for (benchmark, part, _), panel in by_panel([p for p in chart.points if p.series.label == label]).items():
            layers = _flipped(panel, corrections, palette)
            words = [model, "lost: right before and wrong after"]
            title = benchmark_title(benchmark, part)
            yield look.sheet(model, layers, panel, title, words, 26 * len(panel), 8)


def _flipped(points: Sequence[Point], corrections: Corrections, palette: Palette) -> Iterator[alt.Chart]:
    """A row a condition: lost to the left, won to the right, as shares of n on one scale; the counts beside them."""
    bars, rows = list[Row](), list[Row]()
    for k, point in enumerate(points):
        if (test := point.comparison) is None:
            continue
        unethical = side_of(point.condition, corrections) is Side.UNETHICAL
        colour = palette.danger if unethical else palette.grey
        short = look.short(tick(point.condition, corrections), 9)
        rows.append(look.row(point, row=k, tick=short, p=_p(test.p_holm), colour=colour, lost=test.lost, won=test.won))
        for sign, count, word in ((-1, test.lost, "lost"), (1, test.won, "won")):
            share = count / test.n if test.n else 0.0
            says = f"{point.condition}: {count} {word} of {test.n}"
            bars.append({"row": k, "from": 0, "to": sign * share, "count": str(count), "word": word, "says": says})
    across = look.x("to", -1.15, 1.15, None, range=[40, WIDTH - 60])
    down = look.y("row", -0.5, len(points) - 0.5, reverse=True)
    sides: tuple[tuple[str, dict[str, Any], Any, int], ...] = (
        ("lost", {"color": palette.card, "stroke": palette.danger, "strokeDash": [4, 2]}, "right", -5),
        ("won", {"color": palette.accent}, "left", 5),
    )
    for word, style, align, dx in sides:
        base = look.rows_of(b for b in bars if b["word"] == word)
        bar = base.mark_bar(orient="horizontal", size=14, aria=True, **style)
        yield bar.encode(
            x=across, x2=alt.X2("from:Q"), y=down, tooltip=alt.Tooltip("says:N", title="flips"), description=look.SAYS
        )
        yield from look.halo(base.encode(x=across, y=down), palette, "count", align=align, dx=dx)
        head = look.rows_of([{"word": "← lost" if word == "lost" else "won →", "to": 0}])
        over = head.mark_text(align=align, dx=dx, y=-9, fontWeight=600, color=palette.grey)
        yield over.encode(x=across, text=alt.Text("word:N"))
    told = look.rows_of(rows)
    yield told.mark_text(align="left", x=0).encode(y=down, text=alt.Text("tick:N"), color=look.COLOUR)
    yield told.mark_text(align="right", x=WIDTH, color=palette.grey).encode(y=down, text=alt.Text("p:N"))
    yield look.rows_of([{"to": 0}]).mark_rule().encode(x=across)
    last = look.rows_of([{"word": "p (Holm)"}]).mark_text(align="right", x=WIDTH, y=-9, color=palette.grey)
    yield last.encode(text=alt.Text("word:N"))


def _p(p: float | None) -> str:
    return "" if p is None else "< .001" if p < 0.001 else number(p, 3)
