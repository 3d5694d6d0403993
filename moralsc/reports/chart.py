"""Chart: what one chart shows, as plain values. No figure is computed here and nothing is drawn."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from moralsc.analysis import mass
from moralsc.analysis.claims import Finding
from moralsc.analysis.correction import Comparison
from moralsc.analysis.mass import Mass
from moralsc.analysis.statistics import Figure
from moralsc.items import BASELINE, Condition
from moralsc.models import Stage
from moralsc.prompts import Correction, Side
from moralsc.reports.runs import Asked
from moralsc.reports.unethical import Compliance
from moralsc.reports.words import counted, interval, p_value, value


class Kind(StrEnum):
    """Which chart, in the order of a report."""

    LADDER = "ladder"
    SIZE = "size"
    CATEGORIES = "categories"
    CORRELATION = "correlation"
    FLIPS = "flips"
    GAP = "gap"
    POSITION = "position"


@dataclass(frozen=True)
class Series:
    """Whose figures: one model in one run.

    Attributes:
        label: the model, with its run where two runs asked it the same benchmark.
        incomplete: "done X of Y" of an unfinished run, else empty.
    """

    run: str
    label: str
    asked: Asked
    by: str
    incomplete: str = ""


@dataclass(frozen=True)
class Point:
    """One figure of a chart.

    Attributes:
        benchmark: as runs name it, with its source.
        part: the items that it is of: "ambig", "disambig"; "occupation", "full"; empty for all.
        condition: baseline, or a correction with its round.
        place: a category, an occupation, "micro", or an option's place, "1st"; empty where the chart shows all items
            together.
        x: parameters, or the women in an occupation (0 to 100); None where no number stands on that axis.
        comparison: of a gain: flips with their items, p, and p corrected for the corrections of one model and part.
        beside: it stands in the table, and in words beside others, and has no mark of its own in a drawing.
        mass: how much of the probability the options hold, as the median over the items behind the figure.
    """

    series: Series
    benchmark: str
    part: str
    condition: str
    place: str
    metric: str
    figure: Figure
    x: float | None = None
    comparison: Comparison | None = None
    beside: bool = False
    mass: Figure | None = None


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        correction: what charts of one correction show after the baseline; empty for the others.
        unit: what n counts.
        reading: one sentence written from the figures; of a chart without points, why it has none.
        notes: sentences without which it would mislead.
    """

    kind: Kind
    title: str
    points: tuple[Point, ...]
    unit: str
    correction: str = ""
    reading: str = ""
    notes: tuple[str, ...] = ()

    @property
    def series(self) -> tuple[Series, ...]:
        """Whose figures it shows, each once."""
        return tuple(dict.fromkeys(p.series for p in self.points))

    @property
    def models(self) -> dict[str, Stage]:
        """Label -> stage of each model it shows; a model that several runs asked different benchmarks is one."""
        return {s.label: Stage(s.asked.stage or Stage.UNKNOWN) for s in self.series}

    @property
    def n(self) -> str:
        """The n of its figures with the unit, from the least to the most; of dots that of what sums them up."""
        dots = self.kind is Kind.CORRELATION
        counts = sorted({p.figure.n for p in self.points if not (p.beside or (dots and p.place))})
        if not counts:
            return ""
        return f"n = {counts[0]}{f' to {counts[-1]}' if len(counts) > 1 else ''} {self.unit}"

    @property
    def marks(self) -> tuple[str, ...]:
        """What stands with it because of bundled miniatures: whose figures, and the mark."""
        return tuple(dict.fromkeys(f"{s.asked.model}: {s.asked.mark}" for s in self.series if s.asked.mark))

    def records(self) -> list[dict[str, Any]]:
        """Its figures as plain values, one a row: for CSV and JSON."""
        return [_plain(p) for p in self.points]

    def table(self) -> list[tuple[str, ...]]:
        """The same for people: a header and a row for each figure, without the columns that are empty throughout."""
        rows = [_HEADER, *map(_row, self.points)]
        kept = [k for k in range(len(_HEADER)) if k < 2 or any(row[k] for row in rows[1:])]
        return [tuple(row[k] for k in kept) for row in rows]


@dataclass(frozen=True)
class ComplianceOf:
    """What one model did when it was told to be unfair, with whose figures and of which benchmark they are."""

    series: Series
    benchmark: str
    found: Compliance


@dataclass(frozen=True)
class MassOf:
    """How much the options hold in a group of answers, with whose they are and of which benchmark."""

    series: Series
    benchmark: str
    found: Mass


def mass_table(found: Sequence[MassOf]) -> list[tuple[str, ...]]:
    """A header and a row for each group; nothing at all without any."""
    rows = [(one.series.label, one.benchmark, *mass.cells(one.found)) for one in found]
    return [("model", "benchmark", *mass.HEADER), *rows] if rows else []


@dataclass(frozen=True)
class Figures:
    """Everything that a report shows.

    Attributes:
        charts: one of each kind, in their order, also where there is nothing to show.
        findings: the papers' claims against these runs.
        masses: how much the options hold in each model's answers to a benchmark, at baseline and corrected.
        unethical: what each model did when it was told to be unfair; empty without such instructions or a baseline, and
            of what was arranged for a page.
    """

    charts: tuple[Chart, ...]
    findings: tuple[Finding, ...]
    masses: tuple[MassOf, ...] = ()
    unethical: tuple[ComplianceOf, ...] = ()

    def chart(self, kind: Kind) -> Chart:
        """The chart of this kind."""
        return next(c for c in self.charts if c.kind is kind)


def side_of(condition: str, corrections: Mapping[str, Correction]) -> Side | None:
    """Of a rung; OTHER for what stands on none, and None for the baseline."""
    if condition == BASELINE:
        return None
    correction = corrections.get(condition)
    return correction.side if correction and correction.rung is not None else Side.OTHER


def in_ladder_order(conditions: Iterable[str], corrections: Mapping[str, Correction]) -> list[str]:
    """Unethical rungs (most specific first), the baseline, ethical rungs, then what stands on no rung, rounds last."""

    def place(condition: str) -> tuple[int, int, int]:
        name, nth = Condition(condition).correction, Condition(condition).round
        correction = corrections.get(name)
        if nth:
            return 3, int(nth), 0
        if name == BASELINE:
            return 0, 0, 0
        if correction is None or correction.rung is None:
            return 2, 0, 0
        return (-1, -correction.rung, 0) if correction.side is Side.UNETHICAL else (1, correction.rung, 0)

    return sorted(dict.fromkeys(conditions), key=place)


def by_panel(points: Iterable[Point]) -> dict[tuple[str, str, str], list[Point]]:
    """(benchmark, part, metric) -> its points: figures that share an axis."""

    panels: dict[tuple[str, str, str], list[Point]] = {}
    for point in points:
        panels.setdefault((point.benchmark, point.part, point.metric), []).append(point)
    return panels


def _plain(point: Point) -> dict[str, Any]:
    figure, test, series = point.figure, point.comparison, point.series
    return {
        "run": series.run,
        "model": series.asked.model,
        "benchmark": point.benchmark,
        "part": point.part,
        "condition": point.condition,
        "place": point.place,
        "metric": point.metric,
        "x": point.x,
        "value": figure.value,
        "low": figure.low,
        "high": figure.high,
        "n": figure.n,
        "excluded": dict(figure.excluded),
        "lost": test.lost if test else None,
        "won": test.won if test else None,
        "p": test.p if test else None,
        "p_holm": test.p_holm if test else None,
        "needed": test.needed if test else None,
        **{f"mass{end}": getattr(point.mass, name, None) for end, name in _OF_MASS.items()},
        "mode": series.asked.mode,
        "answers_by": series.by,
        "scored_by": series.asked.scored_by,
        "mark": series.asked.mark,
        "incomplete": series.incomplete,
    }


_OF_MASS = {"": "value", "_low": "low", "_high": "high", "_n": "n"}
_HEADER = (
    *("model", "benchmark", "items", "condition", "place", "figure", "value", "95 % interval", "n", "lost", "won"),
    *("p", "p (Holm)", "n needed", "x", "stage", "excluded", "corrections", "answers by", "scored by"),
    "mass",
)


def _row(point: Point) -> tuple[str, ...]:
    figure, test, asked = point.figure, point.comparison, point.series.asked
    flips = (str(test.lost), str(test.won), p_value(test.p), p_value(test.p_holm)) if test else ("",) * 4
    return (
        *(point.series.label, point.benchmark, point.part, point.condition, point.place, point.metric),
        *(value(figure), interval(figure), str(figure.n), *flips),
        *(str(test.needed or "") if test else "", "" if point.x is None else f"{point.x:g}", asked.stage),
        *(counted(figure.excluded), asked.mode, point.series.by, asked.scored_by),
        mass.with_interval(point.mass) if point.mass else "",
    )
