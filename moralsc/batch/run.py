"""Run: a design through its engines into a folder. The same call goes on where an earlier one was broken off.

Started by `accelerate launch`, the processes of a crew divide the batches. Each asks and writes its own; what a batch
holds follows from the plan, so the records are those of one process.
"""

import logging
import os
import shlex
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from pathlib import Path
from typing import Any

from moralsc.batch import folder, weights
from moralsc.batch.ask import Asker, check_possible
from moralsc.batch.crew import PATIENCE, Crew, join
from moralsc.batch.design import Design
from moralsc.batch.folder import RunFolder, Status
from moralsc.batch.head import HEAD
from moralsc.batch.plan import Batch, Plan, make_plan
from moralsc.batch.progress import Meter, Progress, Work
from moralsc.batch.record import Record
from moralsc.engines.base import Engine
from moralsc.engines.batching import BatchEngine, batched
from moralsc.engines.fit import check_asked
from moralsc.engines.pool import load_local
from moralsc.engines.store import Store
from moralsc.errors import InputError, RunError
from moralsc.models import catalogue, find
from moralsc.models.endpoints import Patience
from moralsc.models.hub import Progress as Download
from moralsc.models.local import admit
from moralsc.prompts import load_prompts
from moralsc.settings import Settings

_LOOK_SECONDS = 0.5
_log = logging.getLogger(__name__)


def run(
    design: Design,
    out: Path | str,
    settings: Settings | None = None,
    *,
    dtype: str | None = None,
    device_map: str | None = None,
    load: Callable[[str], Engine] | None = None,
    crew: Crew | None = None,
    on_plan: Callable[[Plan], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_work: Callable[[Progress], None] | None = None,
    on_load: Callable[[str], AbstractContextManager[object]] | None = None,
    on_download: Download | None = None,
) -> Status:
    """Ask everything that a design says, and write it to a folder.

    A batch is written when it is whole. Whatever ends the process, the same call repeats one batch at most; the records
    are then those of an undisturbed run, in all but their timing. A run that is complete is left as it is. Every
    process of a crew makes this call, and each returns when the whole run is complete.

    Args:
        out: the run's folder, new or from an earlier attempt; docs/run-folder.md says what it holds. One for all.
        settings: None reads the environment.
        dtype, device_map: of the weights, see `LocalEngine.load`.
        load: makes the engine of a model's name; None loads it on this machine, in a crew on a card of its own.
        crew: None joins the crew that a launcher started, if one did.
        on_plan, on_progress: called with the plan before anything is written, and after each batch; in the main process
            alone, but about the whole run.
        on_work: as `on_progress`, but while a batch is asked, at every step of the engine. What it raises is dropped,
            since it would pass for a failure of the model.
        on_load: entered with a model's name while it is loaded, in the main process alone.
        on_download: called in every process while a model is downloaded.

    Raises:
        InputError: the design names something that is not there.
        DataError: the items cannot be read.
        RunError: the folder is in use, full, or another run's, or another process has ended.
        ModelError: a model cannot be loaded, or its device is lost.
    """
    settings = settings or Settings.from_env(os.environ)
    crew, local = crew or join(), load is None
    check_asked(dtype, device_map)
    admit(design.models, settings)
    plan = crew.alike(lambda: make_plan(design, load_prompts(settings.prompts), settings))
    if on_plan and crew.main:
        on_plan(plan)
    load = load or crew.alike(lambda: _loading(settings, dtype, device_map, crew, on_load, on_download))
    if not (Path(out) / HEAD).exists():
        crew.alike(lambda: _reached(design, load))
    words = (*design.command, *_options(settings, dtype, device_map), "--out", str(out))
    with folder.opened(Path(out), identity(plan), shlex.join(words), crew, [design.order.sentence]) as held:
        if local:  # also of a complete run, which loads nothing
            crew.told(lambda: _check_known(design, held, dtype, settings.cache))
        if held.complete:
            return held.status
        work = _Work(plan, held, crew, on_progress, on_work)
        before = held.done
        for model, batches in groupby(plan.batches, key=lambda batch: batch.model):
            if todo := [batch for batch in batches if batch.index not in before]:
                work.do(model, todo, load)
        return crew.told(held.close)


def identity(plan: Plan) -> Mapping[str, Any]:
    """What makes two attempts the same run, as plain values."""
    return {
        "design": plan.design.record(),
        "data": {data.key: data.record() for data in plan.data},
        "prompts": {
            "name": plan.prompts.name,
            "hash": plan.prompt_hash,
            "texts": plan.worded,
            **({"language": plan.prompts.language} if plan.prompts.language else {}),
        },
        "rows": plan.rows,
        "batches": len(plan.batches),
    }


def _check_known(design: Design, held: RunFolder, dtype: str | None, cache: Path) -> None:
    for name in design.models:
        held.check(name, weights.known(name, dtype, cache))


def _options(settings: Settings, dtype: str | None, device_map: str | None) -> Iterator[str]:
    """The words of the command line beside those of the design: what the environment does not say already."""
    for name, said in (("--data", settings.data), ("--prompts", settings.prompts)):
        if said is not None and str(said) != os.environ.get(f"MORALSC_{name[2:].upper()}", "").strip():
            yield from (name, str(said))
    for name, word in (("--dtype", dtype), ("--device-map", device_map)):
        if word:
            yield from (name, word)


def _reached(design: Design, load: Callable[[str], Engine]) -> None:
    """Raise what is wrong with a server, or with asking it like this, before there is a folder for it."""
    for name in design.models:
        if name in catalogue() and find(name).address:
            check_possible(design, load(name))


def _loading(
    settings: Settings,
    dtype: str | None,
    device_map: str | None,
    crew: Crew,
    on_load: Callable[[str], AbstractContextManager[object]] | None,
    on_download: Download | None,
) -> Callable[[str], Engine]:
    if crew.places > 1 and device_map:
        raise InputError(
            f"--device-map {device_map} spreads a model over all cards of a machine, but {crew.places} processes share "
            "this one. Start one process on each machine, or leave it out."
        )
    place = crew.place if crew.size > 1 else None

    def load(name: str) -> Engine:
        with on_load(name) if on_load and crew.main else nullcontext():
            return load_local(
                name,
                offline=settings.offline,
                dtype=dtype,
                device_map=device_map,
                place=place,
                progress=on_download,
                memory=settings.memory * 10**9,
                patience=Patience.of(settings),
                store=Store.of(settings),
            )

    return load


class _Work:
    """One process's part of a run, and its waiting for the others."""

    def __init__(
        self,
        plan: Plan,
        held: RunFolder,
        crew: Crew,
        on_progress: Callable[[Progress], None] | None,
        on_work: Callable[[Progress], None] | None,
    ) -> None:
        self._plan = plan
        self._held = held
        self._crew = crew
        self._meter = Meter(plan, held.done, crew.size)
        self._on_progress, self._on_work = on_progress, on_work
        self._telling = threading.Lock()

    def do(self, model: str, todo: Sequence[Batch], load: Callable[[str], Engine]) -> None:
        """Ask this process's share of a model's batches; return when all of them are there."""
        mine, design = self._crew.share(todo), self._plan.design
        engines: list[BatchEngine] = []

        def loaded() -> Mapping[str, str] | None:
            # With fewer batches than processes the last ones have none, and need no model.
            engines.extend(batched(load(model)) for _ in mine[:1])
            if not engines:
                return None
            check_possible(design, engines[0])
            prefill = self._plan.prompts.prefill(design.prefill, engines[0].spec.prefill)
            return {**engines[0].provenance, "prefill": prefill}

        found = self._crew.gather(loaded)
        self._crew.told(lambda: self._held.admit(model, *(facts for facts in found if facts is not None)))
        if mine:
            self._ask(Asker(engines[0], self._plan.prompts, self._plan.design), mine)
        self._wait({batch.index for batch in todo})

    def _ask(self, asker: Asker, batches: Sequence[Batch]) -> None:
        for batch in batches:
            started, last = time.perf_counter(), [Work()]

            def moved(work: Work, batch: Batch = batch, last: list[Work] = last) -> None:
                last[0] = work
                self._moved(batch, work)

            records = asker.ask(batch, moved)
            self._held.write(batch.index, records)
            self._count(batch, records, time.perf_counter() - started, last[0])
            if self._crew.main:
                self._look()

    def _wait(self, wanted: Set[int]) -> None:
        """Return when these batches are whole, whoever asked them.

        Raises:
            RunError: the others have written nothing for too long.
        """
        seen = time.monotonic()
        while not wanted <= self._held.done:
            if self._look():
                seen = time.monotonic()
            elif time.monotonic() - seen > PATIENCE:
                raise RunError(
                    f"The other processes of this run have written nothing for {PATIENCE / 60:.0f} minutes. What is "
                    "written is kept: the same command goes on, with as many processes as you like."
                )
            else:
                time.sleep(_LOOK_SECONDS)

    def _look(self) -> bool:
        """Count what the other processes have finished meanwhile; whether that is anything."""
        grown = self._held.grown()
        for segment in grown if self._crew.main else ():
            self._count(self._plan.batches[segment.batch], segment.records(), segment.seconds)
        return bool(grown)

    def _moved(self, batch: Batch, work: Work) -> None:
        # Servers are asked from several threads.
        if self._crew.main and self._telling.acquire(blocking=False):
            try:
                progress = self._meter.moved(batch, work)
                self._held.tell(progress)
                if self._on_work:
                    self._on_work(progress)
            except Exception as error:
                _log.debug("Progress could not be told: %s", error)
            finally:
                self._telling.release()

    def _count(self, batch: Batch, records: Sequence[Record], seconds: float, work: Work | None = None) -> None:
        progress = self._meter.add(batch, records, seconds, work)
        if self._crew.main:
            self._held.tell(progress)
            if self._on_progress:
                self._on_progress(progress)
