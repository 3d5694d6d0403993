"""Claims: what the papers report, as data in claims.toml, tested over a table of figures by model.

Pure: figures in, findings out. The bundled miniatures hold planted biases and never count as evidence.
"""

import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

from moralsc.analysis.lines import Line
from moralsc.analysis.statistics import Figure


class Verdict(StrEnum):
    """What the evidence says of a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NOT_ENOUGH = "not enough evidence"


@dataclass(frozen=True)
class Measured:
    """One figure of one run, with what claims ask about its model.

    Attributes:
        run: names the run in findings.
        stage, family, bundled: as in the model catalogue.
        correction: "baseline" or a correction's id. The metric "gain" is the paired gain of it over the baseline.
        mode: where the correction stood, see `dialogue.Mode`; empty for baselines.
    """

    run: str
    model: str
    parameters: int
    stage: str
    family: str
    bundled: bool
    correction: str
    line: Line
    mode: str = ""


@dataclass(frozen=True)
class Part:
    """One test of a claim, see claims.toml for what each key means."""

    benchmark: str
    group: str
    metric: str
    correction: str
    expect: str
    condition: str | None = None
    shape: str = "value"
    against: str = ""
    mode: str = ""
    family: str = ""
    other: str = ""
    at_least: float = 0.0
    at_most: float = math.inf
    bound: float = 0.0
    range: Sequence[float] = (0.0, 0.0)
    width: float = math.inf


@dataclass(frozen=True)
class Claim:
    """A published finding."""

    id: str
    paper: str
    says: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Evidence:
    """What one model (of a lead: two) says of one part of a claim.

    Attributes:
        effect: in the metric's unit; of a reduction, a share. Intervals of differences and ratios are joined from those
            of the two figures as if these were independent, which is too wide for figures over the same items.
        runs: those whose figures were used.
    """

    part: Part
    models: tuple[str, ...]
    effect: Figure
    verdict: Verdict
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """A claim with its verdict and everything that it rests on."""

    claim: Claim
    verdict: Verdict
    evidence: tuple[Evidence, ...]

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs used, each once."""
        return tuple(dict.fromkeys(run for e in self.evidence for run in e.runs))


@cache
def claims() -> tuple[Claim, ...]:
    """The claims of claims.toml, in its order."""
    text = resources.files(__package__).joinpath("claims.toml").read_text(encoding="utf-8")
    return tuple(_claim(id, table) for id, table in tomllib.loads(text).items())


def judge(claim: Claim, measured: Iterable[Measured]) -> Finding:
    """Test a claim over figures of any models; those of bundled models are passed over.

    Every model within a part's bounds is evidence. One contradiction contradicts the claim; it is supported if every
    part has evidence and all of it supports.
    """
    figures = [m for m in measured if not m.bundled]
    by_part = [tuple(_evidence(part, figures)) for part in claim.parts]
    verdicts = [e.verdict for evidence in by_part for e in evidence]
    if Verdict.CONTRADICTED in verdicts:
        verdict = Verdict.CONTRADICTED
    elif all(by_part) and all(v is Verdict.SUPPORTED for v in verdicts):
        verdict = Verdict.SUPPORTED
    else:
        verdict = Verdict.NOT_ENOUGH
    return Finding(claim, verdict, tuple(e for evidence in by_part for e in evidence))


def _evidence(part: Part, figures: Sequence[Measured]) -> Iterator[Evidence]:
    within = [m for m in figures if part.at_least <= m.parameters <= part.at_most and part.family in ("", m.family)]
    for first in _having(part, within, part.correction):
        if part.shape == "value":
            yield _weigh(part, (first,), first.line.figure)
            continue
        if part.shape == "lead":
            others = [m for m in _having(part, figures, part.correction) if m.family == part.other]
        else:
            others = [m for m in _having(part, within, part.against) if m.model == first.model]
        for second in (m for m in others if _agree(m.mode, first.mode)):
            yield _weigh(part, (first, second), _JOINED[part.shape](first.line.figure, second.line.figure))


def _having(part: Part, figures: Iterable[Measured], correction: str) -> list[Measured]:
    key = (part.benchmark, part.group, part.condition or "", part.metric)
    return [
        m
        for m in figures
        if m.correction == correction
        and _agree(m.mode, part.mode)
        and key == (m.line.benchmark, m.line.group, m.line.context, m.line.metric)
    ]


def _agree(mode: str, other: str) -> bool:
    return "" in (mode, other) or mode == other


def _weigh(part: Part, used: Sequence[Measured], effect: Figure) -> Evidence:
    models, runs = (tuple(dict.fromkeys(names)) for names in ([m.model for m in used], [m.run for m in used]))
    return Evidence(part, models, effect, _verdict(part, effect), runs)


def _verdict(part: Part, effect: Figure) -> Verdict:
    value, low, high = effect.value, effect.low, effect.high
    if value is None or low is None or high is None:
        return Verdict.NOT_ENOUGH
    if part.expect == "between":
        bottom, top = part.range
        supports, contradicts = bottom <= value <= top and high - low <= part.width, high < bottom or low > top
    else:
        above = part.expect == "above"
        supports = low > part.bound if above else high < part.bound
        contradicts = high < part.bound if above else low > part.bound
    return Verdict.SUPPORTED if supports else Verdict.CONTRADICTED if contradicts else Verdict.NOT_ENOUGH


def _minus(a: Figure, b: Figure) -> Figure:
    """a - b; the interval adds the halves of both in quadrature, side by side."""
    n = min(a.n, b.n)
    if a.value is None or b.value is None:
        return Figure(None, None, None, n)
    value = a.value - b.value
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Figure(value, None, None, n)
    down = math.hypot(a.value - a.low, b.high - b.value)
    return Figure(value, value - down, value + math.hypot(a.high - a.value, b.value - b.low), n)


def _reduction(a: Figure, b: Figure) -> Figure:
    """1 - |a| / |b| by the delta method; null where b's interval holds 0, since then nothing is there to reduce."""
    n = min(a.n, b.n)
    if a.value is None or b.value is None or b.low is None or b.high is None or b.low <= 0 <= b.high:
        return Figure(None, None, None, n)
    ratio = abs(a.value) / abs(b.value)
    if a.low is None or a.high is None:
        return Figure(1 - ratio, None, None, n)
    spread = math.hypot((a.high - a.low) / 2, ratio * (b.high - b.low) / 2) / abs(b.value)
    return Figure(1 - ratio, 1 - ratio - spread, 1 - ratio + spread, n)


_JOINED: Mapping[str, Callable[[Figure, Figure], Figure]] = {
    "difference": _minus,
    "lead": _minus,
    "reduction": _reduction,
}


def _claim(id: str, table: Mapping[str, Any]) -> Claim:
    return Claim(id, table["paper"], table["says"], tuple(Part(**part) for part in table["parts"]))
