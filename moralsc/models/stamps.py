"""Checksums of large files, computed once: a stamp in the cache says size, time and sum, and holds while these hold."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_WORTH = 16_000_000  # bytes: less is read in a moment


def sha256(paths: Sequence[Path], cache: Path | None) -> str:
    """64 hex digits of the SHA-256 of files, one after the other.

    Args:
        cache: where stamps are kept; None computes it anew.

    Raises:
        OSError: a file cannot be read.
    """
    cache = cache if sum(path.stat().st_size for path in paths) >= _WORTH else None
    if cache is not None:
        with suppress(OSError, ValueError, TypeError, KeyError):
            stamp = json.loads(_place(paths, cache).read_text(encoding="utf-8"))
            if stamp["files"] == _state(paths):
                return str(stamp["sha256"])
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    found = digest.hexdigest()
    if cache is not None:
        note(paths, found, cache)
    return found


def note(paths: Sequence[Path], found: str, cache: Path) -> None:
    """Keep a sum that was computed otherwise. A cache that cannot be written is no failure: it is computed again."""
    with suppress(OSError):
        place = _place(paths, cache)
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_suffix(".half")
        half.write_text(json.dumps({"files": _state(paths), "sha256": found}), encoding="utf-8")
        half.replace(place)


def _state(paths: Sequence[Path]) -> list[list[str | int]]:
    return [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in paths]


def _place(paths: Sequence[Path], cache: Path) -> Path:
    name = hashlib.sha256("\n".join(map(str, paths)).encode()).hexdigest()[:24]
    return cache / "stamps" / f"{name}.json"
