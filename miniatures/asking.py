"""Putting items to a model exactly as the program does, through moralsc.dialogue and an engine."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from moralsc.answers import Score, ScoredBy
from moralsc.dialogue import Dialogue, Message, Mode, Turn, baseline, continuations, correct
from moralsc.engines.base import Engine, Sampling, Scoring, StopFlag
from moralsc.errors import ModelError
from moralsc.items import Item
from moralsc.prompts import Correction, PromptSet

REPLIES = 60
"""Greedy replies that are written for a figure; all items are scored."""
REASONING = Sampling(max_new_tokens=128)
_ANSWER = Sampling(max_new_tokens=32)


@dataclass(frozen=True)
class Asked:
    """A finished turn of one item with its scores; `written` where the model also wrote its greedy reply."""

    item: Item
    turn: Turn
    score: Score
    written: bool


def ask(engine: Engine, items: Sequence[Item], prompts: PromptSet) -> list[Asked]:
    """The baseline of every item."""
    write = _some(len(items))
    return [
        _finish(engine, item, [(baseline(item, prompts, engine.spec.scored_by), ())], k in write)[0]
        for k, item in enumerate(items)
    ]


def follow(
    engine: Engine,
    asked: Sequence[Asked],
    corrections: Sequence[Correction],
    prompts: PromptSet,
    mode: Mode = Mode.FOLLOW_UP,
    replies: int = REPLIES,
) -> list[list[Asked]]:
    """Each correction on the baseline alone: one list a correction, each in the order of the items."""
    write = _some(len(asked), replies)
    rows = []
    for k, first in enumerate(asked):
        history = Dialogue(first.item).add(first.turn).history()
        turns = [correct(first.item, c, prompts, engine.spec.scored_by, mode) for c in corrections]
        # What is scored together shares the pass over the item.
        opened = [(_reasoned(engine, turn, history), history) for turn in turns]
        rows.append(_finish(engine, first.item, opened, k in write))
    return [list(column) for column in zip(*rows, strict=True)]


def offered(items: Collection[Item], prompts: PromptSet, mode: Mode) -> list[Correction]:
    """The corrections that need no person's text and that every one of the items offers in this mode."""
    common = set.intersection(*({c.id for c in prompts.offered(i)} for i in items))
    fitting = (c for c in prompts.corrections.values() if c.id in common and not c.needs_text)
    return [c for c in fitting if mode is Mode.FOLLOW_UP or not c.follow_up_only]


def sample(items: Sequence[Item], count: int | None, seed: int = 0) -> list[Item]:
    """At most `count` of the items, drawn by seed, in their order; None takes all."""
    return list(items) if count is None else [items[k] for k in sorted(_some(len(items), count, seed))]


def write(engine: Engine, messages: Sequence[Message], sampling: Sampling) -> str:
    """The whole reply."""
    return "".join(engine.stream(messages, sampling, StopFlag()))


def _some(length: int, count: int = REPLIES, seed: int = 0) -> set[int]:
    return set(range(length) if length <= count else random.Random(seed).sample(range(length), count))


def _reasoned(engine: Engine, turn: Turn, history: tuple[Message, ...]) -> Turn:
    if len(turn.exchanges) == 1:
        return turn
    return turn.with_reply(0, write(engine, turn.prompt(history, 0), REASONING))


def _finish(engine: Engine, item: Item, opened: Sequence[tuple[Turn, tuple[Message, ...]]], reply: bool) -> list[Asked]:
    scored_by = engine.spec.scored_by
    closed = scored_by is ScoredBy.TEXT
    scores = engine.score([Scoring(t.scoring_prompt(h), continuations(item, scored_by), closed) for t, h in opened])
    finished = []
    for (turn, history), logprobs in zip(opened, scores, strict=True):
        last = len(turn.exchanges) - 1
        if logprobs is None:
            raise ModelError(f"{engine.spec.name} gives no probabilities, from which miniatures are measured.")
        if reply:
            turn = turn.with_reply(last, write(engine, turn.prompt(history, last), _ANSWER))
        finished.append(Asked(item, turn, Score(tuple(o.label for o in item.options), logprobs, scored_by), reply))
    return finished
