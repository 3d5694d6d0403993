"""Crew: the processes that work on one run together, as `accelerate launch` starts them. Only this module knows it.

Without a launcher a run has one process, and nothing here is ever waited for. The processes share the run's folder and
exchange a few words before they ask; what they have finished they see in each other's shards.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

from moralsc.errors import MoralscError, RunError

PATIENCE = 1800.0
"""Seconds: so long a process waits for others of which it sees nothing new. torch's own default for such exchanges."""
_T = TypeVar("_T")


class ElsewhereError(RunError):
    """Another process of the crew has failed, and says so itself."""


@dataclass(frozen=True)
class Crew:
    """One process among those of its run.

    Attributes:
        number, size: which of how many; number 0, the main one, holds the folder and speaks.
        place, places: which of how many on its machine.
        exchange: what this process gives -> what all gave, in the order of their numbers. Waits for all.
        leave: the last thing that is called: ends a process that a launcher started, and is nothing without one.
    """

    number: int = 0
    size: int = 1
    place: int = 0
    places: int = 1
    exchange: Callable[[Any], Sequence[Any]] = lambda given: [given]
    leave: Callable[[], None] = lambda: None

    @property
    def main(self) -> bool:
        """Whether this is the main process."""
        return self.number == 0

    def share(self, work: Sequence[_T]) -> Sequence[_T]:
        """This process's part of the work."""
        return work[self.number :: self.size]

    def gather(self, make: Callable[[], _T]) -> list[_T]:
        """What every process makes; it must survive pickling.

        Raises:
            MoralscError: this process is the first that cannot make its own.
            ElsewhereError: another one is.
        """
        made: _T | None = None
        error: MoralscError | None = None
        try:
            made = make()
        except MoralscError as failed:
            error = failed
        answers = self.exchange((made, None if error is None else str(error)))
        for number, (_, reason) in enumerate(answers):
            if reason is not None:
                if number == self.number and error is not None:
                    raise error
                raise ElsewhereError(f"Process {number + 1} of {self.size} has ended: {reason}") from error
        return [made for made, _ in answers]

    def alike(self, make: Callable[[], _T]) -> _T:
        """What this process makes, once all could make theirs; raises as `gather` does."""
        made: list[_T] = []
        self.gather(lambda: made.append(make()))
        return made[0]

    def told(self, make: Callable[[], _T]) -> _T:
        """What the main process makes, known to all; raises as `gather` does."""
        return cast(_T, self.gather(lambda: make() if self.main else None)[0])


def join() -> Crew:
    """The crew that a launcher put this process into; a crew of one without a launcher.

    Raises:
        RunError: the processes cannot reach each other.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Crew()
    from accelerate import PartialState

    try:
        # On the CPU whatever computes: no card is needed for a few words, and a process that dies is noticed at once.
        state = PartialState(cpu=True, timeout=timedelta(seconds=PATIENCE))
    except (RuntimeError, ValueError) as error:
        raise RunError(f"The processes of this run cannot reach each other: {error}") from error
    places = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return Crew(state.process_index, state.num_processes, state.local_process_index, places, _exchange, _leave)


def _leave() -> None:
    """End this process without tearing the interpreter down.

    While that happens, a thread of gloo's that lets go of the last exchange's tensors waits for the interpreter, is
    ended by it in a destructor, and aborts the process (torch 2.13, Python 3.11; about every second time on two cores);
    the launcher then calls a run failed that is complete. Destroying the process group does not end these threads here.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _exchange(given: Any) -> Sequence[Any]:
    from accelerate.utils import gather_object

    try:
        gathered: list[Any] = gather_object([given])
    except RuntimeError as error:
        raise RunError(
            f"Another process of this run has ended, or said nothing for {PATIENCE / 60:.0f} minutes. What is written "
            "is kept: the same command goes on, with as many processes as you like."
        ) from error
    return gathered
