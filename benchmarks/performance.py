"""Write docs/performance.md: what scoring costs on this machine, beside lm-evaluation-harness.

Run `python -m benchmarks.performance [--items 48] [--repeat 2]` on a quiet machine with `pip install lm-eval==0.4.13`
and MORALSC_DATA set; it takes some ten minutes on two cores. Every figure is measured anew; asserts nothing.
"""

import argparse
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks import growth, throughput

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
DTYPES = ("float32", "bfloat16")
_LIBRARIES = ("torch", "transformers", "lm-eval")

_HEAD = """# How fast moralsc scores

*Written whole by `python -m benchmarks.performance`; changes by hand are lost.*

Measured on {date}: {machine}; {libraries}. Models have random weights, so what they answer means nothing; what it takes
to ask them is that of any Llama of their shape.
"""

_PEER = """
## Beside lm-evaluation-harness

The same model, dtype, items and prompts go to both: BBQ items x the baseline and seven corrections, each asked for the
log-probability of its options' letters. The harness gets them as a local task and the best batch size of those tried
({batches}), and only its `loglikelihood` is timed; of moralsc it is all of `score`, tokenising included. The model is
one object, so that the harness gains too from the parts that moralsc makes lean in it (`engines/local_lean`). The best
of {repeat} runs of each counts.

*Bound by sharing* is what could be gained by computing each shared token once: multiplications and additions of all
prompts by themselves, with the logits of all their positions as the harness computes them, over those of the tree.
A ratio above it means that the harness falls further short of the machine than moralsc does. *Matrix peak* is the
best time of one large product of two square matrices in the same dtype, taken in the same process. *Where its time
goes* is torch's profiler's account of one more scoring of all of them. What a pass needs beside its products (norms,
activations, rotary positions, and attention over short branches) is bound by memory, and weighs the more the faster the
products are: in bfloat16 on processors that have units for it.

{table}
"""

_GROWTH = """
## How it grows

Time in {dtype}; every row in a process of its own. Memory is the peak of the whole process less the weights: Python,
torch, and all that scoring needs at its default settings.

{table}

What 1,000 items cost with models up to 70B, computed from counted operations, stands in [cluster.md](cluster.md).
"""

_NO_GPU = """
## Not measured

A GPU was not at hand. `python -m benchmarks.throughput --size 7B --dtype bfloat16` measures the same comparison on one.
"""


def peer_table(items: int, threads: int, repeat: int) -> str:
    """A Markdown table, one column a dtype. Each is measured in a process of its own, for its peak of memory."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        found = [pool.submit(throughput.compare, items, dtype, "135M", threads, repeat).result() for dtype in DTYPES]
    lines = [("", *DTYPES), ("---",) * (1 + len(DTYPES)), *((name, *(f[name] for f in found)) for name in found[0])]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def processor() -> str:
    """The processor's name as the system gives it, with cores and memory."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).is_file() else []


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=48)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    peer = peer_table(options.items, options.threads, options.repeat)
    print(peer, flush=True)
    grown = "\n".join(growth.table("float32", options.threads))
    page = _HEAD.format(
        date=datetime.now(UTC).date(),
        machine=processor(),
        libraries=", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    )
    page += _PEER.format(batches=", ".join(map(str, throughput.BATCHES)), repeat=options.repeat, table=peer)
    page += _GROWTH.format(dtype="float32", table=grown)
    page += "" if torch.cuda.is_available() else _NO_GPU
    PAGE.write_text(page, encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
