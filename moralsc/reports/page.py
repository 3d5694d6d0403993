"""The report: one HTML file that needs nothing beside itself and in which nothing acts.

Its pictures are those of `charts`, as SVG whose colours follow the reader's light or dark. Everything that is filled in
is escaped, there is no script, and the page forbids itself to load anything.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from moralsc.analysis import mass
from moralsc.analysis.correction import Comparison
from moralsc.batch.design import Design
from moralsc.notation import left_out
from moralsc.prompts import Correction, default_prompts
from moralsc.reports import claimed, readings
from moralsc.reports.chart import Chart, ComplianceOf, Figures, Kind, MassOf, mass_table
from moralsc.reports.charts import Panel, panels
from moralsc.reports.dialogues import ORIGIN
from moralsc.reports.languages import crossed
from moralsc.reports.look import printable
from moralsc.reports.pictures import inline
from moralsc.reports.readings import benchmark_title
from moralsc.reports.runs import Run
from moralsc.reports.words import counted, interval, value

_TEMPLATES = Path(__file__).parent / "templates"
_ITEMS = 200
"""How many items stand behind a count; the command line has all of them."""


def html(
    runs: Sequence[Run],
    figures: Figures,
    corrections: Mapping[str, Correction] | None = None,
    small_mass: bool = False,
) -> str:
    """The report of these runs.

    Args:
        figures: of these runs, see `figures.figures`.
        corrections: as they were given there.
        small_mass: lists of items name those, too, whose options hold less than half of the probability.
    """
    known = default_prompts().corrections if corrections is None else corrections
    surroundings = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    return surroundings.get_template("report.html").render(
        runs=[_run(run) for run in runs],
        charts=[_chart(chart, panels(chart, known), small_mass) for chart in figures.charts],
        languages=crossed(runs, figures.chart(Kind.LADDER)),
        masses=_masses(figures.masses),
        unethical=_unethical(figures.unethical),
        columns=claimed.COLUMNS,
        findings=[claimed.shown(finding) for finding in figures.findings],
        passed_over=sorted({a.model for run in runs for a in run.models.values() if a.mark}),
        most=_ITEMS,
    )


def _printable(filled: Any) -> Any:
    return printable(filled) if isinstance(filled, str) and not hasattr(filled, "__html__") else filled


def _run(run: Run) -> dict[str, Any]:
    """What was run, in words; of bare records only what they say themselves."""
    head = run.head
    attempts = head.get("attempts") or [{}]
    design = head.get("design", {})
    facts = [(f"items of {key}", _data(data)) for key, data in head.get("data", {}).items()]
    if prompts := head.get("prompts"):
        facts.append(("prompts", f"{prompts['name']}, {prompts['hash']}"))
    if design:
        settings = ("mode", "form", "order", "limit", "rounds", "seed", "temperature")
        facts.append(
            ("settings", ", ".join(f"{name} {design[name]}" for name in settings if design.get(name) is not None))
        )
        if ORIGIN not in head:  # how options stood elsewhere is not known
            facts.append(("order", Design.from_record(design).order.sentence))
    facts.append(("answers by", f"{run.answers_by}. {run.other_reading}"))
    if versions := attempts[-1].get("versions"):
        facts.append(("versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    if "started" in attempts[0]:
        facts.append(("asked", _when(attempts)))
    if run.failures:
        facts.append(("failed", ", ".join(f"{n} {why}" for why, n in run.failures.items())))
    return {
        "name": run.name,
        "incomplete": run.incomplete,
        "status": run.status.sentence if run.status else "",
        "models": [_model(run, name) for name in run.models],
        "facts": facts,
        "command": attempts[-1].get("command", ""),
    }


def _data(data: Mapping[str, Any]) -> str:
    left_out = "".join(f"; {n} excluded: {why}" for why, n in data["excluded"].items())
    return f"{data['items']} of {data['here']} ({data['origin']}){left_out}; SHA-256 {data['hash']}"


def _when(attempts: Sequence[Mapping[str, Any]]) -> str:
    times = f" in {len(attempts)} attempts" if len(attempts) > 1 else ""
    return f"{attempts[0]['started']} to {attempts[-1].get('ended', 'now, or until it was broken off')}{times}"


def _model(run: Run, name: str) -> dict[str, str]:
    facts, asked = run.head.get("models", {}).get(name, {}), run.models[name]
    words = [facts.get("weights", ""), facts.get("dtype", ""), facts.get("device", "")]
    words += [f"options by {asked.scored_by}"] if asked.scored_by else []
    words += [f"corrections: {asked.mode}"] if asked.mode else []
    return {"name": name, "facts": ", ".join(filter(None, words)), "mark": asked.mark}


def _chart(chart: Chart, shown: Sequence[Panel], small_mass: bool) -> dict[str, Any]:
    # vl-convert escapes what it writes, and `inline` writes it anew.
    groups = groupby(shown, lambda panel: panel.heading)
    return {
        "kind": str(chart.kind),
        "title": chart.title,
        "reading": chart.reading,
        "n": chart.n,
        "marks": chart.marks,
        "notes": chart.notes,
        "groups": [(heading, [Markup(inline(panel.drawing)) for panel in those]) for heading, those in groups],
        "table": chart.table() if chart.points else [],
        "flips": _flips(chart, small_mass) if chart.kind is Kind.FLIPS else [],
    }


def _flips(chart: Chart, small_mass: bool) -> list[dict[str, Any]]:
    """The items behind the counts of every comparison in which something turned."""
    found = []
    for point in chart.points:
        if (test := point.comparison) and (test.lost or test.won):
            name = " · ".join(filter(None, (point.series.label, point.benchmark, point.part, point.condition)))
            found.append({"name": name, **_turned(test, small_mass)})
    return found


def _turned(test: Comparison, small_mass: bool) -> dict[str, Any]:
    """Counts and items of both ways, and what is said of those that are left out."""
    flips = {"lost": test.flips[True, False], "won": test.flips[False, True]}
    shown = {word: test.ranked(items, small_mass) for word, items in flips.items()}
    return {
        **shown,
        "counts": {word: len(items) for word, items in flips.items()},
        "left_out": left_out(sum(len(items) - len(shown[word]) for word, items in flips.items())),
    }


def _masses(found: Sequence[MassOf]) -> dict[str, Any]:
    """How much the options hold, in one table, and what goes with it."""
    known = [one.series for one in found]
    return {
        "marks": dict.fromkeys(f"{s.asked.model}: {s.asked.mark}" for s in known if s.asked.mark),
        "notes": dict.fromkeys(f"{s.run} is {s.incomplete} records." for s in known if s.incomplete),
        "reading": readings.mass_reading(found),
        "explained": mass.EXPLAINED,
        "table": mass_table(found),
    }


_COMPLIANCE = ("model", "instruction", "compliance", "95 % interval", "resistance", "95 % interval", "n", "excluded")


def _unethical(found: Sequence[ComplianceOf]) -> dict[str, Any]:
    """What models did when they were told to be unfair, a table for each part of a benchmark, and what goes with it."""
    tables: dict[str, list[tuple[str, ...]]] = {}
    for one in found:
        rows = tables.setdefault(benchmark_title(one.benchmark, one.found.part.name), [_COMPLIANCE])
        rows.append(_compliance(one))
    known = [one.series for one in found]
    return {
        "marks": dict.fromkeys(f"{s.asked.model}: {s.asked.mark}" for s in known if s.asked.mark),
        "notes": dict.fromkeys(f"{s.run} is {s.incomplete} records." for s in known if s.incomplete),
        "tables": tables,
    }


def _compliance(one: ComplianceOf) -> tuple[str, ...]:
    complied, resisted = one.found.compliance, one.found.resistance
    figures = (value(complied), interval(complied), value(resisted), interval(resisted), str(complied.n))
    return (one.series.label, one.found.condition, *figures, counted(complied.excluded))
