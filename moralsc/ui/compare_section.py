"""The comparing section of the Batch tab: two conditions, their flip tables, and the items behind a count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from moralsc.errors import MissingData, MoralscError
from moralsc.items import BASELINE
from moralsc.notation import left_out
from moralsc.prompts import BE_FAIR
from moralsc.ui import comparing, updates, views
from moralsc.ui.behind import Behind, Chosen
from moralsc.ui.behind_parts import told
from moralsc.ui.comparing import Cell, Comparer, Side
from moralsc.ui.context import Context
from moralsc.ui.explore_views import condition_title
from moralsc.ui.library import Library
from moralsc.ui.own import Visitor
from moralsc.ui.pieces import filled, heading
from moralsc.ui.updates import Updates, answering
from moralsc.ui.wiring import PRIVATE

if TYPE_CHECKING:
    from moralsc.reports.pairs import Compared

_COUNT = """
element.addEventListener('click', (e) => {
  const button = e.target.closest('button[data-cell]');
  if (button) trigger('submit', { cell: button.dataset.cell });
});
"""
# The items stand below all tables, which may be a screen away.
_TO_ITEMS = """() => requestAnimationFrame(() => {
  const items = document.getElementById('m-compare-small');
  if (items && items.getBoundingClientRect().bottom > innerHeight - 320) items.scrollIntoView({ block: 'start' });
})"""


@dataclass(frozen=True)
class Comparison:
    """What was found, and of which sides: the choosers may stand elsewhere by the time a count is pressed."""

    a: Side
    b: Side
    found: Compared


@dataclass(frozen=True)
class Parts:
    """What the section's events read and write. The states live on the server, one a visitor."""

    compared: gr.State
    cell: gr.State
    a: tuple[gr.Dropdown, gr.Dropdown, gr.Dropdown]
    b: tuple[gr.Dropdown, gr.Dropdown, gr.Dropdown]
    go: gr.Button
    result: gr.HTML
    small: gr.Checkbox
    out: gr.HTML
    item: gr.Dropdown
    columns: gr.Row
    left: gr.HTML
    right: gr.HTML
    status: gr.HTML


def build(context: Context, library: Library, visitor: Visitor, shown: gr.Tab) -> None:
    """Add the section inside the tab; nothing is read before the tab is shown."""
    p = _build_parts()
    handlers = Handlers(context, Comparer(library), Behind(library, context.settings, context.prompts), p)
    choosers = [*p.a, *p.b]

    def do(event: Any, handler: Callable[..., Updates], inputs: list[Any], outputs: list[Any]) -> Any:
        return event(answering(handler, p.status), outputs=outputs, **visitor.before(inputs), **PRIVATE)

    do(shown.select, handlers.open, [p.a[0], p.b[0]], [*choosers, p.status])
    do(visitor.runs.apply, handlers.look_again, [p.a[0], p.b[0]], [*choosers, p.status])
    do(p.a[0].input, handlers.choose_a, [p.a[0]], [*p.a, p.status])
    do(p.b[0].input, handlers.choose_b, [p.b[0]], [*p.b, p.status])
    do(p.go.click, handlers.compare, choosers, [p.compared, p.result, p.small, p.out, p.item, p.columns, p.status])
    opened = [p.cell, p.out, p.item, p.columns, p.left, p.right, p.status]
    counted = do(p.result.submit, handlers.choose_cell, [p.compared, p.small], opened)
    do(p.small.input, handlers.choose_small, [p.compared, p.cell, p.small], opened)
    counted.success(None, js=_TO_ITEMS, api_visibility="private")
    do(p.item.input, handlers.choose_item, [p.item, p.compared, p.cell], opened)


def _build_parts() -> Parts:
    with gr.Column(elem_classes="m-group", elem_id="m-compare"):
        heading("Compare two conditions, models or runs")
        with gr.Row(elem_classes="m-sides"):
            a, b = _side("A"), _side("B")
        go = gr.Button("Compare", variant="primary", size="sm", min_width=120, scale=0, elem_id="m-compare-go")
        status = filled("status", value=updates.status(""))
        result = filled("compare", js_on_load=_COUNT, elem_id="m-compare-result")
        small = gr.Checkbox(
            label="Name items whose options hold less than half of the probability, too",
            visible=False,
            elem_id="m-compare-small",
        )
        out = filled("status", value=updates.status(""), elem_id="m-compare-out")
        item = gr.Dropdown([], label="Items behind this count", visible=False, elem_id="m-compare-item")
        with gr.Row(visible=False, elem_id="m-compare-columns") as columns:
            with gr.Column(min_width=340):
                left = told({})
            with gr.Column(min_width=340):
                right = told({})
    return Parts(gr.State(None), gr.State(None), a, b, go, result, small, out, item, columns, left, right, status)


def _side(name: str) -> tuple[gr.Dropdown, gr.Dropdown, gr.Dropdown]:
    with gr.Column(min_width=280, elem_classes="m-side"):
        one, two, three = (
            gr.Dropdown([], label=f"{name}: {what}", min_width=80, filterable=False, elem_id=f"m-{name.lower()}-{what}")
            for what in ("run", "model", "condition")
        )
    return one, two, three


class Handlers:
    """Handlers of the section's events."""

    def __init__(self, context: Context, comparer: Comparer, behind: Behind, parts: Parts) -> None:
        self._context, self._comparer, self._behind, self._parts = context, comparer, behind, parts

    def open(self, visitor: str, run_a: str | None, run_b: str | None) -> Updates:
        """The tab is shown: offer the runs there are."""
        p, runs = self._parts, self._comparer.runs(visitor)
        if not runs:
            nothing = dict.fromkeys((*p.a, *p.b), gr.update(choices=[], value=None))
            return {**nothing, p.status: updates.status("There is no run to compare yet.")}
        chosen = [run if run in runs else self._behind.first(visitor) for run in (run_a, run_b)]
        found = {**self._offered(visitor, p.a, chosen[0], BASELINE), **self._offered(visitor, p.b, chosen[1], BE_FAIR)}
        for side, run in zip((p.a, p.b), chosen, strict=True):
            found[side[0]] = gr.update(choices=list(runs), value=run)
        return {**found, p.status: updates.status("")}

    def look_again(self, visitor: str, run_a: str | None, run_b: str | None) -> Updates:
        """The visitor has other runs than before: offer them. What is chosen stays, unless its run is gone."""
        p, runs = self._parts, self._comparer.runs(visitor)
        if not {run_a, run_b} <= set(runs):
            return self.open(visitor, run_a, run_b)
        return {side[0]: gr.update(choices=list(runs), value=run) for side, run in ((p.a, run_a), (p.b, run_b))}

    def choose_a(self, visitor: str, run: str) -> Updates:
        """Another run for A."""
        return self._offered(visitor, self._parts.a, run, BASELINE)

    def choose_b(self, visitor: str, run: str) -> Updates:
        """Another run for B."""
        return self._offered(visitor, self._parts.b, run, BE_FAIR)

    def compare(self, visitor: str, *values: str) -> Updates:
        """Set B against A."""
        p = self._parts
        hidden = {p.item: gr.update(visible=False), p.columns: gr.update(visible=False), p.out: updates.status("")}
        a, b = _sides(values)
        try:
            compared = self._comparer.compare(a, b, visitor)
        except MoralscError as error:
            said = {p.status: updates.status(str(error), problem=True), p.small: gr.update(visible=False)}
            return {**said, p.result: {}, p.compared: None, **hidden}
        said = {p.status: updates.status("Press a count to open its items."), p.small: gr.update(visible=True)}
        return {**said, p.compared: Comparison(a, b, compared), p.result: comparing.view(compared), **hidden}

    def choose_cell(
        self, event: gr.EventData, visitor: str, compared: Comparison | None, small: bool = False
    ) -> Updates:
        """A count: open its first item."""
        given = event._data.get("cell", "") if isinstance(event._data, dict) else ""
        return self.choose_small(visitor, compared, comparing.read_cell(str(given)), small)

    def choose_small(self, visitor: str, compared: Comparison | None, cell: Cell | None, small: bool) -> Updates:
        """With or without items of small mass: open the first one behind the same count."""
        p = self._parts
        if compared is None or cell is None:
            return {}
        counted = comparing.items(compared.found, cell, small)
        said = {p.cell: cell, p.out: updates.status(left_out(counted.left_out))}
        if not counted.items:
            hidden = {p.item: gr.update(visible=False), p.columns: gr.update(visible=False)}
            return {**said, **hidden} if counted.left_out else {}
        names = counted.items
        label = f"Items behind this count: {cell.before} in A, {cell.after} in B"
        chooser = gr.update(choices=list(names), value=names[0], label=label, visible=True)
        return {**said, p.item: chooser, **self._shown(visitor, names[0], compared, cell)}

    def choose_item(self, visitor: str, item: str, compared: Comparison | None, cell: Cell | None) -> Updates:
        """Another item of the same count."""
        if compared is None or cell is None or not item:
            return {}
        return self._shown(visitor, item, compared, cell)

    def _offered(self, visitor: str, side: tuple[gr.Dropdown, ...], run: str, first: str) -> Updates:
        models, conditions = self._comparer.offered(run, visitor)
        known = self._context.prompts.corrections
        value = first if first in conditions else conditions[0]
        return {
            side[1]: gr.update(choices=list(models), value=models[0] if models else None),
            side[2]: gr.update(choices=[(condition_title(c, known), c) for c in conditions], value=value),
        }

    def _shown(self, visitor: str, item: str, compared: Comparison, cell: Cell) -> Updates:
        p = self._parts
        a, b = comparing.behind(compared.found, cell, compared.a, compared.b)
        drawn = [self._drawn(visitor, chosen, item, place) for chosen, place in ((a, "of A"), (b, "of B"))]
        return {p.left: drawn[0], p.right: drawn[1], p.columns: gr.update(visible=True)}

    def _drawn(self, visitor: str, chosen: Chosen, item: str, place: str) -> views.View:
        try:
            probe = self._behind.told(chosen, item, visitor)[0].probe
        except MissingData as error:
            return {"hint": str(error)}
        if chosen.correction == BASELINE:  # its first turn alone: what follows it belongs to other conditions
            while probe.turns > 1:
                probe = probe.undo()
        return {**views.keyed(views.dialogue(probe, self._context.prompts)), "warning": "", "place": place}


def _sides(values: tuple[str, ...]) -> tuple[Side, Side]:
    given = [value or "" for value in values]
    return Side(*given[:3]), Side(*given[3:])
