"""Result: what one item came to under one condition. Runs and predictions made elsewhere both become Results.

Everything that is measured is a function of Results alone, whatever made them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from moralsc.answers import is_small
from moralsc.items import BASELINE, ContextKind, Item, Polarity, Role

NO_CHANCES: Mapping[str, float] = {}
UNMATCHED = "not in both conditions"
"""Name under which comparisons count what has no partner."""


class Missing(StrEnum):
    """Why there is no answer. None of these is ever a wrong answer."""

    REFUSED = "refused"
    UNPARSED = "unparsed"
    FAILED = "failed"
    EXCLUDED = "excluded"
    TIED = "tied"


@dataclass(frozen=True)
class Result:
    """One item under one condition, or one arm of it.

    Attributes:
        item: unique within the benchmark.
        group: the item's category.
        role: the part of the option that was chosen, None if there was no answer or options have no parts.
            Role.STEREOTYPED is the biased answer: of a question about a good trait that is the other person.
        correct: the part of the right option, None where only parity counts.
        missing: why there is no answer, None if there is one.
        reason: more words on `missing`, where there are any.
        probabilities: part -> probability, renormalised over the options; None if they were not scored.
        chances: group that an option names -> its probability, renormalised over the options; empty if not known.
        occupation, percent_female: of items about one: its name, and the women in it (BLS), 0 to 100.
        arm: of an item that is asked in several versions: what this one names.
        weight: rows of the source (students) that the item stands for.
        mass: raw probability that the options hold together, over several orders their mean; None if not known.
        model, correction: who answered, and after which correction.
        places: how many of its answers, one an order of its options, named the option shown first, second, ...; empty
            if it is not known how they stood.
        unplaced: of its other orders, why each has no answer.
    """

    benchmark: str
    item: str
    group: str
    role: Role | None = None
    correct: Role | None = None
    missing: Missing | None = None
    reason: str = ""
    condition: ContextKind = ContextKind.NONE
    polarity: Polarity = Polarity.NONE
    probabilities: Mapping[Role, float] | None = None
    chances: Mapping[str, float] = field(default_factory=lambda: NO_CHANCES)
    occupation: str = ""
    percent_female: float | None = None
    arm: str = ""
    weight: int = 1
    mass: float | None = None
    model: str = ""
    correction: str = BASELINE
    places: tuple[int, ...] = ()
    unplaced: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether the answer names an option with a part in the stereotype."""
        return self.missing is None and self.role is not None

    @property
    def right(self) -> bool | None:
        """Whether the answer is the right one; None without an answer, or where none is right."""
        return self.role is self.correct if self.answered and self.correct is not None else None

    @property
    def small_mass(self) -> bool:
        """Whether the options hold less than half of the probability; not where that is not known."""
        return is_small(self.mass)

    @property
    def why_missing(self) -> str:
        """The name under which a row is counted that a figure leaves out."""
        return why_missing("no probabilities" if self.answered else self.missing or Missing.UNPARSED, self.reason)


def why_missing(name: str, reason: str) -> str:
    """What is missing, with more words on it where there are any."""
    return f"{name}: {reason}" if reason else str(name)


def of_item(
    item: Item,
    label: str | None = None,
    *,
    missing: Missing | None = None,
    reason: str = "",
    probabilities: Mapping[str, float] | None = None,
    model: str = "",
    correction: str = BASELINE,
) -> Result:
    """The Result of an item.

    Args:
        label: of the chosen option; None needs `missing`, unless only probabilities are known.
        probabilities: label -> probability, renormalised over the options.

    Raises:
        KeyError: the item has no option of this label.
    """
    by_group = {o.group: probabilities[o.label] for o in item.options} if probabilities else {}
    by_role = {o.role: probabilities[o.label] for o in item.options if o.role} if probabilities else None
    return Result(
        benchmark=item.benchmark,
        item=item.id,
        group=item.category,
        role=None if label is None else item.option(label).role,
        correct=item.right.role if item.right else None,
        missing=missing,
        reason=reason,
        condition=item.condition,
        polarity=item.polarity,
        probabilities=by_role or None,
        chances=by_group or NO_CHANCES,
        occupation=item.fills.get("occupation", ""),
        percent_female=item.facts.get("bls_pct_female"),
        arm=item.arm,
        weight=item.weight,
        model=model,
        correction=correction,
    )


def count(reasons: Iterable[str]) -> dict[str, int]:
    """Reason -> how often, in alphabetical order."""
    return dict(sorted(Counter(reasons).items()))
