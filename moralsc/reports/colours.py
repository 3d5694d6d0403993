"""Colours of the drawings by what they are for, and how models are told apart.

A colour of PAGE is a CSS variable with the light colour behind it: an SVG in a page follows the page's light or dark
without being drawn again. Files that leave the page are drawn in LIGHT.
"""

from collections import Counter
from dataclasses import asdict, dataclass

from moralsc.models import Stage
from moralsc.reports.chart import Chart


@dataclass(frozen=True)
class Palette:
    """Colours by what they are for. Those of the options' roles are not among them: they stand for roles alone.

    Attributes:
        card: what a drawing stands on.
        series: of models; further models take them again with dashes.
    """

    ink: str
    grey: str
    line: str
    soft: str
    card: str
    accent: str
    danger: str
    s0: str
    s1: str
    s2: str
    s3: str
    s4: str
    s5: str

    @property
    def series(self) -> tuple[str, ...]:
        """The colours of models, in their order."""
        return self.s0, self.s1, self.s2, self.s3, self.s4, self.s5


LIGHT = Palette(
    *("#1a1c20", "#575b64", "#e2e2e0", "#eef0f4", "#ffffff", "#1f4e79", "#9b1c1c"),
    *("#1f4e79", "#c2185b", "#746400", "#0077a3", "#5d4037", "#616161"),
)
PAGE = Palette(**{name: f"var(--m-{name}, {colour})" for name, colour in asdict(LIGHT).items()})

_DASHES = ([1, 0], [8, 3], [2, 3])
UNETHICAL_DASH = [4, 4]


@dataclass(frozen=True)
class Entry:
    """How one model is told from the others: by its letter, its colour and the dash of its lines."""

    letter: str
    colour: str
    dash: list[int]


def is_many(chart: Chart) -> bool:
    """Whether its models are too many for one drawing, and differ in stage: then each stage has its own."""
    return len(chart.models) > len(LIGHT.series) and len(set(chart.models.values())) > 1


def legend(chart: Chart, palette: Palette) -> dict[str, Entry]:
    """Label -> entry, for each model of a chart. Where there are many, colours begin anew with every stage."""
    within = Counter[Stage]()
    found = dict[str, Entry]()
    for k, (label, stage) in enumerate(chart.models.items()):
        place = within[stage] if is_many(chart) else k
        colour, dash = palette.series[place % len(palette.series)], _DASHES[place // len(palette.series) % len(_DASHES)]
        found[label] = Entry(chr(65 + k) if k < 26 else str(k + 1), colour, dash)
        within[stage] += 1
    return found
