"""`moralsc score`: answers made elsewhere -> figures, as records or as a table for people. Runs: `scored`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from moralsc.analysis.lines import Line
from moralsc.analysis.results import Result
from moralsc.analysis.statistics import DEFAULT, Figure, Resampling
from moralsc.benchmarks import BENCHMARKS, Source, benchmark_of, load
from moralsc.benchmarks.base import Predictions
from moralsc.benchmarks.bbq_rules import Ruled
from moralsc.errors import choose
from moralsc.settings import Settings

_VALUES_ONLY = Resampling(resamples=2)  # no interval of the zero line is shown


@dataclass(frozen=True)
class Scored:
    """The figures of one file of predictions, or of a run's answers under one condition.

    Attributes:
        gold: the same figures of an oracle that answers the same items right, if they are a zero line; else empty.
        rules: the same answers by the rules of other projects, if there are any.
        notes: sentences on what a file does not cover.
    """

    lines: tuple[Line, ...]
    gold: tuple[Line, ...]
    rules: tuple[Ruled, ...]
    notes: tuple[str, ...]


def score(benchmark: str, path: Path, settings: Settings, how: Resampling = DEFAULT) -> Scored:
    """Score a file of predictions, see `predictions`; the same errors."""
    read = predictions(benchmark, path, settings)
    return replace(score_results(benchmark, read.results, how), notes=tuple(coverage_notes(read.coverage)))


def score_results(benchmark: str, results: Sequence[Result], how: Resampling = DEFAULT) -> Scored:
    """Score what one model answered under one condition."""
    of = benchmark_of(benchmark)
    gold = of.gold(results)
    return Scored(
        lines=tuple(of.lines(results, how)),
        gold=tuple(of.lines(gold, _VALUES_ONLY)) if gold else (),
        rules=tuple(of.rules(results)),
        notes=(),
    )


def predictions(benchmark: str, path: Path, settings: Settings) -> Predictions:
    """Read a file of answers made elsewhere: JSON lines with the keys of `Benchmark.prediction`, and any others.

    Texts are matched whole, without case; one that matches nothing is unparsed, as is null.

    Raises:
        InputError: there is no such benchmark, or answers to it cannot be read.
        DataError: a file is missing, or a line is not as described; file and line are named.
    """
    found = BENCHMARKS[choose("benchmark", benchmark, BENCHMARKS)]
    return found.predictions(path, lambda category: load(benchmark, settings, Source.PUBLISHED, category), settings)


def records(lines: Sequence[Line]) -> list[Mapping[str, Any]]:
    """The lines as plain values, ready for JSON."""
    return [line.record() for line in lines]


def table(scored: Scored) -> list[tuple[str, ...]]:
    """A header and a row for each figure; undefined values say so."""
    zero = {(line.group, line.context, line.metric): line.figure for line in scored.gold}
    rows: list[tuple[str, ...]] = [
        ("group", "condition", "metric", "value", "95 % interval", "n", "gold answers", "excluded")
    ]
    for line in scored.lines:
        figure = line.figure
        gold = zero.get((line.group, line.context, line.metric))
        excluded = ", ".join(f"{n} {reason}" for reason, n in figure.excluded.items())
        rows.append(
            (
                *(line.group, line.context, line.metric, _number(figure.value), _interval(figure)),
                *(str(figure.n), _number(gold.value) if gold else "", excluded),
            )
        )
    return rows


def rules_table(rules: Sequence[Ruled]) -> list[tuple[str, ...]]:
    """A header and a row for each metric by each rule."""
    rows: list[tuple[str, ...]] = [("group", "condition", "metric", "rule", "value", "prints", "differs because")]
    for ruled in rules:
        because = "; ".join(f"{cause} ({len(items)} items)" for cause, items in ruled.because.items())
        values = (_number(ruled.value), _number(ruled.prints))
        rows.append((ruled.group, ruled.condition, ruled.metric, str(ruled.rule), *values, because))
    return rows


def rule_records(rules: Sequence[Ruled]) -> list[Mapping[str, Any]]:
    """The same as plain values, with the items behind every difference."""
    return [asdict(ruled) for ruled in rules]


def coverage_notes(coverage: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """A sentence for each part that does not have all its lines; see `Predictions.coverage`."""
    for part, (given, there) in coverage.items():
        if given < there:
            yield f"{part}: {given} of {there} have a line; the others are not in these figures."


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _interval(figure: Figure) -> str:
    return "" if figure.low is None or figure.high is None else f"{figure.low:.3f} to {figure.high:.3f}"
