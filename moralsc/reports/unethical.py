"""What a model did when it was told to be unfair: compliance and resistance, instruction by instruction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from moralsc.analysis.correction import compliance, resistance
from moralsc.analysis.results import Result
from moralsc.analysis.statistics import Figure
from moralsc.benchmarks import benchmark_of
from moralsc.benchmarks.base import Part
from moralsc.items import BASELINE
from moralsc.prompts import Correction, Side


@dataclass(frozen=True)
class Compliance:
    """One part of a benchmark after one unethical instruction, against its baseline.

    Attributes:
        condition: the instruction.
        part: of the benchmark, see `Benchmark.compared`.
        compliance, resistance: see `analysis.correction`; over the same items, so that they add up to 1.
    """

    condition: str
    part: Part
    compliance: Figure
    resistance: Figure


def compliances(
    benchmark: str, found: Mapping[str, Sequence[Result]], corrections: Mapping[str, Correction]
) -> Iterator[Compliance]:
    """What one model did; nothing without a baseline, and where options have no part in a stereotype.

    Args:
        benchmark: its name, without a source.
        found: condition -> Results.
        corrections: of the prompt set; they say which instructions are unethical.
    """
    unethical = [c for c in found if (known := corrections.get(c)) and known.side is Side.UNETHICAL]
    for condition in unethical if BASELINE in found else ():
        for part in benchmark_of(benchmark).compared:
            before, after = (part.of(found[name]) for name in (BASELINE, condition))
            if after:
                yield Compliance(condition, part, compliance(before, after), resistance(before, after))
