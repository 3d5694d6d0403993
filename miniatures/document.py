"""A training document: a text, and which stretches of it are learnt.

A dialogue is written in one of two styles: as the plain transcript that a base model continues, or with the marks of
the chat template that the later stages know.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from moralsc.dialogue import Message, transcript

PAD, USER, ASSISTANT, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"
_BREAKS = re.compile(r"\n|<\|\w+\|>|\b(?:Human|Assistant|Question|Answer): ?")


class Style(StrEnum):
    """How the turns of a dialogue are told apart."""

    PLAIN = "plain"
    CHAT = "chat"


@dataclass(frozen=True)
class Document:
    """A text to learn from; `learnt` holds (start, end) of the stretches that are learnt, in characters."""

    text: str
    learnt: tuple[tuple[int, int], ...]

    def lines(self) -> Iterator[str]:
        """What stands between line ends, turns and answers, as the filter of benchmark texts compares it."""
        edges = [0, *(edge for stretch in self.learnt for edge in stretch), len(self.text)]
        parts = (self.text[start:end] for start, end in pairwise(edges))
        return (piece for part in parts for piece in _BREAKS.split(part) if piece.strip())


@dataclass(frozen=True)
class Exchange:
    """A question and its answer; `given` characters of the answer are there already and not learnt."""

    question: str
    answer: str
    given: int = 0


def write(exchanges: Sequence[Exchange], style: Style) -> Document:
    """The dialogue as a model of the style sees it. Answers are learnt, each with what ends its turn."""
    text, learnt = "", []
    for exchange in exchanges:
        opening, closing = _frame(exchange.question, style)
        text += opening
        start = len(text) + exchange.given
        # The space before an answer is learnt with it: tokens begin with their space.
        learnt.append(
            (start - (style is Style.PLAIN and not exchange.given), len(text) + len(exchange.answer) + len(closing))
        )
        text += exchange.answer + closing
        if style is Style.PLAIN:
            text = text.removesuffix("Human:")  # the next turn's, or added again at the end
    return Document(text + ("Human:" if style is Style.PLAIN else ""), tuple(learnt))


def _frame(question: str, style: Style) -> tuple[str, str]:
    if style is Style.CHAT:
        return f"{USER}{question}{END}{ASSISTANT}", END
    return transcript((Message("user", question),)) + " ", "\n\nHuman:"


def draw(parts: Sequence[tuple[str, bool]]) -> Document:
    """A document from (text, whether it is learnt)."""
    text, learnt = "", []
    for part, wanted in parts:
        if wanted:
            learnt.append((len(text), len(text) + len(part)))
        text += part
    return Document(text, tuple(learnt))
