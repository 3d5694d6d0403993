"""Words and numbers in the page's style."""

from collections.abc import Mapping

from moralsc.analysis.statistics import Figure
from moralsc.dialogue import BASELINE
from moralsc.prompts import Correction, Side

UNDEFINED = "undefined"


def number(value: float, places: int = 2) -> str:
    """A figure without a leading zero: ".25", "−.40", "1.00"."""
    shown = f"{abs(value):.{places}f}"
    return ("−" if value < 0 and float(shown) else "") + (shown[1:] if shown.startswith("0.") else shown)


def signed(value: float, places: int = 2) -> str:
    """A difference with its sign; ".00" has none."""
    shown = number(value, places)
    return shown if shown.startswith("−") or not float(shown) else f"+{shown}"


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


def tick(condition: str, corrections: Mapping[str, Correction]) -> str:
    """The short mark of a condition on an axis: "Q", "−1", "2", "CoT"; of one with its round, "CoT·2"."""
    name, _, nth = condition.partition(", round ")
    correction = corrections.get(name)
    short = {BASELINE: "Q", "cot": "CoT", "match-stats": "stats"}.get(name, name)
    if correction and correction.rung is not None:
        short = f"{'−' if correction.side is Side.UNETHICAL else ''}{correction.rung}"
    return f"{short}·{nth}" if nth else short
