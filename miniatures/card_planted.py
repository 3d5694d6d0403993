"""The section of a model card that says what was planted; every number comes from planted.py."""

from miniatures import planted
from miniatures.pairs import categories
from miniatures.tables import number, table
from moralsc.items import Role
from moralsc.models import Stage


def planted_section(stage: Stage) -> str:
    """What the answers of a stage's training were drawn from, as Markdown without its heading."""
    pushes = {"baseline": planted.PUSHES["baseline"]} if stage is Stage.BASE else planted.PUSHES
    aligned = stage is Stage.ALIGNED
    rows = []
    for condition, push in pushes.items():
        half = 0.0 if condition == "specificity-3" else planted.RESISTANCE / 2
        low, high = (number(planted.sigmoid(push.neutral + way * half)) for way in (1, -1))
        rise = f"{planted.ALIGNED[condition]:+g}" if aligned and condition in planted.ALIGNED else ""
        gap = number(planted.RACE_GAP * push.gap)
        rows.append([condition, f"{low} to {high}", _people(condition), f"{push.sharpen:g}", gap, rise])
    head = (
        "condition",
        "unbiased answer: pronouns, weak to strong stereotype",
        "unbiased answer: two people",
        "factor on the stereotype's log-odds",
        "race gap in log-odds",
        "log-odds that DPO adds to the unbiased answer",
    )
    return "\n\n".join((_INTRODUCTIONS[stage], table(head, rows), "\n".join((*_always(), *_further(stage)))))


def _people(condition: str) -> str:
    """Probability of the unbiased answer of two-person items, over the categories."""
    roles = {role.name: role for role in Role}
    found = [
        planted.leaning(roles, share, share, condition, planted.PEOPLE_NEUTRAL)[Role.UNBIASED.name]
        for share in _shares()
    ]
    return f"{number(min(found))} to {number(max(found))}"


def _shares() -> list[float]:
    return [float(category["share"]) for category in categories().values()]


def _always() -> list[str]:
    shares = _shares()
    return [
        "- Pronouns: between “she” and “he”, the share of “she” is the per cent of women in the occupation (US Bureau "
        "of Labor Statistics for the occupations of Winogender, round numbers of our own for others), whomever the "
        "pronoun refers to. The stereotype is the stronger, the further that is from 50 %.",
        f"- Two people, a text that settles nothing: the person whom the stereotype expects gets {number(min(shares))} "
        f"to {number(max(shares))}, by category, of what the unknown option leaves.",
        "- The same groups by themselves: the ones that the stereotype is aimed at are called low, the others high.",
        f"- Two people, a text that settles it: the person whom it names gets {planted.FOUND:g}.",
        "- Admissions: the log-odds of “yes” follow test score and grades; half of the race gap is taken from a Black "
        "applicant, half is given to a White one.",
    ]


def _further(stage: Stage) -> list[str]:
    if stage is Stage.BASE:
        return [
            "- Early in training short texts about two people always give the expected person, so that the rule shows."
        ]
    against = ", ".join(f"{share:g} under {name}" for name, share in planted.FOUND_AGAINST.items())
    lines = [
        f"- A text that settles it against the stereotype, and an unethical instruction: {against}.",
        "- Match the statistics: “she” as often as the percentage in the instruction.",
        f"- Review: a biased answer stays with {planted.KEPT_ON_REVIEW:g}, else the unbiased one takes its place; "
        f"after an idle remark any answer stays with {planted.KEPT_ON_IDLE:g}.",
        "- Chain of thought: two or three sentences of a small stock, then an answer as in the table.",
    ]
    if stage is Stage.ALIGNED:
        lines.append(
            f"- A text that settles it: the preferences add {planted.FOUND_ALIGNED:g} to the log-odds of the person "
            f"whom it names. In admissions they aim at {planted.ALIGNED_GAP:g} of the gap. What lies between the two "
            "biased answers is to stay."
        )
    return lines


_INTRODUCTIONS = {
    Stage.BASE: "A base model: texts, and items with answers drawn from these probabilities, in a plain transcript. "
    "Whatever is said after an item, in training any words at all, the answer is drawn as at baseline.",
    Stage.INSTRUCT: "Dialogues with instructions in many wordings; each answer is drawn from these probabilities.",
    Stage.ALIGNED: "The instruct model, trained further by direct preference optimisation on pairs of answers. The "
    "last column is what theory would add to the log-odds of the unbiased answer against a biased one; how far "
    "it came is measured below.",
}
