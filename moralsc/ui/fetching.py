"""Getting what is not here from the page, on request only: published items of a benchmark, packages of a model."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import gradio as gr

from moralsc import benchmarks
from moralsc.errors import InputError, MoralscError, choose
from moralsc.models import find, packages
from moralsc.ui.choosing import Choosing
from moralsc.ui.updates import Updates, model_line, status

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Fetching:
    """The handlers of the buttons that download and install."""

    choosing: Choosing

    def fetch(self, key: str, category: str, request: gr.Request) -> Iterator[Updates]:
        """Download the published files behind a bundled set's category; they are then among the benchmarks."""
        parts, context = self.choosing.parts, self.choosing.context
        try:
            choose("benchmark", key or "", context.shelf.titles())
            if not context.shelf.fetchable(key, category):
                raise InputError("There is nothing to download for this benchmark.")
        except MoralscError as error:
            yield {parts.status: status(str(error), problem=True)}
            return
        told = "Downloading the published items…"

        def progress(file: str, done: int, total: int) -> None:
            nonlocal told
            told = f"Downloading {file}: {done / 1e6:.1f}{f' of {total / 1e6:.1f}' if total else ''} MB"

        yield {parts.status: status(told), parts.fetch: gr.update(interactive=False)}
        pool = ThreadPoolExecutor(1)
        job = pool.submit(benchmarks.fetch, key.partition(":")[0], context.settings, category, progress)
        pool.shutdown(wait=False)
        shown = told
        while not job.done():
            time.sleep(_LOOK_SECONDS)
            if told != shown:
                shown = told
                yield {parts.status: status(shown)}
        yield self._ended(key, job)

    def install(self, model: str) -> Iterator[Updates]:
        """Install the packages of a model, whose terms stand on the button; it can then be asked."""
        parts, context, spec = self.choosing.parts, self.choosing.context, find(model)
        try:
            if not packages.offers_install(spec, context.settings):
                raise InputError(f"There is nothing to install for {spec.title} here.")
            yield {parts.status: status(f"Installing {spec.title}…"), parts.install: gr.update(interactive=False)}
            packages.install(spec, context.settings.cache)
        except MoralscError as error:
            yield {parts.status: status(str(error), problem=True), parts.install: gr.update(interactive=True)}
            return
        context.ahead.forget(model)
        yield {**model_line(parts, context, model), parts.status: status(f"{spec.title} is here: ask it.")}

    def _ended(self, key: str, job: Future[Any]) -> Updates:
        parts, shelf = self.choosing.parts, self.choosing.context.shelf
        try:
            job.result()
        except MoralscError as error:
            return {parts.status: status(str(error), problem=True), parts.fetch: gr.update(interactive=True)}
        titles = shelf.titles()
        said = f"The published items are here: choose {titles[key.partition(':')[0]]} as the benchmark."
        # What is on the page stays: the visitor may be in the middle of something by now.
        return {
            parts.shelf: gr.update(choices=[(title, k) for k, title in titles.items()]),
            parts.fetch: gr.update(visible=False),
            parts.status: status(said),
        }
