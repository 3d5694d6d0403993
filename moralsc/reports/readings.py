"""One sentence for each chart, written from its figures, and the sentences without which it would mislead."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from moralsc.analysis import mass
from moralsc.analysis.lines import ALL, MICRO
from moralsc.analysis.mass import CORRECTED, SMALL
from moralsc.analysis.statistics import Figure
from moralsc.answers import is_small
from moralsc.benchmarks import benchmark_of
from moralsc.items import BASELINE, Condition
from moralsc.notation import NOTICEABLE, number, signed
from moralsc.prompts import BE_FAIR, Correction, Side
from moralsc.reports.chart import Chart, MassOf, Point, Series, in_ladder_order
from moralsc.reports.words import listed, plural

_PARTS = {"ambig": "ambiguous", "disambig": "disambiguated"}
_ASKED = {BASELINE: "at baseline", CORRECTED: "after corrections"}
_FEW = 3
_NOTHING = {
    "ladder": "Nothing to show: no item with a right answer has been answered yet.",
    "size": "Nothing to show: it needs a correction beside the baseline, and models whose size is known.",
    "categories": "Nothing to show: no item of a benchmark that is looked at by category has been answered yet.",
    "correlation": "Nothing to show: no item about an occupation has been answered yet.",
    "flips": "Nothing to show: it needs a correction beside the baseline of the same items.",
    "gap": "Nothing to show: no item without a right answer has been answered yet.",
    "position": "Nothing to show: nothing has been answered yet, or it is not known in which order options stood.",
}


def reading(chart: Chart, corrections: Mapping[str, Correction]) -> str:
    """What the chart shows, in one sentence."""
    if not chart.points:
        return _NOTHING[chart.kind]
    return _READINGS[chart.kind](chart, corrections)


def notes(chart: Chart) -> tuple[str, ...]:
    """What has to be known beside the figures: unfinished runs, and figures that are not to be compared."""
    found = [f"{s.run} is {s.incomplete} records." for s in chart.series if s.incomplete]
    ways = {(s.by, s.asked.scored_by if s.by == "probability" else "") for s in chart.series}
    if len(ways) > 1:
        found.append("Answers were read in different ways (see the table): compare models only within one of them.")
    if len({s.asked.mode for s in chart.series if s.asked.mode}) > 1:
        found.append("Some corrections followed the answer, others stood in a fresh dialogue (see the table).")
    if chart.kind == "ladder" and any(Condition(p.condition).round for p in chart.points):
        found.append("Rounds of review stand in the table alone.")
    known = [p.mass for p in chart.points if p.mass and p.mass.value is not None and not p.beside]
    if small := sum(is_small(m.value) for m in known):
        found.append(f"Behind {small} of {plural(len(known), 'figure')} {SMALL}")
    return tuple(dict.fromkeys(found))


def mass_reading(found: Sequence[MassOf]) -> str:
    """How much of the probability the options hold, in a sentence or two; empty where that is not known."""
    groups: dict[tuple[Series, str], list[MassOf]] = {}
    for one in found:
        groups.setdefault((one.series, one.benchmark), []).append(one)
    if not groups:
        return ""
    said = []
    for (series, benchmark), those in groups.items():
        words = [f"{mass.value(m)} {_ASKED[one.found.asked]} (n = {m.n})" for one in those if (m := one.found.median)]
        said.append(f"{series.label} on {benchmark_title(benchmark)}: the options hold {' and '.join(words)}")
    small = sum(is_small(one.found.median.value) for one in found)
    what = f"In {small} of {plural(len(found), 'group')} {SMALL}" if small else ""
    return " ".join(filter(None, (_few(said, "pairs of model and items"), what)))


def benchmark_title(benchmark: str, part: str = "") -> str:
    """ "BBQ, ambiguous (bundled items)"."""
    name, _, bundled = benchmark.partition(":")
    of = benchmark_of(name)
    words = [_PARTS.get(word, word) for word in part.split()] if len(of.compared) > 1 else []
    return ", ".join((of.short, *words)) + (" (bundled items)" if bundled else "")


def _ladder(chart: Chart, corrections: Mapping[str, Correction]) -> str:
    groups = _grouped(chart.points)
    fair, unfair = _fair(chart.points, corrections), _sided(chart.points, corrections, Side.UNETHICAL)
    if not fair and not unfair:
        return _few([_one(points, "", ()) for points in groups], "scores")
    if len(groups) <= _FEW and len(chart.series) == 1:
        return f"{chart.series[0].label}: " + "; ".join(_one(points, fair, unfair) for points in groups) + "."
    said = []
    if fair:
        said.append(f"{_told(fair)}, the score {_by_stage(groups, [fair])}")
    if unfair:
        said.append(f"told to be unfair, the lowest of them {_by_stage(groups, unfair)}")
    return f"Of {len(groups)} scores (a model and its items): {'; '.join(said)}."


def _by_stage(groups: Sequence[Sequence[Point]], conditions: Sequence[str]) -> str:
    """What the scores did, stage by stage if there are several."""
    stages: dict[str, list[float | None]] = {}
    for points in groups:
        stages.setdefault(points[0].series.asked.stage, []).append(_moved(points, conditions))
    if len(stages) == 1:
        return _tally(*stages.values())
    counts = {stage: _counted(moves) for stage, moves in stages.items()}
    words = [f"{up} ({down}) of {n} {stage or 'of unknown stage'}" for stage, (up, down, n) in counts.items()]
    return f"rises (falls) in {listed(words)}"


def _one(points: Sequence[Point], fair: str, unfair: Sequence[str]) -> str:
    by = {p.condition: p.figure for p in points}
    name = benchmark_title(points[0].benchmark, points[0].part)
    base = by.get(BASELINE)
    if base is None or base.value is None:
        return f"{name} has no baseline"
    said = f"{name} {number(base.value)} at baseline (n = {base.n})"
    if (there := by.get(fair)) and there.value is not None:
        said += f", {number(there.value)} {_told(fair)}"
    worst = [v for c in unfair if (f := by.get(c)) and (v := f.value) is not None]
    return said + (f", {_span(worst)} told to be unfair" if worst else "")


def _size(chart: Chart, corrections: Mapping[str, Correction]) -> str:
    gaining = [p for p in chart.points if (p.figure.low or 0) > 0]
    losing = [p for p in chart.points if p.figure.high is not None and p.figure.high < 0]
    bare = sum(p.figure.low is None for p in chart.points)
    unsure = len(chart.points) - len(gaining) - len(losing) - bare
    sizes = [p.x for p in gaining if p.x is not None]
    least = f", the smallest of them with {_parameters(min(sizes))} parameters" if sizes else ""
    return (
        f"Of {plural(len(chart.points), 'gain')} by {chart.correction}, {len(gaining)} lie clearly above 0{least}, "
        f"{len(losing)} clearly below, and of {unsure} the interval holds 0"
        + (f"; {bare} have no interval." if bare else ".")
    )


def _categories(chart: Chart, corrections: Mapping[str, Correction]) -> str:
    said = []
    for (series, benchmark), points in _by_model(chart.points).items():
        of = benchmark_of(benchmark.partition(":")[0])
        drawn = of.by_category
        words = []
        for condition in (BASELINE, chart.correction):
            there = {(p.part, p.metric): p.figure for p in points if p.condition == condition and p.place in _POOLS}
            parts = []
            for part, metrics in drawn.items():
                found = {metric: there[part, metric] for metric in metrics if (part, metric) in there}
                if any(figure.n for figure in found.values()):
                    shown = [
                        f"{of.words.get(metric, metric)} {_or_none(figure, signed if metric in of.signed else number)}"
                        for metric, figure in found.items()
                    ]
                    parts.append(f"{listed(shown)}{_OF.get(part, f' {part}')}")
            words += [f"{', '.join(parts)} {_when(condition)}"] if parts else []
        if words:
            said.append(f"{series.label} on {benchmark_title(benchmark)}: " + "; then ".join(words))
    return _few(said, "pairs of model and items")


_POOLS = (MICRO, ALL)
_OF = {"ambig": " ambiguous", "disambig": " disambiguated", "": ""}


def _correlation(chart: Chart, corrections: Mapping[str, Correction]) -> str:
    said = []
    for (series, benchmark), points in _by_model(chart.points).items():
        whole = [p for p in points if not p.place and not p.beside]
        words = [f"{_or_none(p.figure, signed)}{_means(points, p.condition)} {_when(p.condition)}" for p in whole]
        if words:
            said.append(f"{series.label} on {benchmark_title(benchmark)}: {whole[0].metric} {listed(words)}")
    return _few(said, "pairs of model and items")


def _means(points: Sequence[Point], condition: str) -> str:
    found = [p for p in points if p.beside and p.condition == condition]
    said = ", ".join(f"{p.metric.removeprefix('mean ')} {_or_none(p.figure)}" for p in found)
    return said and f" ({said})"


def _flips(chart: Chart, corrections: Mapping[str, Correction]) -> str:
    tests = [p.comparison for p in chart.points if p.comparison]
    sure = [t for t in tests if t.p_holm is not None and t.p_holm < 0.05]
    won, lost = (sum(getattr(t, name) for t in tests) for name in ("won", "lost"))
    better = sum(t.won > t.lost for t in sure)
    return (
        f"Over {plural(len(tests), 'comparison')} with the baseline, {won} answers turned from wrong to right and "
        f"{lost} from right to wrong; corrected for their number, {plural(better, 'gain')} and "
        f"{plural(len(sure) - better, 'loss')} stand at p < .05."
    )


def _gap(chart: Chart, corrections: Mapping[str, Correction]) -> str:
    fair, said = _fair(chart.points, corrections), []
    for points in _grouped(chart.points):
        of, metric = benchmark_of(points[0].benchmark.partition(":")[0]), points[0].metric
        by = {p.condition: p.figure for p in points}
        written = signed if metric in of.signed else number
        words = list[str]()
        if base := by.get(BASELINE):
            words.append(f"{_or_none(base, written)} at baseline (n = {base.n} {of.unit})")
        if told := by.get(fair):
            words.append(f"{_or_none(told, written)} {_told(fair)}")
        said.append(f"{points[0].series.label}: {of.words.get(metric, metric)} is {', '.join(words)}")
    return _few(said, "models")


def _position(chart: Chart, corrections: Mapping[str, Correction]) -> str:
    said = []
    for points in _grouped(p for p in chart.points if p.condition == BASELINE):
        shares = ", ".join(f"{_or_none(p.figure)} the {p.place}" for p in points)
        name = benchmark_title(points[0].benchmark, points[0].part)
        said.append(f"{points[0].series.label} on {name}: at baseline {shares} (n = {points[0].figure.n})")
    return _few(said, "pairs of model and items") if said else "The baseline is filtered out."


_READINGS: Mapping[str, Callable[[Chart, Mapping[str, Correction]], str]] = {
    "ladder": _ladder,
    "size": _size,
    "categories": _categories,
    "correlation": _correlation,
    "flips": _flips,
    "gap": _gap,
    "position": _position,
}


def _grouped(points: Iterable[Point]) -> list[list[Point]]:
    """The points of one model and part together."""
    found: dict[tuple[Series, str, str], list[Point]] = {}
    for point in points:
        found.setdefault((point.series, point.benchmark, point.part), []).append(point)
    return list(found.values())


def _by_model(points: Iterable[Point]) -> dict[tuple[Series, str], list[Point]]:
    found: dict[tuple[Series, str], list[Point]] = {}
    for point in points:
        found.setdefault((point.series, point.benchmark), []).append(point)
    return found


def _sided(points: Iterable[Point], corrections: Mapping[str, Correction], side: Side) -> list[str]:
    """The rungs of a side that were asked, the least specific ethical one first."""
    order = in_ladder_order((p.condition for p in points), corrections)
    return [c for c in order if (known := corrections.get(c)) and known.side is side and known.rung is not None]


def _fair(points: Iterable[Point], corrections: Mapping[str, Correction]) -> str:
    """The least specific ethical rung that was asked, else what stands on no rung; empty for baselines alone."""
    known = tuple(points)
    unfair = _sided(known, corrections, Side.UNETHICAL)
    others = [p.condition for p in known if p.condition not in (BASELINE, *unfair)]
    return next(iter((*_sided(known, corrections, Side.ETHICAL), *others)), "")


def _told(condition: str) -> str:
    return "told only to be fair" if condition == BE_FAIR else f"after {condition}"


def _tally(moves: Sequence[float | None]) -> str:
    """How many of some changes are clear enough to be called one."""
    up, down, n = _counted(moves)
    return f"rises in {up}, falls in {down} and stays within {number(NOTICEABLE)} in {n - up - down}"


def _counted(moves: Sequence[float | None]) -> tuple[int, int, int]:
    """How many rise, how many fall, and of how many."""
    known = [m for m in moves if m is not None]
    return sum(m > NOTICEABLE for m in known), sum(m < -NOTICEABLE for m in known), len(known)


def _moved(points: Sequence[Point], conditions: Sequence[str]) -> float | None:
    """The lowest score under these conditions minus the baseline's; None without both."""
    by = {p.condition: p.figure.value for p in points}
    after = [v for c in conditions if (v := by.get(c)) is not None]
    before = by.get(BASELINE)
    return None if before is None or not after else min(after) - before


def _when(condition: str) -> str:
    return "at baseline" if condition == BASELINE else f"after {condition}"


def _or_none(figure: Figure, words: Callable[[float], str] = number) -> str:
    return "undefined" if figure.value is None else words(figure.value)


def _span(values: Sequence[float]) -> str:
    least, most = number(min(values)), number(max(values))
    return least if least == most else f"{least} to {most}"


def _parameters(count: float) -> str:
    return f"{count / 1e9:.3g}B" if count >= 1e9 else f"{count / 1e6:.3g}M"


def _few(said: Sequence[str], noun: str) -> str:
    """All of a few clauses in one sentence; of many the first, and how many more."""
    if len(said) > _FEW:
        return f"{said[0]}; {len(said) - 1} more {noun} stand below."
    return "; ".join(said) + "."
