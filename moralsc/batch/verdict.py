"""From a turn that was asked to its record: what was said, what is most probable, and whether either is right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moralsc.answers import Score, ScoredBy
from moralsc.batch.cell import Cell
from moralsc.batch.record import Failure, Record, key, messages_json, sha256
from moralsc.dialogue import Message, Turn
from moralsc.experiment import turns as asking
from moralsc.experiment.probe import Manner
from moralsc.items import BASELINE, Item, Role
from moralsc.models import mark


@dataclass(frozen=True)
class Facts:
    """What all records of one batch share.

    Attributes:
        prefill: the name of the wording that the answers' openings have.
        render: messages -> the exact text that the model sees, None where nobody here knows it.
        texts: keep the messages in full.
        seconds, tokens: each record's share of the batch.
    """

    batch: int
    provenance: Mapping[str, str]
    manner: Manner
    prefill: str
    scored_by: ScoredBy
    render: Callable[[Sequence[Message]], str | None]
    texts: bool
    seconds: float
    tokens: float | None


def record(cell: Cell, row: int, facts: Facts) -> Record:
    """The record of a cell that has come to its end, well or not."""
    item, turn = cell.asked.item, cell.turn
    values: dict[str, Any] = {
        "row": row,
        "batch": facts.batch,
        **{name: facts.provenance.get(name, "") for name in ("weights", "dtype")},
        "quantisation": facts.provenance.get("quantisation"),
        **_item(item),
        "model": cell.task.model,
        "mark": mark(cell.task.model),
        "order": cell.asked.order,
        "correction": cell.correction.id if cell.correction else BASELINE,
        "round": cell.round,
        "mode": str(turn.mode if turn else facts.manner.mode),
        "form": str(facts.manner.form),
        "system": None if facts.manner.system is None else _text(facts.manner.system),
        "prefill": facts.prefill,
        "scored_by": str(facts.scored_by),
        "temperature": facts.manner.temperature,
        "seed": facts.manner.seed,
        "repeat": 0,
        **dict.fromkeys(_UNKNOWN),
        "status": "failed" if cell.failure else "done",
        "failure": str(cell.failure) if cell.failure else None,
        "reason": cell.reason or None,
        "seconds": facts.seconds,
        "tokens": facts.tokens,
    }
    if turn is not None and cell.failure not in (Failure.BAD_ITEM, Failure.NOT_ASKED):
        values |= _sent(cell, turn, facts)
    if turn is not None and cell.failure is None:
        values |= _said(turn, item) if cell.speaks else {}
        values |= _scored(turn.score, item) if turn.score else {}
    return Record(**values)


_UNKNOWN = (
    *("key", "sent_hash", "seen_hash", "sent", "reasoning", "reply", "logprobs", "mass", "probabilities"),
    *("p_unbiased", "p_stereotyped", "p_counter", "favoured", "favoured_role", "favoured_right"),
    *("outcome", "label", "span_start", "span_end", "rule", "said_role", "said_right"),
)


def _item(item: Item) -> dict[str, Any]:
    return {
        "benchmark": item.benchmark,
        "source": "bundled" if item.bundled else "published",
        "category": item.category,
        "item": item.id,
        "arm": item.arm,
        "condition": str(item.condition),
        "polarity": str(item.polarity),
        "occupation": item.fills.get("occupation", ""),
        "percent_female": item.facts.get("bls_pct_female"),
        "weight": item.weight,
        "labels": tuple(o.label for o in item.options),
        "groups": tuple(o.group for o in item.options),
        "roles": tuple(str(o.role or "") for o in item.options),
        "correct": _role(item, item.correct),
    }


def _sent(cell: Cell, turn: Turn, facts: Facts) -> dict[str, Any]:
    """What was sent last and what came back, also where that was an error."""
    last = len(turn.exchanges) - 1 if cell.ended_at is None else cell.ended_at
    messages = turn.prompt(cell.history, last)
    drawn = [k for k in range(last + 1) if cell.generates(k)]
    samplings = [asking.sampling(turn, k, facts.manner.temperature, facts.manner.seed) for k in drawn]
    scoring = asking.scoring(turn, cell.history, cell.asked.item, facts.scored_by)
    whole = [e for k, e in enumerate(turn.exchanges) if k in drawn and k != cell.ended_at]
    return {
        "key": key(facts.provenance, messages, scoring, samplings, facts.manner.seed, cell.number),
        "sent_hash": sha256(messages_json(messages)),
        "seen_hash": sha256(seen) if (seen := facts.render(messages)) is not None else None,
        "sent": _text(messages_json(messages)) if facts.texts else None,
        "reasoning": next((_text(e.reply) for e in whole if e.reasoning), None),
        "reply": next((_text(e.reply) for e in whole if not e.reasoning), None),
    }


def _said(turn: Turn, item: Item) -> dict[str, Any]:
    answer = asking.answer(turn, item)
    start, end = answer.span or (None, None)
    return {
        "outcome": str(answer.outcome),
        "label": answer.label,
        "span_start": start,
        "span_end": end,
        "rule": answer.rule,
        "said_role": _role(item, answer.label),
        "said_right": _right(item, answer.label),
    }


def _scored(score: Score, item: Item) -> dict[str, Any]:
    shares = score.probabilities
    top = max(score.logprobs)
    favoured = score.favoured if score.logprobs.count(top) == 1 else None
    by_role = {o.role: shares[o.label] for o in item.options}
    return {
        "logprobs": score.logprobs,
        "mass": score.mass,
        "probabilities": tuple(shares.values()),
        "p_unbiased": by_role.get(Role.UNBIASED),
        "p_stereotyped": by_role.get(Role.STEREOTYPED),
        "p_counter": by_role.get(Role.COUNTER),
        "favoured": favoured,
        "favoured_role": _role(item, favoured),
        "favoured_right": _right(item, favoured),
    }


def _role(item: Item, label: str | None) -> str | None:
    role = None if label is None else item.option(label).role
    return str(role) if role else None


def _right(item: Item, label: str | None) -> bool | None:
    return None if label is None or item.correct is None else label == item.correct


def _text(text: str) -> str:
    """The text as every file can hold it: halves of characters become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
