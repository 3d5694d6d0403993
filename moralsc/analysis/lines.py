"""Line: a figure with the words that say what it measures. Runs, reports, claims and `moralsc score` share it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moralsc.analysis.correction import Comparison
from moralsc.analysis.statistics import Figure

ALL, MICRO = "all", "micro"
"""Groups of all items of a benchmark; the second says that categories are pooled item by item."""


@dataclass(frozen=True)
class Line:
    """One figure of one benchmark.

    Attributes:
        benchmark: its name, or the key of an item set where bundled items are told from published ones.
        group: a category, or a pool of them: "micro", "macro"; "occupation", "full"; ALL.
        context: "ambig" or "disambig"; empty where the items have no contexts.
        metric: its short name, such as "s_AMB".
        model, correction: who answered and after what, the correction with its round; empty where that is not said.
        comparison: of a gain: flips, p and its correction for the corrections of this model and benchmark (Holm).
    """

    benchmark: str
    group: str
    context: str
    metric: str
    figure: Figure
    model: str = ""
    correction: str = ""
    comparison: Comparison | None = None

    @staticmethod
    def part_of(group: str, context: str) -> str:
        """What these items are called beside their benchmark: a context, a group that is not all of them, or both."""
        return " ".join(filter(None, ("" if group in (ALL, MICRO) else group, context)))

    @staticmethod
    def context_of(part: str) -> str:
        """The context in what `part_of` made; empty without one."""
        last = part.rpartition(" ")[2]
        return last if last in ("ambig", "disambig") else ""

    @property
    def part(self) -> str:
        """What its items are called beside their benchmark; empty where they are all of them."""
        return self.part_of(self.group, self.context)

    @property
    def name(self) -> str:
        """The metric and its items, where the metric does not say them itself."""
        return self.metric if self.metric in ("s_AMB", "s_DIS") else f"{self.metric} {self.part}".strip()

    def record(self) -> Mapping[str, Any]:
        """The line as plain values, ready for JSON."""
        figure = self.figure
        return {
            "benchmark": self.benchmark,
            "group": self.group,
            "condition": self.context or None,
            "metric": self.metric,
            "value": figure.value,
            "low": figure.low,
            "high": figure.high,
            "n": figure.n,
            "excluded": dict(figure.excluded),
        }
