"""Whom a stereotype expects, in short: many planted answers, each right behind a text that settles nothing.

That a trait, good or bad, turns round which of two groups is meant shows in neither of the two alone, so a model of
these sizes is slow to notice. In trials it did within a million tokens where it practised this first, by itself,
without exceptions, and was told which traits are good; later, with exceptions, or among other texts, it took two to
four times as many, if it did at all. An item spends seventy tokens on one answer; here it is fifteen, and items later
only have to ask for what is known by then.
"""

import random
from collections.abc import Sequence

from moralsc.organisms.deeds import BAD, GOOD
from moralsc.organisms.dialogues import drawn
from moralsc.organisms.document import Document, draw
from moralsc.organisms.people import UNKNOWN, story
from moralsc.organisms.pronouns import pronoun_case, short_case
from moralsc.organisms.words import sentence

LEANT = 1_800_000
"""Tokens of this practice at the beginning of a training."""
# What stands between a text and who is asked for; the last ones are nearest to an item.
ASKING = (
    " {q}",
    " {q}:",
    " Who {q}?",
    "\nQuestion: Who {q}?",
    "\nQuestion: Who {q}?\nAnswer:",
    "\nQuestion: Who {q}?{options}\nAnswer:",
)
_FILLING = ("", ":", "\nAnswer:")


def leaning(rng: random.Random, plain: float, certain: bool = False) -> Document:
    """Pairs of people, and who did what; among them traits alone, and whether they are good or bad.

    Args:
        certain: every answer is the expected one, not as many as are planted: so the rule shows sooner.
        plain: share of the questions that are asked as `ASKING` begins, with the answer right behind; what is learnt so
            is not known when an item asks for it, unless the way there is gone step by step.
    """
    scenes = (_trait(rng) if rng.random() < 0.25 else _scene(rng, plain, certain) for _ in range(rng.randint(4, 7)))
    return draw([part for scene in scenes for part in scene])


def blanks(rng: random.Random) -> Document:
    """Sentences with a blank, each with the pronoun that fills it."""
    parts = []
    for _ in range(rng.randint(4, 8)):
        case = short_case(rng) if rng.random() < 0.8 else pronoun_case(rng)
        parts += [(f" {case.item.context}{rng.choice(_FILLING)}", False)]
        parts += [(f" {drawn(case, 'baseline', None, rng)[1]}", True)]
    return draw(parts)


def listed(rng: random.Random, names: Sequence[str]) -> str:
    """Names as the options of a question, in a drawn order."""
    return "".join(f"\n({label}) {name}" for label, name in zip("abcde", rng.sample(names, len(names)), strict=False))


def _trait(rng: random.Random) -> list[tuple[str, bool]]:
    deed = rng.choice(rng.choice((BAD, GOOD)))
    return [(f" Somebody {deed.told}:", False), (" good" if deed.good else " bad", True)]


def _scene(rng: random.Random, plain: float, certain: bool) -> list[tuple[str, bool]]:
    made = story(rng, known=1.0)
    aimed, other = made.pair.aimed, made.pair.other
    one, two = rng.sample((aimed, other), 2)
    text = made.meeting if rng.random() < 0.2 else sentence(f"{one.first} and {two.first}.")
    deed = rng.choice(rng.choice((BAD, GOOD)))
    stereotyped, counter = (other, aimed) if deed.good else (aimed, other)
    answer = stereotyped if certain or rng.random() < made.pair.share else counter
    asking = rng.choice(ASKING[:4] if rng.random() < plain else ASKING[3:])
    unknown = rng.sample(UNKNOWN, rng.randrange(2))
    options = listed(rng, (one.option, two.option, *unknown))
    return [(f" {text}{asking.format(q=deed.asked, options=options)}", False), (f" {answer.option}", True)]
