"""The section behind the figures: a run's items as a list, and an item's dialogues."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from moralsc.errors import MissingData
from moralsc.items import BASELINE, ContextKind
from moralsc.prompts import BE_FAIR
from moralsc.ui import behind, explore_views, texts, updates, views
from moralsc.ui.behind import SORTS, Behind, Chosen, Listing
from moralsc.ui.behind_parts import Parts, build_parts
from moralsc.ui.context import Context
from moralsc.ui.library import Library
from moralsc.ui.own import Visitor
from moralsc.ui.saving import SAVE
from moralsc.ui.updates import Updates, answering
from moralsc.ui.wiring import PRIVATE

if TYPE_CHECKING:
    from moralsc.reports.dialogues import Told

_CHANGED = "The messages are not those that the run recorded: the prompt set or the item has changed since."


@dataclass(frozen=True)
class Opened:
    """The item that is open: what was chosen when it was opened, and its dialogues."""

    chosen: Chosen
    told: Sequence[Told]


def build(context: Context, library: Library, visitor: Visitor, shown: gr.Tab) -> None:
    """Add the section inside the tab; nothing is read before the tab is shown."""
    parts = build_parts(context)
    handlers = Handlers(context, Behind(library, context.settings, context.prompts), parts)
    filled = [*parts.choosers, parts.listing, parts.table, parts.found, parts.previous, parts.next, parts.status]
    changed = [parts.opened, parts.which, parts.table, parts.dialogue, parts.taking, parts.probe, parts.status]

    def do(event: Any, handler: Callable[..., Updates], inputs: list[Any], outputs: list[Any]) -> Any:
        return event(answering(handler, parts.status), outputs=outputs, **visitor.before(inputs), **PRIVATE)

    do(shown.select, handlers.open, [parts.run], filled)
    do(visitor.runs.apply, handlers.look_again, [parts.run], filled)
    do(parts.run.input, handlers.choose_run, [parts.run], filled)
    rest = [c.input for c in parts.choosers[1:6]] + [parts.sort.input, parts.search.change, parts.small.input]
    choose = answering(handlers.choose, parts.status)
    gr.on(rest, choose, outputs=filled, trigger_mode="always_last", **visitor.before(parts.choosers), **PRIVATE)
    for button, step in ((parts.previous, handlers.back), (parts.next, handlers.forth)):
        do(button.click, step, [parts.listing, *parts.choosers], filled)
    do(parts.table.submit, handlers.choose_item, [parts.listing, *parts.choosers], changed)
    which = answering(handlers.choose_dialogue, parts.status)
    parts.which.input(which, [parts.opened, parts.which], changed, **PRIVATE)
    for button, write in ((parts.html, handlers.save_html), (parts.json, handlers.save_json)):
        taken = answering(write, parts.status)
        saved = button.click(taken, [parts.opened, parts.which], [parts.file, parts.status], **PRIVATE)
        saved.success(None, parts.file, None, js=SAVE, api_visibility="private")


class Handlers:
    """Handlers of the section's events."""

    def __init__(self, context: Context, behind_: Behind, parts: Parts) -> None:
        self._context, self._behind, self._parts = context, behind_, parts

    def open(self, visitor: str, run: str | None) -> Updates:
        """The tab is shown: offer the runs there are, and list the items of the first one that can be read here."""
        runs = self._behind.runs(visitor)
        chosen = run if run in runs else self._behind.first(visitor) or None
        found = self.choose_run(visitor, chosen)
        return {**found, self._parts.run: gr.update(choices=list(runs), value=chosen)}

    def look_again(self, visitor: str, run: str | None) -> Updates:
        """The visitor has other runs than before: offer them. What is open stays open, unless its run is gone."""
        runs = self._behind.runs(visitor)
        if run not in runs:
            return self.open(visitor, run)
        return {self._parts.run: gr.update(choices=list(runs), value=run)}

    def choose_run(self, visitor: str, run: str | None) -> Updates:
        """Another run: offer what it holds, and list the items of its first correction."""
        p = self._parts
        if not run:
            nothing = dict.fromkeys(p.choosers[:6], gr.update(choices=[], value=None))
            shown = {p.listing: Listing(), p.table: {}, p.found: updates.status("There is no run to look into yet.")}
            return {**nothing, **shown, **dict.fromkeys((p.previous, p.next), gr.update(interactive=False))}
        held, conditions = self._behind.held(run, visitor), self._behind.conditions(run, visitor)
        models = [asked.model for asked in held.models]
        categories = [("all", ""), *((texts.category_title(c), c) for c in held.categories)]
        contexts = [("all", ""), *((texts.CONDITION_CHOICES[c], str(c)) for c in _CONTEXTS)]
        offered: list[tuple[gr.Dropdown, list[Any]]] = [
            (p.model, models),
            (p.benchmark, [(texts.set_title(key), key) for key in held.benchmarks]),
            (p.correction, self._titled(conditions or (BASELINE,))),
            (p.category, categories),
            (p.context, contexts),
        ]
        values = [_value(choices[0]) for _, choices in offered]
        values[1] = self._behind.here(held.benchmarks)
        values[2] = BE_FAIR if BE_FAIR in conditions else values[2]
        filled = {part: gr.update(choices=choices, value=v) for (part, choices), v in zip(offered, values, strict=True)}
        model, benchmark, correction, category, context = values
        chosen = Chosen(run, model, benchmark, correction, category, context)
        return {**filled, p.search: "", p.sort: SORTS[0], p.small: False, **self._listed(visitor, chosen, 0)}

    def _titled(self, conditions: Sequence[str]) -> list[tuple[str, str]]:
        return [(explore_views.condition_title(c, self._context.prompts.corrections), c) for c in conditions]

    def choose(self, visitor: str, *values: Any) -> Updates:
        """Another filter, order or word."""
        return self._listed(visitor, _chosen(values), 0)

    def back(self, visitor: str, listing: Listing, *values: Any) -> Updates:
        """The page before."""
        return self._listed(visitor, _chosen(values), listing.page - 1)

    def forth(self, visitor: str, listing: Listing, *values: Any) -> Updates:
        """The page after."""
        return self._listed(visitor, _chosen(values), listing.page + 1)

    def choose_item(self, event: gr.EventData, visitor: str, listing: Listing, *values: Any) -> Updates:
        """A row of the list: open its item."""
        p = self._parts
        given = str(event._data.get("row", "")) if isinstance(event._data, dict) else ""
        row = int(given) if given.isdecimal() else -1
        if not 0 <= row < len(listing.items):
            return {}
        chosen = _chosen(values)
        try:
            told = self._behind.told(chosen, listing.items[row], visitor)
        except MissingData as error:  # said where the dialogue would stand
            said = {p.dialogue: {"hint": str(error)}, p.status: updates.status("")}
            hidden = dict.fromkeys((p.which, p.taking), gr.update(visible=False))
            return {p.opened: None, p.table: _table(listing, row), **said, **hidden}
        names = [(_title(t, self._context.prompts), k) for k, t in enumerate(told)]
        which = gr.update(choices=names, value=0, visible=True)
        opened = Opened(chosen, told)
        return {p.opened: opened, p.which: which, p.table: _table(listing, row), **self._shown(opened, 0)}

    def choose_dialogue(self, opened: Opened | None, which: int) -> Updates:
        """Another dialogue of the open item."""
        return self._shown(opened, which) if opened else {}

    def save_html(self, opened: Opened | None, which: int) -> Updates:
        """The open dialogue as a page, on its way to the browser."""
        from moralsc.reports.card_page import card_html

        return self._saved(opened, which, "html", "text/html", card_html)

    def save_json(self, opened: Opened | None, which: int) -> Updates:
        """The open dialogue as JSON, on its way to the browser."""
        from moralsc.experiment.card import to_json

        return self._saved(opened, which, "json", "application/json", to_json)

    def _listed(self, visitor: str, chosen: Chosen, page: int) -> Updates:
        p = self._parts
        listing = self._behind.listing(chosen, page, visitor)
        counted = (
            f"Page {listing.page + 1} of {listing.pages}: {listing.sentence}" if listing.rows else listing.sentence
        )
        return {
            p.listing: listing,
            p.table: _table(listing),
            p.found: updates.status(counted),
            p.previous: gr.update(interactive=listing.page > 0),
            p.next: gr.update(interactive=listing.page < listing.pages - 1),
            p.status: updates.status(""),
        }

    def _shown(self, opened: Opened, which: int) -> Updates:
        p, told = self._parts, opened.told[which]
        view = views.keyed(views.dialogue(told.probe, self._context.prompts))
        return {
            p.dialogue: {**view, "warning": "" if told.same else _CHANGED, "place": "behind the figures"},
            p.taking: gr.update(visible=True),
            p.probe: views.inert({"address": self._behind.address(opened.chosen, told)}),
            p.status: updates.status(""),
        }

    def _saved(self, opened: Opened | None, which: int, ending: str, kind: str, write: Any) -> Updates:
        if opened is None:
            return {}
        one = opened.told[which or 0]
        text = write(behind.card(one, len(one.probe.arms) - 1))
        return {self._parts.file: json.dumps({"name": behind.file_name(one, ending), "kind": kind, "text": text})}


_CONTEXTS = (ContextKind.AMBIGUOUS, ContextKind.DISAMBIGUATED)


def _table(listing: Listing, opened: int = -1) -> views.View:
    rows = [
        {
            "row": str(k),
            "item": item,
            "figures": list(cells[:3]),
            "answers": [views.marked(word, short=True) for word in cells[3:5]],
            "places": list(cells[5:]),
            "open": "m-opened" if k == opened else "",
        }
        for k, (item, *cells) in enumerate(listing.rows)
    ]
    return views.keyed(views.inert({"head": list(listing.headers), "rows": rows}))


def _chosen(values: Any) -> Chosen:
    *named, small = values
    run, model, benchmark, correction, category, context, search, sort = (value or "" for value in named)
    return Chosen(run, model, benchmark, correction, category, context, search, sort, bool(small))


def _value(choice: Any) -> str:
    return str(choice[1] if isinstance(choice, tuple) else choice)


def _title(told: Any, prompts: Any) -> str:
    correction = prompts.corrections.get(told.correction)
    name = correction.title if correction else "Baseline"
    return f"{name} ({told.order})" if told.order and told.order != "abc"[: len(told.order)] else name
