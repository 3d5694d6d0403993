"""How scoring's time and memory grow with items, conditions and the model's size.

Run `python -m benchmarks.growth [--dtype float32|bfloat16] [--threads N]`. Every row is measured in a process of its
own, random weights, default settings. Memory is the peak of that whole process less its weights: Python, torch and
what scoring needs. Prints a table; asserts nothing. Set MORALSC_DATA for published BBQ items.
"""

import argparse
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import torch

from benchmarks.counting import parameters
from benchmarks.workload import random_model, scorings
from moralsc.benchmarks import load
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

# (model, items, conditions): each grows from the middle one.
ROWS = (
    ("135M", 12, 8),
    ("135M", 24, 8),
    ("135M", 48, 8),
    ("135M", 24, 1),
    ("135M", 24, 2),
    ("135M", 24, 4),
    ("35M", 24, 8),
    ("360M", 24, 8),
    ("1B", 24, 8),
)


@dataclass(frozen=True)
class Measured:
    """Seconds, and memory in bytes: of the weights, and of the process on top of them."""

    seconds: float
    weights: int
    extra: int


def measure(size: str, items: int, conditions: int, dtype: str, threads: int) -> Measured:
    """Score once with a process that has done nothing before but load the model."""
    torch.set_num_threads(threads)
    chosen = load("bbq", Settings.from_env(os.environ)).items[:items]
    asked = [s for item in chosen for s in scorings(item, default_prompts())[:conditions]]
    engine = random_model(size, dtype, "cpu", [m.content for s in asked for m in s.messages])
    started = time.perf_counter()
    engine.score(asked)
    seconds = time.perf_counter() - started
    weights = torch.finfo(getattr(torch, dtype)).bits // 8 * parameters(engine._model.config)
    return Measured(seconds, weights, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - weights)


def table(dtype: str, threads: int) -> Iterator[str]:
    """The lines of a Markdown table, each when it is measured."""
    yield "| model | items | conditions | s | item-conditions/s | s an item | weights, GB | peak above weights, GB |"
    yield "|---|---|---|---|---|---|---|---|"
    # A process a row: a peak never falls.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        for size, items, conditions in ROWS:
            found = pool.submit(measure, size, items, conditions, dtype, threads).result()
            rate, each = items * conditions / found.seconds, found.seconds / items
            memory = f"{found.weights / 1e9:.2f} | {found.extra / 1e9:.2f}"
            yield f"| {size} | {items} | {conditions} | {found.seconds:.1f} | {rate:.1f} | {each:.3f} | {memory} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    for line in table(options.dtype, options.threads):
        print(line, flush=True)


if __name__ == "__main__":
    main()
