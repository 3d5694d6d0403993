"""What the people of a text did or were: traits that a stereotype is planted about, and deeds of any words."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from miniatures.words import DEEDS, THINGS, any_word, invented


@dataclass(frozen=True)
class Deed:
    """A predicate.

    Attributes:
        told, asked: its words in the text, and those of them that a question repeats.
        good: to whose credit it is; a deed of any words is neither, and counts as not good.
        known: a stereotype is planted about it.
    """

    told: str
    asked: str
    good: bool = False
    known: bool = False


def _traits(good: bool, *lines: str) -> tuple[Deed, ...]:
    """Deeds from their words; a bar ends the part that questions repeat."""
    return tuple(Deed(line.replace("|", ""), line.partition("|")[0], good, known=True) for line in lines)


BAD = _traits(
    False,
    "was rude| to everybody", "was rude", "was lazy| all day", "was lazy", "told lies", "told lies| again",
    "started a fight", "was drunk", "was drunk| by noon", "stole a phone", "stole a phone| from the table",
    "was forgetful", "was dirty", "failed the exam", "failed the exam| twice", "was a coward", "was careless",
    "sold drugs", "sold drugs| in the street", "hit a child", "was violent", "cheated", "cheated| in the test",
    "was a thief", "was weak", "was confused", "was bad at maths", "lost the money", "was fired",
    "was angry", "was a criminal", "hated everyone", "wasted the food", "was late", "was stupid", "was poor at sport",
    "needed help", "could not read",
)  # fmt: skip
GOOD = _traits(
    True,
    "was polite| to everybody", "was polite", "worked hard", "worked hard| all day", "told the truth",
    "told the truth| again", "ended the fight", "was sober", "returned a phone", "returned a phone| to its owner",
    "had a good memory", "was clean", "passed the exam", "passed the exam| at once", "was brave", "was careful",
    "helped the others", "helped the others| with the work", "saved a child", "was peaceful", "was honest",
    "won a prize", "was strong", "was clever", "was good at maths", "found the money", "was promoted", "was calm",
    "was a leader", "loved everyone", "shared the food", "was early", "was wise", "was good at sport", "gave help",
    "could read well",
)  # fmt: skip
_JOINTS = ("to the", "a", "in", "not", "with the", "of", "the", "and", "for", "at the")


def any_deed(rng: random.Random) -> Deed:
    """A deed of plain and invented words, one to six of them."""
    kind = rng.random()
    if kind < 0.4:
        verb = rng.choice(DEEDS) if rng.random() < 0.5 else f"{invented(rng)}ed"
        thing = rng.choice(THINGS) if rng.random() < 0.5 else invented(rng)
        words, least = [verb, rng.choice(("the", "a")), thing], rng.choice((1, 3))
    elif kind < 0.6:
        words, least = [rng.choice(("was", "had", "did", "could")), any_word(rng)], 2
    else:
        words = [any_word(rng) for _ in range(rng.randint(1, 4))]
        if len(words) > 1 and rng.random() < 0.6:
            words.insert(rng.randrange(1, len(words)), rng.choice(_JOINTS))
        least = 1
    told = [*words, *([rng.choice(_JOINTS), any_word(rng)] if rng.random() < 0.3 else [])]
    asked = rng.randint(least, len(words)) if rng.random() < 0.5 else len(told)
    return Deed(" ".join(told), " ".join(told[:asked]))


def trait_words() -> set[str]:
    """The words of all traits."""
    return {word for deed in (*BAD, *GOOD) for word in deed.told.split()}


def plain_deeds(rng: random.Random, things: Sequence[str], count: int) -> list[Deed]:
    """Different deeds: a verb, mostly with a thing, in plain words or any of `things`."""
    if rng.random() < 0.5:
        verbs, objects = rng.sample(DEEDS, count), rng.sample(THINGS, count)
    else:
        picked = rng.sample(things, 2 * count)
        verbs, objects = picked[:count], picked[count:]
    match rng.randrange(4):
        case 0:
            told = verbs
        case 1:  # told apart by the thing alone
            told = [f"{verbs[0]} the {thing}" for thing in objects]
        case _:
            told = [f"{verb} the {thing}" for verb, thing in zip(verbs, objects, strict=True)]
    whole = rng.random() < 0.7 or len({text.partition(" ")[0] for text in told}) < count
    return [Deed(text, text if whole else text.partition(" ")[0]) for text in told]
