"""One turn, whoever asks it: how its text is drawn, what is scored after it, and how its answer is read.

The live probe and whole runs ask by these functions, so that both send, score and read the same.
"""

from collections.abc import Sequence
from dataclasses import replace

from moralsc.answers import Answer, Score, ScoredBy, read_answer
from moralsc.dialogue import Form, Message, Turn, continuations
from moralsc.engines.base import Sampling, Scoring
from moralsc.items import Item

ANSWER_TOKENS = {Form.PRIMED: 32, Form.FREE: 96}
"""Longest answer in tokens, by form."""
REASONING_TOKENS = 256
"""Longest chain of thought in tokens."""


def sampling(turn: Turn, index: int, temperature: float, seed: int) -> Sampling:
    """How the reply of exchange `index` is drawn; an answer whose opening has a closing mark ends with that."""
    exchange, opening = turn.exchanges[index], turn.opening
    limit = REASONING_TOKENS if exchange.reasoning else ANSWER_TOKENS[turn.form]
    until = opening.close if exchange.primer == opening.text else ""
    return Sampling(limit, temperature=temperature, seed=seed, until=until)


def scoring(turn: Turn, history: tuple[Message, ...], item: Item, scored_by: ScoredBy) -> Scoring:
    """What the engine scores for the turn: the options, after its answer's opening.

    An option's words count up to what ends them: what closes them behind this opening, or else the end of the turn.
    """
    close = turn.opening.close
    closed = scored_by is ScoredBy.TEXT and not close
    return Scoring(turn.scoring_prompt(history), continuations(item, scored_by, close), closed)


def scored(turn: Turn, item: Item, logprobs: Sequence[float] | None, scored_by: ScoredBy) -> Turn:
    """The turn with the probabilities of the item's options.

    Args:
        logprobs: (options,) natural logarithms in the item's order; None if the engine could not give them.
    """
    if logprobs is None:
        return turn
    return replace(turn, score=Score(tuple(o.label for o in item.options), tuple(logprobs), scored_by))


def answer(turn: Turn, item: Item) -> Answer:
    """The reading of the turn's reply."""
    return read_answer(turn.reply, item, primer=turn.exchanges[-1].primer)
