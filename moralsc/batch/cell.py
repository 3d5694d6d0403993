"""Cell: one condition of one dialogue, on its way to a record."""

from dataclasses import dataclass, replace

from moralsc.batch.plan import Asked, Task
from moralsc.batch.record import Failure
from moralsc.dialogue import Dialogue, Message, Turn
from moralsc.engines.batching import out_of_memory
from moralsc.errors import PromptTooLong
from moralsc.prompts import Correction


@dataclass(frozen=True)
class Cell:
    """One condition of one dialogue.

    Attributes:
        before: the dialogue that the turn continues.
        correction: None for the baseline; of a round of review, what it follows.
        turn: None if it could not be made.
        speaks: the answer is generated, not only scored.
        failure, reason: why it ends here; no failure while all is well.
        ended_at: the exchange whose text could not be generated, None if that did not happen.
    """

    task: Task
    asked: Asked
    before: Dialogue
    correction: Correction | None = None
    round: int = 0
    turn: Turn | None = None
    speaks: bool = True
    failure: Failure | None = None
    reason: str = ""
    ended_at: int | None = None

    @property
    def open(self) -> Turn | None:
        """The turn, unless something went wrong with it."""
        return None if self.failure else self.turn

    @property
    def number(self) -> int:
        """The turn's place in its dialogue, from 0."""
        return 0 if self.correction is None else 1 + self.round

    @property
    def history(self) -> tuple[Message, ...]:
        """The messages that the turn continues."""
        return self.before.history()

    def after(self) -> Dialogue:
        """The dialogue with this turn in it."""
        assert self.turn is not None
        return self.before.add(self.turn)

    def generates(self, index: int) -> bool:
        """Whether the model writes the reply of this exchange."""
        exchanges = self.turn.exchanges if self.turn else ()
        last = index == len(exchanges) - 1
        return index < len(exchanges) and (exchanges[index].reasoning or (last and self.speaks))

    def failed(self, error: Exception, index: int | None = None) -> "Cell":
        """The cell as it ends with this error, while generating exchange `index` or else while scoring."""
        kind = Failure.OUT_OF_MEMORY if out_of_memory(error) else Failure.FAILED
        kind = Failure.TOO_LONG if isinstance(error, PromptTooLong) else kind
        return replace(self, failure=kind, reason=str(error), ended_at=index)
