"""Explorer: what a visitor chose of the runs, the figures of that, their drawings and their files. No gradio here."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from moralsc.errors import RunError
from moralsc.prompts import Correction
from moralsc.ui.kept import Kept
from moralsc.ui.library import Folder, Held, Library

if TYPE_CHECKING:
    from moralsc.analysis.claims import Finding
    from moralsc.reports.chart import Chart, Figures, MassOf

KINDS = ("ladder", "size", "categories", "correlation", "flips", "gap", "position")
"""The charts in their order, as `reports.chart.Kind` names them."""

MOST_RUNS, MOST_PANELS = 12, 24


@dataclass(frozen=True)
class Filters:
    """What a visitor chose; what is empty chooses all, of runs those that are not `Folder.aside`."""

    runs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    benchmarks: tuple[str, ...] = ()
    category: str = ""
    context: str = ""
    corrections: tuple[str, ...] = ()
    mode: str = ""


@dataclass(frozen=True)
class Selection:
    """What is shown: readable runs as they are now, and the filters without what these runs do not hold."""

    folders: tuple[Folder, ...] = ()
    filters: Filters = Filters()

    @property
    def narrowed(self) -> bool:
        """Whether the filters leave something out of these runs."""
        return any(getattr(self.filters, f.name) for f in fields(Filters) if f.name != "runs")


@dataclass(frozen=True)
class Shown:
    """An answer to a choice.

    Attributes:
        names: of every run there is, also of broken ones.
        held: what the chosen runs hold together.
        facts: a line about each run that is shown.
        problems: a sentence about each that cannot be read.
        left_out: runs that are not shown because there are too many at once.
        unfinished: one of those shown may still grow.
        aside: names of the runs of practice models that stand behind real ones.
    """

    selection: Selection
    names: tuple[str, ...]
    held: Held
    facts: tuple[str, ...]
    problems: tuple[str, ...]
    left_out: int
    unfinished: bool
    aside: tuple[str, ...] = ()

    @property
    def only_aside(self) -> bool:
        """Whether nothing but runs of practice models was chosen."""
        return bool(self.selection.folders) and all(f.aside for f in self.selection.folders)


@dataclass(frozen=True)
class Drawn:
    """One drawing as a Vega-Lite specification, under the heading of whose figures it shows."""

    heading: str
    spec: str


class Form(StrEnum):
    """What a chart can be saved as."""

    PNG = "png"
    SVG = "svg"
    CSV = "csv"


_KINDS_OF_FILE = {Form.PNG: "image/png", Form.SVG: "image/svg+xml", Form.CSV: "text/csv"}


class Explorer:
    """Answers choices from what the library keeps. Safe to use from any thread."""

    def __init__(self, library: Library, corrections: Mapping[str, Correction]) -> None:
        self.library, self.corrections = library, corrections
        self._figures: Kept[Selection, Figures] = Kept(64)
        self._drawn: Kept[tuple[Selection, str], tuple[Drawn, ...]] = Kept(128)

    def ready(self, filters: Filters, visitor: str = "") -> bool:
        """Whether `choose` and `figures` answer at once."""
        return all(self.library.ready(f, filters.category) for f in self._wanted(filters, visitor)[1][:MOST_RUNS])

    def _wanted(self, filters: Filters, visitor: str) -> tuple[tuple[Folder, ...], tuple[Folder, ...]]:
        """All runs, and those that were chosen: what opens the page where none of the names is there any more."""
        there = self.library.folders(visitor)
        opening = tuple(f for f in there if f.opens)
        return there, tuple(f for f in there if f.name in filters.runs) or opening

    def choose(self, filters: Filters, visitor: str = "") -> Shown:
        """Read what was chosen as far as it can be read; filters that the runs do not hold are dropped."""
        there, wanted = self._wanted(filters, visitor)
        shown, runs, problems = list[Folder](), [], list[str]()
        for folder in wanted[:MOST_RUNS]:
            try:
                runs.append(self.library.open(folder))
                shown.append(folder)
            except RunError as error:
                problems.append(str(error))
        held = _together([opened.held for opened in runs])
        return Shown(
            selection=Selection(tuple(shown), _within(filters, held, [f.name for f in there])),
            names=tuple(f.name for f in there),
            held=held,
            facts=tuple(_fact(opened.run.name, opened.run.status, opened.run.head) for opened in runs),
            problems=tuple(problems),
            left_out=len(wanted[MOST_RUNS:]),
            unfinished=any(opened.run.incomplete for opened in runs),
            aside=tuple(f.name for f in there if f.aside),
        )

    def prepare(self) -> None:
        """Make ready what opens the page, then what one click shows. What cannot be read is said to whoever asks."""
        shown = self.choose(Filters())
        for filters in (Filters(), Filters(runs=shown.aside)):
            selection = self.choose(filters).selection
            if selection.folders:
                self.drawn(selection, KINDS[0])

    def other_side(self, runs: Sequence[str], visitor: str = "") -> tuple[str, ...]:
        """The runs to choose instead of these: those of practice models, or none where these are theirs already."""
        aside = tuple(f.name for f in self.library.folders(visitor) if f.aside)
        return () if runs and set(runs) <= set(aside) else aside

    def look_ahead(self, selection: Selection) -> None:
        """Make ready what a visitor may choose next."""
        for folder in selection.folders:
            self.library.measure_ahead(folder)

    def figures(self, selection: Selection) -> Figures:
        """All charts of a selection."""
        return self._figures.get(selection, lambda: self._arranged(selection))

    def chart(self, selection: Selection, kind: str) -> Chart:
        """One of them."""
        return next(c for c in self.figures(selection).charts if c.kind == kind)

    def masses(self, selection: Selection) -> tuple[MassOf, ...]:
        """How much of the probability the options hold, for each model and benchmark of a selection."""
        return self.figures(selection).masses

    def findings(self, folders: tuple[Folder, ...]) -> tuple[Finding, ...]:
        """The papers' claims against these runs, whatever is filtered."""
        return self.figures(Selection(folders)).findings

    def drawn(self, selection: Selection, kind: str) -> tuple[Drawn, ...]:
        """Its drawings, in order."""
        return self._drawn.get((selection, kind), lambda: self._specs(self.chart(selection, kind)))

    def file(self, selection: Selection, kind: str, form: Form) -> dict[str, str]:
        """A chart as a file: its name, media type, and bytes in base64."""
        content = _WRITERS[form](self.chart(selection, kind), self.corrections)
        data = base64.b64encode(content).decode("ascii")
        return {"name": f"moralsc-{kind}.{form}", "kind": _KINDS_OF_FILE[form], "data": data}

    def _arranged(self, selection: Selection) -> Figures:
        from moralsc.reports.figures import Choice, arranged, chosen

        f = selection.filters
        choice = Choice(f.models, f.benchmarks, _one(f.context), f.corrections, _one(f.mode))
        return arranged(chosen(self.library.parts(selection.folders, f.category), choice), self.corrections)

    def _specs(self, chart: Chart) -> tuple[Drawn, ...]:
        from moralsc.reports.charts import panels

        return tuple(Drawn(panel.heading, _spec(panel.drawing)) for panel in panels(chart, self.corrections))


def _spec(drawing: Any) -> str:
    spec = drawing.to_dict(validate=False)  # the tests of the drawings validate
    spec.pop("$schema", None)  # an address, which nothing here should carry
    _hide_silent(spec)
    return json.dumps(spec)


def _hide_silent(spec: dict[str, Any]) -> None:
    """Marks that describe nothing are hidden from screen readers, to whom they would be images without a name."""
    if isinstance(mark := spec.get("mark"), dict):
        mark.setdefault("aria", False)
    for layer in spec.get("layer", ()):
        _hide_silent(layer)


def _one(value: str) -> tuple[str, ...]:
    return (value,) if value else ()


def _together(held: Sequence[Held]) -> Held:
    names = [f.name for f in fields(Held)]
    return Held(**{name: tuple(dict.fromkeys(v for h in held for v in getattr(h, name))) for name in names})


def _within(f: Filters, held: Held, names: Sequence[str]) -> Filters:
    def kept(wanted: Sequence[str], there: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in wanted if name in there)

    return Filters(
        runs=kept(f.runs, names),
        models=kept(f.models, [asked.model for asked in held.models]),
        benchmarks=kept(f.benchmarks, held.benchmarks),
        category=f.category if f.category in held.categories else "",
        context=f.context if f.context in held.contexts else "",
        corrections=kept(f.corrections, held.corrections),
        mode=f.mode if f.mode in held.modes else "",
    )


def _fact(name: str, status: Any, head: Mapping[str, Any]) -> str:
    """Which run, how far, when it was asked, in UTC, and in which order options stood."""
    from moralsc.batch.design import Order
    from moralsc.reports.dialogues import ORIGIN

    started = (head.get("attempts") or [{}])[0].get("started", "")
    when = f", asked {started[:10]} {started[11:16]} UTC" if started else ""
    order = head.get("design", {}).get("order")
    how = f", order of options: {Order(order).words}" if order in set(Order) and ORIGIN not in head else ""
    return f"{name}: {status.sentence[0].lower()}{status.sentence[1:].rstrip('.')}{when}{how}" if status else name


def _png(chart: Chart, corrections: Mapping[str, Correction]) -> bytes:
    from moralsc.reports import charts, pictures

    return pictures.png(charts.whole(chart, corrections))


def _svg(chart: Chart, corrections: Mapping[str, Correction]) -> bytes:
    from moralsc.reports import charts, pictures

    return pictures.svg(charts.whole(chart, corrections)).encode()


def _csv(chart: Chart, corrections: Mapping[str, Correction]) -> bytes:
    from moralsc.reports.cells import cell

    records, file = chart.records(), io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(records[0])
    writer.writerows([cell(value) for value in record.values()] for record in records)
    return file.getvalue().encode()


_WRITERS: Mapping[Form, Callable[[Chart, Mapping[str, Correction]], bytes]] = {
    Form.PNG: _png,
    Form.SVG: _svg,
    Form.CSV: _csv,
}
