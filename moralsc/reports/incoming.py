"""Runs that somebody brings: a zipped run folder, or its Parquet file alone. Checked, never trusted.

Files are unpacked under names of ours, sizes are counted while they are read, and a sentence says what is wrong.
"""

import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from moralsc.batch import folder, table
from moralsc.batch.design import Design, Selection
from moralsc.batch.head import FORMAT, HEAD
from moralsc.batch.record import Record
from moralsc.benchmarks import Source
from moralsc.dialogue import BASELINE, Form, Mode
from moralsc.errors import DataError, MoralscError
from moralsc.reports.runs import Run, read_run

MAX_FILE = 50_000_000
"""Bytes of a file that is brought."""
MAX_UNPACKED = 400_000_000
"""Bytes of what is in it."""
MAX_ROWS = 500_000
_MAX_ENTRIES = 10_000
_CHUNK = 1 << 20
_SHARD = re.compile(r"[0-9]{3}-[0-9]{1,4}\.jsonl")
_ALLOWED = "Bring a run's folder as .zip, or its records.parquet."


@dataclass(frozen=True)
class _Design:
    """What of a design is needed to read its run."""

    models: list[str]
    benchmarks: list[str]
    corrections: list[str]


@dataclass(frozen=True)
class _Head:
    """What of run.json is needed to show a run."""

    format: str
    complete: bool
    rows: int
    design: _Design
    data: dict[str, dict[str, Any]]
    prompts: dict[str, str]
    models: dict[str, dict[str, Any]]
    attempts: Annotated[list[dict[str, Any]], Field(min_length=1)]
    done: int = 0
    seconds: float = 0.0
    tokens: int | None = None


_HEAD = TypeAdapter(_Head)


def receive(path: Path, into: Path, name: str = "") -> Run:
    """The run in a file, which becomes a run's folder.

    Args:
        into: the folder, empty or not there yet.
        name: for people; the file's by default.

    Raises:
        DataError: the file is no run, or larger than allowed.
    """
    name = name or path.stem
    if path.stat().st_size > MAX_FILE:
        raise DataError(f"{path.name} is larger than {MAX_FILE // 1_000_000} MB. {_ALLOWED}")
    into.mkdir(parents=True, exist_ok=True)
    if zipfile.is_zipfile(path):
        _unpack(path, into)
        return _read(into, name)
    table.check(path, MAX_ROWS, MAX_UNPACKED)
    shutil.copyfile(path, into / folder.RECORDS)
    try:
        head = _head(table.read(path))
    except (ValueError, TypeError, KeyError, AttributeError, MoralscError) as error:
        raise _odd(error) from error
    (into / HEAD).write_text(json.dumps(head), encoding="utf-8")
    return _read(into, name)


def _head(records: Iterable[Record]) -> dict[str, Any]:
    """What can be said of a run by its records alone, as its run.json would."""
    models: dict[str, dict[str, str]] = {}
    benchmarks, corrections, rows, seconds, spoken = dict[str, None](), dict[str, None](), 0, 0.0, True
    more: dict[str, Any] = {}
    for r in records:
        facts = {name: getattr(r, name) for name in ("weights", "dtype", "scored_by", "mark")}
        models.setdefault(r.model, facts)
        benchmarks[Selection(r.benchmark, Source(r.source)).key] = None
        if r.correction == BASELINE:
            more = {"form": Form(r.form), "temperature": r.temperature, "seed": r.seed, **more}
        else:
            corrections[r.correction] = None
            more["mode"] = Mode(r.mode)
        more["rounds"] = max(more.get("rounds", 0), int(r.round))
        rows, seconds, spoken = rows + 1, seconds + r.seconds, spoken and (r.outcome is not None or bool(r.failure))
    selections = tuple(map(Selection.read, benchmarks))
    design = Design(tuple(models), selections, tuple(corrections), spoken=spoken, **more)
    counted = {"done": rows, "rows": rows, "seconds": seconds, "tokens": None}
    known = {"design": design.record(), "data": {}, "prompts": {}, "models": models, "attempts": [{}]}
    return {"format": FORMAT, "complete": True, **counted, **known}


def _read(into: Path, name: str) -> Run:
    if (into / folder.RECORDS).is_file():
        table.check(into / folder.RECORDS, MAX_ROWS, MAX_UNPACKED)
    try:
        _HEAD.validate_json((into / HEAD).read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"The zip file's {HEAD} is not a run's ({place}: {first['msg']}). {_ALLOWED}") from error
    try:
        return read_run(into, name)
    except MoralscError as error:
        raise DataError(f"The zip file holds no run that can be read: {error}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _odd(error) from error


def _odd(error: Exception) -> DataError:
    return DataError(f"The run holds a value that none of ours has ({type(error).__name__}: {error}). {_ALLOWED}")


def _unpack(path: Path, into: Path) -> None:
    """Write the files of the one run in a zip file, and nothing else of it."""
    try:
        with zipfile.ZipFile(path) as file:
            entries = file.infolist()
            if len(entries) > _MAX_ENTRIES:
                raise DataError(f"The zip file has {len(entries)} entries, allowed are {_MAX_ENTRIES}.")
            left = MAX_UNPACKED
            for entry, target in _wanted(entries):
                left -= _write(file, entry, into / target, left)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise DataError(f"The zip file cannot be read ({error}). {_ALLOWED}") from error


def _wanted(entries: list[zipfile.ZipInfo]) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    """The entries that are a run's, each with its place in the folder."""
    heads = [PurePosixPath(e.filename).parent for e in entries if PurePosixPath(e.filename).name == HEAD]
    if len(heads) != 1:
        raise DataError(f"The zip file holds {len(heads)} run folders (files named {HEAD}); it must hold one.")
    for entry in entries:
        place = PurePosixPath(entry.filename)
        if place.parent == heads[0] and place.name in (HEAD, folder.RECORDS):
            yield entry, place.name
        elif place.parent == heads[0] / folder.SHARDS and _SHARD.fullmatch(place.name):
            yield entry, f"{folder.SHARDS}/{place.name}"


def _write(file: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Unpack one entry; returns its size, which is counted as it comes, whatever the entry says of itself."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with file.open(entry) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > left:
                raise DataError(f"The zip file unpacks to more than {MAX_UNPACKED // 1_000_000} MB.")
            sink.write(chunk)
    return size
