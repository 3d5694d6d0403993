"""moralsc: how language models correct their own bias when they are told to."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`moralsc.run` and `moralsc.Design`, imported when they are first asked for: `import moralsc` stays light."""
    if name == "run":
        from moralsc.batch.run import run

        return run
    if name == "Design":
        from moralsc.batch.design import Design

        return Design
    raise AttributeError(f"module 'moralsc' has no attribute {name!r}")
