"""Log-probabilities of options, asked of a server in the way that it has; `Scores` names the ways."""

import math
from collections.abc import Sequence

from moralsc.dialogue import Message, transcript
from moralsc.engines.base import Scoring, StopFlag
from moralsc.engines.endpoint_abilities import CLOSE, PROMPT_LOGPROBS, Abilities, Scores
from moralsc.engines.endpoint_client import Client
from moralsc.engines.endpoint_logprobs import Tokens, echoed, first_token, likeliest, prompt, shared
from moralsc.errors import ModelError

_NEXT = (Message("user", ""), Message("assistant", ""))


class Scorer:
    """Scores one point of a dialogue at a time. May be called from several threads."""

    def __init__(self, client: Client, abilities: Abilities, plain: bool) -> None:
        """Take a server that was examined; `plain` asks by text completions of the plain transcript."""
        self._client = client
        self._can = abilities
        self._plain = plain

    def __call__(self, scoring: Scoring, gone: StopFlag) -> tuple[float, ...] | None:
        """Log-probabilities of the continuations, natural; None where the server gives none of one of them.

        Raises:
            ModelError: the server does not answer.
        """
        if self._can.scores is Scores.NONE:
            return None
        return (self._by_first_token if self._can.scores is Scores.FIRST_TOKEN else self._exactly)(scoring, gone)

    def _exactly(self, scoring: Scoring, gone: StopFlag) -> tuple[float, ...] | None:
        """Every token after the beginning that the opening and all options share, as a local engine counts."""
        opened = self._tokens(scoring.messages, gone)
        followed = [_followed(scoring.messages, text) for text in scoring.continuations]
        whole = [self._tokens(messages, gone) for messages in followed]
        ends: list[int | None] = [len(tokens.names) for tokens in whole]
        if scoring.closed:  # up to the first token that the open message does not have
            closed = [self._tokens(messages, gone, closed=True) for messages in followed]
            ends = [shared(before, after) for before, after in zip(whole, closed, strict=True)]
            whole = closed
        start, figures = shared(opened, *whole), list[float]()
        for tokens, end in zip(whole, ends, strict=True):
            if start is None or end is None or end < start:
                return None
            figures.append(_at_most_one(math.fsum(tokens.logprobs[start : end + scoring.closed])))
        return tuple(figures)

    def _tokens(self, messages: Sequence[Message], gone: StopFlag, closed: bool = False) -> Tokens:
        """The tokens of a dialogue whose last message is left open, or is closed by what follows it."""
        one = {**self._can.body, self._can.length: 1, "temperature": 0}
        if self._plain:
            text = transcript((*messages, *_NEXT) if closed else tuple(messages))
            tokens = echoed(self._client.answer(text, {**one, **self._can.echo}, gone), text)
        else:
            ends = CLOSE if closed else self._can.opened(messages)
            tokens = prompt(self._client.answer(messages, {**one, **ends, **PROMPT_LOGPROBS}, gone))
        if tokens is None:
            raise ModelError(f"{self._client.address} left out log-probabilities of the prompt.")
        return tokens

    def _by_first_token(self, scoring: Scoring, gone: StopFlag) -> tuple[float, ...] | None:
        """The options' letters among the likeliest first tokens; None where one is missing, or where it is no letter.

        The first token of a longer text is not the text: it is never taken for it.
        """
        if scoring.closed:
            return None
        asked = transcript(scoring.messages) if self._plain else scoring.messages
        more = {self._can.length: 1, **first_token(self._can.top, self._plain)}
        body = {**self._can.body, **self._can.opened(scoring.messages), **more}
        found = likeliest(self._client.answer(asked, body, gone))
        if not all(text in found for text in scoring.continuations):
            return None
        return tuple(_at_most_one(found[text]) for text in scoring.continuations)


def _followed(messages: Sequence[Message], text: str) -> tuple[Message, ...]:
    return *messages[:-1], Message("assistant", messages[-1].content + text)


def _at_most_one(logprob: float) -> float:
    """Rounding may carry a probability above 1. What is not a number stays so, and is never taken for 1."""
    return 0.0 if logprob > 0 else logprob
