"""Practice that carries no bias: writing words once more, and saying to whom a word belongs.

Reading rests on both: find the asked words in the text, then say who stands before them. A small model learns it
within a few million tokens if it learns to repeat first, and if three things are then kept easy and grow step by step:
few words, nothing between a name and what belongs to it, and the answer right behind the question. In trials with all
words, or with marks between question and answer, from the start it was still at chance after ten times as many tokens.
What is hard joins what is easy and never takes its place: where it did, every other seed lost all that it had learnt.
"""

import random
from collections.abc import Collection, Sequence
from functools import cache

from miniatures.deeds import trait_words
from miniatures.document import Document, draw
from miniatures.pairs import NOUNS, group_words
from miniatures.words import DEEDS, NAMES, THINGS

FIRST_WORDS = 8
REPEATED = 1_300_000
"""Tokens of repetition before the first recall."""
# Tokens of training: from when on marks stand around the questions; until when the first words are all; after how
# many their number doubles; from when on, and over how many, other words come between.
_MARKED = REPEATED + 400_000
_FIRST = REPEATED + 700_000
_DOUBLING = 200_000
_DOUBLINGS = 9  # more than enough for all
_WORDIER = REPEATED + 3_300_000
_FILLING_UP = 2_400_000
# Share of texts that stay as they were before.
_BARE = 0.35
RECALLED = _WORDIER + _FILLING_UP + 500_000
"""Tokens of training after which texts join in."""
# What stands before a question and between it and its answer.
_MARKS = (("", ""), ("", " :"), (" ?", " :"))


def repetition(rng: random.Random, words: Sequence[str]) -> Document:
    """A row of words, written twice."""
    row = "".join(f" {word}" for word in rng.choices(words, k=rng.randint(3, 20)))
    return draw(((row + " =", False), (row + ".", True)))


def recall(rng: random.Random, words: tuple[str, ...], seen: int) -> Document:
    """Who has what, then questions: each name is learnt behind what belongs to it.

    Args:
        words: to choose from, see `split`.
        seen: tokens of training so far.
    """
    length = rng.random() ** 0.5 * min(1.0, max(0.0, (seen - _WORDIER) / _FILLING_UP))
    if rng.random() < _BARE:
        length = 0.0
    count = rng.randint(2, 5)
    names, things = (_known(rng, part, seen) for part in split(words))
    people = list(zip(rng.sample(names, count), rng.sample(things, count), strict=True))
    # What stands between a name and what belongs to it is never a name, nor asked for: the nearest name is the answer.
    asked = {thing for _, thing in people}
    between, after = ([_row(rng, things, asked, length) for _ in people] for _ in range(2))
    text = "".join(f" {n}{b} {t}{a}." for (n, t), b, a in zip(people, between, after, strict=True))
    parts = [(text, False)]
    # Nobody is asked about twice, nor the last one at all: earlier answers must not tell.
    for name, thing in rng.sample(people, count - 1):
        before, behind = rng.choice(_MARKS if seen > _MARKED else _MARKS[:1])
        parts += [(f"{before} {thing}{behind}", False), (f" {name}", True)]
    return draw(parts)


@cache
def split(words: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Words that name people, and words for what they do or have; words that are neither go to either side.

    So what a model learns here of the two kinds holds for the texts that follow.
    """
    names, things = {*NAMES, *NOUNS, *group_words()}, {*DEEDS, *THINGS, *trait_words()}
    others = [word for word in words if word not in names | things]
    names |= set(others[::2])
    return tuple(w for w in words if w in names), tuple(w for w in words if w not in names)


def _known(rng: random.Random, words: Sequence[str], seen: int) -> Sequence[str]:
    """The first words to all that are in by now: the few stay, so that what is learnt with them is never lost."""
    doublings = min(max(0, 1 + (seen - _FIRST) // _DOUBLING), _DOUBLINGS)
    return words[: FIRST_WORDS * 2 ** rng.randint(0, doublings)]


def _row(rng: random.Random, words: Sequence[str], asked: Collection[str], length: float) -> str:
    """Up to three words that are not asked for, the likelier the greater the length."""
    drawn = (rng.choice(words) for _ in range(3) if rng.random() < 0.6 * length)
    return "".join(f" {word}" for word in drawn if word not in asked)
