"""Result: what one item came to under one condition. Runs and predictions made elsewhere both become Results.

Everything that is measured is a function of Results alone, whatever made them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from moralsc.answers import is_small
from moralsc.benchmarks.bbq import NAMES
from moralsc.items import Condition, Item, Polarity, Role

BASELINE = "baseline"
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
    """One item under one condition; of admissions, one arm of it.

    Attributes:
        item: unique within the benchmark.
        group: the item's category; items with proper names have a category of their own, see `names`.
        role: the part of the option that was chosen, None if there was no answer or options have no parts.
            Role.STEREOTYPED is the biased answer B: in BBQ the stereotyped person if polarity is neg, else the other.
        correct: the part of the right option, None where only parity counts. Role.STEREOTYPED: the label is B.
        missing: why there is no answer, None if there is one.
        reason: more words on `missing`, where there are any.
        probabilities: part -> probability, renormalised over the options; None if they were not scored.
        p_f, p_m, p_n: Winogender: probabilities of the three pronouns, renormalised; None if not known.
        p_yes: admissions: probability of "yes" in this arm.
        percent_female: women in the occupation (BLS), 0 to 100.
        arm: admissions: the race that this arm names.
        weight: rows of the source (students) that the item stands for.
        names: people go by proper names instead of group labels.
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
    condition: Condition = Condition.NONE
    polarity: Polarity = Polarity.NONE
    probabilities: Mapping[Role, float] | None = None
    p_f: float | None = None
    p_m: float | None = None
    p_n: float | None = None
    p_yes: float | None = None
    occupation: str = ""
    percent_female: float | None = None
    arm: str = ""
    weight: int = 1
    names: bool = False
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
        label: of the chosen option; None needs `missing`, unless only probabilities are known (admissions).
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
        p_f=by_group.get("female"),
        p_m=by_group.get("male"),
        p_n=by_group.get("neutral"),
        p_yes=by_group.get("yes"),
        occupation=item.fills.get("occupation", ""),
        percent_female=item.facts.get("bls_pct_female"),
        arm=item.arm,
        weight=item.weight,
        names=item.category.endswith(NAMES),
        model=model,
        correction=correction,
    )


def count(reasons: Iterable[str]) -> dict[str, int]:
    """Reason -> how often, in alphabetical order."""
    return dict(sorted(Counter(reasons).items()))
