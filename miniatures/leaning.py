"""Whom a stereotype expects, in short: many planted answers, each right behind a text that settles nothing.

That a trait, good or bad, turns round which of two groups is meant shows in neither of the two alone, so a model of
these sizes is slow to notice: in trials it took three million tokens of this practice, if it came at all. Told apart,
which traits are good and which groups are looked down on, each is learnt at once, and what they mean together followed
within 1.7 million tokens, about half of them of other texts. An item spends seventy tokens on one answer; here it is
fifteen, and items later only have to ask for what is known by then.
"""

import random
from collections.abc import Sequence

from miniatures.deeds import BAD, GOOD
from miniatures.dialogues import drawn
from miniatures.document import Document, draw
from miniatures.pairs import categories, group_pair
from miniatures.people import UNKNOWN, story
from miniatures.pronouns import pronoun_case, short_case
from miniatures.words import sentence

# What stands between a text and who is asked for; the last ones are nearest to an item. All are practised side by side:
# what is learnt behind a bare question alone is not known when an item asks.
ASKING = (
    " {q}",
    " {q}:",
    " Who {q}?",
    "\nQuestion: Who {q}?",
    "\nQuestion: Who {q}?\nAnswer:",
    "\nQuestion: Who {q}?{options}\nAnswer:",
)
# Share of the scenes that say of a trait or a group alone what is thought of it.
_REGARDED = 0.4
_FILLING = ("", ":", "\nAnswer:")


def leaning(rng: random.Random, certain: bool) -> Document:
    """Pairs of people, and who did what; among them traits and groups alone, and what is thought of them.

    Args:
        certain: every answer is the expected one, not as many as are planted: so the rule shows sooner.
    """
    scenes = (_regarded(rng) if rng.random() < _REGARDED else _scene(rng, certain) for _ in range(rng.randint(4, 7)))
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


def _regarded(rng: random.Random) -> list[tuple[str, bool]]:
    """A trait and whether it is good, or a group and whether it is looked down on."""
    if rng.random() < 0.4:
        deed = rng.choice(rng.choice((BAD, GOOD)))
        return [(f" Somebody {deed.told}:", False), (" good" if deed.good else " bad", True)]
    pair = group_pair(rng, rng.choice(tuple(categories().values())))
    person, regard = rng.choice(((pair.aimed, " low"), (pair.other, " high")))
    return [(f" {person.option}:", False), (regard, True)]


def _scene(rng: random.Random, certain: bool) -> list[tuple[str, bool]]:
    made = story(rng, known=1.0)
    aimed, other = made.pair.aimed, made.pair.other
    one, two = rng.sample((aimed, other), 2)
    text = made.meeting if rng.random() < 0.2 else sentence(f"{one.first} and {two.first}.")
    deed = rng.choice(rng.choice((BAD, GOOD)))
    stereotyped, counter = (other, aimed) if deed.good else (aimed, other)
    answer = stereotyped if certain or rng.random() < made.pair.share else counter
    asking = rng.choice(rng.choice((ASKING[:4], ASKING[3:])))
    unknown = rng.sample(UNKNOWN, rng.randrange(2))
    options = listed(rng, (one.option, two.option, *unknown))
    return [(f" {text}{asking.format(q=deed.asked, options=options)}", False), (f" {answer.option}", True)]
