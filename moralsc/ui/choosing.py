"""Choosing what to ask: model, benchmark, item, correction. Whatever is chosen anew empties the dialogue.

The dialogue is about one model and one item, so a running job of the visitor is ended first and shows nothing more.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import gradio as gr

from moralsc.benchmarks import own
from moralsc.benchmarks.own import OWN
from moralsc.dialogue import Form, Mode
from moralsc.errors import InputError, ModelError, MoralscError, choose
from moralsc.experiment.probe import Manner, Probe, new_probe, planned
from moralsc.items import Item
from moralsc.models import ModelSpec, catalogue, find
from moralsc.models.axes import sizes
from moralsc.models.cards import read_card
from moralsc.models.offer import find_offered, instead_of, not_offered, offered
from moralsc.prompts import Side
from moralsc.ui import link as links
from moralsc.ui import manner_parts, texts, updates, views
from moralsc.ui.context import Context
from moralsc.ui.manner_parts import prefill_of, system_of
from moralsc.ui.parts import OPTIONS, Parts
from moralsc.ui.updates import Updates, session


def manner_of(
    mode: str | None,
    form: str | None,
    temperature: float | None,
    seed: float | None,
    shuffle: bool,
    system_kind: str | None,
    system: str | None,
    prefill: str | None,
) -> Manner:
    """The page's controls as a Manner; what is empty counts as not set.

    Raises:
        InputError: the system message is too long, or there is no such prefill.
    """
    return Manner(
        Mode(mode or Manner.mode),
        Form(form or Manner.form),
        float(temperature or 0),
        int(seed or 0),
        bool(shuffle),
        system_of(system_kind, system),
        prefill_of(prefill),
    )


@dataclass(frozen=True)
class Choosing:
    """Handlers of the left column."""

    context: Context
    parts: Parts

    def restore(self, request: gr.Request) -> Updates:
        """The first page of a visit: what the link's parameters say, else the ready example."""
        p, shelf = self.parts, self.context.shelf
        params = request.query_params
        link = links.read(dict(params), params.getlist("do"), self.context.prompts)
        notices = list(link.notices)
        model = self._offered(link.model, notices)
        if params.get("rev", find(model).version) != find(model).version and model == link.model:
            notices.append("This link was made with another revision of the model: figures may differ.")
        key = _known(link.shelf, shelf.titles(), "benchmark", notices)
        key, item = self._opening(key, link.item, notices)
        if link.steps:
            names = ", ".join(self.context.prompts.correction(s.correction).title for s in link.steps)
            notices.append(f"This link holds corrections: {names}. Ask asks the item and applies them.")
        m = link.manner
        drawn = (m.mode.value, m.form.value, m.temperature, m.seed, m.shuffle)
        return {
            **self._show_model(find(model)),
            p.shelf: gr.update(choices=[(title, k) for k, title in shelf.titles().items()], value=key),
            **dict(zip(p.manner, (*drawn, *manner_parts.shown(m.system, m.prefill)), strict=True)),
            **self._show(key, item, model),
            p.notice: views.header(notices),
            p.state_steps: link.steps,
        }

    def _offered(self, name: str, notices: list[str]) -> str:
        """The model that a link names if this page offers it, else the first one and a notice."""
        here = offered(self.context.settings)
        if name in catalogue() and name not in here:
            notices.append(not_offered(find(name), self.context.settings))
            name = ""
        return _known(name, here, "model", notices)

    def _opening(self, key: str, id: str, notices: list[str]) -> tuple[str, Item | None]:
        """The item that a link names, else the set's example; a set that cannot be read gives way to the next one."""
        shelf = self.context.shelf
        for choice in dict.fromkeys((key, *shelf.titles())):
            try:
                item = shelf.find(choice, id) if id and choice == key else None
                if id and item is None:
                    notices.append(f"There is no item {id[:60]!r} here: another one is shown.")
                return choice, item or shelf.example(choice)
            except MoralscError as error:
                notices.append(str(error))
        return OWN, None

    # A dropdown also reports what was chosen before when it is merely left: then nothing may change.
    def choose_size(self, key: str, current: str, item: Item | None, request: gr.Request) -> Updates:
        """Another family or size: its model of the stage that is chosen now, or of the nearest one."""
        chosen, here = find(current), sizes(offered(self.context.settings))
        if key == chosen.series:
            return {}
        return self.choose_model(here[choose("size", key or "", here)].at(chosen.stage).name, current, item, request)

    def choose_model(self, model: str, current: str, item: Item | None, request: gr.Request) -> Updates:
        """Another model: what it is, and an empty dialogue."""
        if model == current:
            return {}
        spec = find_offered(model or "", self.context.settings)
        self._end_job(request)
        return {**self._show_model(spec), **updates.cleared(self.parts, self.context.prompts, item, model)}

    def look_again(self, model: str) -> Updates:
        """A model is being loaded: nothing as long as that is all there is to say."""
        now = self.context.ahead.readiness(self.context.engines, model)
        downloaded = self.context.engines.downloads.of(model)
        return {} if now.coming and not downloaded else updates.model_line(self.parts, self.context, model)

    def choose_instead(self, current: str, item: Item | None, request: gr.Request) -> Updates:
        """The model that is offered where this one could not be asked."""
        other = instead_of(current, self.context.settings)
        return self.choose_model(other.name, current, item, request) if other else {}

    def card(self, model: str) -> Updates:
        """The card of the model that is chosen, or the sentence that says where it is."""
        try:
            return {self.parts.card: read_card(find(model))}
        except ModelError as error:
            return {self.parts.card: str(error)}

    def choose_shelf(self, key: str, current: str, model: str, request: gr.Request) -> Updates:
        """Another benchmark: its ready item, or the form for an item of one's own."""
        if key == current:
            return {}
        item = self.context.shelf.example(choose("benchmark", key or "", self.context.shelf.titles()))
        self._end_job(request)
        return self._show(key, item, model)

    def choose_category(
        self, key: str, category: str, current: Item | None, model: str, request: gr.Request
    ) -> Updates:
        """Another category: its first item."""
        if current and current.category == category:
            return {}
        item = self.context.shelf.first(key, category or "")
        self._end_job(request)
        return self._show(key, item, model)

    def choose_condition(self, key: str, category: str, condition: str, model: str, request: gr.Request) -> Updates:
        """Another context condition: its first item."""
        item = self.context.shelf.first(key, category or "", condition)
        self._end_job(request)
        return self._show(key, item, model)

    def choose_item(self, key: str, id: str | None, current: Item | None, model: str, request: gr.Request) -> Updates:
        """Another item by its id; what is no item leaves the one that is shown."""
        if current and current.id == id:
            return {}
        item = self.context.shelf.find(key, id) if id else None
        if item is None:
            kept = {self.parts.item: gr.update(value=current.id)} if current else {}
            return {**kept, self.parts.status: updates.status("There is no such item in this list.", problem=True)}
        self._end_job(request)
        return self._show(key, item, model)

    def previous(self, key: str, item: Item | None, model: str, request: gr.Request) -> Updates:
        """The item before this one in the list."""
        return self._step(-1, key, item, model, request)

    def next(self, key: str, item: Item | None, model: str, request: gr.Request) -> Updates:
        """The item after this one in the list."""
        return self._step(1, key, item, model, request)

    def random(self, key: str, item: Item | None, model: str, request: gr.Request) -> Updates:
        """Any other item of the list."""
        return self._step(0, key, item, model, request)

    def _step(self, by: int, key: str, item: Item | None, model: str, request: gr.Request) -> Updates:
        # The benchmark may have been changed since, and its first item not be here yet.
        if item is None or self.context.shelf.find(key, item.id) != item:
            return {}
        self._end_job(request)
        return self._show(key, self.context.shelf.neighbour(key, item, by), model)

    def use_own(
        self,
        model: str,
        context: str,
        question: str,
        first: str,
        second: str,
        third: str,
        unbiased: str,
        stereotyped: str,
        dimension: str,
        request: gr.Request,
    ) -> Updates:
        """Check the visitor's own item and use it; what was typed stays in the form."""
        given = tuple(text or "" for text in (first, second, third))
        against = OPTIONS.index(stereotyped) if stereotyped in OPTIONS else None
        try:
            right = OPTIONS.index(choose("option", unbiased or "", OPTIONS))
            item = own.item(context or "", question or "", given, right, dimension or "", against)
        except InputError as error:
            return {self.parts.own_problem: updates.status(str(error), problem=True)}
        self._end_job(request)
        return {
            self.parts.own_problem: updates.status("Your item is in use: press Ask. Press here again after a change."),
            self.parts.item_card: views.item_card(item),
            **updates.cleared(self.parts, self.context.prompts, item, model),
        }

    def choose_correction(
        self, chosen: str | None, item: Item | None, probe: Probe | None, model: str, text: str, *manner: Any
    ) -> Updates:
        """A rung was chosen in one of the three groups: clear the other two and show what it will send."""
        p = self.parts
        if not chosen:
            return {}
        correction = self.context.prompts.correction(chosen)
        groups = {p.ethical: Side.ETHICAL, p.unethical: Side.UNETHICAL}
        on_ladder = correction.rung is not None
        mine = next((g for g, side in groups.items() if on_ladder and side is correction.side), p.more)
        return {
            **{g: gr.update(value=None) for g in (p.ethical, p.unethical, p.more) if g is not mine},
            p.state_chosen: chosen,
            p.text: gr.update(visible=correction.needs_text),
            p.preview: self.preview(chosen, item, probe, model, text, *manner),
            p.apply: gr.update(interactive=updates.appliable(probe, chosen)),
        }

    def preview(
        self, chosen: str, item: Item | None, probe: Probe | None, model: str, text: str, *manner: Any
    ) -> views.View:
        """The exact message that Apply would send, or what is missing for it."""
        if not chosen or item is None:
            return views.preview(None, None)
        prompts = self.context.prompts
        correction, asked = prompts.correction(chosen), manner_of(*manner)
        arms = (probe or new_probe(model, item, asked, prompts)).arms
        try:
            turn = planned(arms[0].item, correction, prompts, find(model), asked, text)
        except InputError as error:
            return views.preview(None, correction, problem=str(error))
        return views.preview(turn, correction, arms=texts.arms_of(item), hint=texts.not_yet(probe))

    def _end_job(self, request: gr.Request) -> None:
        self.context.jobs.discard(session(request))

    def _show_model(self, spec: ModelSpec) -> Updates:
        """Set the two choosers to a model; where there is one stage alone there is nothing to choose."""
        p, here = self.parts, sizes(offered(self.context.settings))
        stages = [(m.stage.value, m.name) for m in here[spec.series].models]
        return {
            p.size: gr.update(choices=[(s.title, key) for key, s in here.items()], value=spec.series),
            p.model: gr.update(choices=stages, value=spec.name, visible=len(stages) > 1),
            p.state_model: spec.name,
            **updates.model_line(p, self.context, spec.name),
        }

    def _show(self, key: str, item: Item | None, model: str) -> Updates:
        """Set the choosers to where an item stands, with an empty dialogue; None shows the form for one's own."""
        p, shelf = self.parts, self.context.shelf
        empty = {p.state_key: key, **updates.cleared(p, self.context.prompts, item, model)}
        if item is None:
            hidden = gr.update(visible=False)
            pickers = (p.fetch, p.category, p.condition, p.item, p.previous, p.random, p.next)
            return {**dict.fromkeys(pickers, hidden), p.own: gr.update(visible=True), p.item_card: {}, **empty}
        categories, conditions = shelf.categories(key), shelf.conditions(key, item.category)
        fetchable = shelf.fetchable(key, item.category)
        listing = shelf.listing(key, item.category, item.condition)
        return {
            p.fetch: gr.update(value=shelf.offer(key, item.category), visible=fetchable, interactive=True),
            p.category: gr.update(choices=categories, value=item.category, visible=len(categories) > 1),
            p.condition: gr.update(choices=conditions, value=item.condition.value, visible=len(conditions) > 1),
            p.item: gr.update(choices=listing, value=item.id, visible=True),
            **dict.fromkeys((p.previous, p.random, p.next), gr.update(visible=True)),
            p.own: gr.update(visible=False),
            p.item_card: views.item_card(item),
            **empty,
        }


def _known(name: str, allowed: Collection[str], kind: str, notices: list[str]) -> str:
    """The name if it is allowed, else the first allowed one and a notice."""
    first = next(iter(allowed))
    if name and name not in allowed:
        notices.append(f"There is no {kind} {name!r} here: {first} is shown.")
    return name if name in allowed else first
