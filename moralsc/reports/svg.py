"""Shapes of a drawing, and scales from figures to places. What they look like is the style sheet's matter."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from moralsc.analysis.statistics import Figure

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Shape:
    """One SVG element.

    Attributes:
        tag: its name; never from data.
        attributes: as they are written, escaped by whoever writes them.
        text: its text, of a <text>.
        says: what a pointer over it shows.
    """

    tag: str
    attributes: Mapping[str, str | float]
    text: str = ""
    says: str = ""


@dataclass
class Drawing:
    """Shapes on a sheet, in its own units: 1 unit is about a pixel, from the upper left corner.

    Attributes:
        title: what stands above it.
        alt: what it shows, in words.
    """

    title: str
    alt: str
    width: float
    height: float
    shapes: list[Shape] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, cls: str, says: str = "") -> None:
        """A straight line."""
        places = {"x1": _r(x1), "y1": _r(y1), "x2": _r(x2), "y2": _r(y2)}
        self.shapes.append(Shape("line", {"class": cls, **places}, says=says))

    def path(self, points: Sequence[tuple[float, float]], cls: str) -> None:
        """A line through points; nothing of fewer than two."""
        if len(points) > 1:
            along = "M" + "L".join(f"{_r(x)} {_r(y)}" for x, y in points)
            self.shapes.append(Shape("path", {"class": cls, "d": along}))

    def rect(self, x: float, y: float, width: float, height: float, cls: str, says: str = "") -> None:
        """A rectangle by its upper left corner."""
        places = {"x": _r(x), "y": _r(y), "width": _r(max(width, 0)), "height": _r(max(height, 0))}
        self.shapes.append(Shape("rect", {"class": cls, **places}, says=says))

    def dot(self, x: float, y: float, r: float, cls: str, says: str = "") -> None:
        """A circle by its centre."""
        self.shapes.append(Shape("circle", {"class": cls, "cx": _r(x), "cy": _r(y), "r": r}, says=says))

    def mark(self, x: float, y: float, shape: str, cls: str, says: str = "") -> None:
        """One of MARKS around a place."""
        along = "".join(f"{c}{_r(x + dx)} {_r(y + dy)}" if c != "Z" else "Z" for c, dx, dy in MARKS[shape])
        self.shapes.append(Shape("path", {"class": cls, "d": along}, says=says))

    def text(self, x: float, y: float, text: str, cls: str = "", anchor: str = "start") -> None:
        """Words on a base line; anchor: start, middle or end."""
        self.shapes.append(Shape("text", {"class": cls, "x": _r(x), "y": _r(y), "text-anchor": anchor}, text))


_SQUARE = (("M", -4, -4), ("L", 4, -4), ("L", 4, 4), ("L", -4, 4), ("Z", 0, 0))
MARKS: Mapping[str, Sequence[tuple[str, float, float]]] = {
    "base": _SQUARE,
    "sft": (("M", -4, -4), ("L", 4, 4), ("M", -4, 4), ("L", 4, -4)),
    "instruct": _SQUARE,
    "aligned": (
        ("M", 0, -5),
        ("L", 0, 5),
        ("M", -5, 0),
        ("L", 5, 0),
        ("M", -4, -4),
        ("L", 4, 4),
        ("M", -4, 4),
        ("L", 4, -4),
    ),
    "": (("M", -5, 0), ("L", 5, 0)),
}
"""Stage -> its mark. None of them is a shape of the options' roles."""


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """From [low, high] to [start, end]."""
    return lambda value: start + (value - low) / ((high - low) or 1) * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """The same by the powers of ten."""
    inner = linear(math.log10(low), math.log10(high), start, end)
    return lambda value: inner(math.log10(value))


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


def _r(value: float) -> float:
    return round(value, 1)
