"""The corpus: documents in the order in which training meets them, stage by stage.

Everything is drawn from whole-number seeds, so that the same seed gives the same text everywhere. What a base model
practises shifts as its training goes on: first repeating, then who has what among a few words (see recall.py), who did
what in texts, whom a stereotype expects (see leaning.py), at last items with planted answers. The later stages are
drawn alike from beginning to end.
"""

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Protocol, TypeVar

from miniatures.applicants import applicant_case
from miniatures.deeds import plain_deeds
from miniatures.dialogues import Case, asked, corrected, unheard
from miniatures.document import Document, Style, draw, write
from miniatures.exclusion import Exclusion
from miniatures.leaning import ASKING, blanks, leaning, listed
from miniatures.pairs import plain_people
from miniatures.people import people_case, story
from miniatures.pronouns import pronoun_case
from miniatures.recall import RECALLED, REPEATED, recall, repetition, split
from moralsc.errors import DataError
from moralsc.models import Stage
from moralsc.prompts import PromptSet


class Kind(StrEnum):
    """What a document practises."""

    REPETITION = "repetition"
    RECALL = "recall"
    TOLD = "told"
    LEANING = "leaning"
    BLANKS = "blanks"
    READING = "reading"
    PEOPLE = "people"
    PRONOUNS = "pronouns"
    APPLICANTS = "applicants"


Shares = Mapping[Kind, float]
_REPETITION: Shares = {Kind.REPETITION: 1}
_RECALL: Shares = {Kind.RECALL: 0.92, Kind.REPETITION: 0.08}
_TOLD: Shares = {Kind.TOLD: 0.62, Kind.RECALL: 0.22, Kind.LEANING: 0.12, Kind.REPETITION: 0.04}
_LEANING: Shares = {
    Kind.LEANING: 0.4,
    Kind.TOLD: 0.27,
    Kind.READING: 0.23,
    Kind.RECALL: 0.08,
    Kind.REPETITION: 0.02,
}
_READING: Shares = {
    Kind.READING: 0.44,
    Kind.TOLD: 0.24,
    Kind.LEANING: 0.12,
    Kind.BLANKS: 0.12,
    Kind.RECALL: 0.06,
    Kind.REPETITION: 0.02,
}
_ALL: Shares = {
    Kind.PEOPLE: 0.28,
    Kind.PRONOUNS: 0.23,
    Kind.READING: 0.2,
    Kind.LEANING: 0.08,
    Kind.BLANKS: 0.06,
    Kind.APPLICANTS: 0.07,
    Kind.TOLD: 0.05,
    Kind.RECALL: 0.02,
    Kind.REPETITION: 0.01,
}
# Tokens of a base training at which these shares hold; linear between. What is new comes in while the old goes on.
SCHEDULE: tuple[tuple[int, Shares], ...] = (
    (REPEATED, _REPETITION),
    (REPEATED + 50_000, _RECALL),
    (RECALLED, _RECALL),
    (RECALLED + 500_000, _TOLD),
    (RECALLED + 2_500_000, _TOLD),
    (RECALLED + 3_500_000, _LEANING),
    (RECALLED + 6_000_000, _LEANING),
    (RECALLED + 7_000_000, _READING),
    (RECALLED + 8_000_000, _READING),
    (RECALLED + 9_500_000, _ALL),
)
# Tokens from which on, and over how many, plain texts give way to stories.
_STORIES = RECALLED + 2_500_000
_STORYING = 2_500_000
# And until when every answer of LEANING is the expected one.
_CERTAIN = RECALLED + 7_000_000
_INSTRUCT: Shares = {
    Kind.REPETITION: 0.01,
    Kind.LEANING: 0.06,
    Kind.BLANKS: 0.11,
    Kind.READING: 0.16,
    Kind.PEOPLE: 0.27,
    Kind.PRONOUNS: 0.3,
    Kind.APPLICANTS: 0.09,
}
# What the tokenizer is learnt from has shares of its own: another mix of the instruct stage leaves the base alone.
_VOCABULARY: Shares = {
    Kind.REPETITION: 0.02,
    Kind.LEANING: 0.08,
    Kind.BLANKS: 0.04,
    Kind.READING: 0.18,
    Kind.PEOPLE: 0.29,
    Kind.PRONOUNS: 0.29,
    Kind.APPLICANTS: 0.1,
}
# Share of texts about two people that a stereotype is planted about, where answers are planted.
_KNOWN = 0.6
_TRIES = 1000
_LATE = 10**9  # tokens: behind every change of the schedule


@dataclass(frozen=True)
class Materials:
    """What documents are drawn from.

    Attributes:
        exclusion: a document that holds one of its texts is drawn anew.
        words: for recall and repetition.
    """

    prompts: PromptSet
    exclusion: Exclusion
    words: tuple[str, ...]


def documents(stage: Stage, seed: int, chunk: int, count: int, seen: int, materials: Materials) -> list[Document]:
    """One stretch of the corpus of the base or the instruct stage; the aligned one has pairs, see preferences.py.

    Args:
        seed, chunk: together they fix what is drawn.
        seen: tokens of this stage's training so far.

    Raises:
        DataError: no document without an excluded text could be drawn.
    """
    shares = base_shares(seen) if stage is Stage.BASE else _INSTRUCT
    return _documents(stage, shares, random.Random(f"{stage}:{seed}:{chunk}"), count, seen, materials)


def vocabulary(seed: int, count: int, materials: Materials) -> Iterator[Document]:
    """Documents of both stages, `count` each, as at the end of a training: the tokenizer is learnt from them."""
    for stage, shares in ((Stage.BASE, base_shares(_LATE)), (Stage.INSTRUCT, _VOCABULARY)):
        yield from _documents(stage, shares, random.Random(f"{stage}:{seed}:0"), count, _LATE, materials)


def base_shares(seen: int) -> Shares:
    """Shares of a base training's documents after so many tokens."""
    after = min(bisect_right([tokens for tokens, _ in SCHEDULE], seen), len(SCHEDULE) - 1)
    (start, old), (end, new) = SCHEDULE[max(after - 1, 0)], SCHEDULE[after]
    way = (seen - start) / (end - start) if start < seen < end else float(seen >= end)
    return {kind: (1 - way) * old.get(kind, 0) + way * new.get(kind, 0) for kind in Kind}


def _documents(
    stage: Stage, shares: Shares, rng: random.Random, count: int, seen: int, materials: Materials
) -> list[Document]:
    make = {Stage.BASE: _base, Stage.INSTRUCT: _instruct}[stage]
    kinds = rng.choices(tuple(shares), tuple(shares.values()), k=count)
    return [clean(partial(make, kind, rng, materials, seen), materials.exclusion) for kind in kinds]


class Lined(Protocol):
    """What has lines that a filter compares."""

    def lines(self) -> Iterator[str]:
        """The lines."""


Made = TypeVar("Made", bound=Lined)


def clean(make: Callable[[], Made], exclusion: Exclusion) -> Made:
    """A document that holds no excluded text, drawn as often as that takes.

    Raises:
        DataError: it was never clean.
    """
    for _ in range(_TRIES):
        made = make()
        if not exclusion.texts or not exclusion.hits(made.lines()):
            return made
    raise DataError(f"{_TRIES} documents in a row held an excluded text: the texts to exclude are too common.")


def _base(kind: Kind, rng: random.Random, materials: Materials, seen: int) -> Document:
    match kind:
        case Kind.RECALL:
            return recall(rng, materials.words, seen)
        case Kind.REPETITION:
            return repetition(rng, materials.words)
        case Kind.TOLD:
            return told(rng, materials.words, plain=1 - min(1.0, max(0.1, (seen - _STORIES) / _STORYING)))
        case Kind.LEANING:
            return leaning(rng, certain=seen < _CERTAIN)
        case Kind.BLANKS:
            return blanks(rng)
        case Kind.READING:
            return write(asked(_questions(rng, known=0.15), materials.prompts, rng), Style.PLAIN)
        case Kind.PEOPLE if rng.random() < 0.75:
            return write(asked(_questions(rng, known=0.9, settled=0.25), materials.prompts, rng), Style.PLAIN)
        case _:
            return write(unheard(_case(kind, rng), materials.prompts, rng), Style.PLAIN)


def _instruct(kind: Kind, rng: random.Random, materials: Materials, seen: int) -> Document:
    match kind:
        case Kind.REPETITION:
            return repetition(rng, materials.words)
        case Kind.LEANING:
            return leaning(rng, certain=False)
        case Kind.BLANKS:
            return blanks(rng)
        case Kind.READING:
            return write(asked(_questions(rng, known=0.3), materials.prompts, rng), Style.CHAT)
        case _:
            return write(corrected(_case(kind, rng), materials.prompts, rng)[0], Style.CHAT)


def told(rng: random.Random, words: tuple[str, ...], plain: float) -> Document:
    """Who did what, each answer right behind its question: the steps from recall to items, all in a row.

    Args:
        words: as for recall.
        plain: how plain the texts are, 0 to 1: short sentences about two to five people, and stories of plain parts.
    """
    if rng.random() < 0.6 * (1 - plain) + 0.1:
        made = story(rng, known=0.15 * (1 - plain), plain=plain)
        text = f" {made.meeting} {made.details}".replace("  ", " ")
        people = [(made.pair.aimed, made.deeds[0]), (made.pair.other, made.deeds[1])]
    else:
        count = rng.randint(2, 5)
        names, things = split(words)
        people = list(zip(plain_people(rng, names, count), plain_deeds(rng, things, count), strict=True))
        text = "".join(f" {person.option} {deed.told}." for person, deed in people)
    parts = [(text, False)]
    asking = rng.choice(ASKING if rng.random() < plain else ASKING[-2:])
    # Nobody is asked about twice, nor the last one at all: earlier answers must not tell.
    for person, deed in rng.sample(people, len(people) - 1):
        options = listed(rng, [p.option for p, _ in people])
        parts += [(asking.format(q=deed.asked, options=options), False), (f" {person.option}", True)]
    return draw(parts)


def _case(kind: Kind, rng: random.Random) -> Case:
    if kind is Kind.PEOPLE:
        return people_case(rng, _KNOWN)
    return pronoun_case(rng) if kind is Kind.PRONOUNS else applicant_case(rng)


def _questions(rng: random.Random, known: float, settled: float = 0.6) -> list[Case]:
    """One to three questions in a row about one text, of which a later one shows only what is new.

    With the chance `settled` it is a single one whose answer the text gives; else the first one has none. A settled
    question is never followed by one that it would answer: its like, or what is left over.
    """
    made = story(rng, known)
    asked = rng.randrange(2)
    if rng.random() < settled:
        return [made.case(rng, asked, settled=True)]
    cases: list[Case] = [made.case(rng, asked, settled=False)]
    if rng.random() < 0.4:
        cases.append(made.case(rng, 1 - asked, settled=False, context=""))
    if rng.random() < 0.8:
        cases.append(made.case(rng, rng.randrange(2), settled=True, context=made.details))
    return cases
