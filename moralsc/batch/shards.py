"""Shards: the records of a run while it goes on, in append-only files of JSON lines, one for each process.

A batch is written in one piece and ends with a line that counts and hashes its records. A batch without such an end,
or with another hash, was torn by whatever ended the process; it is passed over and asked again.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moralsc.batch.record import Record, from_plain

_END = b'{"end": '


@dataclass(frozen=True)
class Segment:
    """A whole batch in a shard.

    Attributes:
        offset, length: where its records lie, in bytes.
        rows: how many.
        seconds: wall time of asking it.
        tokens: computed for it, None if the engine did not count them.
    """

    batch: int
    path: Path
    offset: int
    length: int
    rows: int
    seconds: float
    tokens: int | None

    def records(self) -> list[Record]:
        """Its records, in order."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return [from_plain(json.loads(line)) for line in file.read(self.length).splitlines()]


class Shard:
    """The file that one process appends to. It is made with the first batch."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, batch: int, records: Sequence[Record]) -> "Segment":
        """Append a batch; when this returns, it is on the disk.

        Raises:
            OSError: it cannot be written whole.
        """
        lines = b"".join(_line(r.plain()) for r in records)
        counted = [r.tokens for r in records if r.tokens is not None]
        seconds = math.fsum(r.seconds for r in records)
        tokens = round(math.fsum(counted)) if len(counted) == len(records) else None
        end = {"end": batch, "rows": len(records), "sha256": hashlib.sha256(lines).hexdigest()}
        left = memoryview(lines + _line({**end, "seconds": seconds, "tokens": tokens}))
        with self._path.open("ab", buffering=0) as file:
            offset = file.tell()
            while left:
                left = left[file.write(left) or 0 :]
            os.fsync(file.fileno())
        sync_folder(self._path.parent)
        return Segment(batch, self._path, offset, len(lines), len(records), seconds, tokens)


class Followed:
    """The file that another process appends to meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new(self) -> list[Segment]:
        """The batches that have become whole since the last call."""
        if not self._path.is_file():
            return []
        found = list(_segments(self._path, self._read))
        if found:
            self._read = found[-1].offset + found[-1].length
        return found


def scan(folder: Path, also: Iterable[Path] = ()) -> dict[int, Segment]:
    """Number of the batch -> where it lies, for every whole batch in the folder's shards.

    Args:
        also: shards known to be there, for network disks that list new files late.
    """
    found: dict[int, Segment] = {}
    for path in sorted({*folder.glob("*.jsonl"), *also}):
        for segment in _segments(path):
            found.setdefault(segment.batch, segment)
    return found


def sync_folder(folder: Path) -> None:
    """Make new names in a folder last, on systems that know folders as files."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _segments(path: Path, start: int = 0) -> Iterator[Segment]:
    """The whole batches of a shard, from this byte on: the beginning of a record, or of a batch's last line."""
    lines, place = list[bytes](), start
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            place += len(line)
            if not line.startswith(_END):
                lines.append(line)
                continue
            end = _read(line)
            # What a torn batch left before this one is no part of it.
            whole = b"".join(lines[-end["rows"] :]) if end else b""
            if end and hashlib.sha256(whole).hexdigest() == end["sha256"]:
                offset = place - len(line) - len(whole)
                facts = (end["rows"], end["seconds"], end["tokens"])
                yield Segment(end["end"], path, offset, len(whole), *facts)
            lines = []


def _read(line: bytes) -> Mapping[str, Any] | None:
    try:
        end = json.loads(line)
    except ValueError:
        return None
    return end if end.keys() >= {"end", "rows", "sha256", "seconds", "tokens"} and end["rows"] > 0 else None


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, allow_nan=False).encode() + b"\n"
