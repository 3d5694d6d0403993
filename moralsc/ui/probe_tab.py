"""The Probe tab: builds its components and says which event calls which handler."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from moralsc.ui import views
from moralsc.ui.choosing import Choosing
from moralsc.ui.context import Context
from moralsc.ui.fetching import Fetching
from moralsc.ui.parts import Parts, build_header, build_parts
from moralsc.ui.running import Running
from moralsc.ui.saving import SAVE
from moralsc.ui.updates import Updates, readable
from moralsc.ui.wiring import ASKING, AT_ONCE, PRIVATE

_COPY = """(link) => {
  const url = link.startsWith('?') ? window.location.origin + window.location.pathname + link : link;
  if (navigator.clipboard) navigator.clipboard.writeText(url).catch(() => {});
  return url;
}"""


def header() -> gr.HTML:
    """What stands above the tabs: the Probe tab writes there what a link could not restore."""
    return build_header(views.header([]))


def build(context: Context, app: gr.Blocks, header: gr.HTML) -> None:
    """Add the tab to the open app."""
    parts = build_parts(header, context.prompts)
    choosing = Choosing(context, parts)
    _wire_choosing(parts, choosing, app)
    _wire_running(parts, Running(context, parts), choosing, app)
    _wire_card(parts, choosing)


def _wire_choosing(p: Parts, handlers: Choosing, app: gr.Blocks) -> None:
    def do(event: Any, handler: Callable[..., Updates], inputs: list[Any]) -> None:
        event(readable(handler, p), inputs, p.all, **AT_ONCE)

    do(app.load, handlers.restore, [])
    do(p.size.input, handlers.choose_size, [p.size, p.state_model, p.state_item])
    do(p.model.input, handlers.choose_model, [p.model, p.state_model, p.state_item])
    p.clock.tick(readable(handlers.look_again, p), [p.state_model], [*p.model_state, p.status], **AT_ONCE)
    do(p.status.submit, handlers.choose_instead, [p.state_model, p.state_item])
    do(p.shelf.input, handlers.choose_shelf, [p.shelf, p.state_key, p.state_model])
    do(p.category.input, handlers.choose_category, [p.shelf, p.category, p.state_item, p.state_model])
    do(p.condition.input, handlers.choose_condition, [p.shelf, p.category, p.condition, p.state_model])
    do(p.item.input, handlers.choose_item, [p.shelf, p.item, p.state_item, p.state_model])
    do(p.previous.click, handlers.previous, [p.shelf, p.state_item, p.state_model])
    do(p.random.click, handlers.random, [p.shelf, p.state_item, p.state_model])
    do(p.next.click, handlers.next, [p.shelf, p.state_item, p.state_model])
    do(p.own_use.click, handlers.use_own, [p.state_model, *p.own_fields])
    for group in (p.ethical, p.unethical, p.more):
        do(group.input, handlers.choose_correction, [group, *_shown(p)[1:]])
    p.fetch.click(Fetching(handlers).fetch, [p.shelf, p.category], p.all, **PRIVATE)
    p.install.click(Fetching(handlers).install, [p.state_model], p.all, **PRIVATE)
    # "change", since a text that is pasted is no "input".
    triggers = [p.text.change, p.mode.input, p.seed.input, p.shuffle.input]
    # Only a queued event can be "always_last", which shows what was typed last and nothing older.
    gr.on(triggers, handlers.preview, _shown(p), p.preview, trigger_mode="always_last", **PRIVATE)


def _wire_card(p: Parts, handlers: Choosing) -> None:
    # The text comes first, so that a reader's focus never lands on the card of the model before.
    read = p.model_line.click(readable(handlers.card, p), [p.state_model], [p.card, p.status], **AT_ONCE)
    read.success(None, None, None, js="() => window.moralsc.card(true)", api_visibility="private")
    p.card_close.click(None, None, None, js="() => window.moralsc.card(false)", api_visibility="private")


def _shown(p: Parts) -> list[Any]:
    """What the preview of a correction is made of."""
    return [p.state_chosen, p.state_item, p.state_probe, p.state_model, p.text, *p.manner]


def _wire_running(p: Parts, handlers: Running, choosing: Choosing, app: gr.Blocks) -> None:
    inputs = [p.ticket, p.state_item, p.state_probe, p.state_model, p.state_chosen, p.text, p.state_steps, *p.manner]
    now = [p.state_probe, p.state_item, p.state_chosen, p.state_model]
    # No more outputs than needed: an answer that grows sends all of them again and again.
    changed = [*p.drawn, *p.buttons]
    for button, run in ((p.ask, handlers.ask), (p.apply, handlers.apply), (p.climb, handlers.climb)):
        begun = button.click(handlers.begin, [p.state_item], [*p.buttons, p.ticket, p.status], **AT_ONCE)
        ran = begun.success(run, inputs, [*p.drawn, p.state_steps], **ASKING)
        ran.success(readable(handlers.settle, p), now, [*p.buttons, *p.model_state], **AT_ONCE)
        ran.success(choosing.preview, _shown(p), p.preview, **AT_ONCE)
        ran.failure(readable(handlers.recover, p), [p.ticket, *now], changed, **AT_ONCE)
    p.stop.click(handlers.stop, None, p.stop, **AT_ONCE)
    p.undo.click(readable(handlers.undo, p), now, changed, **AT_ONCE)
    p.restart.click(readable(handlers.restart, p), now, changed, **AT_ONCE)
    linked = [p.state_probe, p.state_item, p.state_model, p.shelf, *p.manner]
    made = p.copy.click(readable(handlers.link, p), linked, [p.link, p.status], **AT_ONCE)
    made.success(None, p.link, p.link, js=_COPY, api_visibility="private")
    for button, write in ((p.markdown, handlers.markdown), (p.json, handlers.json)):
        button.click(readable(write, p), [p.state_probe], p.file, **AT_ONCE).success(
            None, p.file, None, js=SAVE, api_visibility="private"
        )
    app.unload(handlers.leave)
