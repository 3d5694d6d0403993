"""The Explore section of the Batch tab: filters, and a card for each chart with its drawings, table and files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import gradio as gr
from gradio.components.plot import PlotData

from moralsc.errors import MoralscError
from moralsc.ui import explore_views, updates
from moralsc.ui.explorer import KINDS, MOST_PANELS, Explorer, Filters, Form, Selection, Shown
from moralsc.ui.own import Visitor
from moralsc.ui.pieces import filled, template
from moralsc.ui.saving import SAVE
from moralsc.ui.updates import Updates
from moralsc.ui.views import inert
from moralsc.ui.wiring import AT_ONCE, PRIVATE

# A table that was open stays open when its figures change.
_KEEP_OPEN = """
let open = false;
element.addEventListener('toggle', (e) => { open = e.target.open; }, true);
watch('value', () => { const table = element.querySelector('details'); if (table) table.open = open; });
"""
# On a narrow screen the filters are folded under one line (style.css); what was unfolded stays so when they change.
_FOLD = """
let open = false;
const show = () => element.querySelector('button')?.setAttribute('aria-expanded', String(open));
element.addEventListener('click', (e) => { if (e.target.closest('button')) { open = !open; show(); } });
watch('value', show);
"""
_MULTIPLE = {"runs": "Runs", "models": "Models", "benchmarks": "Benchmarks", "corrections": "Corrections"}
_SINGLE = {"category": "Category", "context": "Context", "mode": "Instruction comes"}
_ORDER = ("runs", "models", "benchmarks", "category", "context", "corrections", "mode")
_FEWEST = {"runs": 1, **dict.fromkeys(_MULTIPLE, 2), **dict.fromkeys(_SINGLE, 3)}  # a choice of one is none


@dataclass(frozen=True)
class Card:
    """The components of one chart."""

    head: gr.HTML
    body: gr.Accordion
    open: gr.State


@dataclass(frozen=True)
class Parts:
    """What the section's events read and write. The selection lives on the server, one a visitor."""

    selection: gr.State
    filters: dict[str, gr.Dropdown]
    fold: gr.HTML
    runs: gr.HTML
    practice: gr.Button
    again: gr.Button
    cards: dict[str, Card]
    mass: gr.HTML
    status: gr.HTML
    file: gr.Textbox


def build(explorer: Explorer, visitor: Visitor, shown: gr.Tab) -> Parts:
    """Add the section inside the tab, which is filled when it is shown: nothing is read before."""
    parts = _build_parts()
    look = _looking(explorer, parts)
    inputs = [parts.filters[name] for name in _ORDER]
    outputs: list[Any] = [parts.selection, *inputs, parts.fold, parts.runs, parts.practice, parts.again]
    outputs.append(parts.mass)
    outputs += [c for card in parts.cards.values() for c in (card.head, card.body)]
    changes = [shown.select, visitor.runs.apply, parts.again.click, *(f.input for f in parts.filters.values())]
    # Only a queued event can be "always_last", which answers the choice that was made last.
    gr.on(changes, look, outputs=outputs, trigger_mode="always_last", **visitor.before(inputs), **PRIVATE)
    runs = parts.filters["runs"]
    switched = parts.practice.click(_switching(explorer), outputs=[runs], **visitor.before([runs]), **AT_ONCE)
    switched.success(look, outputs=outputs, **visitor.before(inputs), **PRIVATE)
    for kind, card in parts.cards.items():
        _wire(explorer, parts, kind, card)
    return parts


def _build_parts() -> Parts:
    selection = gr.State(Selection())
    with gr.Column(elem_classes="m-group", elem_id="m-filters"):
        fold = filled("fold", value={"chosen": ""}, js_on_load=_FOLD, elem_id="m-fold")
        with gr.Row(elem_id="m-filters-row"):
            filters = {name: _filter(name) for name in _ORDER}
        with gr.Row(elem_id="m-runs-line"):
            runs = filled("shown", value=explore_views.READING)
            practice = gr.Button("", size="sm", visible=False, min_width=180, scale=0, elem_id="m-practice")
            again = gr.Button("Look again", size="sm", visible=False, min_width=90, scale=0, elem_id="m-again")
    status = filled("status", value=updates.status(""), elem_id="m-explore-status")
    cards = {kind: _card(kind) for kind in KINDS}
    with gr.Column(elem_classes="m-group m-chart-card", elem_id="m-mass"):
        mass = gr.HTML(
            {},
            html_template=template("chart") + template("figures"),
            js_on_load=_KEEP_OPEN,
            apply_default_css=False,
        )
    return Parts(selection, filters, fold, runs, practice, again, cards, mass, status, gr.Textbox(visible=False))


def _filter(name: str) -> gr.Dropdown:
    more: dict[str, Any] = {"min_width": 120, "elem_id": f"m-filter-{name}"}
    if name in _MULTIPLE:
        return gr.Dropdown([], label=_MULTIPLE[name], multiselect=True, elem_classes="m-many", **more)
    return gr.Dropdown([("all", "")], value="", label=_SINGLE[name], filterable=False, **more)


def _card(kind: str) -> Card:
    with gr.Column(elem_classes="m-group m-chart-card", elem_id=f"m-chart-{kind}"):
        head = filled("chart")
        open_first = kind == KINDS[0]
        opened = gr.State(open_first)
        body = gr.Accordion("Drawings, table, files", open=open_first, visible=False, elem_classes="m-drawings")
    return Card(head, body, opened)


def _looking(explorer: Explorer, p: Parts) -> Callable[..., Iterator[Updates]]:
    def look(visitor: str, *values: Any) -> Iterator[Updates]:
        """Answer the filters as they stand; also what a visitor sees first."""
        filters = _filters(values)
        if not explorer.ready(filters, visitor):
            yield {p.runs: explore_views.READING}
        try:
            shown = explorer.choose(filters, visitor)
            yield {**_choosers(explorer, p, shown), **_cards(explorer, p, shown)}
            explorer.look_ahead(shown.selection)
        except MoralscError as error:  # a run that changed while it was read
            yield {p.runs: explore_views.problem(str(error)), p.again: gr.update(visible=True)}

    return look


def _switching(explorer: Explorer) -> Callable[..., list[str]]:
    def switch(visitor: str, runs: list[str] | None) -> list[str]:
        """From real models to practice models, or back to what opens the page."""
        return list(explorer.other_side(runs or (), visitor))

    return switch


def _cards(explorer: Explorer, p: Parts, shown: Shown) -> Updates:
    found: Updates = {p.selection: shown.selection, p.runs: explore_views.runs(shown)}
    found[p.mass] = explore_views.masses(explorer.masses(shown.selection)) if shown.selection.folders else {}
    for card in p.cards.values():
        found |= {card.head: {}, card.body: gr.update(visible=False)}
    for chart in explorer.figures(shown.selection).charts if shown.selection.folders else ():
        card = p.cards[chart.kind]
        found[card.head] = explore_views.head(chart, shown.selection.narrowed)
        found[card.body] = gr.update(visible=bool(chart.points))
    return found


def _filters(values: tuple[Any, ...]) -> Filters:
    """The choosers' values; a chooser of many gives a list, and each may give none."""
    given = dict(zip(_ORDER, values, strict=True))
    chosen: dict[str, Any] = {name: tuple(given[name] or ()) for name in _MULTIPLE}
    return Filters(**chosen | {name: given[name] or "" for name in _SINGLE})


def _choosers(explorer: Explorer, p: Parts, shown: Shown) -> Updates:
    offered = explore_views.offered(shown, explorer.corrections)
    value = explore_views.chosen(shown.selection.filters)
    again = gr.update(visible=shown.unfinished or bool(shown.problems) or not shown.names)
    practice = gr.update(value=explore_views.other_side(shown), visible=bool(shown.aside))
    folded = explore_views.folded(value, offered, everything=not shown.aside)
    found = {p.again: again, p.practice: practice, p.fold: folded} | {
        p.filters[name]: gr.update(
            choices=offered[name], value=value[name], visible=len(offered[name]) >= _FEWEST[name]
        )
        for name in _ORDER
    }
    found[p.filters["runs"]]["elem_classes"] = ["m-many", *["m-aside"] * bool(shown.aside)]
    return found


def _wire(explorer: Explorer, p: Parts, kind: str, card: Card) -> None:
    """Drawings are made when a card is open, and files when they are asked for."""
    # Queued, since the change of a state is not noticed after an event outside the queue (gradio 6.31).
    card.body.expand(lambda: True, None, card.open, **PRIVATE)
    card.body.collapse(lambda: False, None, card.open, **PRIVATE)
    with card.body:

        def draw(selection: Selection, opened: bool) -> None:
            if opened and selection.folders and explorer.chart(selection, kind).points:
                _draw(explorer, selection, kind)

        gr.render([p.selection, card.open], [p.selection.change, card.open.change], show_progress="hidden")(draw)
        with gr.Row(elem_classes="m-files"):
            for form in Form:
                button = gr.Button(form.upper(), size="sm", min_width=60, scale=0)
                saved = button.click(_saving(explorer, p, kind, form), [p.selection], [p.file, p.status], **PRIVATE)
                saved.success(None, p.file, None, js=SAVE, api_visibility="private")


def _draw(explorer: Explorer, selection: Selection, kind: str) -> None:
    drawn = explorer.drawn(selection, kind)
    for heading, group in groupby(drawn[:MOST_PANELS], lambda panel: panel.heading):
        if heading:
            gr.HTML(inert({"text": heading}), html_template="<h3>{{value.text}}</h3>", apply_default_css=False)
        with gr.Row(elem_classes="m-panels"):
            for panel in group:
                gr.Plot(PlotData(type="altair", plot=panel.spec), show_label=False, container=False)
    if len(drawn) > MOST_PANELS:
        said = f"{MOST_PANELS} of {len(drawn)} drawings: choose models or benchmarks to see the others."
        filled("status", value=updates.status(said))
    filled("figures", value=explore_views.table(explorer.chart(selection, kind)), js_on_load=_KEEP_OPEN)


def _saving(explorer: Explorer, p: Parts, kind: str, form: Form) -> Callable[[Selection], Iterator[Updates]]:
    def save(selection: Selection) -> Iterator[Updates]:
        """A chart as a file on its way to the browser."""
        yield {p.file: "", p.status: updates.status(f"Making the {form.upper()} …")}
        try:
            file = json.dumps(explorer.file(selection, kind, form))
            yield {p.file: file, p.status: updates.status("")}
        except MoralscError as error:
            yield {p.file: "", p.status: updates.status(str(error), problem=True)}

    return save
