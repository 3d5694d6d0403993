"""Items: one question of a benchmark, its options, and the part that each option plays.

An item is the same record for every benchmark. It is plain data: no prompt text, no model, no file.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

LABELS = "abcdefgh"
BASELINE = "baseline"
"""The name of the condition without a correction."""


class Condition(str):
    """What was asked: BASELINE, a correction, or one with its round of review, as people read it: "cot, round 2".

    It is its own text, so that any text of this form can be read as one.
    """

    @classmethod
    def of(cls, correction: str, round: int = 0) -> "Condition":
        """The condition of a correction, and of a round of review after it; 0 for the correction itself."""
        return cls(f"{correction}{_ROUND}{round}" if round else correction)

    @property
    def correction(self) -> str:
        """Its correction, without a round."""
        return self.partition(_ROUND)[0]

    @property
    def round(self) -> int:
        """Its round, 0 without one."""
        digits = self.partition(_ROUND)[2]
        return int(digits) if digits.isdecimal() and len(digits) < 5 else 0


_ROUND = ", round "


class Role(StrEnum):
    """The part an option plays in the item's stereotype."""

    UNBIASED = "unbiased"
    STEREOTYPED = "stereotyped"
    COUNTER = "counter-stereotyped"

    @property
    def glyph(self) -> str:
        """The shape that stands for it beside its word, on the page and in the terminal."""
        return {Role.UNBIASED: "●", Role.STEREOTYPED: "▲", Role.COUNTER: "▼"}[self]


class ContextKind(StrEnum):
    """Whether the text settles the question. Benchmarks without contexts leave it empty."""

    AMBIGUOUS = "ambiguous"
    DISAMBIGUATED = "disambiguated"
    NONE = ""


class Polarity(StrEnum):
    """Does the question ask for the person with the negative trait?"""

    NEGATIVE = "neg"
    NONNEGATIVE = "nonneg"
    NONE = ""


@dataclass(frozen=True)
class Option:
    """One possible answer.

    Attributes:
        label: a letter, unique in the item.
        text: what a model writes when it chooses the option by its text.
        role: the part it plays, or None where the benchmark knows no stereotype.
        group: the social group or gender that it names: "old", "female", "neutral", "unknown", ...
        aliases: other wordings that count as this option when a generated answer is read.
    """

    label: str
    text: str
    role: Role | None = None
    group: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    """One question, as every part of the program sees it.

    Attributes:
        benchmark: key in `moralsc.benchmarks.BENCHMARKS`, or "own" for a visitor's item.
        id: unique within the benchmark and origin, stable between versions; stands in links and records.
        category: what the benchmark sorts its items by.
        title: a few readable words for choosers: "nurse · patient".
        context, question: the item's text; a sentence alone is its context, and either may be empty.
        options: two or more, in the order in which the model sees them.
        correct: label of the right option, None where only parity counts.
        dimension: the social dimension in plain words ("gender", "age"), for instructions that name it; empty where
            a visitor does not say.
        fills: values for placeholders of prompts ("occupation", "groups", "percent", ...).
        origin: where the text comes from, with its revision.
        bundled: written for this project; such items never mix with those of the published benchmark.
        arm: of an item that is asked in two versions: what this one names, empty in the item itself.
        weight: number of rows of the source that this item stands for.
        note: a fact for the item card ("nurses: 90 % women, BLS").
        tags: what a selection may ask for: "plain", "held-out attributes", ...; published items have none.
    """

    benchmark: str
    id: str
    category: str
    title: str
    context: str
    question: str
    options: tuple[Option, ...]
    correct: str | None
    dimension: str
    fills: Mapping[str, str]
    origin: str
    bundled: bool = False
    condition: ContextKind = ContextKind.NONE
    polarity: Polarity = Polarity.NONE
    arm: str = ""
    weight: int = 1
    note: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()

    def option(self, label: str) -> Option:
        """The option with this label; KeyError if there is none."""
        for option in self.options:
            if option.label == label:
                return option
        raise KeyError(label)

    @property
    def right(self) -> Option | None:
        """The right option, or None where there is none."""
        return None if self.correct is None else self.option(self.correct)

    def by_role(self, role: Role) -> Option | None:
        """The first option with this role, or None."""
        return next((o for o in self.options if o.role is role), None)

    def reordered(self, order: tuple[int, ...]) -> "Item":
        """The same item with its options in another order and labelled anew from "a"."""
        moved = tuple(replace(self.options[old], label=LABELS[new]) for new, old in enumerate(order))
        correct = None
        if self.correct is not None:
            at = [o.label for o in self.options].index(self.correct)
            correct = LABELS[order.index(at)]
        return replace(self, options=moved, correct=correct)

    def shuffled(self, seed: int) -> "Item":
        """The same item with its options in an order drawn from `seed` and the item's id."""
        order = list(range(len(self.options)))
        random.Random(f"{seed}:{self.benchmark}:{self.id}").shuffle(order)
        return self.reordered(tuple(order))


@dataclass(frozen=True)
class Excluded:
    """A row that could not become an item. Counted and named, never guessed."""

    id: str
    reason: str


@dataclass(frozen=True)
class ItemSet:
    """The items of one benchmark from one source.

    Attributes:
        items: in the order of the source.
        excluded: rows left out, each with its reason.
        origin: source and revision in one phrase; "bundled, written for this project" for our own.
        bundled: see `Item.bundled`.
    """

    benchmark: str
    items: tuple[Item, ...]
    excluded: tuple[Excluded, ...]
    origin: str
    bundled: bool

    @classmethod
    def of(cls, benchmark: str, made: Iterable[Item | Excluded], origin: str, bundled: bool = False) -> "ItemSet":
        """What rows came to, in their order: items, and rows that are none."""
        rows = tuple(made)
        items = tuple(row for row in rows if isinstance(row, Item))
        return cls(benchmark, items, tuple(row for row in rows if isinstance(row, Excluded)), origin, bundled)

    def categories(self) -> tuple[str, ...]:
        """The categories that occur, in the order of the source."""
        return tuple(dict.fromkeys(i.category for i in self.items))
