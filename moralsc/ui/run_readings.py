"""What a run's records show so far, in a sentence and as bars, made beside the events so that none waits for it."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from moralsc.analysis.mass import masses
from moralsc.analysis.results import Result
from moralsc.analysis.statistics import Figure, Resampling
from moralsc.batch.summary import by_condition
from moralsc.benchmarks import benchmark_of
from moralsc.errors import MoralscError
from moralsc.hosting.job import Job
from moralsc.prompts import Correction, Side, tick
from moralsc.reports import readings
from moralsc.reports.chart import Chart, Kind, MassOf, Point, Series, in_ladder_order, side_of
from moralsc.reports.runs import Run, read_run

Corrections = Mapping[str, Correction]

_KEPT = 200
_PAUSE = 20.0
"""A reading that took a second is not made anew for so many: at most a twentieth of the time goes into it."""
# The sentence holds values and n alone, so that its intervals need not be good.
_ROUGH = Resampling(resamples=20)


@dataclass(frozen=True)
class Bar:
    """The score under one condition.

    Attributes:
        tick: the condition's short mark.
        side: None at baseline, OTHER on no rung.
    """

    tick: str
    side: Side | None
    figure: Figure


@dataclass(frozen=True)
class Reading:
    """What a run shows so far.

    Attributes:
        scores: (model and items, their bars in the order of the ladder), shares alone.
    """

    text: str = ""
    scores: tuple[tuple[str, tuple[Bar, ...]], ...] = ()


@dataclass(frozen=True)
class _Read:
    done: int
    reading: Reading
    again: float


class Readings:
    """The latest reading of each run. Safe to use from any thread."""

    def __init__(self, corrections: Corrections) -> None:
        self._corrections = corrections
        self._read: OrderedDict[Path, _Read] = OrderedDict()
        self._busy = set[Path]()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="readings")

    def of(self, job: Job) -> tuple[Reading, bool]:
        """The latest, empty before there is one; and whether a newer one is on its way."""
        if job.status is None or not job.status.done:
            return Reading(), False
        with self._lock:
            last = self._read.get(job.run, _Read(0, Reading(), 0.0))
            stale = last.done != job.status.done and (job.status.complete or time.monotonic() >= last.again)
            if stale and job.run not in self._busy:
                self._busy.add(job.run)
                self._worker.submit(self._make, job.run, job.status.done)
            return last.reading, stale

    def _make(self, run: Path, done: int) -> None:
        began = time.monotonic()
        try:
            reading = read(read_run(run), self._corrections)
        except (MoralscError, OSError):  # it may be removed at this moment
            reading = Reading()
        now = time.monotonic()
        with self._lock:
            self._read[run] = _Read(done, reading, now + _PAUSE * (now - began))
            self._read.move_to_end(run)
            self._busy.discard(run)
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)


def read(run: Run, corrections: Corrections) -> Reading:
    """What the ladder of a run says, or the gap between two arms; empty before anything is answered.

    As the report's charts read, without the figures that take time.
    """
    points: dict[Kind, list[Point]] = {}
    held = list[MassOf]()
    for (model, benchmark), rows in run.results.items():
        series = Series(run.name, model, run.models[model], str(run.by))
        found = by_condition(rows)
        held += [MassOf(series, benchmark, one) for one in masses(found)]
        of = benchmark_of(benchmark.partition(":")[0])
        kind = Kind.LADDER if of.compared else Kind.GAP
        mine = [
            Point(series, benchmark, part, condition, "", metric, figure)
            for condition in in_ladder_order(found, corrections)
            for part, metric, figure in _scores(benchmark, found[condition])
        ]
        points.setdefault(kind, []).extend(sorted(mine, key=lambda p: p.part))
    charts = (Chart(kind, "", tuple(made), "items") for kind, made in points.items())
    text = " ".join((*(readings.reading(chart, corrections) for chart in charts), readings.mass_reading(held)))
    return Reading(text, tuple(_bars(points.get(Kind.LADDER, []), corrections)))


def _bars(points: Sequence[Point], corrections: Corrections) -> Iterator[tuple[str, tuple[Bar, ...]]]:
    """Points of one model and part stand together."""
    for (label, benchmark, part), found in groupby(points, lambda p: (p.series.label, p.benchmark, p.part)):
        bars = (Bar(tick(p.condition, corrections), side_of(p.condition, corrections), p.figure) for p in found)
        yield f"{label} · {readings.benchmark_title(benchmark, part)}", tuple(bars)


def _scores(benchmark: str, rows: Sequence[Result]) -> Iterator[tuple[str, str, Figure]]:
    """(part, metric, figure) of one condition."""
    of = benchmark_of(benchmark.partition(":")[0])
    for part in of.compared:
        if chosen := part.of(rows):
            yield part.name, of.score, of.scored(chosen)
    if not of.compared:
        lines = (line for line in of.summary(rows, _ROUGH) if line.metric == of.score)
        yield from ((line.part, line.metric, line.figure) for line in lines)
