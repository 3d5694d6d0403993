"""The figures that stand at the end of a run: what fits each benchmark, and what every correction gained.

One figure a row, for people. What fits a benchmark, it says itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from moralsc.analysis.correction import Comparison, compare, corrected
from moralsc.analysis.lines import Line
from moralsc.analysis.mass import HEADER, cells, masses
from moralsc.analysis.position import Tally, tally
from moralsc.analysis.results import Result
from moralsc.analysis.statistics import DEFAULT, Figure, Resampling
from moralsc.batch.design import Design, Selection
from moralsc.batch.record import Record
from moralsc.batch.results import By, results
from moralsc.benchmarks import Source, benchmark_of
from moralsc.benchmarks.base import Part
from moralsc.items import BASELINE

Rows = Sequence[Result]
EVERY = "all"
"""The baseline and all corrections together."""


@dataclass(frozen=True)
class Position:
    """The answers of one model to one part of a benchmark, by the place of the option that they name.

    Attributes:
        benchmark, part: as in Line.
        condition: BASELINE or EVERY.
    """

    model: str
    benchmark: str
    condition: str
    part: str
    tally: Tally


def answered_by(design: Design) -> By:
    """One way for all that is compared: by text if every answer is generated, else by the most probable option."""
    return By.TEXT if design.speaks else By.PROBABILITY


def summarise(records: Iterable[Record], by: By, how: Resampling = DEFAULT) -> list[Line]:
    """Every line of a run, models and benchmarks in the order of the plan.

    Args:
        records: in the order of the plan.
        by: what counts as the answer, see `answered_by`.
    """
    parts = by_benchmark(records, by)
    return [line for (model, benchmark), found in parts.items() for line in lines(model, benchmark, found, how)]


def by_benchmark(records: Iterable[Record], by: By) -> dict[tuple[str, str], list[Result]]:
    """(model, benchmark) -> its Results, in the order of the plan; bundled items apart from published ones."""
    parts: dict[tuple[str, str], list[Result]] = {}
    for (model, benchmark, source), found in groupby(records, key=attrgetter("model", "benchmark", "source")):
        key = model, Selection(benchmark, Source(source)).key
        parts.setdefault(key, []).extend(results(found, by))
    return parts


def by_condition(found: Iterable[Result]) -> dict[str, list[Result]]:
    """Correction, with its round -> its Results."""
    parts: dict[str, list[Result]] = {}
    for result in found:
        parts.setdefault(result.correction, []).append(result)
    return parts


def table(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    """A header and a row for each line; what is not defined says so."""
    rows: list[tuple[str, ...]] = [
        ("model", "benchmark", "condition", "figure", "value", "95 % interval", "n", "p (Holm)", "lost/won", "excluded")
    ]
    for line in lines:
        figure, test = line.figure, line.comparison
        value = "undefined" if figure.value is None else f"{figure.value:.3f}"
        bounds = "" if figure.low is None or figure.high is None else f"{figure.low:.3f} to {figure.high:.3f}"
        p = "" if test is None or test.p_holm is None else f"{test.p_holm:.2g}"
        flips = f"{test.lost}/{test.won}" if test else ""
        excluded = ", ".join(f"{n} {reason}" for reason, n in figure.excluded.items())
        head = (line.model, line.benchmark, line.correction, line.name)
        rows.append((*head, value, bounds, str(figure.n), p, flips, excluded))
    return rows


def mass_table(found: Mapping[tuple[str, str], Rows]) -> list[tuple[str, ...]]:
    """A header and a row for each model, benchmark and group (see `analysis.mass`); empty where no mass is known.

    Args:
        found: see `by_benchmark`.
    """
    rows = [
        (model, benchmark, *cells(mass))
        for (model, benchmark), those in found.items()
        for mass in masses(by_condition(those))
    ]
    return [("model", "benchmark", *HEADER), *rows] if rows else []


def lines(model: str, key: str, found: Rows, how: Resampling = DEFAULT) -> Iterator[Line]:
    """The lines of one model and benchmark: every figure of every condition, and what each gained.

    Args:
        key: the benchmark, as `by_benchmark` names it.
        found: at least one Result.
    """
    benchmark, conditions = benchmark_of(found[0].benchmark), by_condition(found)
    gains = [(part, _gains(conditions, part, how)) for part in benchmark.compared]
    for name, rows in conditions.items():
        measured = [*benchmark.summary(rows, how)]
        for part, tests in gains:
            if test := tests.get(name):
                measured.append(replace(benchmark.line(part, "gain", test.gain), comparison=test))
        yield from (replace(line, benchmark=key, model=model, correction=name) for line in measured)


def tallies(benchmark: str, conditions: Mapping[str, Rows]) -> dict[tuple[str, str], Tally]:
    """(condition, part) -> its answers by place.

    Args:
        benchmark: its name, without a source.
        conditions: as `by_condition` gives them.
    """
    return {
        (condition, part.name): found
        for condition, rows in conditions.items()
        for part in benchmark_of(benchmark).compared or (Part(),)
        if (found := tally(part.of(rows))).orders
    }


def placed(model: str, key: str, found: Rows) -> list[Position]:
    """The answers of one model and benchmark by place, see `positions`."""
    return list(positions(model, key, tallies(found[0].benchmark, by_condition(found))))


def positions(model: str, key: str, found: Mapping[tuple[str, str], Tally]) -> Iterator[Position]:
    """At baseline and over all conditions, part by part; nothing where it is not known how options stood.

    Args:
        key: the benchmark, as `by_benchmark` names it.
        found: as `tallies` gives them.
    """
    for part in dict.fromkeys(part for _, part in found):
        if (BASELINE, part) in found:
            yield Position(model, key, BASELINE, part, found[BASELINE, part])
        whole = sum((t for (_, its), t in found.items() if its == part), Tally())
        yield Position(model, key, EVERY, part, whole)


def position_table(found: Sequence[Position]) -> list[tuple[str, ...]]:
    """A header and a row for each: the share of every place with its interval."""
    places = max((list(p.tally.shares()) for p in found), key=len, default=[])
    rows: list[tuple[str, ...]] = [("model", "benchmark", "items", "condition", *places, "n", "excluded")]
    for p in found:
        shares = p.tally.shares()
        cells = [_share(figure) for figure in shares.values()] + [""] * (len(places) - len(shares))
        excluded = ", ".join(f"{n} {reason}" for reason, n in sorted(p.tally.left_out.items()))
        rows.append((p.model, p.benchmark, p.part, p.condition, *cells, str(sum(p.tally.counts)), excluded))
    return rows


def _share(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "undefined"
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def _gains(conditions: Mapping[str, Rows], part: Part, how: Resampling) -> Mapping[str, Comparison]:
    """Condition -> its comparison with the baseline, over the items of one part; p corrected for all together."""
    parts = {name: part.of(rows) for name, rows in conditions.items()}
    first = parts.pop(BASELINE, [])
    return {test.after: test for test in corrected(compare(first, rows, how=how) for rows in parts.values() if rows)}
