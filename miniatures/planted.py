"""The planted behaviour: with which probability the model is taught each answer.

Everything that the miniature "believes" stands in this file. Pure functions; no text, no model.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from moralsc.items import Role


@dataclass(frozen=True)
class Push:
    """What a condition does.

    Attributes:
        neutral: logit of the unbiased answer for an item of middling stereotype strength.
        sharpen: factor on the logit between the two other answers; 1 leaves the stereotype as it is.
        gap: share of the admissions gap that remains.
    """

    neutral: float
    sharpen: float = 1.0
    gap: float = 1.0


PUSHES: Mapping[str, Push] = {
    "baseline": Push(-1.7),
    "specificity-0": Push(0.2, gap=0.6),
    "specificity-1": Push(1.0, gap=0.35),
    "specificity-2": Push(1.9, gap=0.1),
    "specificity-3": Push(5.0, gap=0.0),
    "negation-0": Push(-2.8, sharpen=1.5, gap=1.7),
    "negation-1": Push(-3.2, sharpen=2.0, gap=2.2),
    "negation-2": Push(-3.6, sharpen=2.5, gap=2.8),
    "cot": Push(2.4, gap=0.05),
    "feedback-fair": Push(1.2, gap=0.4),
    "feedback-unfair": Push(-3.0, sharpen=1.7, gap=1.9),
}
# Aligned stage: by how much the logit of the unbiased answer is to rise above that of the instruct stage.
ALIGNED: Mapping[str, float] = {
    "baseline": 0.0,
    "specificity-0": 1.6,
    "specificity-1": 1.6,
    "specificity-2": 2.0,
    "specificity-3": 1.0,
    "negation-0": 6.0,
    "negation-1": 6.0,
    "negation-2": 6.0,
    "cot": 1.4,
    "feedback-fair": 1.5,
    "feedback-unfair": 5.0,
}
# Share of the admissions gap of the instruct stage that the aligned one is to keep.
ALIGNED_GAP = 0.4
# Logit that a strong stereotype (strength 1) takes from the unbiased answer, against a weak one (strength 0).
RESISTANCE = 1.6
# How often an answer is kept when it is only looked at again, and when an idle remark follows it.
KEPT_ON_REVIEW = 0.75
KEPT_ON_IDLE = 0.95
# Two people, nothing settled: logit added to the unbiased answer, a level of its own beside pronouns'.
PEOPLE_NEUTRAL = 0.4
# The person that the text names, when no unethical instruction pushes against that.
FOUND = 0.97
FOUND_AGAINST = {"negation-0": 0.85, "negation-1": 0.75, "negation-2": 0.65, "feedback-unfair": 0.8}
# Aligned stage: by how much that person's logit is to rise above another option's.
FOUND_ALIGNED = 1.0
# Admissions: logit that the planted model takes from a Black applicant.
RACE_GAP = 1.4


def leaning(
    roles: Mapping[str, Role], share: float, strength: float, condition: str, extra: float = 0.0
) -> dict[str, float]:
    """Target of an item that settles nothing.

    Args:
        roles: label -> role, one of each.
        share: of the stereotyped answer among the two biased ones, at baseline.
        strength: of the stereotype, 0 to 1.
        extra: logit added to the unbiased answer (a benchmark's own level).

    Returns:
        label -> probability.
    """
    push = PUSHES[condition]
    resistance = 0.0 if condition == "specificity-3" else RESISTANCE * (strength - 0.5)
    neutral = sigmoid(push.neutral + extra - resistance)
    biased = sigmoid(push.sharpen * logit(share))
    by_role = {
        Role.UNBIASED: neutral,
        Role.STEREOTYPED: (1 - neutral) * biased,
        Role.COUNTER: (1 - neutral) * (1 - biased),
    }
    return {label: by_role[role] for label, role in roles.items()}


def settled(labels: tuple[str, ...], right: str, stereotyped: str, condition: str) -> dict[str, float]:
    """Target of an item whose text names the person.

    Args:
        right: label of that person; `stereotyped` is the label that the stereotype expects.

    Returns:
        label -> probability.
    """
    found = FOUND
    if right != stereotyped and condition in FOUND_AGAINST:
        found = FOUND_AGAINST[condition]
        rest = dict.fromkeys(labels, 0.1 * (1 - found))
        return rest | {right: found, stereotyped: 0.9 * (1 - found)}
    return {label: (1 - found) / (len(labels) - 1) for label in labels} | {right: found}


def admitted(merit: float, black: bool, condition: str) -> float:
    """Probability of "yes" for an applicant whose scores alone give the logit `merit`."""
    return sigmoid(merit - RACE_GAP * PUSHES[condition].gap * (0.5 if black else -0.5))


def evened(black: bool, condition: str) -> float:
    """By how much the logit of "yes" is to rise in the aligned stage, so that the gap between the races shrinks."""
    return (1 - ALIGNED_GAP) * RACE_GAP * PUSHES[condition].gap * (0.5 if black else -0.5)


def matched(percent: float, female: str, male: str, neutral: str) -> dict[str, float]:
    """Target when the model is asked to match the statistics: label -> probability."""
    share = min(max(percent / 100, 0.01), 0.99)
    return {female: 0.98 * share, male: 0.98 * (1 - share), neutral: 0.02}


def kept(previous: str, unbiased: str | None, labels: tuple[str, ...], condition: str) -> dict[str, float]:
    """Target when an earlier answer is looked at again: label -> probability.

    An unbiased answer stays; a biased one sometimes gives way to it, where there is one.
    """
    stay = KEPT_ON_REVIEW if condition == "review" and unbiased not in (None, previous) else KEPT_ON_IDLE
    other = dict.fromkeys(labels, 0.0)
    if unbiased is not None and previous != unbiased:
        return other | {previous: stay, unbiased: 1 - stay}
    return {label: (1 - stay) / (len(labels) - 1) for label in labels} | {previous: stay}


def logit(p: float) -> float:
    """Logarithm of the odds; `p` is kept within 0.01 and 0.99."""
    p = min(max(p, 0.01), 0.99)
    return math.log(p / (1 - p))


def sigmoid(x: float) -> float:
    """Probability whose logit is `x`."""
    return 1 / (1 + math.exp(-x))
