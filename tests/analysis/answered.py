"""Results made by hand: a word an item says what was answered."""

from moralsc.analysis.results import Missing, Result
from moralsc.items import ContextKind, Role

ROLES = {"unknown": Role.UNBIASED, "biased": Role.STEREOTYPED, "counter": Role.COUNTER}


def ambig(*answers: str, group: str = "Age", correction: str = "baseline", start: int = 0) -> list[Result]:
    """Ambiguous items: "unknown", "biased", "counter", or a name of Missing."""
    return [_one(a, "unknown", ContextKind.AMBIGUOUS, group, correction, k) for k, a in enumerate(answers, start)]


def disambig(*pairs: str, group: str = "Age", correction: str = "baseline", start: int = 0) -> list[Result]:
    """Disambiguated items: "right answer/answer"."""
    split = [pair.split("/") for pair in pairs]
    return [_one(a, r, ContextKind.DISAMBIGUATED, group, correction, k) for k, (r, a) in enumerate(split, start)]


def _one(answer: str, right: str, condition: ContextKind, group: str, correction: str, k: int) -> Result:
    return Result(
        benchmark="bbq",
        item=f"{group}-{condition}-{k}",
        group=group,
        role=ROLES.get(answer),
        correct=ROLES[right],
        missing=None if answer in ROLES else Missing(answer),
        condition=condition,
        correction=correction,
    )
