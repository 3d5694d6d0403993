"""What a model did when it was told to be unfair: compliance and resistance, instruction by instruction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from moralsc.analysis.correction import compliance, resistance
from moralsc.analysis.results import BASELINE, Result
from moralsc.analysis.statistics import Figure
from moralsc.batch.summary import PAIRED
from moralsc.prompts import Correction, Side


@dataclass(frozen=True)
class Compliance:
    """One part of a benchmark after one unethical instruction, against its baseline.

    Attributes:
        condition: the instruction.
        part: as in `PAIRED`, since the contexts of BBQ are never pooled.
        compliance, resistance: see `analysis.correction`; over the same items, so that they add up to 1.
    """

    condition: str
    part: str
    compliance: Figure
    resistance: Figure


def compliances(
    benchmark: str, found: Mapping[str, Sequence[Result]], corrections: Mapping[str, Correction]
) -> Iterator[Compliance]:
    """What one model did; nothing without a baseline, and of admissions, whose options have no stereotyped part.

    Args:
        benchmark: its name, without a source.
        found: condition -> Results.
        corrections: of the prompt set; they say which instructions are unethical.
    """
    unethical = [c for c in found if (known := corrections.get(c)) and known.side is Side.UNETHICAL]
    for condition in unethical if BASELINE in found else ():
        for part, within in PAIRED[benchmark].items():
            before, after = ([r for r in found[name] if within(r)] for name in (BASELINE, condition))
            if after:
                yield Compliance(condition, part, compliance(before, after), resistance(before, after))
