"""Changes of the Probe tab that several of its events share: dictionaries of component -> new value."""

import functools
import re
from collections.abc import Callable
from typing import Any

import gradio as gr

from moralsc.engines.base import own_system
from moralsc.errors import MoralscError
from moralsc.experiment.probe import MAX_TURNS, Probe
from moralsc.items import Item
from moralsc.models import find
from moralsc.models.offer import instead_of
from moralsc.models.packages import offers_install
from moralsc.prompts import PromptSet, Side
from moralsc.settings import Settings
from moralsc.ui import texts, views
from moralsc.ui.context import Context
from moralsc.ui.parts import Parts

Updates = dict[Any, Any]
_ADDRESS = re.compile(r"https?://[^\s,;]+[^\s,;.?!)]")


def session(request: gr.Request) -> str:
    """The visitor's session; calls without one share a name."""
    return request.session_hash or "none"


def status(text: str, problem: bool = False, offer: str = "") -> dict[str, Any]:
    """The status line, which screen readers announce when it changes. An address in it can be followed.

    Args:
        offer: words of a button below it, which chooses another model.
    """
    view = {"text": text, "kind": "m-problem" if problem else ""}
    if found := _ADDRESS.search(text):
        view |= {"before": text[: found.start()], "address": found[0], "after": text[found.end() :]}
    return views.inert(view | ({"offer": offer} if offer else {}))


def coming(title: str, far: tuple[int, int] | None) -> dict[str, Any]:
    """The status line while a model is downloaded (`far`: bytes so far and in all) and loaded."""
    return {**status(texts.coming(title, far)), **({"done": str(far[0]), "total": str(far[1])} if far else {})}


def readable(handler: Callable[..., Updates], p: Parts) -> Callable[..., Updates]:
    """The handler as gradio takes it, with the tab's status line for errors; see `answering`."""
    return answering(handler, p.status)


def answering(handler: Callable[..., Updates], line: gr.HTML) -> Callable[..., Updates]:
    """The handler as gradio takes it: no update leaves everything as it is, an error for people stands in the line."""

    @functools.wraps(handler)
    def handle(*values: Any) -> Updates:
        try:
            # An empty dictionary is no update to gradio, but too few outputs.
            return handler(*values) or gr.skip()
        except MoralscError as error:
            return {line: status(str(error), problem=True)}

    return handle


def limit(model: str, item: Item | None) -> str:
    """Why this model is not asked this item, empty where it is. None is a visitor's item that is not written yet."""
    return find(model).why_not(item.benchmark if item else "own")


def offer(model: str, settings: Settings) -> str:
    """The words that offer another model in place of this one; empty where there is none to offer.

    They belong where the model could not be loaded or asked, or failed. A slip of the visitor's, or a page that is
    busy, would be the same with any model.
    """
    other = instead_of(model, settings)
    return texts.instead(other) if other else ""


def model_line(p: Parts, context: Context, model: str) -> Updates:
    """What this model is, its own system message, and where it stands, which is looked at again while it changes."""
    now = context.ahead.readiness(context.engines, model)
    view = views.model_line(find(model), now.text, now.problem, borrowed=context.settings.zero_gpu)
    engine = context.engines.held(model)
    said = texts.own_system(own_system(engine)) if engine else texts.SYSTEM_UNKNOWN
    line = views.inert({"text": said})
    spec = find(model)
    button = gr.update(value=texts.install(spec), visible=offers_install(spec, context.settings), interactive=True)
    return {p.model_line: view, p.system_line: line, p.install: button, p.clock: gr.Timer(active=now.coming)}


def idle(p: Parts, probe: Probe | None, item: Item | None, chosen: str, model: str) -> Updates:
    """Which buttons do something while no job is running."""
    begun = probe is not None and probe.turns > 0
    askable = item is not None and not limit(model, item)
    return {
        **dict.fromkeys((p.ask, p.climb), gr.update(interactive=askable)),
        p.stop: gr.update(interactive=False),
        p.apply: gr.update(interactive=appliable(probe, chosen)),
        **dict.fromkeys((p.undo, p.restart, p.markdown, p.json), gr.update(interactive=begun)),
    }


def appliable(probe: Probe | None, chosen: str) -> bool:
    """Whether Apply would do something."""
    return probe is not None and probe.asked and probe.turns < MAX_TURNS and bool(chosen)


def cleared(p: Parts, prompts: PromptSet, item: Item | None, model: str) -> Updates:
    """An empty dialogue of this model about this item, with the corrections that can be applied."""
    reason = limit(model, item)
    asked = None if reason else item
    ladder = prompts.ladder(asked) if asked else ()
    more = [c for c in prompts.offered(asked) if c not in ladder] if asked else []
    ethical = [c for c in ladder if c.side is Side.ETHICAL]
    unethical = [c for c in reversed(ladder) if c.side is Side.UNETHICAL]
    return {
        p.state_item: item,
        p.state_probe: None,
        p.state_chosen: "",
        p.state_steps: (),
        p.notice: views.header([]),
        p.ethical: _choices([(f"{c.rung} {c.short}", c.id) for c in ethical]),
        p.unethical: _choices([(f"−{c.rung} {c.short}", c.id) for c in unethical]),
        p.more: _choices([(c.short, c.id) for c in more]),
        p.text: gr.update(visible=False, value=""),
        p.preview: gr.update(value=views.preview(None, None), visible=not reason),
        p.limit: views.inert({"text": reason}),
        p.dialogue: {"empty": True, "barred": bool(reason)},
        p.ladder: {"empty": True, "barred": bool(reason)},
        p.link: gr.update(visible=False),
        p.status: status("" if item or reason else "Write your item, then press “Use this item”."),
        **idle(p, None, item, "", model),
    }


def _choices(choices: list[tuple[str, str]]) -> Any:
    return gr.update(choices=choices, value=None, visible=bool(choices))
