"""An item card that is dropped on the page, and asked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from moralsc.engines.base import StopFlag
from moralsc.errors import MoralscError
from moralsc.models import find
from moralsc.ui import asked_again, texts, views
from moralsc.ui.context import Context
from moralsc.ui.loading import until_loaded
from moralsc.ui.parts import filled
from moralsc.ui.queues import MODEL_LIMIT, MODEL_QUEUE
from moralsc.ui.updates import Updates, session

if TYPE_CHECKING:
    from moralsc.experiment.card import Card

_PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_MODEL: dict[str, Any] = {**_PRIVATE, "concurrency_id": MODEL_QUEUE, "concurrency_limit": MODEL_LIMIT}


def build(context: Context) -> None:
    """Add the place to drop a card, and below it what came of the last one."""
    card = gr.File(
        label="Ask an item card again (.html or .json)",
        file_types=[".html", ".json"],
        height=76,
        elem_classes="m-drop",
        elem_id="m-card-drop",
    )
    handlers = DroppedCard(context, card, filled("again", elem_id="m-again-result"))
    card.upload(handlers.ask_again, [card], [handlers.result, card], **_MODEL)


@dataclass(frozen=True)
class DroppedCard:
    """The handler of a dropped card, and the parts that it changes."""

    context: Context
    card: gr.File
    result: gr.HTML

    def ask_again(self, path: str, request: gr.Request) -> Iterator[Updates]:
        """Have the card's model in memory, ask it, and say what is the same."""
        from moralsc.experiment.card import read_card

        yield {self.result: asked_again.sentence("Reading the card…")}
        try:
            card = read_card(Path(path).read_bytes())
            for far in until_loaded(self.context.engines, card.model, StopFlag()):
                yield {self.result: asked_again.sentence(texts.coming(find(card.model).title, far))}
            yield {self.result: asked_again.sentence("Asking…")}
            yield self._over(self._asked(card, request))
        except MoralscError as error:
            yield self._over(asked_again.sentence(str(error), problem=True))

    def _over(self, result: views.View) -> Updates:
        return {self.result: result, self.card: None}

    def _asked(self, card: Card, request: gr.Request) -> views.View:
        from moralsc.experiment.card import reask

        engine = self.context.engines.get(card.model)
        jobs = self.context.jobs
        job = jobs.take(session(request), jobs.start(session(request)))
        if job is None:
            return asked_again.sentence("It was stopped.")
        try:
            with self.context.line.turn(job):
                found = list(reask(card, engine, job))
        finally:
            jobs.finish(session(request), job)
        return asked_again.view(card, found, engine.provenance.get("weights", ""), texts.planted(card.model))
