"""Runs in processes of their own that are killed, or meet a full disk. For test_run_folder alone.

Arguments: the folder, and the moment, which MOMENTS names, or "at random" and how many are to be killed, in as many
folders inside the given one as that takes. Nothing of the product knows these moments.
"""

import importlib
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batch.fakes import FAKES, SETTINGS, design, fake
from catalogues import offering

from moralsc.batch import folder, shards
from moralsc.batch.run import run

MADE = design(["winogender:bundled", "bbq:bundled:Age"], "specificity-0,cot", models=("fake", "other"))
ROOM = 60_000


def die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(target: Any, name: str, number: int, act: Callable[..., None]) -> None:
    """Act when this function is called for the `number`-th time, before it does anything."""
    original, left = getattr(target, name), [number]

    def called(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            act(*args)
        return original(*args, **kwargs)

    setattr(target, name, called)


def half_a_batch(shard: shards.Shard, batch: int, records: Any, *_: Any) -> None:
    """Write as much of a batch as a killed process may have written, and die."""
    whole = b"".join(shards._line(r.plain()) for r in records)
    with shard._path.open("ab") as file:
        file.write(whole[: len(whole) // 2])
    die()


def wait(*_: Any) -> None:
    print("working", flush=True)
    sys.stdin.read()


MOMENTS: dict[str, Callable[[], None]] = {
    "before the first flush": lambda: before(shards.Shard, "write", 1, die),
    "in the middle of a batch": lambda: before(shards.Shard, "write", 3, half_a_batch),
    "while closing": lambda: before(folder, "dictionary", 1, die),
    "full disk": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM)),
    "working": lambda: before(shards.Shard, "write", 2, wait),
}


def forked(out: Path) -> int:
    """Id of a process that makes the run."""
    if pid := os.fork():
        return pid
    run(MADE, out, SETTINGS, load=lambda name: fake(FAKES[name]))
    os._exit(0)


def kill_at_random(out: Path, times: int) -> None:
    """Kill that many runs, each at some moment of what is left of it; one that ends first is no kill."""
    # A run imports these when it closes: here once, and not in each process anew.
    for name in ("moralsc.batch.table", "pandas"):
        importlib.import_module(name)
    rng, started = random.Random(0), time.monotonic()
    os.waitpid(forked(out / "whole"), 0)
    most = time.monotonic() - started
    attempt = killed = 0
    while killed < times:
        pid = forked(out / str(attempt))
        time.sleep(rng.uniform(0, most))
        os.kill(pid, signal.SIGKILL)
        if os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
            killed += 1
        else:
            attempt += 1
    print(killed)


if __name__ == "__main__":
    with offering(FAKES):
        if sys.argv[2] == "at random":
            kill_at_random(Path(sys.argv[1]), int(sys.argv[3]))
        else:
            MOMENTS[sys.argv[2]]()
            run(MADE, Path(sys.argv[1]), SETTINGS, load=lambda name: fake(FAKES[name]))
