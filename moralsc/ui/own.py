"""A visitor's own runs: those that the page made for them and those that they brought, found by their secret alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import gradio as gr

from moralsc.errors import InputError
from moralsc.hosting.brought import Brought
from moralsc.hosting.queue import Queue
from moralsc.ui.library import Own

_SECRET = 32
# Made at a visitor's first visit, kept by their browser, and sent in the body of an event; never part of an address.
# gr.BrowserState reads only when its part of the page is drawn, and an event before that would bring another secret.
_VISITOR = """(...values) => {
  const key = 'moralsc-visitor';
  let secret = window.moralscVisitor;
  try { secret = localStorage.getItem(key) || secret; } catch {}
  if (!secret) {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    secret = Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
    try { localStorage.setItem(key, secret); } catch {}
  }
  window.moralscVisitor = secret;
  return [secret, ...values.slice(1, %d)];
}"""


# Whatever finds in the browser that the visitor has other runs than before says so on the window.
_HEAR = """
const hear = () => {
  if (element.isConnected) trigger('apply');
  else window.removeEventListener('moralsc-runs', hear);
};
window.addEventListener('moralsc-runs', hear);
"""
SAY_CHANGED = """
let seen;
watch('value', () => {
  const now = element.querySelector('[data-seen]')?.dataset.seen;
  if (now === undefined) return;
  if (seen !== undefined && seen !== now) window.dispatchEvent(new Event('moralsc-runs'));
  seen = now;
});
"""
"""For a list of the visitor's runs: what stands in its `data-seen` tells one state of them from another."""


@dataclass(frozen=True)
class Visitor:
    """The components by which events know whose browser sends them.

    Attributes:
        secret: always empty here: the browser puts the visitor's secret in its place when it sends an event.
        runs: empty to the eye; its `apply` comes whenever the visitor has other runs than before.
    """

    secret: gr.Textbox
    runs: gr.HTML

    def before(self, inputs: list[Any]) -> dict[str, Any]:
        """What an event has to be given so that its handler gets the secret before these inputs."""
        return {"inputs": [self.secret, *inputs], "js": _VISITOR % (len(inputs) + 1)}


def build_visitor() -> Visitor:
    """Add them where the app is open."""
    runs = gr.HTML("", js_on_load=_HEAR, apply_default_css=False, elem_id="m-own")
    return Visitor(gr.Textbox(visible=False), runs)


def checked(secret: str | None) -> str:
    """The secret, or an InputError where the browser sent none."""
    if not secret or len(secret) < _SECRET:
        raise InputError("Your browser sent no key to tell your runs by. Load the page anew.")
    return secret


@dataclass(frozen=True)
class OwnRuns:
    """Answers which runs a visitor may see beside those of everybody."""

    queue: Queue
    brought: Brought

    def of(self, secret: str) -> Iterator[Own]:
        """The runs that hold records, the oldest first, so that a new one names none anew; none without a secret."""
        if len(secret) < _SECRET:
            return
        for job in reversed(self.queue.jobs(secret)):
            if job.status is not None and job.status.done:
                yield Own(job.run, f"your run of {time_of(job.ticket.created)}")
        for run in reversed(self.brought.runs(secret)):
            yield Own(run.run, run.label.name)


def time_of(created: float) -> str:
    """When a run was made, as lists say it."""
    return f"{datetime.fromtimestamp(created, UTC):%Y-%m-%d %H:%M} UTC"
