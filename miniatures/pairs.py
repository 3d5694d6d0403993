"""Two people for a text: of groups that people.toml knows, or told apart in further ways.

Who they are and how a text and an option name them; what they do stands in people.py.
"""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from miniatures.words import NAMES, THINGS, any_word, article, invented, sentence

NOUNS = """man woman student neighbour friend colleague boy girl guest customer patient driver kid
    worker tourist player traveller roommate classmate applicant teammate cousin guy lady""".split()


@dataclass(frozen=True)
class Person:
    """How a text first names a person, names them again, and how the option does."""

    first: str
    again: str
    option: str


@dataclass(frozen=True)
class Pair:
    """Two people; the stereotype is aimed at one and answers so with `share` among the two."""

    aimed: Person
    other: Person
    share: float


def group_pair(rng: random.Random, category: dict[str, Any]) -> Pair:
    """Two people of the groups of a category."""
    if "whole_aimed" in category and rng.random() < 0.2:
        aimed, other = (_whole(rng.choice(category[key])) for key in ("whole_aimed", "whole_other"))
    else:
        aimed, other = _with_nouns(rng, (rng.choice(category["aimed"]), rng.choice(category["other"])))
    return Pair(aimed, other, category["share"])


def any_pair(rng: random.Random) -> Pair:
    """Two people with names, of groups that do not exist, or told apart by what follows the noun."""
    kind = rng.random()
    if kind < 0.3:
        known = rng.sample(NAMES, 2)
        names = [name if rng.random() < 0.6 else sentence(invented(rng)) for name in known]
        one, two = (Person(name, name, name) for name in names)
    elif kind < 0.8:
        one, two = _with_nouns(rng, (_group(rng), _group(rng)))
    else:
        noun, joint = rng.choice(NOUNS), rng.choice(("with", "without", "from", "in the"))
        one, two = (_whole(f"{noun} {joint} {any_word(rng)}") for _ in range(2))
    return Pair(one, two, 0.5)


def plain_people(rng: random.Random, names: Sequence[str], count: int) -> list[Person]:
    """Different people, each with one word of their own: a name, a group, or any of `names`.

    The word stands alone, before a noun, or between "the" and a noun: each form is a step to the next.
    """
    known: Sequence[str] = rng.choice((NAMES, group_words(), names))
    form = rng.choice(("{}", "{}", "{} {noun}", "The {} {noun}"))
    noun = rng.choice(NOUNS)
    whole = (form.format(word, noun=noun) for word in rng.sample(known, count))
    return [Person(name, name, name) for name in whole]


def plain_pair(rng: random.Random) -> Pair:
    """Two people with names, or of one noun and two groups of whatever category."""
    if rng.random() < 0.4:
        one, two = (Person(name, name, name) for name in rng.sample(NAMES, 2))
    else:
        noun = rng.choice(NOUNS)
        one, two = (_whole(f"{word} {noun}") for word in rng.sample(group_words(), 2))
    return Pair(one, two, 0.5)


@cache
def group_words() -> tuple[str, ...]:
    """Every word or phrase of people.toml that stands before a noun."""
    words = (word for table in categories().values() for word in (*table["aimed"], *table["other"]))
    return tuple(dict.fromkeys(words))


def _group(rng: random.Random) -> str:
    """What stands before a noun: a word that does not exist, a plain one, or an age."""
    kind = rng.random()
    if kind < 0.15:
        return f"{rng.randint(16, 90)}-year-old"
    return rng.choice(THINGS) if kind < 0.4 else sentence(invented(rng)) if kind < 0.7 else invented(rng)


def _with_nouns(rng: random.Random, words: tuple[str, str]) -> tuple[Person, Person]:
    """People named by a word and a noun, most often the same noun; sometimes an option says "one" for it."""
    noun = rng.choice(NOUNS) if rng.random() < 0.7 else "person"
    nouns = (noun, rng.choice(NOUNS) if rng.random() < 0.2 else noun)
    shown = rng.choice((noun, noun, noun, "one")) if nouns[0] == nouns[1] else ""
    one, two = (
        Person(f"{article(word)} {word} {own}", f"the {word} {own}", f"The {word} {shown or own}")
        for word, own in zip(words, nouns, strict=True)
    )
    return one, two


@cache
def categories() -> dict[str, dict[str, Any]]:
    """Name -> the table of people.toml."""
    return tomllib.loads(resources.files(__package__).joinpath("people.toml").read_text(encoding="utf-8"))


def _whole(name: str) -> Person:
    return Person(f"{article(name)} {name}", f"the {name}", f"The {name}")
