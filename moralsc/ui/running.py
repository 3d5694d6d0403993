"""Running what was chosen, and taking the result away: ask, apply, ladder, stop, undo, link, download.

The dialogue lives in gr.State on the server: no event reads it back from the page, so nothing that a client sends
can change a turn.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import gradio as gr

from moralsc.errors import InputError, ModelError, MoralscError
from moralsc.experiment.export import to_json, to_markdown
from moralsc.experiment.probe import Probe, new_probe
from moralsc.items import Item
from moralsc.models import find
from moralsc.ui import link as links
from moralsc.ui import texts, updates, views
from moralsc.ui.choosing import manner_of
from moralsc.ui.context import Context
from moralsc.ui.jobs import Job
from moralsc.ui.link import Step
from moralsc.ui.loading import until_loaded
from moralsc.ui.parts import Parts
from moralsc.ui.queues import LineFull
from moralsc.ui.runs import Action, Order, Scene, carry_out
from moralsc.ui.updates import Updates, session, status


@dataclass(frozen=True)
class Running:
    """Handlers of the buttons that run, change and take away the dialogue."""

    context: Context
    parts: Parts

    def begin(self, item: Item | None, request: gr.Request) -> Updates:
        """Before a job waits in the queue: from now on it can be stopped.

        Raises:
            gr.Error: there is no item yet, or this visitor's job is still running.
        """
        p = self.parts
        if item is None:
            raise gr.Error("Choose an item first.")
        try:
            ticket = self.context.jobs.start(session(request))
        except InputError as error:
            raise gr.Error(str(error)) from error
        buttons = (p.ask, p.apply, p.climb, p.undo, p.restart, p.markdown, p.json)
        return {
            **dict.fromkeys(buttons, gr.update(interactive=False)),
            p.stop: gr.update(interactive=True),
            p.ticket: ticket,
            p.status: status("Waiting for the model…"),
        }

    # Gradio hands the request to the parameter of that type, by position: it comes before the inputs.
    def ask(self, request: gr.Request, *inputs: Any) -> Iterator[Updates]:
        """Ask the item, and apply what a link holds."""
        yield from self._run(Action.ASK, request, *inputs)

    def apply(self, request: gr.Request, *inputs: Any) -> Iterator[Updates]:
        """Apply the chosen correction."""
        yield from self._run(Action.APPLY, request, *inputs)

    def climb(self, request: gr.Request, *inputs: Any) -> Iterator[Updates]:
        """Run the ladder."""
        yield from self._run(Action.CLIMB, request, *inputs)

    def _run(
        self,
        action: Action,
        request: gr.Request,
        ticket: str,
        item: Item,
        probe: Probe | None,
        model: str,
        chosen: str,
        text: str,
        linked: tuple[Step, ...],
        *manner: Any,
    ) -> Iterator[Updates]:
        """Carry out a button's order and draw what comes, until it is done, stopped or failed."""
        yield gr.skip()  # without anything to draw gradio would empty the page
        job = self.context.jobs.take(session(request), ticket)
        if job is None:
            return
        steps = {Action.ASK: linked, Action.APPLY: (Step(chosen, text),), Action.CLIMB: ()}[action]
        try:
            order = Order(action, model, item, manner_of(*manner), steps)
            if (yield from self._loaded(model, job)):
                yield from self._in_turn(order, probe, job)
        finally:
            # Also when the page was closed mid-stream: the engine must not go on for nobody.
            job.stop()
            self.context.jobs.finish(session(request), job)

    def _loaded(self, model: str, job: Job) -> Generator[Updates, None, bool]:
        """Have the model in memory, and tell how far its download is; returns whether it can be asked."""
        p = self.parts
        try:
            for far in until_loaded(self.context.engines, model, job):
                if not job.discarded:
                    yield {p.status: updates.coming(find(model).title, far)}
        except MoralscError as error:
            if not job.discarded:
                offer = updates.offer(model, self.context.settings) if isinstance(error, ModelError) else ""
                yield {p.status: status(str(error), problem=True, offer=offer)}
            return False
        if job.stopped and not job.discarded:
            yield {p.status: status(texts.STOPPED_WAITING)}
        return not job.stopped

    def _in_turn(self, order: Order, probe: Probe | None, job: Job) -> Iterator[Updates]:
        """Stand in line, then carry the order out; whoever leaves the line keeps the dialogue and a link's steps."""
        p = self.parts
        try:
            with self.context.line.turn(job, self.context.settings.queue):
                if job.stopped:
                    if not job.discarded:
                        yield {p.status: status(texts.STOPPED_IN_LINE)}
                    return
                for scene in carry_out(self.context, order, probe, job):
                    yield self._drawn(scene, order.model)
        except LineFull as error:
            if not job.discarded:
                yield {p.status: status(str(error), problem=True)}
            return
        if order.action is Action.ASK and not job.discarded:
            yield {p.state_steps: ()}

    def settle(self, probe: Probe | None, item: Item | None, chosen: str, model: str, request: gr.Request) -> Updates:
        """After a job, by what is chosen now: which buttons do something."""
        if self.context.jobs.running(session(request)):
            return {}
        line = updates.model_line(self.parts, self.context, model)
        return {**line, **updates.idle(self.parts, probe, item, chosen, model)}

    def recover(
        self, ticket: str, probe: Probe | None, item: Item | None, chosen: str, model: str, request: gr.Request
    ) -> Updates:
        """After a job that could not begin (the queue is full) or broke off: nothing stays half done."""
        jobs = self.context.jobs
        jobs.discard(session(request), ticket=ticket)
        if jobs.running(session(request)):
            return {}
        probe = probe.settled() if probe else None
        said = Scene(probe, texts.BUSY, problem=True)
        return {**self._drawn(said, model), **updates.idle(self.parts, probe, item, chosen, model)}

    def stop(self, request: gr.Request) -> Updates:
        """End the running job within one token."""
        self.context.jobs.stop(session(request))
        return {self.parts.stop: gr.update(interactive=False)}

    def undo(self, probe: Probe | None, item: Item, chosen: str, model: str, request: gr.Request) -> Updates:
        """Take the last turn back."""
        return self._changed(probe and probe.undo(), item, chosen, model, "The last turn is taken back.", request)

    def restart(self, probe: Probe | None, item: Item, chosen: str, model: str, request: gr.Request) -> Updates:
        """Start over with the same item."""
        return self._changed(probe and probe.restarted(), item, chosen, model, "Started over.", request)

    def link(self, probe: Probe | None, item: Item | None, model: str, key: str, *manner: Any) -> Updates:
        """The address that restores what is on the page."""
        if item is None:
            return {self.parts.status: status("Choose an item first.", problem=True)}
        probe = probe or new_probe(model, item, manner_of(*manner), self.context.prompts)
        probe = replace(probe, manner=replace(manner_of(*manner), shuffle=probe.manner.shuffle))
        address = "?" + links.query(probe, key, find(model).version, self.context.prompts)
        if self.context.settings.space_id:
            address = f"https://huggingface.co/spaces/{self.context.settings.space_id}{address}"
        said = "; ".join(["Here is the link", *links.left_out(probe, self.context.prompts)]) + "."
        return {self.parts.link: gr.update(value=address, visible=True), self.parts.status: status(said)}

    def markdown(self, probe: Probe | None) -> Updates:
        """The dialogue as a Markdown file, on its way to the browser. Nothing is written here."""
        return self._file(probe, "md", "text/markdown", to_markdown)

    def json(self, probe: Probe | None) -> Updates:
        """The dialogue as a JSON file, on its way to the browser. Nothing is written here."""
        return self._file(probe, "json", "application/json", to_json)

    def leave(self, request: gr.Request) -> None:
        """The page was closed: end its job."""
        self.context.jobs.discard(session(request), patience=0)

    def _file(self, probe: Probe | None, ending: str, kind: str, write: Callable[[Probe], str]) -> Updates:
        if probe is None:
            return {}
        name = re.sub(r"[^\w.-]+", "-", f"moralsc-{probe.item.id}-{date.today().isoformat()}.{ending}")
        return {self.parts.file: json.dumps({"name": name, "kind": kind, "text": write(probe)})}

    def _drawn(self, scene: Scene, model: str) -> Updates:
        p = self.parts
        drawn: Updates = {p.state_probe: scene.probe}
        if scene.probe is not None:
            drawn[p.dialogue] = views.keyed(views.dialogue(scene.probe, self.context.prompts))
            drawn[p.ladder] = views.keyed(views.ladder(scene.probe, self.context.prompts))
        if scene.status:
            offer = updates.offer(model, self.context.settings) if scene.failed else ""
            drawn[p.status] = status(scene.status, scene.problem, offer)
        return drawn

    def _changed(
        self, probe: Probe | None, item: Item, chosen: str, model: str, said: str, request: gr.Request
    ) -> Updates:
        # A running job would write its own dialogue over the change.
        if probe is None or self.context.jobs.running(session(request)):
            return {}
        return {**self._drawn(Scene(probe, said), model), **updates.idle(self.parts, probe, item, chosen, model)}
