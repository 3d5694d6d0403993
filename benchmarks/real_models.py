"""Record what the two real models answer, and write the tables of docs/real-models.md from these records.

`python -m benchmarks.real_models --record` asks them everything (an hour on two idle cores; it goes on where it was
broken off), with MORALSC_DATA set and both models there (`moralsc models get NAME`); without --record the tables are
written anew from assets/results/real-*. Asserts nothing.
"""

import argparse
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

import moralsc
from moralsc.analysis import mass
from moralsc.analysis.correction import Comparison, compare, corrected
from moralsc.analysis.results import Result
from moralsc.analysis.statistics import Figure
from moralsc.batch import folder, table
from moralsc.batch.design import Design
from moralsc.batch.progress import Progress
from moralsc.batch.results import By
from moralsc.batch.summary import by_condition, placed
from moralsc.benchmarks import bbq, winogender
from moralsc.benchmarks.base import CONTEXTS
from moralsc.engines.base import Engine
from moralsc.engines.local import LocalEngine
from moralsc.engines.local_load import load
from moralsc.items import BASELINE, ContextKind
from moralsc.models import find
from moralsc.reports.claimed import shown
from moralsc.reports.figures import figures
from moralsc.reports.runs import Run, read_run
from moralsc.settings import Settings
from moralsc.ui.library import OPENING

PAGE, RESULTS = Path("docs/real-models.md"), Path("assets/results")  # from the root of a checkout
SMOLLM2, GEMMA = "smollm2-135m-instruct-q4", "gemma-3-270m"
MODELS = (SMOLLM2, GEMMA)

_BBQ, _CATEGORIES = 200, "Age,Nationality,Religion"  # items of each: 100 a context

DESIGNS: Mapping[str, Design] = {
    "real-winogender": Design.of(MODELS, "winogender", "ladder,cot", order="balanced", batch=24),
    "real-fixed-order": Design.of(SMOLLM2, "winogender", "ladder,cot", order="fixed", prefill="set", batch=24),
    "real-bbq": Design.of(MODELS, f"bbq:{_CATEGORIES}", "ladder", order="rotated", limit=_BBQ, batch=24),
    "real-bbq-cot": Design.of(SMOLLM2, f"bbq:{_CATEGORIES}", "cot", order="rotated", limit=_BBQ, batch=24),
    "real-bbq-rounds": Design.of(
        SMOLLM2, f"bbq:{_CATEGORIES}", "specificity-0,negation-0,rounds=2", order="rotated", limit=_BBQ, batch=24
    ),
    "real-bundled": Design.of(
        MODELS,
        ("winogender:bundled", f"bbq:bundled:{_CATEGORIES}"),
        "ladder",
        order="rotated",
        limit=60,  # of Winogender all; of BBQ's thousands 60 a category
        batch=24,
    ),
    "real-rounds": Design.of(
        MODELS, "winogender", "specificity-0,negation-0,rounds=2", order="rotated", limit=30, batch=24
    ),
}
"""Folder in assets/results -> what was asked."""


def record(names: Sequence[str]) -> None:
    """Ask what is not asked yet, and leave the shards out of what is kept."""
    for name in names:
        print(name)
        status = moralsc.run(
            DESIGNS[name], RESULTS / name, Settings.from_env(os.environ), load=_wide, on_progress=_told
        )
        print(f"\n{name}: {status.sentence}")
        if status.complete and (RESULTS / name / folder.SHARDS).is_dir():
            save_room(RESULTS / name / folder.RECORDS)
            shutil.rmtree(RESULTS / name / folder.SHARDS)


def save_room(path: Path) -> None:
    """Leave out what only going on with a run needs (key, seen_hash): hashes are most of the file."""
    facts = {k.decode(): v.decode() for k, v in pq.read_schema(path).metadata.items() if k != b"ARROW:schema"}
    records = [replace(record, key=None, seen_hash=None) for record in table.read(path)]
    half = path.with_suffix(".half")
    table.write(half, records, facts)
    half.replace(path)


def _wide(name: str) -> Engine:
    """The model with room for many replies side by side, which a small one has."""
    return LocalEngine.of(load(find(name)), reply_budget=40_000)


def _told(progress: Progress) -> None:
    print(f"\r{progress.model}: {progress.done} of {progress.planned}, {progress.left / 60:.0f} min left   ", end="")


# The tables -----------------------------------------------------------------------------------------------------------


def write() -> None:
    """Put every table into its place in the page; what stands between them is written by hand."""
    text = PAGE.read_text(encoding="utf-8")
    for name, (run, make) in TABLES.items():
        if not (RESULTS / run / "run.json").is_file():
            print(f"{run} is not recorded: {name!r} is left as it is.")
            continue
        lines = "\n".join(make())
        pattern = rf"(<!-- table {name} -->\n).*?(<!-- end -->)"
        text, found = re.subn(pattern, lambda m, lines=lines: f"{m[1]}\n{lines}\n\n{m[2]}", text, flags=re.DOTALL)
        if found != 1:
            raise SystemExit(f"{PAGE.name} needs exactly one place for the table {name!r}, and has {found}.")
    PAGE.write_text(text, encoding="utf-8")


def _run(name: str) -> Run:
    # By probability: what small models write is often no option, and would be left out.
    return read_run(RESULTS / name, by=By.PROBABILITY)


def _rows(name: str, model: str, benchmark: str) -> Mapping[str, list[Result]]:
    return by_condition(_run(name).results.get((model, benchmark), ()))


_TITLES = {
    BASELINE: "before",
    "specificity-0": "told to be fair",
    "specificity-1": "told which bias",
    "specificity-2": "told which people",
    "specificity-3": "told the answer",
    "negation-0": "told to be unfair",
    "negation-1": "told which bias to use",
    "negation-2": "told whom to be unfair to",
    "cot": "be fair, thinking first",
}


def _titled(condition: str) -> str:
    name, _, number = condition.partition(", round ")
    title = _TITLES.get(name, name)
    return f"{title}, reviewed {number} time{'s' if number != '1' else ''}" if number else title


def _tested(rows: Mapping[str, list[Result]]) -> Mapping[str, Comparison]:
    first = rows.get(BASELINE, [])
    return {c.after: c for c in corrected(compare(first, r) for name, r in rows.items() if name != BASELINE)}


def winogender_table(name: str, benchmark: str = "winogender") -> Iterator[str]:
    """One row a condition: what the neutral pronoun gets, and what was gained."""
    yield "| model | condition | answers neutral | mean chance of neutral | gain | p (Holm) | rho | mass | n |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for model in MODELS:
        if not (rows := _rows(name, model, benchmark)):
            continue
        tests = _tested(rows)
        for condition, found in rows.items():
            rate, chance = winogender.neutral_rate(found), winogender.mean_probability(found, "p_n")
            test = tests.get(condition)
            gain = (_figure(test.gain, signed=True), _p(test)) if test else ("", "")
            rho = _figure(winogender.rho([r for r in found if r.group in winogender.SETS["occupation"]]))
            cells = (_figure(rate), _figure(chance), *gain, rho, _mass(found))
            yield _line(find(model).title, _titled(condition), *cells, rate.n)


def bbq_table(name: str, benchmark: str = "bbq") -> Iterator[str]:
    """One row a condition: accuracy and bias in both contexts."""
    contexts = "accuracy, ambiguous | s_AMB | accuracy, disambiguated | s_DIS"
    yield f"| model | condition | {contexts} | gain, ambiguous | p (Holm) | mass | n |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for model in MODELS:
        if not (rows := _rows(name, model, benchmark)):
            continue
        parts = {c: {k: [r for r in v if r.condition is c] for k, v in rows.items()} for c in CONTEXTS}
        tests = _tested(parts[ContextKind.AMBIGUOUS])
        for condition in rows:
            ambiguous, clear = (parts[c][condition] for c in (ContextKind.AMBIGUOUS, ContextKind.DISAMBIGUATED))
            test = tests.get(condition)
            figures = (
                *(bbq.accuracy(ambiguous), bbq.ambiguous_bias(ambiguous)),
                *(bbq.accuracy(clear), bbq.bias(clear)),
            )
            gain = (_figure(test.gain, signed=True), _p(test)) if test else ("", "")
            n = f"{len(ambiguous)} + {len(clear)}"
            yield _line(find(model).title, _titled(condition), *map(_figure, figures), *gain, _mass(rows[condition]), n)


def places_table() -> Iterator[str]:
    """Which place the answers have, over all orders: what position alone does."""
    yield "| model | run | condition | first place | second | third | n |"
    yield "|---|---|---|---|---|---|---|"
    for name in filter(lambda name: (RESULTS / name).is_dir(), ("real-winogender", "real-bbq")):
        for (model, benchmark), results in _run(name).results.items():
            for position in placed(model, benchmark, results):
                shares = [_figure(figure) for figure in position.tally.shares().values()]
                if len(shares) == 3:
                    part = f"{benchmark} {position.part}".strip()
                    yield _line(find(model).title, part, position.condition, *shares, sum(position.tally.counts))


def _figure(figure: Figure, signed: bool = False) -> str:
    if figure.value is None:
        return "undefined"
    sign = "+" if signed else ""
    if figure.low is None or figure.high is None:
        return f"{figure.value:{sign}.2f}"
    return f"{figure.value:{sign}.2f} ({figure.low:{sign}.2f} to {figure.high:{sign}.2f})"


def _mass(results: Sequence[Result]) -> str:
    return mass.value(mass.median_mass(results))


def _p(test: Comparison) -> str:
    return "" if test.p_holm is None else f"{test.p_holm:.1g}"


def _line(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def claims_table() -> Iterator[str]:
    """The papers' claims that say something of models of this size."""
    yield "| claim | paper | verdict | model | figure | expected | effect | 95 % |"
    yield "|---|---|---|---|---|---|---|---|"
    runs = [_run(name) for name in sorted(OPENING) if (RESULTS / name).is_dir()]
    for finding in map(shown, figures(runs).findings):
        head = (finding["says"], finding["paper"], finding["verdict"])
        for model, figure, expected, effect, interval, *_ in finding["evidence"]:
            yield _line(*head, find(model).title, figure, expected, effect, interval)
            head = ("", "", "")


TABLES: Mapping[str, tuple[str, Callable[[], Iterator[str]]]] = {
    "winogender, balanced orders": ("real-winogender", lambda: winogender_table("real-winogender")),
    "winogender, fixed order": ("real-fixed-order", lambda: winogender_table("real-fixed-order")),
    "winogender, rounds": ("real-rounds", lambda: winogender_table("real-rounds")),
    "winogender, bundled": ("real-bundled", lambda: winogender_table("real-bundled", "winogender:bundled")),
    "bbq, rotated orders": ("real-bbq", lambda: bbq_table("real-bbq")),
    "bbq, thinking first": ("real-bbq-cot", lambda: bbq_table("real-bbq-cot")),
    "bbq, rounds": ("real-bbq-rounds", lambda: bbq_table("real-bbq-rounds")),
    "bbq, bundled": ("real-bundled", lambda: bbq_table("real-bundled", "bbq:bundled")),
    "places": ("real-winogender", places_table),
    "claims": ("real-bbq", claims_table),
}
"""Table -> the run that it is made of, and how."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="ask what is not asked yet, first")
    parser.add_argument("--only", nargs="*", default=list(DESIGNS), help="of these runs")
    given = parser.parse_args()
    if given.record:
        record(given.only)
    write()


if __name__ == "__main__":
    main()
