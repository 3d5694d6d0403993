"""An item card that is dropped on the page, and asked again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from moralsc.engines.base import StopFlag
from moralsc.errors import MoralscError
from moralsc.models import find
from moralsc.ui import asked_again, texts, views
from moralsc.ui.context import Context
from moralsc.ui.loading import until_loaded
from moralsc.ui.parts import filled
from moralsc.ui.queues import LOAD_LIMIT, LOAD_QUEUE, MODEL_LIMIT, MODEL_QUEUE
from moralsc.ui.updates import Updates, session

_PRIVATE: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_LOAD: dict[str, Any] = {**_PRIVATE, "concurrency_id": LOAD_QUEUE, "concurrency_limit": LOAD_LIMIT}
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
    changed = [handlers.result, card]
    card.upload(handlers.load_card, [card], changed, **_LOAD).success(handlers.ask_again, [card], changed, **_MODEL)


@dataclass(frozen=True)
class DroppedCard:
    """Handlers of a dropped card. Its model is loaded first, by itself, so that nobody else waits for it."""

    context: Context
    card: gr.File
    result: gr.HTML

    def load_card(self, path: str) -> Iterator[Updates]:
        """Have the card's model in memory. Where that fails, the card is gone."""
        from moralsc.experiment.card import read_card

        yield {self.result: asked_again.sentence("Reading the card…")}
        try:
            model = read_card(Path(path).read_bytes()).model
            for far in until_loaded(self.context.engines, model, StopFlag()):
                yield {self.result: asked_again.sentence(texts.coming(find(model).title, far))}
        except MoralscError as error:
            yield self._over(asked_again.sentence(str(error), problem=True))

    def ask_again(self, path: str | None, request: gr.Request) -> Iterator[Updates]:
        """Ask a card whose model is there, and say what is the same."""
        yield gr.skip()
        if not path:  # the sentence that stands there says why
            return
        try:
            yield self._over(self._asked(Path(path), request))
        except MoralscError as error:
            yield self._over(asked_again.sentence(str(error), problem=True))

    def _over(self, result: views.View) -> Updates:
        return {self.result: result, self.card: None}

    def _asked(self, path: Path, request: gr.Request) -> views.View:
        from moralsc.experiment.card import read_card, reask

        card = read_card(path.read_bytes())
        engine = self.context.engines.get(card.model)
        jobs = self.context.jobs
        job = jobs.take(session(request), jobs.start(session(request)))
        if job is None:
            return asked_again.sentence("It was stopped.")
        try:
            found = list(reask(card, engine, job))
        finally:
            jobs.finish(session(request), job)
        return asked_again.view(card, found, engine.provenance.get("weights", ""), texts.planted(card.model))
