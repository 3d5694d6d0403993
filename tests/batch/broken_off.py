"""A run in a process of its own that is killed, or meets a full disk, at a fixed moment. For test_run_folder alone.

Arguments: the folder, and the moment, which MOMENTS names. Nothing of the product knows these moments.
"""

import os
import resource
import signal
import sys
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

if __name__ == "__main__":
    with offering(FAKES):
        MOMENTS[sys.argv[2]]()
        run(MADE, Path(sys.argv[1]), SETTINGS, load=lambda name: fake(FAKES[name]))
