"""What the jobs of a machine tell about the time that a new run will take there."""

from collections.abc import Iterable
from dataclasses import dataclass

from moralsc.batch.design import Design
from moralsc.batch.plan import Plan
from moralsc.hosting.job import Job


@dataclass(frozen=True)
class Estimate:
    """How long asking will take; loading the models comes before it.

    Attributes:
        seconds: of asking.
        jobs: how many runs it is judged by.
    """

    seconds: float
    jobs: int


def estimate(plan: Plan, jobs: Iterable[Job]) -> Estimate | None:
    """Judge a plan by jobs that asked one model alone; None if there is none for one of its models.

    Jobs that generate as much as the plan does are taken alone where there are any.
    """
    measured = [(job, seconds) for job in jobs if (seconds := _pace(job)) is not None]
    total, used = 0.0, 0
    for model in plan.design.models:
        rows = sum(batch.rows for batch in plan.batches if batch.model == model)
        mine = [(job.design, seconds) for job, seconds in measured if job.design.models == (model,)]
        alike = [entry for entry in mine if _kind(entry[0]) == _kind(plan.design)] or mine
        if not rows:
            continue
        if not alike:
            return None
        total += rows * sum(seconds for _, seconds in alike) / len(alike)
        used += len(alike)
    return Estimate(total, used)


def _pace(job: Job) -> float | None:
    """Seconds a record; None if nothing was measured."""
    done = job.status.done if job.status else 0
    return job.status.seconds / done if job.status and done else None


def _kind(design: Design) -> tuple[object, ...]:
    """What decides how much text is generated for a record."""
    return design.form, design.spoken, bool(design.rounds), "cot" in design.corrections
