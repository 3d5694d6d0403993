"""Log-probabilities as an OpenAI-compatible server tells them, and which tokens its prompts share."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moralsc.engines.endpoint_wire import Body
from moralsc.engines.trees import common_length

Answer = Mapping[str, Any] | None

_NUMBER = re.compile(r"(token_id:)?\d+")
_BYTES = re.compile(r"bytes:.*\\x[\da-f]{2}", re.DOTALL)
_CUT = "\ufffd"
"""What servers write of a token that is no whole character."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of a prompt.

    Attributes:
        names: as the server names them; the first has none.
        logprobs: of each after those before it; 0 of the first.
        text: the prompt, where names are texts; None where they are numbers, which no two tokens share.
    """

    names: tuple[str, ...]
    logprobs: tuple[float, ...]
    text: str | None = None


def first_token(top: int, plain: bool = False) -> Body:
    """What asks for the likeliest first tokens. At temperature 1, since some servers divide by it before they tell."""
    return {**({"logprobs": top} if plain else {"logprobs": True, "top_logprobs": top}), "temperature": 1}


def likeliest(answer: Answer) -> dict[str, float]:
    """Text -> log-probability of the likeliest first tokens, empty if the answer holds none."""
    try:
        told = (answer or {})["choices"][0]["logprobs"]
        if "content" not in told:
            return {str(text): float(p) for text, p in told["top_logprobs"][0].items()}
        found = [(str(entry["token"]), float(entry["logprob"])) for entry in told["content"][0]["top_logprobs"]]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return {}
    return {text: max(p for other, p in found if other == text) for text, _ in found}


def echoed(answer: Answer, text: str) -> Tokens | None:
    """The tokens of a text, as an echo tells them; None if the answer does not hold them whole."""
    count = prompt_tokens(answer)
    try:
        told = (answer or {})["choices"][0]["logprobs"]
        names, figures = [str(name) for name in told["tokens"][:count]], told["token_logprobs"][:count]
        # With one token to generate, an echo is one longer than the prompt.
        if count is None or len(told["tokens"]) not in (count, count + 1) or figures[0] is not None:
            return None
        numbered = all(name.startswith("token_id:") and _NUMBER.fullmatch(name) for name in names)
        logprobs = [float(p) for _, p in zip(names[1:], figures[1:], strict=True)]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return Tokens(("", *names[1:]), (0.0, *logprobs), None if numbered else text)


def prompt(answer: Answer) -> Tokens | None:
    """The tokens of the prompt, as `prompt_logprobs` tells them; None if the answer does not hold them whole."""
    told = (answer or {}).get("prompt_logprobs")
    if not isinstance(told, list) or len(told) < 2 or told[0] is not None or len(told) != prompt_tokens(answer):
        return None
    try:
        # Each position holds the prompt's own token first, and perhaps likelier ones.
        own = [next(iter(place.items())) for place in told[1:]]
        names, logprobs = [str(name) for name, _ in own], [float(said["logprob"]) for _, said in own]
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError):
        return None
    return Tokens(("", *names), (0.0, *logprobs)) if all(map(_NUMBER.fullmatch, names)) else None


def prompt_tokens(answer: Answer) -> int | None:
    """How many tokens the prompt had, None if the answer does not say."""
    usage = (answer or {}).get("usage")
    count = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
    return count if isinstance(count, int) and count > 0 else None


def shared(*prompts: Tokens) -> int | None:
    """How many tokens prompts share from their beginning; None where the names of the tokens leave it open.

    Texts may be the same of different tokens: what a server writes of one that is no whole character says nothing of
    its bytes. But where so many tokens reach the same place of the same text, they are the same ones, since tokenizers
    cut what stands before a place between two tokens as if nothing followed. So it is the place that is checked.
    """
    count = common_length(*(tokens.names for tokens in prompts))
    if all(tokens.text is None for tokens in prompts):
        return count
    places = {_before(tokens, count) for tokens in prompts}
    return count if len(places) == 1 and None not in places and _between_characters(prompts, count) else None


def _before(tokens: Tokens, count: int) -> str | None:
    """The text that the first tokens hold, as `_certain` has it; None if the others do not hold the end of the text.

    Told from the end: only the beginning may hold what was not sent, as a first token does.
    """
    whole, rest = _certain(tokens.text or ""), _certain("".join(map(_legible, tokens.names[count:])))
    return whole.removesuffix(rest) if whole.endswith(rest) else None


def _between_characters(prompts: tuple[Tokens, ...], count: int) -> bool:
    """Whether the first tokens end where a character does, as a character on either side shows."""
    last = _legible(prompts[0].names[count - 1]) if count else ""
    following = [_legible(name) for tokens in prompts for name in tokens.names[count : count + 1]]
    return bool(last) and (not last.endswith(_CUT) or all(t and not t.startswith(_CUT) for t in following))


def _legible(name: str) -> str:
    """The text of a token, as far as its name tells it."""
    return _CUT if _BYTES.match(name) else name


def _certain(text: str) -> str:
    """The characters of a text that every server tells alike: spaces before a word are dropped by some."""
    return "".join(c for c in text if c.isascii() and not c.isspace())
