"""One batch of a plan through an engine: first every text that is generated, then one scoring of all conditions.

Dialogues come from `moralsc.dialogue` and turns are asked as in a live probe. Whatever goes wrong with one condition
becomes its record; the others go on.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from moralsc.batch.cell import Cell
from moralsc.batch.design import Design
from moralsc.batch.plan import REVIEW, Asked, Batch, Task
from moralsc.batch.progress import Work
from moralsc.batch.record import Failure, Record
from moralsc.batch.verdict import Facts, record
from moralsc.dialogue import Dialogue, Form, Message, Turn
from moralsc.engines.base import Engine, limits
from moralsc.engines.batching import BatchEngine, each
from moralsc.errors import InputError, ModelError, MoralscError
from moralsc.experiment import turns as asking
from moralsc.experiment.probe import first, planned
from moralsc.prompts import Correction, PromptSet


def check_possible(design: Design, engine: Engine) -> None:
    """Raise the InputError that says how a design must be changed for an engine that cannot do all of it."""
    can, missing = limits(engine), list[str]()
    if design.form is Form.PRIMED and not can.continues:
        missing.append("it begins messages of its own instead of continuing an opening, so ask with --form free")
    if not design.speaks and not can.probabilities:
        missing.append("it gives no probabilities, so have corrected answers generated with --spoken")
    if design.system is not None:
        try:
            engine.render((Message("system", design.system), Message("user", "x")))
        except ModelError as error:
            raise InputError(f"{engine.spec.name} cannot be asked like this: {error}") from error
    if missing:
        raise InputError(f"{engine.spec.name} cannot be asked like this: {'; and '.join(missing)}.")


class _Clock:
    """Measures a batch: first its writing, then its scoring."""

    def __init__(self, engine: BatchEngine) -> None:
        self._engine = engine
        self._started, self._written = time.perf_counter(), engine.written
        self._turned: float | None = None
        self._read = 0

    def turn_to_scoring(self) -> None:
        """Everything is written."""
        self._turned, self._read = time.perf_counter(), self._engine.tokens or 0

    @property
    def work(self) -> Work:
        """What the batch has taken up to now."""
        now, written = time.perf_counter(), self._engine.written - self._written
        if self._turned is None:
            return Work(written, now - self._started)
        return Work(written, self._turned - self._started, (self._engine.tokens or 0) - self._read, now - self._turned)


class Asker:
    """Asks batches of one design."""

    def __init__(self, engine: BatchEngine, prompts: PromptSet, design: Design) -> None:
        self._engine = engine
        self._prompts = prompts
        self._manner = design.manner
        self._answers = design.speaks
        self._texts = design.texts
        self._spec = engine.spec
        self._scored_by = engine.spec.scored_by

    def ask(self, batch: Batch, on_work: Callable[[Work], None] = lambda work: None) -> list[Record]:
        """The records of a batch, in the order of their rows.

        Args:
            on_work: told of what the batch has taken, whenever the engine has done more, from whichever thread works;
                and at the end.

        Raises:
            ModelError: the device is lost; no condition is to blame.
        """
        counted, clock = self._engine.tokens, _Clock(self._engine)
        self._engine.listen(lambda: on_work(clock.work))
        firsts = self._written([self._first(task, asked) for task in batch.tasks for asked in task.asked])
        # Round after round over all dialogues, so that each round is one call: rounds[k][d] is dialogue d's k-th.
        rounds = [self._written([cell for first in firsts for cell in self._corrected(first)])]
        for number in range(1, batch.tasks[0].rounds + 1):
            rounds.append(self._written([self._reviewed(cell, number) for cell in rounds[-1]]))
        chains = iter(zip(*rounds, strict=True))
        cells = [
            cell for first in firsts for cell in (first, *(c for _ in first.task.corrections for c in next(chains)))
        ]
        clock.turn_to_scoring()
        answered = self._scored(cells)
        work, now = clock.work, self._engine.tokens
        on_work(work)
        seconds = (work.writing + work.scoring) / len(answered)
        tokens = None if now is None or counted is None else (now - counted) / len(answered)
        facts = Facts(
            batch.index,
            self._engine.provenance,
            self._manner,
            self._prompts.prefill(self._manner.prefill, self._spec.prefill),
            self._scored_by,
            self._seen,
            self._texts,
            seconds,
            tokens,
        )
        return [record(cell, row, facts) for row, cell in enumerate(answered, batch.tasks[0].row)]

    def _seen(self, messages: Sequence[Message]) -> str | None:
        try:
            return self._engine.render(messages)
        except ModelError:  # what could not be written was not sent
            return None

    def _first(self, task: Task, asked: Asked) -> Cell:
        cell = Cell(task, asked, Dialogue(asked.item))
        return _made(cell, lambda: first(asked.item, self._prompts, self._spec, self._manner))

    def _corrected(self, first: Cell) -> list[Cell]:
        """Each correction of a baseline, on that baseline alone."""
        return [self._next(first, c, 0, speaks=self._answers) for c in first.task.corrections]

    def _reviewed(self, last: Cell, number: int) -> Cell:
        """The round of review that follows a turn; it belongs to the same correction."""
        review = self._next(last, self._prompts.correction(REVIEW), number, speaks=True)
        return replace(review, correction=last.correction)

    def _next(self, last: Cell, correction: Correction, number: int, speaks: bool) -> Cell:
        item = last.asked.item
        cell = Cell(last.task, last.asked, Dialogue(item), correction, number, speaks=speaks)
        turn = _made(cell, lambda: planned(item, correction, self._prompts, self._spec, self._manner))
        if last.open is not None:
            return replace(turn, before=last.after())
        if turn.turn is not None and not turn.turn.fresh:
            return replace(turn, failure=Failure.NOT_ASKED, reason=f"There is no answer to correct: {last.reason}")
        return turn

    def _written(self, cells: Sequence[Cell]) -> list[Cell]:
        """The cells with every text that is generated: chains of thought, and answers where the turn speaks."""
        grown = list(cells)
        for k in range(max((len(c.turn.exchanges) for c in cells if c.turn), default=0)):
            turns = [(place, turn) for place, c in enumerate(grown) if (turn := c.open) and c.generates(k)]
            requests = [
                (t.prompt(grown[p].history, k), asking.sampling(t, k, self._manner.temperature, self._manner.seed))
                for p, t in turns
            ]
            for (place, turn), reply in zip(turns, each(self._engine.replies, requests), strict=True):
                cell = grown[place]
                if isinstance(reply, ModelError):
                    grown[place] = cell.failed(reply, k)
                else:
                    grown[place] = replace(cell, turn=turn.with_reply(k, reply))
        return grown

    def _scored(self, cells: Sequence[Cell]) -> list[Cell]:
        """The cells with the probabilities of their options, all in one call to the engine."""
        done = list(cells)
        turns = [(place, turn) for place, c in enumerate(cells) if (turn := c.open)]
        scorings = [asking.scoring(t, cells[p].history, cells[p].asked.item, self._scored_by) for p, t in turns]
        for (place, turn), logprobs in zip(turns, each(self._engine.score, scorings), strict=True):
            cell = cells[place]
            if isinstance(logprobs, ModelError):
                done[place] = cell.failed(logprobs)
            elif not all(map(math.isfinite, logprobs or ())):
                done[place] = cell.failed(ModelError("The model's output is not a number."))
            else:
                done[place] = replace(cell, turn=asking.scored(turn, cell.asked.item, logprobs, self._scored_by))
        return done


def _made(cell: Cell, make: Callable[[], Turn]) -> Cell:
    try:
        return replace(cell, turn=make())
    except Exception as error:  # whatever an item holds, the run goes on
        reason = str(error) if isinstance(error, MoralscError) else f"{type(error).__name__}: {error}"
        return replace(cell, failure=Failure.BAD_ITEM, reason=reason)
