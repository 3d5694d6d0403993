"""From runs to the seven charts of a report, each with one sentence that reads it, and to the papers' claims.

`figures` is what the report and the page both show. Figures come from `batch.summary` and `moralsc.analysis`; nothing
is computed here but which of them stand together.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from moralsc.analysis.lines import Line
from moralsc.analysis.mass import masses, median_mass
from moralsc.analysis.position import Tally
from moralsc.analysis.results import Result
from moralsc.analysis.statistics import DEFAULT, Figure, Resampling
from moralsc.batch.summary import by_condition, lines, positions, tallies
from moralsc.benchmarks import benchmark_of
from moralsc.benchmarks.base import CONTEXTS, Benchmark, Placed
from moralsc.benchmarks.base import Part as Items
from moralsc.items import BASELINE, Condition
from moralsc.prompts import BE_FAIR, Correction, Side, default_prompts
from moralsc.reports import claimed, readings
from moralsc.reports.chart import Chart, ComplianceOf, Figures, Kind, MassOf, Point, Series, in_ladder_order
from moralsc.reports.runs import Run
from moralsc.reports.unethical import compliances
from moralsc.reports.words import listed


@dataclass(frozen=True)
class Part:
    """One model's Results of one benchmark, with the lines measured from them.

    Attributes:
        found: condition -> Results.
        places: condition by condition, what `Benchmark.placed` measures.
        tallies: (condition, part) -> its answers by the place of the option that they name.
        pools: what `Benchmark.pooled` measures, if it was asked for.
        masses: (condition, part, place) -> the median of the mass over the answers there; place as in `Point`.
        category: the only one whose items are in it; empty for all.
    """

    series: Series
    benchmark: str
    found: Mapping[str, Sequence[Result]]
    lines: tuple[Line, ...]
    places: tuple[Point, ...] = ()
    tallies: Mapping[tuple[str, str], Tally] = field(default_factory=dict)
    pools: tuple[Point, ...] = ()
    masses: Mapping[tuple[str, str, str], Figure] = field(default_factory=dict)
    category: str = ""

    @property
    def kind(self) -> str:
        """The benchmark's name, published or bundled."""
        return self.benchmark.partition(":")[0]

    @property
    def of(self) -> Benchmark:
        """The benchmark itself."""
        return benchmark_of(self.kind)


@dataclass(frozen=True)
class Choice:
    """Which figures to show of those that were measured; what is empty chooses all.

    Attributes:
        benchmarks: as in `Part`.
        contexts: of benchmarks that have any, "ambig" and "disambig"; others stay.
        corrections: their ids, with all their rounds; the baseline always stays, since gains are over it.
        modes: where corrections stood; models that were asked none stay.
    """

    models: Collection[str] = ()
    benchmarks: Collection[str] = ()
    contexts: Collection[str] = ()
    corrections: Collection[str] = ()
    modes: Collection[str] = ()


def figures(
    runs: Iterable[Run],
    corrections: Mapping[str, Correction] | None = None,
    how: Resampling = DEFAULT,
    pools: bool = False,
) -> Figures:
    """All charts and claims of one run or several.

    Args:
        corrections: those of the prompt set, for sides and rungs; None for the default set.
        pools: with what `Benchmark.pooled` measures; it takes longer than all others, and no page waits.
    """
    known = default_prompts().corrections if corrections is None else corrections
    parts = measured(runs, how)
    complied = (
        ComplianceOf(part.series, part.benchmark, one)
        for part in parts
        for one in compliances(part.kind, part.found, known)
    )
    made = arranged(_pooled(parts, known, how) if pools else parts, known)
    return replace(made, unethical=tuple(complied))


def measured(runs: Iterable[Run], how: Resampling = DEFAULT, category: str = "") -> tuple[Part, ...]:
    """What takes time: all figures of every model and benchmark. A page keeps them while a person filters.

    Args:
        category: only the items of this one, which takes its share of the time; empty for all.
    """
    given = tuple(runs)
    return tuple(part for run in given for part in _parts(run, given, how, category))


def chosen(parts: Iterable[Part], choice: Choice) -> tuple[Part, ...]:
    """What was measured, without what is not to be shown.

    Nothing is measured again. Holm's p stay corrected for all corrections that the run asked, whatever is looked at.
    """

    def asked(condition: str) -> bool:
        return _among(Condition(condition).correction, choice.corrections, BASELINE)

    def in_context(part: str) -> bool:
        return not (context := Line.context_of(part)) or _among(context, choice.contexts)

    def within(rows: Sequence[Result]) -> Sequence[Result]:
        return [r for r in rows if in_context(CONTEXTS.get(r.condition, ""))] if choice.contexts else rows

    return tuple(
        replace(
            part,
            found={condition: within(rows) for condition, rows in part.found.items() if asked(condition)},
            lines=tuple(line for line in part.lines if in_context(line.part) and asked(line.correction)),
            places=tuple(point for point in part.places if in_context(point.part) and asked(point.condition)),
            tallies={key: tally for key, tally in part.tallies.items() if in_context(key[1]) and asked(key[0])},
        )
        for part in parts
        if _among(part.series.asked.model, choice.models)
        and _among(part.benchmark, choice.benchmarks)
        and _among(part.series.asked.mode, choice.modes, "")
    )


def _among(name: str, wanted: Collection[str], always: str | None = None) -> bool:
    return not wanted or name in wanted or name == always


def arranged(parts: Sequence[Part], corrections: Mapping[str, Correction] | None = None) -> Figures:
    """The charts and claims of what was measured, or of some of it; see `figures`.

    Single categories are no evidence, since claims are about whole benchmarks.
    """
    known = default_prompts().corrections if corrections is None else corrections
    charts = (make(parts, known) for make in _CHARTS)
    read = tuple(replace(c, reading=readings.reading(c, known), notes=c.notes + readings.notes(c)) for c in charts)
    whole = (part for part in parts if not part.category)
    evidence = [m for part in whole for m in claimed.measured(part.series, part.lines, part.found)]
    held = (MassOf(part.series, part.benchmark, one) for part in parts for one in masses(part.found))
    return Figures(read, claimed.findings(evidence), tuple(held))


def _parts(run: Run, runs: Sequence[Run], how: Resampling, category: str) -> Iterator[Part]:
    for (model, benchmark), rows in run.results.items():
        found = [r for r in rows if r.group == category] if category else rows
        if not found:
            continue
        series = Series(run.name, label(model, run, runs), run.models[model], str(run.by), run.incomplete)
        part = Part(series, benchmark, by_condition(found), tuple(lines(model, benchmark, found, how)))
        part = replace(part, masses=_masses(part), tallies=tallies(part.kind, part.found), category=category)
        yield replace(part, places=tuple(_places(part, how)))


def _masses(part: Part) -> dict[tuple[str, str, str], Figure]:
    """See `Part.masses`; every answer is looked at once, since there may be a million."""
    found: dict[tuple[str, str, str], list[Result]] = {}
    for condition, rows in part.found.items():
        for r in rows:
            for where in part.of.where(r):
                found.setdefault((condition, *where), []).append(r)
    return {where: median_mass(rows) for where, rows in found.items()}


def _with_mass(part: Part, point: Point) -> Point:
    where = point.condition, point.part
    return replace(point, mass=part.masses.get((*where, point.place)) or part.masses.get((*where, "")))


def label(model: str, run: Run, runs: Sequence[Run]) -> str:
    """The model; with its run where another of the runs asked it the same benchmark."""
    mine = {key for key in run.results if key[0] == model}
    twice = any(mine & other.results.keys() for other in runs if other is not run)
    return f"{model} · {run.name}" if twice else model


def _point(part: Part, line: Line, **more: Any) -> Point:
    place = more.pop("place", "")
    point = Point(part.series, part.benchmark, line.part, line.correction, place, line.metric, line.figure, **more)
    return _with_mass(part, point)


def _of_lines(
    parts: Sequence[Part], corrections: Mapping[str, Correction], wanted: Callable[[Benchmark], Sequence[str]]
) -> list[Point]:
    """The lines of some metrics in the parts that are compared, model by model, conditions in the order of the ladder.

    Args:
        wanted: the metrics, of a benchmark.
    """
    found = list[Point]()
    for part in parts:
        order = in_ladder_order(part.found, corrections)
        keys = [(m, p.name) for m in wanted(part.of) for p in part.of.compared or (Items(),)]
        kept = [line for line in part.lines if (line.metric, line.part) in keys]
        kept.sort(key=lambda line: (keys.index((line.metric, line.part)), order.index(line.correction)))
        found += [_point(part, line, comparison=line.comparison) for line in kept]
    return found


def _ladder(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    shown = _of_lines([p for p in parts if p.of.compared], corrections, lambda benchmark: (benchmark.score,))
    return Chart(Kind.LADDER, "The ladder: score by correction", tuple(shown), "items")


def _gains(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> list[Point]:
    return _of_lines(parts, corrections, lambda benchmark: ("gain",))


def _size(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    after = _after(parts, corrections)
    gains = _gains(parts, corrections)
    sized = [replace(p, x=p.series.asked.parameters) for p in gains if p.condition == after]
    title = "Size against gain" + (f": {after} minus baseline" if after else "")
    return Chart(Kind.SIZE, title, tuple(p for p in sized if p.x is not None), "items", after)


def _categories(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    ours = [part for part in parts if part.of.by_category]
    after = _after(ours, corrections)
    points = list[Point]()
    for part in ours:
        drawn = [(metric, context) for context, metrics in part.of.by_category.items() for metric in metrics]
        for condition in (c for c in (BASELINE, after) if c in part.found):
            points += [point for point in part.places if point.condition == condition]
            pooled = [line for line in part.lines if line.correction == condition]
            points += [_point(part, line, place=line.group) for line in pooled if (line.metric, line.part) in drawn]
            points += [point for point in part.pools if point.condition == condition]
    title = f"{_titles(ours)} by category" if ours else "By category"
    return Chart(Kind.CATEGORIES, title, tuple(points), "items", after)


def _titles(parts: Iterable[Part]) -> str:
    return listed(list(dict.fromkeys(part.of.short for part in parts)))


def _places(part: Part, how: Resampling) -> Iterator[Point]:
    for condition, rows in part.found.items():
        yield from (_at(part, condition, placed) for placed in part.of.placed(rows, how))


def _at(part: Part, condition: str, placed: Placed) -> Point:
    where = (part.series, part.benchmark, placed.part, condition, placed.place, placed.metric)
    return _with_mass(part, Point(*where, placed.figure, placed.x, beside=placed.beside))


def _pooled(parts: Sequence[Part], corrections: Mapping[str, Correction], how: Resampling) -> tuple[Part, ...]:
    """The parts with their `pools`: of the baseline and the correction that is shown after it."""
    after = _after([part for part in parts if part.of.by_category], corrections)
    return tuple(replace(p, pools=tuple(_pools(p, after, how))) for p in parts)


def _pools(part: Part, after: str, how: Resampling) -> Iterator[Point]:
    for condition in (BASELINE, after):
        yield from (_at(part, condition, placed) for placed in part.of.pooled(part.found.get(condition, ()), how))


def _correlation(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    ours = [(part, part.of.correlation) for part in parts if part.of.correlation]
    after = _after([part for part, _ in ours], corrections)
    points = list[Point]()
    for part, shown in ours:
        for condition in (c for c in (BASELINE, after, *shown.also) if c in part.found):
            there = [point for point in part.places if point.condition == condition]
            points += [point for point in there if not point.beside]
            whole = [line for line in part.lines if (line.correction, line.metric) == (condition, shown.summary)]
            points += [_point(part, line) for line in whole if line.part == shown.part]
            points += [point for point in there if point.beside]
    title = "; ".join(dict.fromkeys(f"{part.of.short}: {shown.title}" for part, shown in ours))
    unit = listed(list(dict.fromkeys(shown.unit for _, shown in ours)))
    return Chart(Kind.CORRELATION, title or "Correlation", tuple(points), unit or "items", after)


def _flips(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    return Chart(Kind.FLIPS, "Flips against the baseline", tuple(_gains(parts, corrections)), "items")


def _gap(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    ours = [part for part in parts if not part.of.compared]
    shown = _of_lines(ours, corrections, lambda benchmark: (benchmark.score,))
    said = (f"{p.of.title}: {p.of.difference or p.of.words.get(p.of.score, p.of.score)}" for p in ours)
    units = listed(list(dict.fromkeys(part.of.unit for part in ours)))
    return Chart(Kind.GAP, "; ".join(dict.fromkeys(said)) or "Where no answer is right", tuple(shown), units or "items")


def _position(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    points, said = list[Point](), dict[str, dict[str, None]]()
    for part in parts:
        for found in positions(part.series.asked.model, part.benchmark, part.tallies):
            where = (part.series, part.benchmark, found.part, found.condition)
            shares = (Point(*where, place, "share", figure) for place, figure in found.tally.shares().items())
            points += [_with_mass(part, point) for point in shares]
            said.setdefault(found.tally.sentence, {})[part.series.label] = None
    notes = (f"{', '.join(whose)}: {words}" if len(said) > 1 else words for words, whose in said.items())
    title = "Position: the share of answers that name the option shown first, second, ..."
    return Chart(Kind.POSITION, title, tuple(points), "answers", notes=tuple(notes))


_CHARTS: tuple[Callable[[Sequence[Part], Mapping[str, Correction]], Chart], ...]
_CHARTS = (_ladder, _size, _categories, _correlation, _flips, _gap, _position)


def _after(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> str:
    """The one correction that is shown: BE_FAIR where anybody was asked it, else the first ethical one, else any."""
    there = in_ladder_order((c for part in parts for c in part.found if c != BASELINE), corrections)
    ethical = [c for c in there if (known := corrections.get(c)) and known.side is Side.ETHICAL]
    return BE_FAIR if BE_FAIR in there else next(iter((*ethical, *there)), "")
