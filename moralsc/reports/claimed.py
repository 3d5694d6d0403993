"""The papers' claims against runs: which lines of a run a claim may rest on, and what all of them say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from moralsc.analysis.claims import Evidence, Finding, Measured, claims, judge
from moralsc.analysis.lines import Line
from moralsc.analysis.results import Result
from moralsc.benchmarks import benchmark_of
from moralsc.items import BASELINE
from moralsc.reports.chart import Series
from moralsc.reports.words import interval, value

COLUMNS = ("model", "figure", "expected", "effect", "95 % interval", "n", "verdict", "run")
"""Of the figures behind a verdict."""


def measured(series: Series, lines: Iterable[Line], found: Mapping[str, Sequence[Result]]) -> Iterator[Measured]:
    """What one model's figures of one benchmark can say of claims.

    Nothing where its size is not known, and nothing for bundled items: the claims are about the published benchmarks.
    A figure counts only where all was asked that the benchmark's group is about.
    """
    asked = series.asked
    if asked.parameters is None:
        return
    categories = frozenset(r.group for rows in found.values() for r in rows)
    for line in lines:
        if ":" in line.benchmark or not benchmark_of(line.benchmark).covers(line, categories):
            continue
        yield Measured(
            run=series.run,
            model=asked.model,
            parameters=asked.parameters,
            stage=asked.stage,
            family=asked.family,
            bundled=bool(asked.mark),
            correction=line.correction,
            line=line,
            mode="" if line.correction == BASELINE else asked.mode,
        )


def findings(figures: Iterable[Measured]) -> tuple[Finding, ...]:
    """Every claim of claims.toml with its verdict."""
    known = tuple(figures)
    return tuple(judge(claim, known) for claim in claims())


def shown(finding: Finding) -> dict[str, Any]:
    """A finding in words: what is claimed, the verdict, and under `evidence` a row of COLUMNS for each figure."""
    claim = finding.claim
    return {
        "says": claim.says,
        "paper": claim.paper,
        "verdict": str(finding.verdict),
        "parts": len(claim.parts),
        "evidence": [_evidence(e) for e in finding.evidence],
    }


def _evidence(evidence: Evidence) -> tuple[str, ...]:
    part = evidence.part
    what = " ".join(filter(None, (part.benchmark, part.group, part.condition, part.metric)))
    against = f" against {part.against}" if part.against else ""
    where = f"{part.range[0]:g} to {part.range[1]:g}" if part.expect == "between" else f"{part.expect} {part.bound:g}"
    effect = evidence.effect
    return (
        *(", ".join(evidence.models), f"{what}, {part.correction}{against}", f"{part.shape} {where}"),
        *(value(effect), interval(effect), str(effect.n), str(evidence.verdict), ", ".join(evidence.runs)),
    )
