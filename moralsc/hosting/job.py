"""Job: a run that a visitor asked for. Its folder says all that there is to know, so a restarted server finds it again.

The folder holds job.json, log.txt (what the process says) and `run`, the run's own folder.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

from moralsc.batch import folder
from moralsc.batch.design import Design
from moralsc.batch.folder import Status
from moralsc.batch.head import HEAD, read_head
from moralsc.batch.progress import Progress
from moralsc.errors import MoralscError

TICKET, LOG, RUN = "job.json", "log.txt", "run"
_LOG_END = 4096
_FROM_OUTSIDE = "Its process was ended from outside."


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    COMPLETE = "complete"


class Wish(StrEnum):
    """What its visitor wants of it."""

    WAIT = "wait"
    GO = "go"
    STOP = "stop"


@dataclass(frozen=True)
class Ticket:
    """What job.json holds.

    Attributes:
        owner: hash of the visitor's secret; whoever does not know it never sees the job.
        design: as `Design.record`.
        items: of the plan.
        created, started: seconds since 1970; `started` of the last process, 0 if there was none.
        pid, born: the last process, by number and creation time, since numbers are used again.
    """

    owner: str
    design: Mapping[str, Any]
    items: int
    created: float
    wish: Wish = Wish.WAIT
    started: float = 0.0
    pid: int = 0
    born: float = 0.0


@dataclass(frozen=True)
class Job:
    """A job as it stands now.

    Attributes:
        path: its folder, whose name is its id.
        status: how far the run is, None as long as its process has written nothing.
        progress: what its running process told last, if it told anything.
        reason: why it failed, else empty.
    """

    path: Path
    ticket: Ticket
    state: State
    status: Status | None
    reason: str
    progress: Progress | None = None

    @property
    def id(self) -> str:
        """Tells it from every other job."""
        return self.path.name

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.path / RUN

    @property
    def design(self) -> Design:
        """What it asks."""
        return Design.from_record(self.ticket.design)

    @property
    def left(self) -> float | None:
        """Estimated seconds to the end, as its process judges; None if that is not known."""
        if self.state is State.COMPLETE:
            return 0.0
        return self.progress.left if self.progress else None


def owner_of(secret: str) -> str:
    """What a visitor's secret is kept as."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def read_job(path: Path) -> Job | None:
    """The job in a folder; None if there is none."""
    try:
        ticket = _ticket(json.loads((path / TICKET).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    try:
        status = _status(path / RUN, _stamp(path / RUN)) if (path / RUN / HEAD).is_file() else None
    except MoralscError as error:
        return Job(path, ticket, State.FAILED, None, str(error))
    except OSError:  # it is being removed
        return None
    if status is not None and status.complete:
        state = State.COMPLETE
    elif ticket.wish is Wish.WAIT:
        state = State.WAITING
    elif process(ticket) is not None:
        state = State.RUNNING
    else:
        state = State.STOPPED if ticket.wish is Wish.STOP else State.FAILED
    told = folder.progress(path / RUN) if state is State.RUNNING else None
    return Job(path, ticket, state, status, _reason(path) if state is State.FAILED else "", told)


def write_ticket(path: Path, ticket: Ticket) -> None:
    """Replace job.json at once: who reads it sees the old or the new one."""
    new = path / f"{TICKET}.new"
    new.write_text(json.dumps(asdict(ticket), indent=1), encoding="utf-8")
    os.replace(new, path / TICKET)


def process(ticket: Ticket) -> psutil.Process | None:
    """The job's process if it lives."""
    try:
        found = psutil.Process(ticket.pid) if ticket.pid else None
        alive = found is not None and found.create_time() == ticket.born and found.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return found if alive else None


@lru_cache(maxsize=1024)
def _status(run: Path, stamp: tuple[tuple[str, int, int], ...]) -> Status:
    """How far a run is; its shards are read anew only if they have changed, since a queue looks at all runs often."""
    return folder.status(run)


def _stamp(run: Path) -> tuple[tuple[str, int, int], ...]:
    """Tells one state of a run's folder from another."""
    files = (run / HEAD, *sorted((run / folder.SHARDS).glob("*.jsonl")))
    found = ((path.name, path.stat()) for path in files)
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)


def _ticket(plain: Mapping[str, Any]) -> Ticket:
    return replace(Ticket(**plain), wish=Wish(plain["wish"]))


def _reason(path: Path) -> str:
    """The last thing that the process said, if it ended by itself: before its run began, or with a reason."""
    head = read_head(path / RUN)
    if head is not None and "how" not in head["attempts"][-1]:
        return _FROM_OUTSIDE
    try:
        with (path / LOG).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _LOG_END))
            said = log.read().decode("utf-8", "replace").split("\n")
    except OSError:
        return _FROM_OUTSIDE
    return next((line.strip() for line in reversed(said) if line.strip()), _FROM_OUTSIDE)
