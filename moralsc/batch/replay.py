"""From records back to dialogues: what a model was sent in each condition, made anew and checked by its hash."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from moralsc.answers import Score, ScoredBy
from moralsc.batch.plan import REVIEW
from moralsc.batch.record import Record, messages_json, sha256
from moralsc.dialogue import Dialogue, Form, Message, Mode, Status, Turn, baseline, correct
from moralsc.experiment import turns as asking
from moralsc.experiment.export import sent
from moralsc.experiment.probe import arms
from moralsc.items import BASELINE, Item
from moralsc.prompts import PromptSet
from moralsc.prompts.prefills import OWN


@dataclass(frozen=True)
class Replay:
    """One record with its dialogue.

    Attributes:
        dialogue: ends with the turn that the record is of; its other turns are what that turn may continue.
        same: the messages are those whose hash the record holds. They are not if the prompt set or the item has
            changed since, or if nothing was sent.
    """

    record: Record
    dialogue: Dialogue
    same: bool

    @property
    def turn(self) -> Turn:
        """The turn that the record is of."""
        return self.dialogue.turns[-1]

    @property
    def sent(self) -> tuple[Message, ...]:
        """What the model was sent for its answer."""
        return sent(self.dialogue, len(self.dialogue.turns) - 1)


def replayed(records: Iterable[Record], item: Item, prompts: PromptSet) -> list[Replay]:
    """The dialogues of one item's records, in the order given.

    Args:
        records: of one model, with the baseline of every dialogue before its corrections, and rounds in their order.
        item: in the benchmark's own order of options.

    Raises:
        InputError: a correction is not offered for the item.
    """
    found: list[Replay] = []
    for record in records:
        asked = _asked(record, item)
        before = _before(record, found, asked)
        turn = _answered(_turn(record, asked, prompts), record, asked)
        dialogue = before.add(turn)
        messages = sent(dialogue, len(dialogue.turns) - 1)
        found.append(Replay(record, dialogue, record.sent_hash == sha256(messages_json(messages))))
    return found


def _asked(record: Record, item: Item) -> Item:
    """The item in the record's order of options, and in its arm."""
    own = [option.label for option in item.options]
    ordered = item.reordered(tuple(own.index(label) for label in record.order)) if record.order else item
    return next((arm for arm in arms(ordered) if arm.arm == record.arm), ordered)


def _before(record: Record, found: Sequence[Replay], item: Item) -> Dialogue:
    """What the record's turn may continue: of a correction the baseline, of a round the one before."""
    if record.correction == BASELINE:
        return Dialogue(item)
    wanted = (BASELINE, 0) if record.round == 0 else (record.correction, record.round - 1)
    for other in reversed(found):
        r = other.record
        if (r.correction, r.round) == wanted and (r.arm, r.order) == (record.arm, record.order):
            return other.dialogue
    return Dialogue(item)


def _turn(record: Record, item: Item, prompts: PromptSet) -> Turn:
    scored_by, form = ScoredBy(record.scored_by), Form(record.form)
    prefill, system = record.prefill or OWN, record.system
    if record.correction == BASELINE:
        return baseline(item, prompts, scored_by, form, prefill, system)
    id, mode = (REVIEW, Mode.FOLLOW_UP) if record.round else (record.correction, Mode(record.mode))
    correction = prompts.correction(id)
    return correct(item, correction, prompts, scored_by, mode, form, prefill=prefill, system=system)


def _answered(turn: Turn, record: Record, item: Item) -> Turn:
    """The turn with what came of it."""
    for k, exchange in enumerate(turn.exchanges):
        turn = turn.with_reply(k, (record.reasoning if exchange.reasoning else record.reply) or "")
    turn = replace(turn, temperature=record.temperature, seed=record.seed, seconds=record.seconds)
    if record.failure:
        return replace(turn, status=Status.FAILED, error=record.reason or record.failure)
    if record.reply is not None:
        turn = replace(turn, answer=asking.answer(turn, item))
    if record.logprobs is not None:
        turn = replace(turn, score=Score(record.labels, record.logprobs, ScoredBy(record.scored_by)))
    return turn
