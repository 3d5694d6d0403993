"""Item card: a dialogue as one small file that can be put to a model again, word for word.

A card holds the exact messages of every turn, so neither the item nor the prompt set is needed to ask it again.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from moralsc.answers import Answer, ScoredBy
from moralsc.dialogue import Dialogue, Form, Message, Mode, Status, Turn
from moralsc.errors import DataError
from moralsc.experiment import turns as asking
from moralsc.items import Item
from moralsc.models import mark

MAX_BYTES = 1_000_000
_MAX_STEPS, _MAX_MESSAGES, _MAX_TOKENS, _MAX_OPTIONS = 20, 60, 1024, 8
_ROUNDING = 1e-4
_EMBEDDED = re.compile(r'<script type="application/json" id="moralsc-card">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True)
class Written:
    """A text that the model wrote: what it was sent, how the text was drawn, and the text."""

    messages: tuple[Message, ...]
    max_new_tokens: int
    temperature: float
    seed: int
    reply: str
    reasoning: bool = False
    until: str = ""


@dataclass(frozen=True)
class Scored:
    """The options' log-probabilities (natural, summed over an option's tokens), and what they stand behind.

    Attributes:
        mass: probability that the options hold together, for who reads the card; older cards lack it.
    """

    messages: tuple[Message, ...]
    continuations: tuple[str, ...]
    closed: bool
    labels: tuple[str, ...]
    logprobs: tuple[float, ...]
    mass: float | None = None


@dataclass(frozen=True)
class Step:
    """One turn.

    Attributes:
        status, error: how it ended then.
    """

    correction: str
    title: str
    mode: Mode
    form: Form
    instruction: str
    written: tuple[Written, ...]
    scored: Scored | None
    answer: Answer | None
    status: Status = Status.DONE
    error: str = ""


@dataclass(frozen=True)
class ShownOption:
    """An option as it was shown."""

    label: str
    text: str
    group: str
    role: str


@dataclass(frozen=True)
class Card:
    """A dialogue with all that is needed to ask it again.

    Attributes:
        mark: what stands with every result of a bundled miniature, else empty.
        provenance: the engine's facts: revision or hash of the weights, dtype, device, versions.
        prompt_set: its hash.
        correct: label of the right option, None if none is.
    """

    model: str
    mark: str
    provenance: dict[str, str]
    prompt_set: str
    benchmark: str
    item: str
    title: str
    origin: str
    arm: str
    context: str
    question: str
    options: tuple[ShownOption, ...]
    correct: str | None
    scored_by: ScoredBy
    steps: tuple[Step, ...]
    format: Literal["moralsc card 1"] = "moralsc card 1"


_CARD = TypeAdapter(Card)


def card_of(dialogue: Dialogue, model: str, provenance: dict[str, str], prompt_set: str, scored_by: ScoredBy) -> Card:
    """The card of a dialogue with all its turns."""
    item = dialogue.item
    return Card(
        model=model,
        mark=mark(model),
        provenance=dict(provenance),
        prompt_set=prompt_set,
        benchmark=item.benchmark,
        item=item.id,
        title=item.title,
        origin=item.origin,
        arm=item.arm,
        context=item.context,
        question=item.question,
        options=tuple(ShownOption(o.label, o.text, o.group, str(o.role or "")) for o in item.options),
        correct=item.correct,
        scored_by=scored_by,
        steps=tuple(_step(dialogue, k, scored_by) for k in range(len(dialogue.turns))),
    )


def to_json(card: Card) -> str:
    """The card as JSON text."""
    return _CARD.dump_json(card, indent=1).decode("utf-8")


def read_card(data: bytes) -> Card:
    """A card from its JSON, or from the HTML page that carries it.

    Raises:
        DataError: it is none, or larger than any card of ours; a sentence says what is wrong where.
    """
    if len(data) > MAX_BYTES:
        raise DataError(f"An item card has at most {MAX_BYTES // 1000} kB; this file has {len(data) // 1000}.")
    text = data.decode("utf-8", "replace")
    if embedded := _EMBEDDED.search(text):
        text = embedded[1]
    try:
        card = _CARD.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(
            f"This file is no item card ({place + ': ' if place else ''}{first['msg']}). Give one that was downloaded "
            "here, as JSON or HTML."
        ) from error
    if problem := _problem(card):
        raise DataError(f"This item card cannot be asked: {problem}.")
    return card


def _step(dialogue: Dialogue, index: int, scored_by: ScoredBy) -> Step:
    turn, item = dialogue.turns[index], dialogue.item
    history = dialogue.before(index).history()
    return Step(
        correction=turn.correction,
        title=turn.title,
        mode=turn.mode,
        form=turn.form,
        instruction=turn.instruction,
        written=tuple(_written(turn, history)),
        scored=_scored(turn, history, item, scored_by),
        answer=turn.answer,
        status=turn.status,
        error=turn.error,
    )


def _written(turn: Turn, history: tuple[Message, ...]) -> Iterator[Written]:
    """The texts of a turn that came to its end; an answer that was scored only is none."""
    if turn.status is not Status.DONE:
        return
    for k, exchange in enumerate(turn.exchanges):
        if exchange.reasoning or turn.answer is not None:
            how = asking.sampling(turn, k, turn.temperature, turn.seed)
            drawn = (how.max_new_tokens, how.temperature, how.seed)
            yield Written(turn.prompt(history, k), *drawn, exchange.reply, exchange.reasoning, how.until)


def _scored(turn: Turn, history: tuple[Message, ...], item: Item, scored_by: ScoredBy) -> Scored | None:
    if turn.score is None:
        return None
    asked, score = asking.scoring(turn, history, item, scored_by), turn.score
    return Scored(asked.messages, asked.continuations, asked.closed, score.labels, score.logprobs, score.mass)


def _problem(card: Card) -> str:
    """Why a card that has the right shape is refused; empty if it is not."""
    if not 1 <= len(card.steps) <= _MAX_STEPS:
        return f"it has {len(card.steps)} turns, allowed are 1 to {_MAX_STEPS}"
    for number, step in enumerate(card.steps, 1):
        for asked in step.written:
            if not 1 <= asked.max_new_tokens <= _MAX_TOKENS:
                return f"turn {number} asks for {asked.max_new_tokens} tokens, allowed are 1 to {_MAX_TOKENS}"
            if not (0 <= asked.temperature <= 2 and 0 <= asked.seed < 2**31):
                return f"turn {number} is drawn with a temperature or seed out of range"
        scored = step.scored
        if scored is not None and not _belong_together(scored):
            return f"the options of turn {number} and their figures do not belong together"
        for messages in (*(a.messages for a in step.written), *([scored.messages] if scored else [])):
            if not 1 <= len(messages) <= _MAX_MESSAGES:
                return f"turn {number} sends {len(messages)} messages, allowed are 1 to {_MAX_MESSAGES}"
    return ""


def _belong_together(scored: Scored) -> bool:
    """Whether there is one log-probability an option, and the mass, where it is there, is theirs."""
    of_each = 1 <= len(scored.continuations) <= _MAX_OPTIONS
    of_each = of_each and len(scored.continuations) == len(scored.labels) == len(scored.logprobs)
    if not of_each or not all(math.isfinite(x) and x <= _ROUNDING for x in scored.logprobs):
        return False
    return scored.mass is None or abs(scored.mass - math.fsum(map(math.exp, scored.logprobs))) <= _ROUNDING
