"""What the Run section does: plan, start, and the visitor's list of runs. Every event here is short."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from moralsc.batch.design import Design
from moralsc.batch.folder import LOCK, PROGRESS
from moralsc.batch.plan import make_plan
from moralsc.errors import InputError, MoralscError, choose
from moralsc.hosting.job import State
from moralsc.hosting.queue import Queue
from moralsc.models import catalogue, find
from moralsc.models.offer import offered
from moralsc.ui import run_views, texts, views
from moralsc.ui.context import Context
from moralsc.ui.own import checked
from moralsc.ui.run_choices import (
    category_choices,
    check_runnable,
    design_of,
    missing,
    runnable,
    sets,
    smaller_designs,
)
from moralsc.ui.run_parts import RunParts
from moralsc.ui.run_readings import Readings
from moralsc.ui.updates import Updates, status

CHANGED = "The choices have changed: press Plan again before you start."
UNPLANNED = "Press Plan first: it shows what the run would ask."
STARTED = "Your run stands in the list. It goes on when you close the page."


@dataclass(frozen=True)
class RunEvents:
    """Handlers of the section. A visitor is known by the secret that their browser sends along, and by nothing else."""

    context: Context
    queue: Queue
    parts: RunParts
    readings: Readings

    def arrive(self, models: list[str], benchmarks: list[str], categories: list[str]) -> Updates:
        """The section is seen: offer what can run here now. What was chosen and is here stays chosen."""
        p = self.parts
        specs = [spec for spec in offered(self.context.settings).values() if runnable(spec, self.context.settings)]
        here = sets(self.context.settings)
        kept = [key for key in benchmarks or [] if key in here]
        titles = [(texts.model_title(spec), spec.name) for spec in specs]
        names = {spec.name for spec in specs}
        return {
            p.models: gr.update(choices=titles, value=[m for m in models or [] if m in names]),
            p.benchmarks: gr.update(choices=[(texts.set_title(key), key) for key in here], value=kept),
            p.categories: self._categories(kept, categories),
            p.missing: views.inert({"text": missing(self.context.settings)}),
        }

    def choose_benchmarks(self, benchmarks: list[str], categories: list[str]) -> Updates:
        """Offer the categories of the chosen benchmarks."""
        return {self.parts.categories: self._categories(benchmarks or [], categories)}

    def _categories(self, benchmarks: Sequence[str], chosen: Sequence[str] | None) -> Any:
        offered = category_choices(self.context.settings, benchmarks)
        keys = {key for _, key in offered}
        return gr.update(choices=offered, value=[key for key in chosen or () if key in keys], visible=bool(offered))

    def changed(self, planned: Design | None, *asked: Any) -> Updates:
        """Something was chosen: what a model is not asked, and whether the plan on the page still is the choice."""
        p = self.parts
        models, benchmarks = asked[0] or [], asked[1] or []
        specs = [catalogue()[name] for name in models if name in catalogue()]
        reasons = [spec.why_not(key.partition(":")[0]) for spec in specs for key in benchmarks]
        shown: Updates = {p.limits: views.inert({"text": " ".join(dict.fromkeys(filter(None, reasons)))})}
        if planned is None:
            return shown
        try:
            same = design_of(*asked) == planned
        except InputError:
            same = False
        return {**shown, p.start: gr.update(interactive=same), p.status: status("" if same else CHANGED)}

    def plan(self, *asked: Any) -> Updates:
        """Lay the run out and show it; a choice that is not allowed becomes a sentence, and nothing is lost."""
        p = self.parts
        try:
            design = design_of(*asked)
            for name in design.models:
                check_runnable(find(name), self.context.settings)
            too_large = self._too_large(design)
            plan = None if too_large else make_plan(design, self.context.prompts, self.context.settings)
        except MoralscError as error:
            return self._unplanned(str(error))
        command = gr.update(value=run_views.command(design), visible=True)
        if plan is None:
            return {**self._unplanned(too_large), p.command: command}
        refusal = self.queue.refusal(plan)
        view = run_views.plan(plan, self.queue.estimate(plan), refusal, self.context.settings.run_items)
        return {
            p.state_planned: None if refusal else design,
            p.plan_view: view,
            p.command: command,
            p.start: gr.update(interactive=not refusal),
            p.status: status("" if refusal else "Press Start to run it."),
        }

    def _unplanned(self, problem: str) -> Updates:
        p = self.parts
        return {
            p.state_planned: None,
            p.plan_view: run_views.no_plan(problem),
            p.command: gr.update(visible=False),
            p.start: gr.update(interactive=False),
            p.status: status(""),
        }

    def _too_large(self, design: Design) -> str:
        """Why the plan would be far too large, found out without laying all of it out; empty if it may not be."""
        prompts, settings = self.context.prompts, self.context.settings
        plans = (make_plan(smaller, prompts, settings) for smaller in smaller_designs(design, settings))
        return next(filter(None, (self.queue.refusal(plan, part=True) for plan in plans)), "")

    def start(self, secret: str, planned: Design | None) -> Updates:
        """Submit what was planned; the run is in the list at once."""
        if planned is None:
            raise InputError(UNPLANNED)
        plan = make_plan(planned, self.context.prompts, self.context.settings)
        self.queue.submit(plan, checked(secret))
        p = self.parts
        shown = {p.state_planned: None, p.start: gr.update(interactive=False), p.status: status(STARTED)}
        return {**shown, p.runs: self._view(secret), p.state_asking: ""}

    def look(self, secret: str, asking: str) -> Updates:
        """The list as it is now."""
        return {self.parts.runs: self._view(secret, asking)}

    def act(self, event: gr.EventData, secret: str, asking: str) -> Updates:
        """A button of the list: stop, resume, remove (asks), delete, keep."""
        name, id = (str(event._data.get(key, "")) if isinstance(event._data, dict) else "" for key in ("act", "id"))
        actions: Mapping[str, Callable[[str, str], tuple[str, str]]] = {
            "stop": self._stop,
            "resume": self._resume,
            "remove": self._remove,
            "delete": self._delete,
            "keep": lambda id, secret: ("", ""),
        }
        said, asking = actions[choose("action", name, actions)](id, checked(secret))
        p = self.parts
        return {p.runs: self._view(secret, asking), p.state_asking: asking, p.list_status: status(said)}

    def _stop(self, id: str, secret: str) -> tuple[str, str]:
        job = self.queue.stop(id, secret)
        if job.state is State.STOPPED:
            return "Stopped. What is done stays; Resume goes on from there.", ""
        return f"The run was {job.state} already.", ""

    def _resume(self, id: str, secret: str) -> tuple[str, str]:
        self.queue.resume(id, secret)
        return "It goes on as soon as its turn has come.", ""

    def _remove(self, id: str, secret: str) -> tuple[str, str]:
        self.queue.job(id, secret)
        return "", id

    def _delete(self, id: str, secret: str) -> tuple[str, str]:
        self.queue.remove(id, secret)
        return "Removed.", ""

    def download(self, event: gr.EventData, secret: str) -> Updates:
        """The run's folder as a zip, on its way to the browser; gradio deletes it after a while."""
        id = str(event._data.get("id", "")) if isinstance(event._data, dict) else ""
        job = self.queue.job(id, checked(secret))
        if job.status is None:
            raise InputError("There is nothing to download yet: the run has asked nothing.")
        return {self.parts.file: str(zipped(job.run, Path(self.parts.file.GRADIO_CACHE), f"moralsc-run-{id}"))}

    def _view(self, secret: str, asking: str = "") -> views.View:
        jobs = self.queue.jobs(checked(secret))
        ahead = {job.id: self.queue.ahead(job) for job in jobs if job.state is State.WAITING}
        read = {job.id: self.readings.of(job) for job in jobs}
        latest, more = {id: said for id, (said, _) in read.items()}, any(coming for _, coming in read.values())
        return run_views.runs(jobs, ahead, latest, self.context.prompts.corrections, asking, more)


def zipped(run: Path, cache: Path, name: str) -> Path:
    """A new zip of a run's folder in a folder of its own below `cache`, whose name cannot be guessed."""
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=cache))
    try:
        with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(run.rglob("*")):
                if path.is_file() and path.name not in (LOCK, PROGRESS):
                    archive.write(path, Path(name) / path.relative_to(run))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / f"{name}.zip"
