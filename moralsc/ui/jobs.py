"""Who is running what: one job a visitor session, so that Stop reaches a generation within one token."""

import secrets
import threading

from moralsc.engines.base import StopFlag
from moralsc.errors import InputError

# A discarded job ends within one token; a slow model's token may take this many seconds.
_PATIENCE = 5.0


class Job(StopFlag):
    """A job's stop flag, and how far the job has come.

    Attributes:
        ticket: tells it from every other job; the run that brings it carries the job out.
        taken: a run carries it out; before, it waits in the queue.
        discarded: nobody waits for the result any more.
        ended: set when the run that took it is over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ticket = secrets.token_hex(8)
        self.taken = False
        self.discarded = False
        self.ended = threading.Event()


class Jobs:
    """The jobs of all sessions. Safe to use from any thread."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, session: str) -> str:
        """Register a job before it waits in the queue, so that it can be stopped there too; returns its ticket.

        Raises:
            InputError: this session has one already.
        """
        with self._lock:
            if session in self._jobs:
                raise InputError("The model is still answering. Press Stop, or wait for it to finish.")
            self._jobs[session] = job = Job()
            return job.ticket

    def take(self, session: str, ticket: str) -> Job | None:
        """The job of this ticket, for the one run that carries it out; None if it was discarded or taken meanwhile."""
        with self._lock:
            job = self._jobs.get(session)
            if job is None or job.taken or job.ticket != ticket:
                return None
            job.taken = True
            return job

    def running(self, session: str) -> bool:
        """Whether the session has a job."""
        with self._lock:
            return session in self._jobs

    def stop(self, session: str) -> None:
        """Ask the session's job, if it has one, to end; what it has done stays."""
        with self._lock:
            job = self._jobs.get(session)
        if job is not None:
            job.stop()

    def discard(self, session: str, patience: float = _PATIENCE, ticket: str | None = None) -> None:
        """End the session's job, if it has one, so that it shows nothing more; the session may start another at once.

        Args:
            ticket: only the job of this ticket, None for any.
            patience: seconds to wait for its run to end, so that nothing of it can come after what the caller shows.
        """
        with self._lock:
            job = self._jobs.get(session)
            if job is None or ticket not in (None, job.ticket):
                return
            del self._jobs[session]
            job.discarded = True
            job.stop()
        if job.taken:
            job.ended.wait(patience)

    def finish(self, session: str, job: Job) -> None:
        """Forget the job: its run is over. Another job of the session stays."""
        with self._lock:
            if self._jobs.get(session) is job:
                del self._jobs[session]
        job.ended.set()
