"""An item card asked again: what the model writes and scores this time, beside what the card holds.

Each text is asked after what the model wrote then: one difference does not lead to the next.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from moralsc.engines.base import TOLERANCE, Engine, Sampling, Scoring, StopFlag
from moralsc.experiment.card import Card, Step

# Equal weights on one machine give equal figures but for the order of sums.
_SAME = 1e-6


class Match(StrEnum):
    """How an answer compares with the card's."""

    SAME = "same"
    WITHIN = "within tolerance"
    DIFFERENT = "different"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Again:
    """One step, asked again.

    Attributes:
        texts: what the model wrote this time, one a text of the step.
        differs_at: for each of them the first character that is another one, None where there is none.
        logprobs: this time's, None if the step has none or the engine could not give them.
        shift: the largest difference of a log-probability, nats; None likewise.
        match: of texts and figures together: where no text differs but the figures did not come, not measured.
        tolerance: up to which a log-probability is within tolerance here, nats.
    """

    step: Step
    texts: tuple[str, ...]
    differs_at: tuple[int | None, ...]
    logprobs: tuple[float, ...] | None
    shift: float | None
    match: Match
    tolerance: float = _SAME

    @property
    def matches(self) -> tuple[Match, ...]:
        """Of each log-probability by itself; none if the step has none, not measured if they did not come."""
        if self.step.scored is None:
            return ()
        if self.logprobs is None:
            return (Match.NOT_MEASURED,) * len(self.step.scored.logprobs)
        pairs = zip(self.step.scored.logprobs, self.logprobs, strict=True)
        return tuple(_match(abs(a - b), self.tolerance) for a, b in pairs)


def _match(shift: float, tolerance: float) -> Match:
    return Match.SAME if shift <= _SAME else Match.WITHIN if shift <= tolerance else Match.DIFFERENT


def reask(card: Card, engine: Engine, stop: StopFlag) -> Iterator[Again]:
    """Ask a card's steps again, one after the other; ends early when it is told to stop.

    Raises:
        MoralscError: the engine failed, or a prompt is too long for this model.
    """
    tolerance = TOLERANCE.get(engine.provenance.get("dtype", ""), _SAME)
    for step in card.steps:
        texts = tuple(_texts(step, engine, stop))
        if stop.stopped:
            return
        logprobs = None
        if step.scored is not None:
            (logprobs,) = engine.score([Scoring(step.scored.messages, step.scored.continuations, step.scored.closed)])
        yield _compared(step, texts, logprobs, tolerance)


def _texts(step: Step, engine: Engine, stop: StopFlag) -> Iterator[str]:
    for asked in step.written:
        if stop.stopped:
            return
        sampling = Sampling(asked.max_new_tokens, asked.temperature, seed=asked.seed, until=asked.until)
        yield "".join(engine.stream(asked.messages, sampling, stop))


def _compared(step: Step, texts: tuple[str, ...], logprobs: tuple[float, ...] | None, tolerance: float) -> Again:
    differs = tuple(_first_difference(asked.reply, text) for asked, text in zip(step.written, texts, strict=True))
    shift = None
    if step.scored is not None and logprobs is not None:
        shift = max(abs(a - b) for a, b in zip(step.scored.logprobs, logprobs, strict=True))
    if any(place is not None for place in differs):
        match = Match.DIFFERENT
    elif step.scored is not None and shift is None:
        match = Match.NOT_MEASURED
    else:
        match = _match(shift or 0.0, tolerance)
    return Again(step, texts, differs, logprobs, shift, match, tolerance)


def _first_difference(a: str, b: str) -> int | None:
    if a == b:
        return None
    return next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
