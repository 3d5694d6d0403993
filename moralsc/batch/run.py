"""Run: a design through its engines into a folder. The same call goes on where an earlier one was broken off."""

import os
import shlex
import time
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from moralsc.batch import folder
from moralsc.batch.ask import Asker
from moralsc.batch.design import Design
from moralsc.batch.folder import RunFolder, Status
from moralsc.batch.plan import Batch, Plan, make_plan
from moralsc.batch.progress import Meter, Progress
from moralsc.engines.base import Engine
from moralsc.engines.batching import batched
from moralsc.engines.pool import load_local
from moralsc.prompts import load_prompts
from moralsc.settings import Settings


def run(
    design: Design,
    out: Path | str,
    settings: Settings | None = None,
    *,
    dtype: str | None = None,
    load: Callable[[str], Engine] | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Status:
    """Ask everything that a design says, and write it to a folder.

    A batch is written when it is whole. Whatever ends the process, the same call repeats one batch at most; the records
    are then those of an undisturbed run, in all but their timing. A run that is complete is left as it is.

    Args:
        out: the run's folder, new or from an earlier attempt; docs/run-folder.md says what it holds.
        settings: None reads the environment.
        dtype: of the weights, see `LocalEngine.load`.
        load: makes the engine of a model's name; None loads it on this machine.
        on_plan, on_progress: called with the plan before anything is written, and after each batch.

    Raises:
        InputError: the design names something that is not there.
        DataError: the items cannot be read.
        RunError: the folder is in use, full, or another run's.
        ModelError: a model cannot be loaded, or its device is lost.
    """
    settings = settings or Settings.from_env(os.environ)
    plan = make_plan(design, load_prompts(settings.prompts), settings)
    if on_plan:
        on_plan(plan)
    load = load or (lambda name: load_local(name, offline=settings.offline, dtype=dtype))
    words = (*design.command, *(("--dtype", dtype) if dtype else ()), "--out", str(out))
    with folder.opened(Path(out), identity(plan), shlex.join(words)) as held:
        if held.complete:
            return held.status
        meter = Meter(plan, held.done)
        for model, batches in groupby(plan.batches, key=lambda batch: batch.model):
            if todo := [batch for batch in batches if batch.index not in held.done]:
                _ask(model, todo, held, plan, load, meter, on_progress)
        return held.close()


def identity(plan: Plan) -> Mapping[str, Any]:
    """What makes two attempts the same run, as plain values."""
    return {
        "design": plan.design.record(),
        "data": {data.key: data.record() for data in plan.data},
        "prompts": {"name": plan.prompts.name, "hash": plan.prompts.hash},
        "rows": plan.rows,
        "batches": len(plan.batches),
    }


def _ask(
    model: str,
    todo: list[Batch],
    held: RunFolder,
    plan: Plan,
    load: Callable[[str], Engine],
    meter: Meter,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    engine = batched(load(model))
    held.admit(model, engine.provenance)
    asker = Asker(engine, plan.prompts, plan.design)
    for batch in todo:
        started = time.perf_counter()
        records = asker.ask(batch)
        held.write(batch.index, records)
        progress = meter.add(batch, records, time.perf_counter() - started)
        if on_progress:
            on_progress(progress)
