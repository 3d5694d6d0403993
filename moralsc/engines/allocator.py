"""How this process keeps the memory that it computes in."""

import ctypes
import os
import sys

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # names of glibc's mallopt
_BLOCK, _KEPT = 32 << 20, 512 << 20


def keep_memory() -> None:
    """Let torch put large blocks into large pages and reuse those that it has freed; before its first allocation.

    Without it a pass over two thousand tokens spends a tenth of its time on being given fresh memory by Linux and
    giving it back. Blocks above 32 MiB, as most weights are, still go back at once. What the environment says comes
    first; where the C library knows no such thing, nothing changes.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    options = {"MALLOC_MMAP_THRESHOLD_": (_MMAP_THRESHOLD, _BLOCK), "MALLOC_TRIM_THRESHOLD_": (_TRIM_THRESHOLD, _KEPT)}
    for variable, (option, value) in options.items():
        if mallopt is not None and variable not in os.environ:
            mallopt(option, value)
