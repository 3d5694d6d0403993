"""How far a running run is: records, tokens written, rates, time left, and figures as they come.

A batch takes time for writing its texts and for scoring its conditions. Writing is measured by tokens written, against
what its texts may hold at most; scoring by tokens read, against its records. Both move while a batch is asked.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from moralsc.batch.plan import Batch, Plan
from moralsc.batch.record import Record
from moralsc.items import BASELINE
from moralsc.models import find
from moralsc.notation import duration, rate

_LEAST = 0.05
"""Share of a batch's expected work that is taken to be left for as long as the batch is not done."""


@dataclass(frozen=True)
class Work:
    """What a batch has taken so far.

    Attributes:
        written: tokens written into its texts.
        writing: seconds of that.
        read: tokens that went through the model for scoring; 0 where they are not counted.
        scoring: seconds of that, 0 while texts are written.
    """

    written: int = 0
    writing: float = 0.0
    read: int = 0
    scoring: float = 0.0


@dataclass(frozen=True)
class Progress:
    """The state of a running run.

    Attributes:
        model: who is asked.
        done, planned: records, those of earlier attempts included.
        rate: records a second in this attempt, of all its processes together; 0 before a batch is done.
        written: tokens written in this attempt; of several processes by this one.
        speed: tokens a second while it writes.
        read: tokens that went through the model for scoring, counted as those written; 0 where nobody counts them.
        left: estimated seconds to the end, None as long as nothing tells. A model that was not asked yet is taken to
            need time in proportion to its parameters, or if these are unknown as much as the one before it.
        at_most: no batch is done yet: `left` is what writing takes if every text becomes as long as it may be.
        right: "baseline" or the side of a correction -> share of its records, in this attempt, whose most probable
            option is the right one.
    """

    model: str
    done: int
    planned: int
    rate: float
    written: int
    speed: float
    read: int
    left: float | None
    at_most: bool = False
    right: Mapping[str, float] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        """Rates and time left for people; while work remains there is never none left."""
        found = [rate(self.rate)] if self.rate else []
        found += [f"{self.written} tokens written, {rate(self.speed)}"] if self.written else []
        found += [f"{self.read} read for scoring"] if self.read else []
        if self.done < self.planned and self.left is not None:
            time = duration(max(1.0, self.left))
            if not self.at_most:
                found.append(f"about {time} left")
            elif self.left >= 1:
                found.append(f"at most {time} of writing left")
        return tuple(found)


@dataclass(frozen=True)
class _Phase:
    """One kind of work, summed over whole batches of a model: of this size, it took so many units and seconds."""

    size: int = 0
    units: int = 0
    seconds: float = 0.0

    def add(self, size: int, units: int, seconds: float) -> "_Phase":
        return _Phase(self.size + size, self.units + units, self.seconds + seconds)

    def of(self, size: int, slower: float = 1.0) -> "_Phase":
        """What work of another size is expected to take."""
        part = size / self.size if self.size else 0.0
        return _Phase(size, round(self.units * part), self.seconds * part * slower)

    def pace(self, units: int, seconds: float) -> float:
        """How much slower the work goes than expected, by what was done of it up to now."""
        if not self.units or not self.seconds:
            return 1.0
        return (self.seconds + seconds) / (self.units + units) / (self.seconds / self.units)

    def rest(self, units: int, seconds: float) -> float:
        """Seconds that are left of this expected work, of which so much is done."""
        if self.units:
            left = max(1 - units / self.units, _LEAST)
            return left * self.seconds * self.pace(units, seconds)
        return max(self.seconds - seconds, self.seconds * _LEAST)


Phases = Mapping[str, tuple[_Phase, _Phase]]
"""Model -> its writing and its scoring, up to now; the model that was asked last stands last."""


class Meter:
    """Counts what this attempt does."""

    def __init__(self, plan: Plan, done: Collection[int], processes: int = 1) -> None:
        """Start with the batches that earlier attempts did; so many processes work side by side from here on."""
        self._plan = plan
        self._processes = processes
        self._open = {batch.index: batch for batch in plan.batches if batch.index not in done}
        self._done = plan.rows - sum(batch.rows for batch in self._open.values())
        # Model -> (most tokens, records) of its open batches, so that a look at every token costs little.
        self._sizes: dict[str, list[int]] = {}
        for batch in self._open.values():
            self._grow(batch, 1)
        self._phases: dict[str, tuple[_Phase, _Phase]] = {}
        self._seconds, self._rows = 0.0, 0
        self._written, self._read, self._writing = 0, 0, 0.0
        self._right: dict[str, list[int]] = {}

    def moved(self, batch: Batch, work: Work) -> Progress:
        """Where the run stands while this batch is asked; nothing of it is counted."""
        return self._progress(batch, work)

    def add(self, batch: Batch, records: Iterable[Record], seconds: float, work: Work | None = None) -> Progress:
        """Count a batch that was asked in so many seconds.

        Args:
            work: what it took; None of another process's batch.
        """
        del self._open[batch.index]
        self._grow(batch, -1)
        self._done += batch.rows
        self._seconds += seconds
        self._rows += batch.rows
        if work is not None:
            writing, scoring = self._phases.pop(batch.model, (_Phase(), _Phase()))
            self._phases[batch.model] = (
                writing.add(self._plan.most_tokens(batch), work.written, work.writing),
                scoring.add(batch.rows, work.read, work.scoring),
            )
            self._written += work.written
            self._read += work.read
            self._writing += work.writing
        for record in records:
            if record.favoured_right is not None:
                hits = self._right.setdefault(self._side(record), [0, 0])
                hits[0] += record.favoured_right
                hits[1] += 1
        return self._progress(batch, None)

    def _grow(self, batch: Batch, sign: int) -> None:
        sizes = self._sizes.setdefault(batch.model, [0, 0])
        sizes[0] += sign * self._plan.most_tokens(batch)
        sizes[1] += sign * batch.rows

    def _progress(self, batch: Batch, work: Work | None) -> Progress:
        now = work or Work()
        written, writing = self._written + now.written, self._writing + now.writing
        return Progress(
            model=batch.model,
            done=self._done,
            planned=self._plan.rows,
            rate=self._rows * self._processes / self._seconds if self._seconds else 0.0,
            written=written,
            speed=written / writing if writing else 0.0,
            read=self._read + now.read,
            left=self._left(batch, work),
            at_most=not self._phases,
            right={side: hits / n for side, (hits, n) in self._right.items()},
        )

    def _left(self, batch: Batch, work: Work | None) -> float | None:
        """Seconds to the end; None if batches are open and nothing was measured."""
        if not self._open:
            return 0.0
        phases = self._phases
        if not phases and work is not None and work.written:
            phases = {batch.model: (_Phase(work.written, work.written, work.writing), _Phase())}
        if not phases:
            return None
        rest, slower = (0.0, 1.0) if work is None else self._rest(batch, work, phases)
        others = 0.0
        for model, (tokens, rows) in self._sizes.items():
            mine = model == batch.model
            if work is not None and mine:
                tokens, rows = tokens - self._plan.most_tokens(batch), rows - batch.rows
            writing, scoring = _expected(phases, model, tokens, rows)
            others += (writing.seconds + scoring.seconds) * (slower if mine else 1.0)
        return max(rest, (rest + others) / self._processes)

    def _rest(self, batch: Batch, work: Work, phases: Phases) -> tuple[float, float]:
        """Seconds that are left of a batch that is being asked, and how much slower it goes than expected."""
        writing, scoring = _expected(phases, batch.model, self._plan.most_tokens(batch), batch.rows)
        if work.scoring:
            return scoring.rest(work.read, work.scoring), scoring.pace(work.read, work.scoring)
        slower = writing.pace(work.written, work.writing)
        return writing.rest(work.written, work.writing) + scoring.seconds * slower, slower

    def _side(self, record: Record) -> str:
        corrections = self._plan.prompts.corrections
        return BASELINE if record.correction == BASELINE else str(corrections[record.correction].side)


def _expected(phases: Phases, model: str, tokens: int, rows: int) -> tuple[_Phase, _Phase]:
    """Writing and scoring, as measured or judged by the model that was asked last."""
    known = model if model in phases else list(phases)[-1]
    size, known_size = find(model).parameters, find(known).parameters
    larger = size / known_size if size and known_size else 1.0  # unknown of addresses, and of some files
    writing, scoring = phases[known]
    return writing.of(tokens, larger), scoring.of(rows, larger)
