"""The Run section of the Batch tab: builds its components and says which event calls which handler."""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

from moralsc.errors import MoralscError
from moralsc.models.offer import first
from moralsc.ui.context import Context
from moralsc.ui.own import Visitor
from moralsc.ui.run_events import RunEvents
from moralsc.ui.run_parts import RunParts, build_parts
from moralsc.ui.run_readings import Readings
from moralsc.ui.updates import Updates, status
from moralsc.ui.wiring import AT_ONCE, PRIVATE

_SAVE = """(file) => {
  if (!file) return;
  const link = document.createElement('a');
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""
# A plan of many thousand items keeps a processor busy for seconds: one at a time, so that the page stays quick.
_PLANNING: dict[str, Any] = {**PRIVATE, "concurrency_id": "plan", "concurrency_limit": 1}
_BUSY = "() => ({ text: 'Reading the items…', kind: '' })"


def build(context: Context, visitor: Visitor) -> RunParts:
    """Add the section where the app is open."""
    p = build_parts(context.prompts, first(context.settings).name)
    handlers = RunEvents(context, context.runs, p, Readings(context.prompts.corrections))
    _wire_choices(p, handlers)
    _wire_list(p, handlers, visitor)
    return p


def _wire_choices(p: RunParts, handlers: RunEvents) -> None:
    chosen = [p.models, p.benchmarks, p.categories]
    narrowed = [p.models, p.benchmarks, p.categories, p.missing, p.status]
    p.runs.focus(_readable(handlers.arrive, p.status), chosen, narrowed, **AT_ONCE)
    offered = _readable(handlers.choose_benchmarks, p.status)
    p.benchmarks.input(offered, chosen[1:], [p.categories, p.status], **AT_ONCE)
    triggers: list[Any] = [p.models, p.benchmarks, p.categories, p.corrections, p.rounds, p.mode, p.form, p.order]
    triggers += [p.system_kind, p.prefill]
    # "change", since a number that is pasted is no "input". Only a queued event can be "always_last".
    gr.on(
        [*(part.input for part in triggers), p.limit.change, p.seed.change, p.system.change],
        _readable(handlers.changed, p.status),
        [p.state_planned, *p.asked],
        [p.limits, p.start, p.status],
        trigger_mode="always_last",
        **PRIVATE,
    )
    planned = [p.state_planned, p.plan_view, p.command, p.start, p.status]
    for button in (p.plan, p.start):
        button.click(None, None, p.status, js=_BUSY, api_visibility="private")
    made = p.plan.click(_readable(handlers.plan, p.status), p.asked, planned, **_PLANNING)
    made.failure(_refused, None, p.status, **AT_ONCE)


def _wire_list(p: RunParts, handlers: RunEvents, visitor: Visitor) -> None:
    def do(
        event: Any, handler: Callable[..., Updates], more: list[Any], outputs: list[Any], said: Any, how: Any = AT_ONCE
    ) -> Any:
        return event(_readable(handler, said), outputs=[*outputs, said], **visitor.before(more), **how)

    changed = [p.state_planned, p.start, p.runs, p.state_asking]
    begun = do(p.start.click, handlers.start, [p.state_planned], changed, p.status, _PLANNING)
    begun.failure(_refused, None, p.status, **AT_ONCE)
    do(p.runs.select, handlers.look, [p.state_asking], [p.runs], p.list_status)
    do(p.runs.submit, handlers.act, [p.state_asking], [p.runs, p.state_asking], p.list_status)
    ready = do(p.runs.download, handlers.download, [], [p.file], p.list_status)
    ready.success(None, p.file, None, js=_SAVE, api_visibility="private")


def _refused() -> dict[str, Any]:
    """Gradio's queue was full, or it broke off."""
    return status("That did not work: the page may be busy. Try again.", problem=True)


def _readable(handler: Callable[..., Updates], said: Any) -> Callable[..., Updates]:
    """The handler as gradio takes it; an error for people becomes this status line."""

    @functools.wraps(handler)
    def handle(*values: Any) -> Updates:
        try:
            return handler(*values) or gr.skip()
        except MoralscError as error:
            return {said: status(str(error), problem=True)}

    return handle
