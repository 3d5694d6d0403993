"""What happens when a visitor presses Ask, Apply or Run the ladder: the Probe grows, and each state of it is drawn.

Functions from a Probe to drawn pages, as generators; no component is known here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from moralsc.dialogue import Status
from moralsc.errors import ModelError, MoralscError
from moralsc.experiment import probe as probing
from moralsc.experiment.ladder import climb
from moralsc.experiment.probe import Manner, Probe
from moralsc.items import Item
from moralsc.models import find_for
from moralsc.ui import texts
from moralsc.ui.context import Context
from moralsc.ui.jobs import Job
from moralsc.ui.link import Step


class Action(StrEnum):
    """The three things that make a model speak."""

    ASK = "ask"
    APPLY = "apply"
    CLIMB = "climb"


@dataclass(frozen=True)
class Order:
    """What the visitor wants done.

    Attributes:
        action: which button.
        model, item, manner: as chosen on the page.
        steps: corrections to apply: one for APPLY, a link's for ASK.
    """

    action: Action
    model: str
    item: Item
    manner: Manner
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Scene:
    """What to show now.

    Attributes:
        probe: the dialogue and ladder so far, None before anything was asked.
        status: the status line; empty leaves it as it is.
        problem: the status is about something that went wrong.
        failed: it went wrong with the model, so that another one may do.
    """

    probe: Probe | None
    status: str = ""
    problem: bool = False
    failed: bool = False


def carry_out(context: Context, order: Order, probe: Probe | None, job: Job) -> Iterator[Scene]:
    """Do what was ordered; the last scene says how it ended. Errors that a visitor may read become its status."""
    yield Scene(probe, _BUSY[order.action])
    scene = Scene(probe)
    try:
        for scene in _scenes(context, order, probe, job):
            if job.discarded:
                return
            yield scene
    except MoralscError as error:
        if not job.discarded:
            yield replace(scene, status=str(error), problem=True, failed=isinstance(error, ModelError))
        return
    if scene.probe is not None and not job.discarded:
        climbed = scene.probe.ladder is not None and scene.probe.ladder is not (probe and probe.ladder)
        said = ladder_ending(scene.probe, job, climbed) if order.action is Action.CLIMB else ending(scene.probe, job)
        failed = bool(failure(scene.probe)) and not climbed
        why = texts.without_opening(scene.probe.manner.form, order.manner.form)
        if why and not (failed or job.stopped):
            said = f"{said}. {why}"
        yield replace(scene, status=said, problem=failed, failed=failed)


_BUSY = {
    Action.ASK: "Asking the model…",
    Action.APPLY: "Asking the model again…",
    Action.CLIMB: "Running the ladder…",
}


def _scenes(context: Context, order: Order, probe: Probe | None, job: Job) -> Iterator[Scene]:
    spec = find_for(order.model, order.item.benchmark)
    engine, prompts = context.engines.get(spec.name), context.prompts
    if probe is None or order.action is Action.ASK or not _same(probe, order):
        probe = probing.new_probe(order.model, order.item, order.manner, prompts)
    # The order of the options was drawn when the dialogue began.
    probe = replace(probe, manner=replace(order.manner, shuffle=probe.manner.shuffle))
    if order.action is Action.CLIMB:
        for probe in climb(probe, engine, prompts, job):
            yield Scene(probe)
        return
    if order.action is Action.ASK:
        for probe in probing.ask(probe, engine, prompts, job):
            yield Scene(probe)
        if failure(probe):
            return
    for step in order.steps:
        if job.stopped:
            return
        correction = prompts.correction(step.correction)
        for probe in probing.apply(probe, correction, engine, prompts, job, step.text):
            yield Scene(probe)
        if failure(probe):
            return


def _same(probe: Probe, order: Order) -> bool:
    return probe.model == order.model and probe.item == order.item


def failure(probe: Probe) -> str:
    """The sentence of a last turn that failed, else empty."""
    last = [a.turns[-1] for a in probe.arms if a.turns]
    return next((t.error for t in last if t.status is Status.FAILED), "")


def ending(probe: Probe, job: Job) -> str:
    """The status line after Ask or Apply, which screen readers announce."""
    last = [a.turns[-1].status for a in probe.arms if a.turns]
    if Status.STOPPED in last:
        return "Stopped. What was written stays; Undo takes the turn back."
    if error := failure(probe):
        return f"The model failed: {error}"
    seconds = sum(t.seconds for a in probe.arms for t in a.turns)
    done = f"{probe.turns} turn{'s' if probe.turns > 1 else ''} · {seconds:.1f} s"
    return f"Stopped after {done}" if job.stopped else f"Done · {done}"


def ladder_ending(probe: Probe, job: Job, climbed: bool) -> str:
    """The status line after Run the ladder."""
    if climbed and probe.ladder:
        rungs = len(probe.ladder.rungs) + len(probe.ladder.others)
        return f"Done · the ladder, {rungs} conditions · {probe.ladder.seconds:.1f} s"
    return "Stopped before the ladder was done." if job.stopped else ending(probe, job)
