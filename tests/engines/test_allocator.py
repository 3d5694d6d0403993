"""Memory that was computed in is kept for the next pass, unless the environment says otherwise."""

import os
import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource
from moralsc.engines.allocator import keep_memory
keep_memory()
import torch
def fill():
    torch.ones(4_000_000)  # 16 MB
for _ in range(3):
    fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**environment: str) -> int:
    """Pages of fresh memory that ten passes touch after three others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "THP_"))}
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS], env=inherited | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told how to keep memory")


@glibc
def test_freed_memory_is_used_again() -> None:
    assert faults() < 100


@glibc
def test_what_the_environment_says_comes_first() -> None:
    fresh = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "THP_MEM_ALLOC_ENABLE": "0"}
    assert faults(**fresh) > 10_000
