"""One item put to one model, live: the visitor's path.

A Probe is an immutable record of what was asked and answered; the page, the command line and the exports are drawn
from it. Each function here takes a Probe and yields it again as it grows. An item that is asked in arms (see
`benchmarks.base.Arms`) has a dialogue for each, and these are asked the same things side by side.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from moralsc.answers import Score
from moralsc.benchmarks import benchmark_of
from moralsc.dialogue import Dialogue, Form, Message, Mode, Status, Turn, baseline, correct
from moralsc.engines.base import Engine, StopFlag, limits
from moralsc.errors import InputError, ModelError
from moralsc.experiment import turns as asking
from moralsc.items import Item
from moralsc.models import ModelSpec
from moralsc.prompts import Correction, PromptSet
from moralsc.prompts.prefills import check_prefill

MAX_TURNS = 10
MAX_TEXT = 2000
"""Longest text of a person's own in a correction, and longest system message, in characters."""
# Text arrives token by token; the page needs it no faster than the eye.
_YIELD_SECONDS = 0.04


@dataclass(frozen=True)
class Manner:
    """How everything in a probe is asked.

    Attributes:
        mode: whether corrections follow the answer or stand with the item in a fresh dialogue.
        form: brief after a primer, or free.
        temperature: 0 is greedy.
        seed: of drawing, and of the option order if `shuffle`.
        shuffle: options in an order drawn from the seed instead of the item's own.
        system: the system message of at most MAX_TEXT characters, "" for none, None for the chat template's own.
        prefill: name of the wording of an answer's opening, empty for the model's own.

    Raises:
        InputError: the system message is too long, or there is no such prefill.
    """

    mode: Mode = Mode.FOLLOW_UP
    form: Form = Form.PRIMED
    temperature: float = 0.0
    seed: int = 0
    shuffle: bool = False
    system: str | None = None
    prefill: str = ""

    def __post_init__(self) -> None:
        check_system(self.system)
        check_prefill(self.prefill)


def check_system(text: str | None) -> None:
    """Raise InputError for a system message that is too long, blank, or no text that a command line could hold."""
    if text is None or text == "":
        return
    if len(text) > MAX_TEXT:
        raise InputError(f"The system message has {len(text)} characters; at most {MAX_TEXT} are allowed.")
    if not text.strip() or "\0" in text:
        raise InputError("The system message is blank or holds a NUL character. Give a text, or ask without one.")


def asked_with(system: str | None, prefill: str) -> list[str]:
    """The words of the command line for a system message and a prefill; none for what is usual."""
    words = [] if system is None else ["--system", system] if system else ["--no-system"]
    return words + (["--prefill", prefill] if prefill else [])


@dataclass(frozen=True)
class Rung:
    """One condition of the ladder: what was asked and the option probabilities, one score an arm."""

    correction: str
    turns: tuple[Turn, ...]

    @property
    def scores(self) -> tuple[Score, ...]:
        """(arms,) the scores; a finished rung has one an arm."""
        return tuple(t.score for t in self.turns if t.score is not None)


@dataclass(frozen=True)
class Ladder:
    """Every condition of one item at once.

    Attributes:
        rungs: unethical ones (most specific first), the baseline, ethical ones.
        others: what the item offers off the ladder: chain of thought, match the statistics.
        manner: how the corrections were asked.
        seconds: wall time for all of it.
    """

    rungs: tuple[Rung, ...]
    others: tuple[Rung, ...]
    manner: Manner
    seconds: float


@dataclass(frozen=True)
class Probe:
    """What one visitor asked about one item.

    Attributes:
        model: name in the catalogue.
        item: as chosen; the dialogues hold it as asked (order, arm).
        manner: how the next turn is asked; each turn says how it was asked itself.
        prompts: hash of the prompt set.
        arms: one dialogue, or one an arm of the item.
        ladder: the last ladder run, None before.
        provenance: the engine's facts (revision, dtype, versions), empty before the first question.
    """

    model: str
    item: Item
    manner: Manner
    prompts: str
    arms: tuple[Dialogue, ...]
    ladder: Ladder | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def turns(self) -> int:
        """How many turns each arm has."""
        return len(self.arms[-1].turns)

    @property
    def asked(self) -> bool:
        """Whether every arm has a finished baseline."""
        return all(a.baseline is not None and a.baseline.status is Status.DONE for a in self.arms)

    def undo(self) -> "Probe":
        """Without the last turn of every arm."""
        return replace(self, arms=tuple(a.undo() for a in self.arms))

    def settled(self) -> "Probe":
        """Without a turn that is still running, as after a job that broke off."""
        running = any(a.turns and a.turns[-1].status is Status.RUNNING for a in self.arms)
        whole = min(len(a.turns) - bool(a.turns and a.turns[-1].status is Status.RUNNING) for a in self.arms)
        return replace(self, arms=tuple(a.before(whole) for a in self.arms)) if running else self

    def restarted(self) -> "Probe":
        """With no turn and no ladder."""
        return replace(self, arms=tuple(Dialogue(a.item) for a in self.arms), ladder=None)


def figure(item: Item, scores: tuple[Score, ...]) -> float | None:
    """The one number of a condition: p(right answer); where none is right that of the watched option, or the
    difference of it between two arms.

    Args:
        item: as asked (its labels are the scores').
        scores: one an arm, in their order.

    Returns:
        A probability or a difference of two; None where the item has neither.
    """
    of, label = benchmark_of(item.benchmark), item.correct
    if of.watched:
        label = next((o.label for o in item.options if o.group == of.watched), None)
    if label is None or len(scores) != (2 if of.arms else 1):
        return None
    first, *second = (s.probabilities[label] for s in scores)
    return first - second[0] if second else first


def arms(item: Item) -> tuple[Item, ...]:
    """The item as it is asked: itself, or once an arm."""
    return benchmark_of(item.benchmark).asked(item)


def new_probe(model: str, item: Item, manner: Manner, prompts: PromptSet) -> Probe:
    """A probe before its first question."""
    asked = item.shuffled(manner.seed) if manner.shuffle else item
    return Probe(model, item, manner, prompts.hash, tuple(Dialogue(i) for i in arms(asked)))


def first(item: Item, prompts: PromptSet, spec: ModelSpec, manner: Manner) -> Turn:
    """The turn that asking the item would send."""
    prefill = prompts.prefill(manner.prefill, spec.prefill)
    return baseline(item, prompts, spec.scored_by, manner.form, prefill, manner.system)


def planned(
    item: Item, correction: Correction, prompts: PromptSet, spec: ModelSpec, manner: Manner, text: str = ""
) -> Turn:
    """The turn that applying this correction would send, as `correct` builds it.

    Corrections that follow an answer do so in either mode.

    Raises:
        InputError: it is not offered for the item, or the person's text is missing or too long.
    """
    if len(text) > MAX_TEXT:
        raise InputError(f"The text has {len(text)} characters; at most {MAX_TEXT} are allowed.")
    mode = Mode.FOLLOW_UP if correction.follow_up_only else manner.mode
    prefill = prompts.prefill(manner.prefill, spec.prefill)
    return correct(item, correction, prompts, spec.scored_by, mode, manner.form, text, prefill, manner.system)


def ask(probe: Probe, engine: Engine, prompts: PromptSet, stop: StopFlag) -> Iterator[Probe]:
    """Start over and ask the baseline; yields the probe as the answer grows."""
    probe = replace(_possible(probe, engine).restarted(), provenance=engine.provenance)
    turns = [first(a.item, prompts, engine.spec, probe.manner) for a in probe.arms]
    yield from _grow(probe, turns, engine, stop)


def apply(
    probe: Probe, correction: Correction, engine: Engine, prompts: PromptSet, stop: StopFlag, text: str = ""
) -> Iterator[Probe]:
    """Apply a correction after the baseline; yields the probe as the answer grows.

    Raises:
        InputError: there is no baseline yet, the dialogue is full, or the correction does not fit.
    """
    if not probe.asked:
        raise InputError("Ask the item first: a correction needs an answer to correct.")
    if probe.turns >= MAX_TURNS:
        raise InputError(f"A dialogue holds at most {MAX_TURNS} turns. Undo a turn or start over.")
    probe = _possible(probe, engine)
    turns = [planned(a.item, correction, prompts, engine.spec, probe.manner, text) for a in probe.arms]
    yield from _grow(probe, turns, engine, stop)


def _possible(probe: Probe, engine: Engine) -> Probe:
    """The probe, asked freely where an opening cannot be continued; each turn says how it was asked."""
    if limits(engine).continues or probe.manner.form is Form.FREE:
        return probe
    return replace(probe, manner=replace(probe.manner, form=Form.FREE))


def _grow(probe: Probe, turns: list[Turn], engine: Engine, stop: StopFlag) -> Iterator[Probe]:
    """Ask one turn in every arm, one arm after the other."""
    for index, turn in enumerate(turns):
        history = probe.arms[index].history()
        probe = _with_arm(probe, index, probe.arms[index].add(replace(turn, status=Status.RUNNING)))
        for grown in _run(turn, history, probe.arms[index].item, engine, probe.manner, stop):
            probe = _with_arm(probe, index, probe.arms[index].with_last(grown))
            yield probe
        if grown.status is not Status.DONE:
            yield _ended_alike(probe, index, turns[index + 1 :], grown)
            return


def _ended_alike(probe: Probe, index: int, unasked: list[Turn], ended: Turn) -> Probe:
    """An arm alone is no comparison: where one did not finish, the turn of every arm ends in the same way.

    Args:
        index: the arm that ended.
        unasked: the turn in the arms after it, which were not asked.
    """
    for before in range(index):
        turn = replace(probe.arms[before].turns[-1], status=ended.status, error=ended.error, answer=None, score=None)
        probe = _with_arm(probe, before, probe.arms[before].with_last(turn))
    for after, turn in enumerate(unasked, start=index + 1):
        turn = replace(turn, status=ended.status, error=ended.error)
        probe = _with_arm(probe, after, probe.arms[after].add(turn))
    return probe


def _with_arm(probe: Probe, index: int, dialogue: Dialogue) -> Probe:
    return replace(probe, arms=(*probe.arms[:index], dialogue, *probe.arms[index + 1 :]))


def _run(
    turn: Turn, history: tuple[Message, ...], item: Item, engine: Engine, manner: Manner, stop: StopFlag
) -> Iterator[Turn]:
    """Ask one turn in one dialogue; the last turn yielded is done, stopped or failed, never running."""
    started, index = time.perf_counter(), 0

    def ended(turn: Turn, status: Status, error: str = "") -> Turn:
        # What was never sent is no part of the record.
        begun = turn.exchanges[: index + 1]
        return replace(turn, exchanges=begun, status=status, error=error, seconds=time.perf_counter() - started)

    turn = replace(turn, status=Status.RUNNING, temperature=manner.temperature, seed=manner.seed)
    yield turn
    try:
        for index in range(len(turn.exchanges)):
            for turn in write(turn, index, history, engine, manner, stop):
                yield turn
            if stop.stopped:
                yield ended(turn, Status.STOPPED)
                return
        scoring = asking.scoring(turn, history, item, engine.spec.scored_by)
        if turn.form is Form.FREE and limits(engine).probabilities:
            turn = replace(turn, scored_after=engine.render(scoring.messages))
        (logprobs,) = engine.score([scoring])
    except ModelError as error:
        yield ended(turn, Status.FAILED, str(error))
        return
    turn = asking.scored(turn, item, logprobs, engine.spec.scored_by)
    yield ended(replace(turn, answer=asking.answer(turn, item)), Status.DONE)


def write(
    turn: Turn, index: int, history: tuple[Message, ...], engine: Engine, manner: Manner, stop: StopFlag
) -> Iterator[Turn]:
    """Stream the reply of one exchange; the last turn yielded holds all of it."""
    sampling = asking.sampling(turn, index, manner.temperature, manner.seed)
    prompt = turn.prompt(history, index)
    turn = replace(turn, seen=engine.render(prompt))
    yield turn
    reply, shown = "", 0.0
    for piece in engine.stream(prompt, sampling, stop):
        reply += piece
        if time.perf_counter() - shown > _YIELD_SECONDS:
            shown = time.perf_counter()
            yield turn.with_reply(index, reply)
    yield turn.with_reply(index, reply)
