"""Queue: which job runs now, which waits, and what a visitor may ask of the machine."""

import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

from moralsc.batch.plan import Plan
from moralsc.errors import InputError
from moralsc.hosting.age import too_old
from moralsc.hosting.job import LOG, RUN, Job, State, Ticket, Wish, owner_of, process, read_job, write_ticket
from moralsc.hosting.pace import Estimate, estimate
from moralsc.settings import Settings

PROGRAM = (sys.executable, "-m", "moralsc")
MOST_OPEN = 5
"""Jobs of one visitor that wait or run."""
_OPEN = (State.WAITING, State.RUNNING)
_STOP_SECONDS = 10.0
_NICE = 10


class Queue:
    """The jobs of one machine. Safe to use from any thread; one server at a time keeps the folder.

    At most `settings.runs` jobs run side by side, and one a visitor. The next to start is a job of the visitor who has
    waited longest since a job of theirs was started; among a visitor's own, the oldest.
    """

    def __init__(self, folder: Path, settings: Settings, program: Sequence[str] = PROGRAM) -> None:
        """Keep the jobs in `folder`; `program` and the words of a design's command make a run."""
        self._program = program
        self._folder = folder
        self._settings = settings
        self._lock = threading.RLock()
        self._children: list[subprocess.Popen[bytes]] = []

    def submit(self, plan: Plan, secret: str) -> Job:
        """Take a job; it starts as soon as its turn has come.

        Args:
            secret: known to the visitor alone.

        Raises:
            InputError: the plan asks more items than are allowed here, or the visitor has too many jobs open.
        """
        if refusal := self.refusal(plan):
            raise InputError(refusal)
        with self._lock:
            mine = [job for job in self.jobs(secret) if job.state in _OPEN]
            if len(mine) >= MOST_OPEN:
                raise InputError(f"You have {MOST_OPEN} runs waiting or running. Wait for one to end, or stop one.")
            path = self._folder / secrets.token_hex(8)
            path.mkdir(parents=True)
            write_ticket(path, Ticket(owner_of(secret), plan.design.record(), plan.items, time.time()))
            self.tick()
            return self._read(path)

    def refusal(self, plan: Plan, part: bool = False) -> str:
        """Why a plan is larger than is allowed here; empty if it is not.

        Args:
            part: the plan holds some of the items alone.
        """
        most = self._settings.run_items
        if not most or plan.items <= most:
            return ""
        return (
            f"This plan asks {'at least ' * part}{plan.items} items, counted once a model. Runs from this page are "
            f"limited to {most}: lower the number of items or models, or run the command in a terminal of your own."
        )

    def estimate(self, plan: Plan) -> Estimate | None:
        """How long it will take, by the earlier jobs of everyone; None if they do not tell."""
        return estimate(plan, self._all())

    def jobs(self, secret: str) -> list[Job]:
        """A visitor's jobs, the newest first."""
        owner = owner_of(secret)
        found = [job for job in self._all() if job.ticket.owner == owner]
        return sorted(found, key=lambda job: job.ticket.created, reverse=True)

    def job(self, id: str, secret: str) -> Job:
        """One job of a visitor.

        Raises:
            InputError: the visitor has no such job.
        """
        found = next((job for job in self.jobs(secret) if job.id == id), None)
        if found is None:
            raise InputError("There is no such run. Choose one of the list.")
        return found

    def ahead(self, job: Job) -> int:
        """How many jobs start or end before a waiting one does."""
        everyone = list(self._all())
        running = sum(other.state is State.RUNNING for other in everyone)
        order = [other.id for other in _in_turn(everyone)]
        return running + order.index(job.id) if job.id in order else 0

    def stop(self, id: str, secret: str) -> Job:
        """End a job's process, or its waiting; what is done stays.

        Raises:
            InputError: the visitor has no such job.
        """
        with self._lock:
            job = self.job(id, secret)
            if job.state in _OPEN:
                write_ticket(job.path, replace(job.ticket, wish=Wish.STOP))
                self._end(job.ticket)
                self.tick()
            return self._read(job.path)

    def resume(self, id: str, secret: str) -> Job:
        """Let a job that was stopped or has failed wait for its turn again.

        Raises:
            InputError: the visitor has no such job.
        """
        with self._lock:
            job = self.job(id, secret)
            if job.state in (State.STOPPED, State.FAILED):
                write_ticket(job.path, replace(job.ticket, wish=Wish.WAIT))
                self.tick()
            return self._read(job.path)

    def remove(self, id: str, secret: str) -> None:
        """Delete a job and all that it made.

        Raises:
            InputError: the visitor has no such job.
        """
        with self._lock:
            shutil.rmtree(self.stop(id, secret).path, ignore_errors=True)

    def tick(self) -> None:
        """Start whatever can be started, and delete what is older than is allowed here."""
        with self._lock:
            self._children = [child for child in self._children if child.poll() is None]
            everyone = list(self._all())
            self._prune(everyone)
            busy = {job.ticket.owner for job in everyone if job.state is State.RUNNING}
            room = self._settings.runs - sum(job.state is State.RUNNING for job in everyone)
            for job in _in_turn(everyone):
                if room > 0 and job.ticket.owner not in busy:
                    self._start(job)
                    busy.add(job.ticket.owner)
                    room -= 1

    def keep_going(self, ended: threading.Event, every: float = 1.0) -> None:
        """Tick until the event is set; for a thread of the server. A full disk passes: the next tick tries again."""
        while not ended.wait(every):
            with suppress(OSError):
                self.tick()

    def _start(self, job: Job) -> None:
        words = [*self._program, *job.design.command[1:], "--out", str(job.path / RUN)]
        with (job.path / LOG).open("ab") as log:
            # A session of its own: what ends the server does not end the run.
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._settings.environ(),
                start_new_session=True,
            )
        self._children.append(child)
        born = 0.0
        with suppress(psutil.Error):  # it may have ended already
            started = psutil.Process(child.pid)
            born = started.create_time()
            if psutil.POSIX:  # whoever probes comes first
                started.nice(max(started.nice(), _NICE))
        write_ticket(job.path, replace(job.ticket, wish=Wish.GO, started=time.time(), pid=child.pid, born=born))

    def _end(self, ticket: Ticket) -> None:
        running = process(ticket)
        if running is None:
            return
        with suppress(psutil.Error):
            running.terminate()
            try:
                running.wait(_STOP_SECONDS)
            except psutil.TimeoutExpired:
                running.kill()

    def _prune(self, everyone: list[Job]) -> None:
        for job in everyone:
            if job.state not in _OPEN and too_old(max(job.ticket.created, job.ticket.started), self._settings):
                shutil.rmtree(job.path, ignore_errors=True)

    def _all(self) -> Iterator[Job]:
        paths = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        return (job for path in paths if (job := read_job(path)) is not None)

    def _read(self, path: Path) -> Job:
        job = read_job(path)
        assert job is not None, "only this queue writes here"
        return job


def _in_turn(everyone: list[Job]) -> list[Job]:
    """Waiting jobs in the order in which they start: visitors in turn, each with their oldest."""
    last: dict[str, float] = {}
    for job in everyone:
        last[job.ticket.owner] = max(last.get(job.ticket.owner, 0.0), job.ticket.started)
    queues: dict[str, list[Job]] = {}
    for job in sorted((j for j in everyone if j.state is State.WAITING), key=lambda j: j.ticket.created):
        queues.setdefault(job.ticket.owner, []).append(job)
    ordered = sorted(queues, key=lambda owner: (last[owner], queues[owner][0].ticket.created))
    rounds = max(map(len, queues.values()), default=0)
    return [queues[owner][k] for k in range(rounds) for owner in ordered if k < len(queues[owner])]
