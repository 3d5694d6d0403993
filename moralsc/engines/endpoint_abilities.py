"""What an OpenAI-compatible server can do, found out by asking it a few words when it is first used.

Two things decide what can be measured through it. Whether it *continues* an assistant message that is left open: a
server that closes it and begins another measures something else. And which log-probabilities it gives.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from moralsc.dialogue import Message, transcript
from moralsc.engines.endpoint_client import Client, Refused
from moralsc.engines.endpoint_logprobs import Answer, echoed, first_token, likeliest, prompt, prompt_tokens
from moralsc.engines.endpoint_wire import Asked, Body
from moralsc.errors import EngineLost, ModelError

CONTINUE: Body = {"continue_final_message": True, "add_generation_prompt": False}
CLOSE: Body = {"continue_final_message": False, "add_generation_prompt": False}
PROMPT_LOGPROBS: Body = {"prompt_logprobs": 0}
ECHO: Body = {"echo": True, "logprobs": 1}
_NUMBERED: Body = {**ECHO, "return_tokens_as_token_ids": True}
# Templates that know it would have the model think aloud before every answer; the local engine writes the same.
_BRIEF: Body = {"chat_template_kwargs": {"enable_thinking": False}}
_LENGTHS = ("max_tokens", "max_completion_tokens")
_MOST = (20, 5)  # of the likeliest tokens: what OpenAI and vLLM allow at most, and what others do
_ASKED = (Message("user", "Name a letter."),)
_OPENED = (*_ASKED, Message("assistant", "a"))


class Scores(StrEnum):
    """Where option probabilities come from; never one in the place of another."""

    PROMPT = "exact: prompt_logprobs of every token of the option, after the server's own chat template"
    ECHO = "exact: echoed logprobs of every token of the option, after the plain transcript"
    FIRST_TOKEN = "first token: top_logprobs of the token after the opening, for options that are one letter"
    NONE = "none: the generated answer alone"


@dataclass(frozen=True)
class Abilities:
    """What a server can do.

    Attributes:
        body: what goes with every request.
        length: the name that it has for the most tokens of a reply.
        opening: what makes it continue an open message, empty where it does so by itself; None if it does not.
        scores: where option probabilities come from.
        top: how many of the likeliest first tokens it tells.
        echo: what makes it echo a text with log-probabilities.
        reason: why there are no probabilities, or none of some options; empty where nothing is in the way.
    """

    body: Body
    length: str
    opening: Body | None
    scores: Scores
    top: int = 0
    echo: Body = field(default_factory=dict)
    reason: str = ""

    def opened(self, messages: Sequence[Message]) -> Body:
        """What goes with a dialogue that ends in an open message; nothing with others.

        Raises:
            ModelError: the server does not continue it.
        """
        if not messages or messages[-1].role != "assistant":
            return {}
        if self.opening is None:
            raise ModelError(
                "The model's server begins a message of its own where it should continue an opening. Ask for free "
                "answers (--form free), and for no chain of thought."
            )
        return self.opening


def examine(client: Client, plain: bool = False) -> Abilities:
    """Ask a server what it can do: at most ten requests of a few tokens.

    Args:
        plain: ask by text completions, in the plain transcript of models without a chat template.

    Raises:
        ModelError: it does not answer.
    """
    return _examined_texts(client) if plain else _examined_chat(client)


def _examined_texts(client: Client) -> Abilities:
    text, length = transcript(_OPENED), _LENGTHS[0]
    one = {length: 1, "temperature": 0}
    for echo in (_NUMBERED, ECHO):
        if tokens := echoed(_tried(client, text, {**one, **echo}), text):
            return Abilities({}, length, {}, Scores.ECHO, echo=echo, reason="" if tokens.text is None else _BY_TEXT)
    for top in _MOST:
        if len(likeliest(_tried(client, text, {**one, **first_token(top, plain=True)}))) > 1:
            return Abilities({}, length, {}, Scores.FIRST_TOKEN, top=top)
    client.answer(text, one)
    return Abilities({}, length, {}, Scores.NONE, reason=_SILENT)


def _examined_chat(client: Client) -> Abilities:
    body, length, asked = _accepted(client)
    one = {**body, length: 1, "temperature": 0}
    opening = _opening(client, one, prompt_tokens(asked))
    if opening is None:
        reason = "the server begins a message of its own and does not continue an opening, after which options stand"
        return Abilities(body, length, None, Scores.NONE, reason=reason)
    if opening and prompt(_tried(client, _OPENED, {**one, **opening, **PROMPT_LOGPROBS})):
        return Abilities(body, length, opening, Scores.PROMPT)
    for top in _MOST:
        if len(likeliest(_tried(client, _OPENED, {**one, **opening, **first_token(top)}))) > 1:
            return Abilities(body, length, opening, Scores.FIRST_TOKEN, top=top)
    return Abilities(body, length, opening, Scores.NONE, reason=_SILENT)


_SILENT = "the server gives no log-probabilities"
_BY_TEXT = "tokens are told by their texts; options of which these leave open where they begin have no probabilities"


def _accepted(client: Client) -> tuple[Body, str, Mapping[str, Any]]:
    """The first form of a request that the server takes, and its answer."""
    failure = ModelError("")
    for length in _LENGTHS:
        for body in (_BRIEF, {}):
            try:
                return body, length, client.answer(_ASKED, {**body, length: 1})
            except EngineLost:
                raise
            except ModelError as error:
                failure = error
                if not isinstance(error, Refused):
                    break
    raise ModelError(f"{failure} If the model has no chat template, ask it by text: {client.address}/completions.")


def _opening(client: Client, one: Body, asked: int | None) -> Body | None:
    """What makes the server continue an open message, told from the number of tokens that it says a prompt has.

    One that does so when asked counts fewer than for the same message closed; one that passes over the words, or over
    one of them, counts the same. One that does so by itself counts the question's and the message's own token; one that
    begins another message also counts what closes the first, and the header of the next; one that drops the message
    counts the question's alone.
    """
    told, closed, as_is = (prompt_tokens(_tried(client, _OPENED, {**one, **more})) for more in (CONTINUE, CLOSE, {}))
    if told is not None and closed is not None and told < closed:
        return CONTINUE
    return {} if asked is not None and as_is is not None and as_is - asked == 1 else None


def _tried(client: Client, asked: Asked, body: Body) -> Answer:
    try:
        return client.answer(asked, body)
    except Refused:
        return None
