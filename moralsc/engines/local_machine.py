"""What this machine has for models: its device and the memory that is free, measured."""

import gc
from pathlib import Path

import psutil
import torch

from moralsc.engines.fit import Machine

_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat", "inactive_file"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)
"""Where Linux says what a container may use and uses: limit, use, and the part of it that is given back on demand."""


def measure(device: str | None = None) -> Machine:
    """The machine now.

    Args:
        device: as torch names it; None for the best one there is.
    """
    device = device or best_device(None)
    gc.collect()  # the parts of a model that nobody needs any more refer to each other
    free, total = _memory()
    if device.startswith("cuda"):
        torch.cuda.empty_cache()  # what torch holds in reserve is free for the next model
        here = torch.device(device)
        card_free, card_total = torch.cuda.mem_get_info(here)
        cards = sum(torch.cuda.mem_get_info(number)[0] for number in range(torch.cuda.device_count()))
        name = torch.cuda.get_device_name(here)
        return Machine(device, name, card_free, card_total, free, total, cards, torch.cuda.is_bf16_supported())
    if device == "mps":
        torch.mps.empty_cache()
        most = torch.mps.recommended_max_memory()
        return Machine(device, "this Mac's GPU", max(0, most - torch.mps.driver_allocated_memory()), most, free, total)
    return Machine(device, "this machine's memory", free, total, free, total)


def best_device(place: int | None) -> str:
    """A CUDA card, else the GPU of a Mac, else the CPU.

    Args:
        place: the card with this number, beginning anew where there are fewer; None for torch's current one.
    """
    if torch.cuda.is_available():
        return "cuda" if place is None else f"cuda:{place % torch.cuda.device_count()}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _memory() -> tuple[int, int]:
    """Bytes that are free and in all, of the machine or of the container that this runs in."""
    memory = psutil.virtual_memory()
    free, total = memory.available, memory.total
    for limit_file, use_file, stat_file, kept in _GROUPS:
        limit, used = _read(limit_file), _read(use_file)
        if limit is not None and used is not None and limit < total:
            return min(free, max(0, limit - used + _stat(stat_file, kept))), limit
    return free, total


def _read(name: str) -> int | None:
    try:
        text = Path(name).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _stat(name: str, key: str) -> int:
    try:
        rows = (row.split() for row in Path(name).read_text(encoding="ascii").splitlines())
    except OSError:
        return 0
    return next((int(row[1]) for row in rows if row[:1] == [key]), 0)
