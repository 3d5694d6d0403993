"""The options' mass: how much of the raw probability the options of an item hold together.

Probabilities of options are renormalised over the options. Where these hold little, the model would have said something
else, and no such probability should be read without that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from moralsc.analysis.results import Missing, Result, count
from moralsc.analysis.statistics import Figure, median, share
from moralsc.items import BASELINE
from moralsc.notation import percent

CORRECTED = "corrected"
NOT_KNOWN = "no probabilities"
SMALL = (
    "the options hold less than half of the probability (median): left alone, the model would have said something else."
)
"""Said of answers, after words that say which."""
HEADER = ("asked", "options' mass", "95 % interval", "below half", "95 % interval", "n", "excluded")
"""Of a table for people, see `cells`."""
EXPLAINED = (
    "Options' mass: how much of the raw probability the options hold together, as the median over answers. Below half: "
    "the share of answers in which they hold less than half; left alone, the model would have said something else."
)


@dataclass(frozen=True)
class Mass:
    """How much the options hold in a group of one model's answers to one benchmark.

    Attributes:
        asked: BASELINE, or CORRECTED for all corrections and rounds together.
        median: of the mass; n counts answers, one an item (and arm) and condition.
        small: share of these answers with a mass below SMALL_MASS, with Wilson's interval. Answers to one item after
            several corrections count as independent, so that true intervals are, if anything, wider.
    """

    asked: str
    median: Figure
    small: Figure


def median_mass(results: Iterable[Result]) -> Figure:
    """The median of the mass with its bootstrap interval; null where none is known."""
    found = tuple(results)
    return median((r.mass for r in found if r.mass is not None), _unknown(found))


def masses(conditions: Mapping[str, Sequence[Result]]) -> tuple[Mass, ...]:
    """The baseline's mass, then that of all corrections together; a group without any known mass is left out.

    Args:
        conditions: condition -> Results, of one model and benchmark.
    """
    groups = {
        BASELINE: conditions.get(BASELINE, ()),
        CORRECTED: [r for name, rows in conditions.items() if name != BASELINE for r in rows],
    }
    return tuple(_mass(asked, rows) for asked, rows in groups.items() if any(r.mass is not None for r in rows))


def cells(mass: Mass) -> tuple[str, ...]:
    """The cells under HEADER."""
    excluded = ", ".join(f"{n} {reason}" for reason, n in mass.median.excluded.items())
    shown = (cell for figure in (mass.median, mass.small) for cell in (value(figure), interval(figure)))
    return (mass.asked, *shown, str(mass.median.n), excluded)


def value(figure: Figure) -> str:
    """The value as a percentage, or that there is none."""
    return "undefined" if figure.value is None else percent(figure.value)


def interval(figure: Figure) -> str:
    """Its 95 % interval; empty where there is none."""
    return "" if figure.low is None or figure.high is None else f"{percent(figure.low)} to {percent(figure.high)}"


def with_interval(figure: Figure) -> str:
    """Value, interval and n in one cell: "27 % (21 % to 33 %; n = 120)"; empty where no mass is known."""
    if figure.value is None:
        return ""
    return f"{value(figure)} ({'; '.join(filter(None, (interval(figure), f'n = {figure.n}')))})"


def _mass(asked: str, rows: Sequence[Result]) -> Mass:
    known = sum(r.mass is not None for r in rows)
    return Mass(asked, median_mass(rows), share(sum(r.small_mass for r in rows), known, _unknown(rows)))


def _unknown(rows: Iterable[Result]) -> Mapping[str, int]:
    return count(r.why_missing if r.missing is Missing.FAILED else NOT_KNOWN for r in rows if r.mass is None)
