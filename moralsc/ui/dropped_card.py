"""An item card that is dropped on the page, and asked again."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

from moralsc.errors import MoralscError
from moralsc.models import find
from moralsc.ui import asked_again, texts, views
from moralsc.ui.context import Context
from moralsc.ui.jobs import Job
from moralsc.ui.loading import until_loaded
from moralsc.ui.pieces import filled
from moralsc.ui.updates import Updates, session
from moralsc.ui.wiring import ASKING, AT_ONCE

if TYPE_CHECKING:
    from moralsc.experiment.card import Card


def build(context: Context) -> None:
    """Add the place to drop a card, and below it what came of the last one."""
    card = gr.File(
        label="Ask an item card again (.html or .json)",
        file_types=[".html", ".json"],
        height=76,
        elem_classes="m-drop",
        elem_id="m-card-drop",
    )
    stop = gr.Button("Stop", interactive=False, size="sm", min_width=60, scale=0, elem_id="m-again-stop")
    handlers = DroppedCard(context, card, stop, filled("again", elem_id="m-again-result"))
    card.upload(handlers.ask_again, [card], [handlers.result, card, stop], **ASKING)
    stop.click(handlers.end, None, stop, **AT_ONCE)


@dataclass(frozen=True)
class DroppedCard:
    """The handlers of a dropped card, and the parts that they change."""

    context: Context
    card: gr.File
    stop: gr.Button
    result: gr.HTML

    def ask_again(self, path: str, request: gr.Request) -> Iterator[Updates]:
        """Have the card's model in memory, ask it, and say what is the same."""
        from moralsc.experiment.card import read_card

        yield {self.result: asked_again.sentence("Reading the card…")}
        try:
            card = read_card(Path(path).read_bytes())
            yield self._over((yield from self._carried_out(card, request)))
        except MoralscError as error:
            yield self._over(asked_again.sentence(str(error), problem=True))

    def end(self, request: gr.Request) -> Updates:
        """Stop waiting for the card's model, or asking it."""
        self.context.jobs.stop(session(request))
        return {self.stop: gr.update(interactive=False)}

    def _over(self, result: views.View) -> Updates:
        return {self.result: result, self.card: None, self.stop: gr.update(interactive=False)}

    def _carried_out(self, card: Card, request: gr.Request) -> Generator[Updates, None, views.View]:
        """Wait for the model and ask it, as the visitor's one job from the first moment on; returns what to show."""
        jobs = self.context.jobs
        job = jobs.take(session(request), jobs.start(session(request)))
        if job is None:
            return asked_again.sentence(texts.STOPPED_WAITING)
        try:
            yield {self.stop: gr.update(interactive=True)}
            for far in until_loaded(self.context.engines, card.model, job):
                yield {self.result: asked_again.sentence(texts.coming(find(card.model).title, far))}
            if job.stopped:
                return asked_again.sentence(texts.STOPPED_WAITING)
            yield {self.result: asked_again.sentence("Asking…")}
            return self._asked(card, job)
        finally:
            # Also when the page was closed mid-stream, as in Probe.
            job.stop()
            jobs.finish(session(request), job)

    def _asked(self, card: Card, job: Job) -> views.View:
        from moralsc.experiment.again import reask

        engine = self.context.engines.get(card.model)
        with self.context.line.turn(job, self.context.settings.queue):
            found = list(reask(card, engine, job))
        return asked_again.view(card, found, engine.provenance.get("weights", ""), texts.planted(card.model))
