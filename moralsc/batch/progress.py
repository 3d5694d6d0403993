"""How far a running run is: rate, time left, and figures as they come."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from moralsc.batch.plan import Batch, Plan
from moralsc.batch.record import Record
from moralsc.dialogue import BASELINE
from moralsc.models import find


@dataclass(frozen=True)
class Progress:
    """The state of a running run after a batch.

    Attributes:
        model: who was asked last.
        done, planned: records, those of earlier attempts included.
        rate: records a second in this attempt, of all its processes together.
        left: estimated seconds to the end. The first batch of a model is its warm-up; a model that was not asked yet is
            taken to need time in proportion to its parameters.
        right: "baseline" or the side of a correction -> share of its records, in this attempt, whose most probable
            option is the right one.
    """

    model: str
    done: int
    planned: int
    rate: float
    left: float
    right: Mapping[str, float]


class Meter:
    """Counts what this attempt does."""

    def __init__(self, plan: Plan, done: Collection[int], processes: int = 1) -> None:
        """Start with the batches that earlier attempts did; so many processes work side by side from here on."""
        self._plan = plan
        self._processes = processes
        self._open = {batch.index: batch for batch in plan.batches if batch.index not in done}
        self._seconds: dict[str, float] = {}
        self._rows: dict[str, int] = {}
        self._right: dict[str, list[int]] = {}

    def add(self, batch: Batch, records: Iterable[Record], seconds: float) -> Progress:
        """Count a batch that was asked in so many seconds."""
        del self._open[batch.index]
        model = batch.model
        self._seconds[model] = self._seconds.get(model, 0.0) + seconds
        self._rows[model] = self._rows.get(model, 0) + batch.rows
        for record in records:
            if record.favoured_right is not None:
                hits = self._right.setdefault(self._side(record), [0, 0])
                hits[0] += record.favoured_right
                hits[1] += 1
        spent, left = sum(self._seconds.values()), sum(b.rows * self._pace(b.model) for b in self._open.values())
        spent, left = spent / self._processes, left / self._processes
        done = self._plan.rows - sum(b.rows for b in self._open.values())
        rate = sum(self._rows.values()) / spent if spent else 0.0
        right = {side: hits / n for side, (hits, n) in self._right.items()}
        return Progress(model, done, self._plan.rows, rate, left, right)

    def _pace(self, model: str) -> float:
        """Seconds a record, measured or judged by the model that was asked last."""
        known = model if model in self._rows else list(self._rows)[-1]
        pace = self._seconds[known] / self._rows[known]
        return pace * find(model).parameters / find(known).parameters

    def _side(self, record: Record) -> str:
        corrections = self._plan.prompts.corrections
        return BASELINE if record.correction == BASELINE else str(corrections[record.correction].side)
