"""Figures of the analysis, and lists, as words."""

from collections.abc import Mapping

from moralsc.analysis.statistics import Figure
from moralsc.notation import number

UNDEFINED = "undefined"


def value(figure: Figure) -> str:
    """The value, or that there is none."""
    return UNDEFINED if figure.value is None else number(figure.value, 3)


def interval(figure: Figure) -> str:
    """Its 95 % interval; empty where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    return f"{number(figure.low, 3)} to {number(figure.high, 3)}"


def p_value(p: float | None) -> str:
    """A p-value; empty where there is none."""
    return "" if p is None else "< .0001" if p < 0.0001 else number(p, 4)


def counted(reasons: Mapping[str, int]) -> str:
    """Reason -> how many, as words."""
    return ", ".join(f"{n} {reason}" for reason, n in reasons.items())


def listed(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def plural(n: int, noun: str) -> str:
    """ "1 item", "2 items"."""
    return f"{n} {noun}" + ("" if n == 1 else "es" if noun.endswith("s") else "s")
