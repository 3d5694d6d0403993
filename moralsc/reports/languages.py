"""Item language against instruction language: a run has one prompt set, so that several runs are set side by side."""

from collections.abc import Iterable

from moralsc.benchmarks import benchmark_of
from moralsc.reports.chart import Chart
from moralsc.reports.readings import benchmark_title
from moralsc.reports.runs import Run
from moralsc.reports.words import interval, value

ENGLISH = "en"


def crossed(runs: Iterable[Run], ladder: Chart) -> list[tuple[str, ...]]:
    """A row each model, part of a benchmark and condition; a column each language of instructions.

    Args:
        ladder: the chart of scores by correction of these runs.

    Returns:
        A header and rows whose cells are a score with its interval and n, empty where nobody asked; nothing where items
        and instructions are all in English.
    """
    told = {run.name: str(run.head.get("prompts", {}).get("language") or ENGLISH) for run in runs}
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for p in ladder.points:
        items = benchmark_of(p.benchmark.partition(":")[0]).language
        row = (p.series.asked.model, benchmark_title(p.benchmark, p.part), items, p.metric, p.condition)
        cell = "; ".join(filter(None, (interval(p.figure), f"n = {p.figure.n}")))
        rows.setdefault(row, {})[told[p.series.run]] = f"{value(p.figure)} ({cell})"
    columns = sorted({language for cells in rows.values() for language in cells})
    if {*columns, *(row[2] for row in rows)} <= {ENGLISH}:
        return []
    header = ("model", "items", "in", "figure", "condition", *(f"instructions: {language}" for language in columns))
    return [header, *((*row, *(cells.get(language, "") for language in columns)) for row, cells in rows.items())]
