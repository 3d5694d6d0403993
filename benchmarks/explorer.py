"""Seconds of computing until the figures of a finished run stand: reading, measuring, arranging, each change of filter.

Run `python -m benchmarks.explorer [--records N]`. The run is made up: two models, three benchmarks, ten conditions,
answers drawn by a seed, in a folder that is removed again. The yardstick is what nobody can do without: pandas reading
the same file and taking one mean for each model, category, context and correction. Prints a table; asserts nothing.
What other programs do meanwhile does not count: the seconds are those of this process's processors, beside those of
the clock for changes of a filter, which go through the Explore section's own handler.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import gradio as gr
import pandas as pd

from moralsc.batch import table
from moralsc.batch.design import Design
from moralsc.batch.folder import RECORDS
from moralsc.batch.head import FORMAT, HEAD, plain
from moralsc.batch.record import Record, sha256
from moralsc.benchmarks.winogender import SETS
from moralsc.items import ContextKind, Polarity, Role
from moralsc.prompts import default_prompts
from moralsc.reports.figures import arranged, measured
from moralsc.reports.runs import read_run
from moralsc.settings import Settings
from moralsc.ui import explore_section
from moralsc.ui.explorer import Explorer, Filters
from moralsc.ui.library import Library
from moralsc.ui.own import build_visitor

CONDITIONS = (
    *("baseline", "cot", *(f"specificity-{k}" for k in range(4))),
    *(f"negation-{k}" for k in range(3)),
    "feedback",
)
CATEGORIES = tuple(f"Category {k}" for k in range(11))
MODELS = ("one", "other")
ROLES = (Role.UNBIASED, Role.STEREOTYPED, Role.COUNTER)
PARTS = ("p_unbiased", "p_stereotyped", "p_counter")
KEYS = ["model", "benchmark", "category", "condition", "correction"]


def items(benchmark: str) -> Iterator[dict[str, Any]]:
    """What the records of an item share; endless for BBQ."""
    if benchmark == "winogender":
        for k in range(120):
            part, job = SETS["full"][k % 2], k // 2
            yield {"item": f"w{k}", "category": part, "occupation": f"job {job}", "percent_female": 1.6 * job}
    elif benchmark == "admissions":
        for k in range(400):
            for arm in ("Black", "White"):
                yield {"item": f"s{k}", "category": "law school", "arm": arm, "weight": 1 + k % 20, "correct": None}
    k = 0
    while benchmark == "bbq":
        clear = k % 2 == 1
        yield {
            "item": f"b{k}",
            "category": CATEGORIES[k // 4 % len(CATEGORIES)],
            "condition": ContextKind.DISAMBIGUATED if clear else ContextKind.AMBIGUOUS,
            "polarity": Polarity.NEGATIVE if k % 4 < 2 else Polarity.NONNEGATIVE,
            "correct": ROLES[1 + k // 8 % 2] if clear else Role.UNBIASED,
        }
        k += 1


def answered(facts: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """The fields of one answer."""
    weights = [draw.random() for _ in ROLES]
    shares = [w / sum(weights) for w in weights]
    first = max(range(3), key=shares.__getitem__)
    named = {"winogender": ("neutral", "female", "male"), "admissions": ("maybe", "yes", "no")}
    parts = {} if facts["benchmark"] == "admissions" else dict(zip(PARTS, shares, strict=True))
    read = draw.random() > 0.02
    return {
        "key": sha256(str(draw.random())),
        "sent_hash": sha256(str(draw.random())),
        "reply": "The answer is the one that the text names, so far as it names any of the three people.",
        "groups": named.get(facts["benchmark"], ("unknown", "one", "other")),
        "probabilities": tuple(shares),
        "logprobs": tuple(-1 / w for w in shares),
        **parts,
        "favoured": "abc"[first],
        "favoured_role": ROLES[first] if parts else None,
        "outcome": "option" if read else "unparsed",
        "label": "abc"[first] if read else None,
        "said_role": ROLES[first] if parts and read else None,
    }


def records(count: int) -> Iterator[Record]:
    """So many records in the order of a plan."""
    draw = random.Random(0)
    empty: dict[str, Any] = {f.name: None for f in fields(Record)}
    shared: dict[str, Any] = {
        "mark": "",
        "weights": "w",
        "dtype": "bfloat16",
        "source": "published",
        "order": "abc",
        "arm": "",
    }
    shared |= {"condition": "", "polarity": "", "occupation": "", "mode": "follow-up", "form": "primed"}
    shared |= {"scored_by": "label", "status": "done", "labels": ("a", "b", "c"), "roles": tuple(map(str, ROLES))}
    numbers = {"batch": 0, "weight": 1, "round": 0, "repeat": 0, "temperature": 0.0, "seed": 0, "seconds": 0.1}
    row = 0
    for number, model in enumerate(MODELS, 1):
        for benchmark in ("winogender", "admissions", "bbq"):
            until = count * number // len(MODELS)
            left = -(-(until - row) // len(CONDITIONS))
            for item in islice(items(benchmark), left):
                for condition in CONDITIONS[: until - row]:
                    facts = {"model": model, "benchmark": benchmark, "correct": Role.UNBIASED, **item}
                    facts |= {"row": row, "correction": condition}
                    yield Record(**empty | shared | numbers | facts | answered(facts, draw))
                    row += 1


def finished(folder: Path, count: int) -> None:
    """Leave a complete run in a folder."""
    design = Design.of(MODELS, ("winogender", "admissions", "bbq"), ",".join(CONDITIONS[1:]))
    done: dict[str, Any] = {"done": count, "rows": count, "seconds": 1.0, "tokens": None, "complete": True}
    head = {"format": FORMAT, **done, "design": plain(design.record()), "models": {}, "attempts": []}
    (folder / HEAD).write_text(json.dumps(head), encoding="utf-8")
    table.write(folder / RECORDS, records(count), {})


def yardstick(folder: Path) -> pd.Series:
    """One mean a cell."""
    frame = pd.read_parquet(folder / RECORDS)
    return frame.assign(right=frame.favoured_role == frame.correct).groupby(KEYS).right.mean()


def timed(what: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of this process's processors, seconds by the clock, and what was made."""
    used, passed = time.process_time(), time.perf_counter()
    made = what()
    return time.process_time() - used, time.perf_counter() - passed, made


def explored(results: Path) -> dict[str, list[tuple[float, float]]]:
    """What the Explore section's own handler takes, with its first drawing: step -> (processor, clock) of each answer.

    The categories of a large run are measured ahead, in a thread, as soon as its charts stand; "at once" is a visitor
    who is quicker than that.
    """
    explorer = Explorer(Library(Settings(cache=results / "cache", results=results)), default_prompts().corrections)
    with gr.Blocks(), gr.Tab() as tab:
        parts = explore_section.build(explorer, build_visitor(), tab)
    look = explore_section._looking(explorer, parts)

    def change(name: str, value: Any) -> tuple[float, float]:
        empty: dict[str, Any] = {"category": "", "context": "", "mode": ""}
        values = [value if one == name else empty.get(one, []) for one in explore_section._ORDER]

        def answer() -> None:
            for update in look("", *values):
                selection = update.get(parts.selection)
            explorer.drawn(selection, "ladder")

        return timed(answer)[:2]

    took = {"opening: read, measured, drawn": [change("", None)]}
    took["category, at once"] = [change("category", CATEGORIES[-1])]
    while not all(explorer.ready(Filters(category=c)) for c in CATEGORIES):
        time.sleep(0.1)
    for name, values in CHANGES.items():
        took[name] = [change(name, value) for value in values]
    return took


CHANGES: dict[str, list[Any]] = {
    "models": [[model] for model in MODELS],
    "benchmarks": [["bbq"], ["winogender"], ["admissions"], ["bbq", "winogender"]],
    "category": list(CATEGORIES[:-1]),
    "context": ["ambig", "disambig"],
    "corrections": [[c] for c in CONDITIONS[1:]],
    "mode": ["follow-up"],
}
TARGET = 0.5  # seconds for a change of one filter


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    count = parser.parse_args().records
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "large")
        folder.mkdir()
        finished(folder, count)
        least = timed(lambda: yardstick(folder))[0]
        reading, _, run = timed(lambda: read_run(folder))
        measuring, _, parts = timed(lambda: measured([run]))
        arranging = timed(lambda: arranged(parts))[0]
        took = explored(Path(name))
    rows = {"pandas: read, one mean a cell": least, "reading": reading, "measuring": measuring, "arranging": arranging}
    print(f"{count} records: processor seconds, and times the yardstick\n| step | s | ratio |\n|---|---|---|")
    for what, seconds in rows.items():
        print(f"| {what} | {seconds:.2f} | {seconds / least:.2g} |")
    print(f"\nA change of a filter, target {TARGET} s\n| filter | changes | median s | most | median by the clock |")
    print("|---|---|---|---|---|")
    for what, pairs in took.items():
        used, passed = zip(*pairs, strict=True)
        print(f"| {what} | {len(pairs)} | {median(used):.3f} | {max(used):.3f} | {median(passed):.3f} |")


if __name__ == "__main__":
    main()
