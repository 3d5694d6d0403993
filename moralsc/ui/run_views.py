"""What the Run section shows, as plain values: a plan before it is started, and a visitor's runs.

As in `views`: no gradio and no HTML here, and every value passes `inert`.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from moralsc.batch.design import LADDER, Design, Selection
from moralsc.batch.plan import Data, Plan
from moralsc.benchmarks import Source
from moralsc.dialogue import Form, Mode
from moralsc.hosting.job import Job, State
from moralsc.hosting.pace import Estimate
from moralsc.models import catalogue
from moralsc.notation import duration, number
from moralsc.prompts import Correction
from moralsc.ui import texts
from moralsc.ui.run_readings import Bar, Reading
from moralsc.ui.views import View, inert, keyed

Corrections = Mapping[str, Correction]

OUT = "my-run"
"""The folder in the command line; a visitor gives their own."""
MODES = {Mode.FOLLOW_UP: "after the answer", Mode.SINGLE_TURN: "with the item, afresh"}
FORMS = {Form.PRIMED: "short, after a primer", Form.FREE: "free"}
_ENDED = (State.STOPPED, State.FAILED)


def correction_title(id: str, corrections: Corrections) -> str:
    """A correction as a run names it."""
    if id == LADDER:
        return "The ladder"
    return corrections[id].title if id in corrections else id


def command(design: Design) -> str:
    """The line for a terminal that does the same."""
    return shlex.join((*design.command, "--out", OUT))


def plan(plan: Plan, estimate: Estimate | None, refusal: str, most: int) -> View:
    """The plan, for a person who decides whether to start it.

    Args:
        refusal: why it may not be started here, else empty.
        most: items that a run may ask here, 0 for any number.
    """
    counts = {
        "items": plan.items,
        "dialogues": plan.dialogues,
        "conditions to score": plan.rows,
        "texts to generate": plan.replies,
    }
    facts = [{"name": name, "count": f"{count:,}".replace(",", " ")} for name, count in counts.items()]
    within = f"Within the limit of {most} items for a run from this page." if most else ""
    return _shown(
        facts=facts,
        data=[*map(_data, plan.data), plan.design.order.sentence],
        skipped=list(plan.skipped),
        time=_time(estimate),
        marks=_marks(plan.design),
        limit=refusal or within,
        barred=bool(refusal),
    )


def no_plan(problem: str = "") -> View:
    """Before anything was planned, or a sentence on why it cannot be."""
    return _shown(problem=problem, empty=not problem)


def _shown(**said: object) -> View:
    nothing = {"facts": [], "data": [], "skipped": [], "time": "", "marks": "", "limit": "", "barred": False}
    return keyed(inert({**nothing, "problem": "", "empty": False, **said}))


def _data(part: Data) -> str:
    excluded = "".join(f"; {n} excluded: {reason}" for reason, n in part.excluded.items())
    return f"{_selection(Selection.read(part.key))}: {len(part.chosen)} of {part.here} items{excluded}"


def _time(estimate: Estimate | None) -> str:
    if estimate is None:
        return "No earlier run of these models on this machine tells how long it takes: the first batch will."
    judged = f"{estimate.jobs} earlier run{'s' if estimate.jobs > 1 else ''}"
    return f"About {duration(estimate.seconds)} of asking, judged by {judged} here. Loading the models comes before it."


def runs(
    jobs: Iterable[Job],
    ahead: Mapping[str, int],
    readings: Mapping[str, Reading],
    corrections: Corrections,
    asking: str = "",
    more: bool = False,
) -> View:
    """A visitor's runs, as given.

    Args:
        ahead: id of a waiting job -> how many start or end before it.
        readings: id -> what its records so far show.
        asking: id of the job whose removal has to be confirmed, else empty.
        more: a newer reading is on its way, so that it is worth while to look again.
    """
    shown = [
        _job(job, ahead.get(job.id, 0), readings.get(job.id, Reading()), corrections, job.id == asking) for job in jobs
    ]
    is_open = more or any(job["open"] for job in shown)
    # What other lists offer of them: those with records, and a new state of one of them.
    seen = " ".join(f"{job['id']}:{job['state']}" for job in shown if job["done"])
    return keyed(inert({"here": True, "jobs": shown, "open": is_open, "seen": seen}))


def _job(job: Job, ahead: int, reading: Reading, corrections: Corrections, asking: bool) -> View:
    is_open = job.state in (State.WAITING, State.RUNNING)
    asked, created = asked_line(job.design, corrections), datetime.fromtimestamp(job.ticket.created, UTC)
    status = job.status
    return {
        "id": job.id,
        "asked": asked,
        "created": f"{created:%Y-%m-%d %H:%M} UTC",
        "state": job.state.value,
        "said": _said(job, ahead),
        "open": is_open,
        "done": status.done if status else 0,
        "planned": status.planned if status else 1,
        "reading": reading.text,
        "scores": [_score(name, bars) for name, bars in reading.scores[:_MOST_SCORES]],
        "further": max(0, len(reading.scores) - _MOST_SCORES),
        "marks": _marks(job.design),
        "stop": is_open,
        "resume": job.state in _ENDED,
        "download": status is not None,
        "asking": asking,
    }


def _score(name: str, bars: Sequence[Bar]) -> View:
    shown = [_bar(bar) for bar in bars]
    said = ", ".join(f"{bar['tick']} {bar['value']}" for bar in shown)
    return {"name": name, "n": f"n = {max(bar.figure.n for bar in bars)}", "said": f"{name}: {said}", "bars": shown}


def _bar(bar: Bar) -> View:
    value = bar.figure.value
    side = "baseline" if bar.side is None else bar.side.value
    return {"tick": bar.tick, "side": side, "value": "–" if value is None else number(value), "p": value or 0.0}


_MOST_SCORES = 6  # more would push the next run out of sight; Explore has them all


def _marks(design: Design) -> str:
    """What has to stand with results of its models."""
    return " ".join(dict.fromkeys(filter(None, map(texts.planted, design.models))))


def asked_line(design: Design, corrections: Corrections) -> str:
    """What a run asks, in one line."""
    models = ", ".join(catalogue()[name].title if name in catalogue() else name for name in design.models)
    sets = ", ".join(map(_selection, design.benchmarks))
    named = ", ".join(correction_title(id, corrections) for id in design.corrections) or "Baselines alone"
    rounds = f", {design.rounds} round{'s' if design.rounds > 1 else ''} of review" if design.rounds else ""
    limit = f"{design.limit} of each category" if design.limit else "all items"
    manner = [
        words
        for words, usual in (
            (f"instruction {MODES[design.mode]}", design.mode is Mode.FOLLOW_UP),
            (f"{FORMS[design.form]} answers", design.form is Form.PRIMED),
            (f"order of options: {design.order.words}", False),
            ("a system message of its own" if design.system else "no system message", design.system is None),
            (f"prefill {design.prefill}", not design.prefill),
        )
        if not usual
    ]
    return " · ".join((models, sets, named + rounds, limit, *manner, f"seed {design.seed}"))


def _selection(selection: Selection) -> str:
    title = texts.set_title(selection.benchmark + (f":{Source.BUNDLED}" if selection.source is Source.BUNDLED else ""))
    return title + (f": {', '.join(map(texts.category_title, selection.categories))}" if selection.categories else "")


def _said(job: Job, ahead: int) -> str:
    """How far it is, in words beside its state."""
    if job.state is State.FAILED:
        return job.reason
    done = f"done {job.status.done} of {job.status.planned}" if job.status else ""
    if job.state is State.WAITING:
        turn = f"{ahead} run{'s are' if ahead > 1 else ' is'} ahead of it" if ahead else "it is the next to start"
        return f"{done}; {turn}" if done else turn
    if job.state is State.RUNNING:
        if job.progress is None and not (job.status and job.status.done):
            return "loading the model"
        return " · ".join((done, *(job.progress.words if job.progress else ())))
    if job.state is State.STOPPED:
        return f"{done} records, which stay" if done else "before anything was asked"
    assert job.status is not None, "what is complete has a status"
    return f"{job.status.done} records in {duration(job.status.seconds)} of asking"
