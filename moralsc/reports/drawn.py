"""What the drawings of all charts share: their width, legends, words for pointers and screen readers, the axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moralsc.dialogue import BASELINE
from moralsc.notation import number, signed
from moralsc.prompts import Correction, Side
from moralsc.reports.chart import Point
from moralsc.reports.svg import Drawing, Scale
from moralsc.reports.words import interval, value

WIDTH = 380


@dataclass(frozen=True)
class Entry:
    """One line of a legend: whose colour and letter."""

    letter: str
    cls: str
    label: str


@dataclass(frozen=True)
class Drawn:
    """A chart's drawings by heading ("" for one without), and its legend; no entries where one model stands alone."""

    groups: tuple[tuple[str, tuple[Drawing, ...]], ...]
    legend: tuple[Entry, ...] = ()
    stages: tuple[str, ...] = ()


Corrections = Mapping[str, Correction]


def says(point: Point) -> str:
    """What a pointer over a figure shows."""
    where = " ".join(filter(None, (point.series.label, point.condition, point.place)))
    bounds = f" ({interval(point.figure)})" if interval(point.figure) else ""
    return f"{where}: {point.metric} {value(point.figure)}{bounds}, n = {point.figure.n}"


def alt(points: Sequence[Point]) -> str:
    """What a drawing shows, for those who do not see it."""
    shown = "; ".join(map(says, points[:40]))
    return shown + (f"; and {len(points) - 40} more in the table" if len(points) > 40 else "")


def side_of(condition: str, corrections: Corrections) -> Side | None:
    """Of a rung; OTHER for what stands on none, and None for the baseline."""
    if condition == BASELINE:
        return None
    correction = corrections.get(condition)
    return correction.side if correction and correction.rung is not None else Side.OTHER


def y_axis(sheet: Drawing, y: Scale, low: float, high: float, left: float, right: float) -> None:
    """Three lines across with their values; around 0 these have a sign."""
    for at in (low, (low + high) / 2, high):
        sheet.line(left, y(at), right, y(at), "zero" if at == 0 else "grid")
        sheet.text(left - 6, y(at) + 4, signed(at) if low < 0 else number(at, 1), "tick", "end")
