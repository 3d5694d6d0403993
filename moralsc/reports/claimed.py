"""The papers' claims against runs: which lines of a run a claim may rest on, and what all of them say."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from moralsc.analysis import lines as measuring
from moralsc.analysis.claims import Evidence, Finding, Measured, claims, judge
from moralsc.analysis.results import BASELINE, Result
from moralsc.analysis.winogender import SETS
from moralsc.batch.summary import Line
from moralsc.reports.chart import Series
from moralsc.reports.words import interval, value

COLUMNS = ("model", "figure", "expected", "effect", "95 % interval", "n", "verdict", "run")
"""Of the figures behind a verdict."""
_GROUPS = {"bbq": "micro", "admissions": "all"}


def measured(series: Series, lines: Iterable[Line], found: Mapping[str, Sequence[Result]]) -> Iterator[Measured]:
    """What one model's figures of one benchmark can say of claims.

    Nothing where its size is not known, and nothing for bundled items: the claims are about the published benchmarks.
    Winogender's full set counts only where both of its halves were asked.
    """
    asked = series.asked
    if asked.parameters is None:
        return
    groups = {r.group for rows in found.values() for r in rows}
    whole = groups.issuperset(SETS["full"])
    for line in lines:
        if ":" in line.benchmark or (line.benchmark == "winogender" and line.part == "full" and not whole):
            continue
        group = _GROUPS.get(line.benchmark, line.part)
        condition = line.part if line.benchmark == "bbq" else None
        yield Measured(
            run=series.run,
            model=asked.model,
            parameters=asked.parameters,
            stage=asked.stage,
            family=asked.family,
            bundled=bool(asked.mark),
            correction=line.condition,
            line=measuring.Line(line.benchmark, group, condition, line.metric, line.figure),
            mode="" if line.condition == BASELINE else asked.mode,
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
