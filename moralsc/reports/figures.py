"""From runs to the seven charts of a report, each with one sentence that reads it, and to the papers' claims.

`figures` is what the report and the page both show. Figures come from `batch.summary` and `moralsc.analysis`; nothing
is computed here but which of them stand together.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from moralsc.analysis import bbq, winogender
from moralsc.analysis.mass import masses, median_mass
from moralsc.analysis.position import Tally
from moralsc.analysis.results import BASELINE, Result
from moralsc.analysis.statistics import DEFAULT, Figure, Resampling
from moralsc.batch.summary import AMBIG, DISAMBIG, FULL, PAIRED, Line, by_condition, lines, positions, tallies
from moralsc.prompts import BE_FAIR, Correction, Side, default_prompts
from moralsc.reports import claimed, readings
from moralsc.reports.chart import Chart, ComplianceOf, Figures, Kind, MassOf, Point, Series, in_ladder_order
from moralsc.reports.runs import Run
from moralsc.reports.unethical import compliances

OCCUPATION = "occupation"
MICRO = bbq.MICRO

OTHERS = ("cot", "match-stats")
"""What Winogender's chart shows beside it."""


@dataclass(frozen=True)
class Part:
    """One model's Results of one benchmark, with the lines measured from them.

    Attributes:
        found: condition -> Results.
        places: condition by condition, BBQ: the figures of each category by itself; Winogender: the means of p_f, p_m
            and p_n of the occupation set.
        tallies: (condition, part) -> its answers by the place of the option that they name.
        pools: BBQ: macro figures, s and cost, if they were asked for.
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
        """The benchmark, published or bundled."""
        return self.benchmark.partition(":")[0]


@dataclass(frozen=True)
class Choice:
    """Which figures to show of those that were measured; what is empty chooses all.

    Attributes:
        benchmarks: as in `Part`, such as "bbq:bundled".
        contexts: of BBQ, "ambig" and "disambig"; other benchmarks have none and stay.
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
        pools: with BBQ's macro figures, s and cost in its table; they take longer than all others, and no page waits.
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
        return _among(condition.partition(", round ")[0], choice.corrections, BASELINE)

    def in_context(part: str) -> bool:
        return part not in (AMBIG, DISAMBIG) or _among(part, choice.contexts)

    def kept(shown: Line | Point) -> bool:
        return in_context(shown.part) and asked(shown.condition)

    def within(rows: Sequence[Result]) -> Sequence[Result]:
        return [r for r in rows if in_context(bbq.CONDITIONS.get(r.condition, ""))] if choice.contexts else rows

    return tuple(
        replace(
            part,
            found={condition: within(rows) for condition, rows in part.found.items() if asked(condition)},
            lines=tuple(filter(kept, part.lines)),
            places=tuple(filter(kept, part.places)),
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
            for where in _places_of(part.kind, r):
                found.setdefault((condition, *where), []).append(r)
    return {where: median_mass(rows) for where, rows in found.items()}


def _places_of(kind: str, r: Result) -> tuple[tuple[str, str], ...]:
    """The (part, place)s of an answer's figures."""
    if kind == "bbq":
        context = bbq.CONDITIONS.get(r.condition, "")
        return (context, ""), (context, r.group)
    if kind == "winogender":
        return (FULL, ""), *(((OCCUPATION, ""), (OCCUPATION, r.occupation)) if r.group == OCCUPATION else ())
    return (("", ""),)


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
    point = Point(part.series, part.benchmark, line.part, line.condition, place, line.metric, line.figure, **more)
    return _with_mass(part, point)


def _of_lines(parts: Sequence[Part], corrections: Mapping[str, Correction], *wanted: tuple[str, str]) -> list[Point]:
    """The lines of these (metric, part), model by model, conditions in the order of the ladder."""
    found = list[Point]()
    for part in parts:
        order = in_ladder_order(part.found, corrections)
        kept = [line for line in part.lines if (line.metric, line.part) in wanted]
        kept.sort(key=lambda line: (wanted.index((line.metric, line.part)), order.index(line.condition)))
        found += [_point(part, line, comparison=line.comparison) for line in kept]
    return found


def _ladder(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    shown = _of_lines(parts, corrections, ("neutral_rate", FULL), ("accuracy", AMBIG), ("accuracy", DISAMBIG))
    return Chart(Kind.LADDER, "The ladder: score by correction", tuple(shown), "items")


def _size(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    after = _after(parts, corrections)
    gains = _of_lines(parts, corrections, ("gain", FULL), ("gain", AMBIG), ("gain", DISAMBIG))
    sized = [replace(p, x=p.series.asked.parameters) for p in gains if p.condition == after]
    title = "Size against gain" + (f": {after} minus baseline" if after else "")
    return Chart(Kind.SIZE, title, tuple(p for p in sized if p.x is not None), "items", after)


def _bbq(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    ours = [part for part in parts if part.kind == "bbq"]
    after = _after(ours, corrections)
    points = list[Point]()
    for part in ours:
        for condition in (c for c in (BASELINE, after) if c in part.found):
            points += [point for point in part.places if point.condition == condition]
            pooled = [line for line in part.lines if line.condition == condition and line.metric in _BBQ_METRICS]
            points += [_point(part, line, place=MICRO) for line in pooled]
            points += [point for point in part.pools if point.condition == condition]
    return Chart(Kind.BBQ, "BBQ by category: accuracy and s_AMB", tuple(points), "items", after)


_BBQ_METRICS = ("accuracy", "s_AMB")


def _places(part: Part, how: Resampling) -> Iterator[Point]:
    return (_with_mass(part, point) for point in _placed(part, how))


def _placed(part: Part, how: Resampling) -> Iterator[Point]:
    for condition, rows in part.found.items():
        if part.kind == "winogender":
            yield from _means(part, condition, rows, how)
        if part.kind != "bbq":
            continue
        by_category: dict[str, list[Result]] = {}
        for r in rows:
            by_category.setdefault(r.group, []).append(r)
        for category, within in by_category.items():
            yield from _of_category(part, condition, category, within, how)


def _of_category(part: Part, condition: str, category: str, rows: Sequence[Result], how: Resampling) -> Iterator[Point]:
    within = {name: [r for r in rows if chosen(r)] for name, chosen in PAIRED["bbq"].items()}
    for name, chosen in within.items():
        if chosen:
            yield Point(part.series, part.benchmark, name, condition, category, "accuracy", bbq.accuracy(chosen))
    if ambiguous := within[AMBIG]:
        found = bbq.ambiguous_bias(ambiguous, how)
        yield Point(part.series, part.benchmark, AMBIG, condition, category, "s_AMB", found)


def _means(part: Part, condition: str, rows: Sequence[Result], how: Resampling) -> Iterator[Point]:
    """What always stands beside rho, over the same items: a model that always says "they" has no rho."""
    if within := [r for r in rows if r.group in winogender.SETS[OCCUPATION]]:
        for pronoun in ("p_f", "p_m", "p_n"):
            found = winogender.mean_probability(within, pronoun, how)
            yield Point(part.series, part.benchmark, OCCUPATION, condition, "", f"mean {pronoun}", found, beside=True)


def _pooled(parts: Sequence[Part], corrections: Mapping[str, Correction], how: Resampling) -> tuple[Part, ...]:
    """The parts with their `pools`: of the baseline and the correction that is shown after it."""
    after = _after([part for part in parts if part.kind == "bbq"], corrections)
    return tuple(replace(p, pools=tuple(_pools(p, after, how))) if p.kind == "bbq" else p for p in parts)


def _pools(part: Part, after: str, how: Resampling) -> Iterator[Point]:
    for condition in (BASELINE, after):
        for line in bbq.lines(part.found.get(condition, ()), how):
            drawn = line.group == MICRO and line.metric in _BBQ_METRICS
            s_dis = (line.condition, line.metric) == (DISAMBIG, "s")  # under its other name
            there = line.figure.n or line.figure.excluded
            if line.group in (MICRO, bbq.MACRO) and line.condition and there and not drawn and not s_dis:
                where = (part.series, part.benchmark, line.condition, condition, line.group)
                yield _with_mass(part, Point(*where, line.metric, line.figure, beside=True))


def _winogender(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    ours = [part for part in parts if part.kind == "winogender"]
    after = _after(ours, corrections)
    points = list[Point]()
    for part in ours:
        for condition in (c for c in (BASELINE, after, *OTHERS) if c in part.found):
            within = [r for r in part.found[condition] if r.group in winogender.SETS[OCCUPATION]]
            for job in winogender.occupations(within):
                figure = Figure(job.p_f, None, None, job.n)
                where = (part.series, part.benchmark, OCCUPATION, condition, job.name)
                points.append(_with_mass(part, Point(*where, "p_f", figure, job.percent_female)))
            rho = [line for line in part.lines if (line.condition, line.metric) == (condition, "rho")]
            points += [_point(part, line) for line in rho if line.part == OCCUPATION]
            points += [point for point in part.places if point.condition == condition]
    title = "Winogender: p(female) against the women in the occupation"
    return Chart(Kind.WINOGENDER, title, tuple(points), "occupations", after)


def _flips(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    gains = _of_lines(parts, corrections, ("gain", FULL), ("gain", AMBIG), ("gain", DISAMBIG))
    return Chart(Kind.FLIPS, "Flips against the baseline", tuple(gains), "items")


def _admissions(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> Chart:
    gaps = _of_lines(parts, corrections, ("gap", ""))
    return Chart(Kind.ADMISSIONS, "Admissions: p(yes | Black) − p(yes | White)", tuple(gaps), "students")


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
_CHARTS = (_ladder, _size, _bbq, _winogender, _flips, _admissions, _position)


def _after(parts: Sequence[Part], corrections: Mapping[str, Correction]) -> str:
    """The one correction that is shown: BE_FAIR where anybody was asked it, else the first ethical one, else any."""
    there = in_ladder_order((c for part in parts for c in part.found if c != BASELINE), corrections)
    ethical = [c for c in there if (known := corrections.get(c)) and known.side is Side.ETHICAL]
    return BE_FAIR if BE_FAIR in there else next(iter((*ethical, *there)), "")
