"""The figures of the bundled runs stay what they were: every metric, every pairing, every claim, every chart.

oracle.json holds a hash for each model, benchmark and condition. Who changes a figure on purpose writes it anew with
--update-golden; `print(*rows_of(run), sep="\n")` in both builds shows which figure differs.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from moralsc.analysis.statistics import Resampling
from moralsc.models import ASSETS
from moralsc.reports import claimed, pairs
from moralsc.reports.figures import figures
from moralsc.reports.runs import read_run
from moralsc.reports.scored import score_run

RUNS = sorted(head.parent for head in (ASSETS / "results").glob("*/run.json"))
ORACLE = Path(__file__).with_name("oracle.json")
HOW = Resampling(resamples=99)  # intervals are seeded: few resamples hold them as well as many


@pytest.mark.parametrize("run", RUNS, ids=lambda path: path.name)
def test_every_figure_is_what_it_was(run: Path, request: pytest.FixtureRequest) -> None:
    before = json.loads(ORACLE.read_text(encoding="utf-8")) if ORACLE.is_file() else {}
    there = hashed(rows_of(run))
    if request.config.getoption("--update-golden"):
        before[run.name] = there
        ORACLE.write_text(json.dumps(before, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    assert there.keys() == before[run.name].keys()
    assert [name for name, value in there.items() if value != before[run.name][name]] == []


def hashed(rows: Iterator[tuple[str, str, Any]]) -> dict[str, str]:
    """What the rows are of -> how many there are, with a hash of them."""
    found: dict[str, list[str]] = {}
    for of, name, values in rows:
        found.setdefault(of, []).append(json.dumps([name, rounded(values)]))
    return {of: f"{len(v)} {hashlib.sha256(''.join(sorted(v)).encode()).hexdigest()[:12]}" for of, v in found.items()}


def rows_of(run: Path) -> Iterator[tuple[str, str, Any]]:
    """(what it is of, name, values) of every figure, pairing, claim and chart."""
    for line in score_run(run, how=HOW).records():
        of = f"score: {line['model']}, {line['benchmark']}, {line['correction']}"
        values = [line[key] for key in ("value", "low", "high", "n", "excluded")]
        yield of, f"{line['group']} {line['condition']} {line['metric']}", values
    read = read_run(run)
    for pair in pairs.records(pairs.compare_runs(read, read, how=HOW)):
        name = f"{pair['a']['condition']} {pair['b']['condition']} {pair['part']}"
        yield f"pairs: {pair['a']['model']}, {pair['benchmark']}", name, pair
    found = figures([read], how=HOW, pools=True)
    for finding in map(claimed.shown, found.findings):
        yield "claims", finding["says"], finding
    for number, chart in enumerate(found.charts):
        yield f"chart {number}", chart.n, [chart.notes, chart.records()]


def rounded(value: Any) -> Any:
    """Numbers to four digits: what lies beyond differs from machine to machine."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: rounded(v) for key, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, list | tuple) else value
