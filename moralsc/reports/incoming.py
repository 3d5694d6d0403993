"""Runs that somebody brings: a zipped run folder, its Parquet file alone, or predictions. Checked, never trusted.

Files are unpacked under names of ours, sizes are counted while they are read, and a sentence says what is wrong.
"""

import codecs
import json
import re
import shutil
import zipfile
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from moralsc.batch import folder, table
from moralsc.batch.design import Design, Order, Selection
from moralsc.batch.head import FORMAT, HEAD
from moralsc.batch.record import Record
from moralsc.benchmarks import Source
from moralsc.dialogue import Form, Mode
from moralsc.errors import DataError, MoralscError
from moralsc.items import BASELINE
from moralsc.reports import predicted
from moralsc.reports.dialogues import ELSEWHERE, ORIGIN
from moralsc.reports.runs import Run, read_run
from moralsc.settings import Settings

UNPACKED = 8
"""How many times larger than a file may be (`Settings.bring_mb`) what is in it may be."""
MAX_ROWS = 500_000
_MB = 1_000_000
_MAX_ENTRIES = 10_000
_CHUNK = 1 << 20
_LONG = 400
_SHARD = re.compile(r"[0-9]{3}-[0-9]{1,4}\.jsonl")
_BEGIN, _ZIP, _PARQUET = 1000, b"PK", b"PAR1"
_ALLOWED = "Bring a run's folder as .zip, its records.parquet, or predictions as moralsc score reads them (.jsonl)."


@dataclass(frozen=True)
class Received:
    """What came of a file.

    Attributes:
        notes: sentences on what predictions do not cover.
    """

    run: Run
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Design:
    """What of a design is needed to read its run."""

    models: list[str]
    benchmarks: list[str]
    corrections: list[str]


@dataclass(frozen=True)
class _Attempt:
    """What of an attempt is shown."""

    started: str = ""


@dataclass(frozen=True)
class _Head:
    """What of run.json is needed to show a run."""

    format: str
    complete: bool
    rows: int
    design: _Design
    data: dict[str, dict[str, Any]]
    prompts: dict[str, str | dict[str, str]]
    models: dict[str, dict[str, Any]]
    attempts: Annotated[list[_Attempt], Field(min_length=1)]
    done: int = 0
    seconds: float = 0.0
    tokens: int | None = None


_HEAD = TypeAdapter(_Head)


def receive(path: Path, into: Path, settings: Settings, name: str = "") -> Received:
    """The run in a file, which becomes a run's folder. What the file is, is told by its content.

    Args:
        into: the folder, empty or not there yet.
        settings: its `bring_mb`, and where the published items are that predictions are about.
        name: for people; the file's by default.

    Raises:
        DataError: the file is no run and no predictions, or larger than allowed; the sentence says what is.
    """
    name = name or path.stem
    try:
        _check_size(path, settings)
        into.mkdir(parents=True, exist_ok=True)
        return _received(path, into, settings, name)
    except DataError as error:
        raise DataError(f"{_short(error, path, into)} {_ALLOWED}") from error
    except Exception as error:  # whatever a damaged file makes of the libraries that read it
        odd = f"The file holds a value that no run of ours has ({type(error).__name__}: {_short(error, path, into)})."
        raise DataError(f"{odd} {_ALLOWED}") from error


def _check_size(path: Path, settings: Settings) -> None:
    size = path.stat().st_size
    if not size:
        raise DataError(f"{path.name} is empty.")
    if size > settings.bring_mb * _MB:
        raise DataError(f"{path.name} has {size / _MB:.1f} MB. At most {settings.bring_mb} MB are allowed.")


def _received(path: Path, into: Path, settings: Settings, name: str) -> Received:
    with path.open("rb") as file:
        begin = file.read(_BEGIN)
    if begin.startswith(_ZIP):
        _unpack(path, into, settings.bring_mb * _MB * UNPACKED)
        return Received(_read(into, name, settings), ())
    if begin.startswith(_PARQUET):
        table.check(path, MAX_ROWS, settings.bring_mb * _MB * UNPACKED)
        shutil.copyfile(path, into / folder.RECORDS)
        _write_head(into, table.read(path))
        return Received(_read(into, name, settings), ())
    if begin.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{"):
        found = predicted.read(path, name, settings)
        table.write(into / folder.RECORDS, found.records, {"format": FORMAT})
        _write_head(into, found.records, ELSEWHERE)
        return Received(_read(into, name, settings), found.notes)
    raise DataError(f"{path.name} begins neither as a zip file, nor as Parquet, nor as JSON lines in UTF-8.")


def _write_head(into: Path, records: Iterable[Record], origin: str = "") -> None:
    head = _head(records) | ({ORIGIN: origin} if origin else {})
    (into / HEAD).write_text(json.dumps(head), encoding="utf-8")


def _short(error: Exception, path: Path, into: Path) -> str:
    """What it says, without places on this machine, and no longer than a sentence should be."""
    said = " ".join(str(error).replace(str(into), path.stem).replace(str(path), path.name).split())
    return said if len(said) <= _LONG else f"{said[:_LONG]}…"


def _head(records: Iterable[Record]) -> dict[str, Any]:
    """What can be said of a run by its records alone, as its run.json would."""
    models: dict[str, dict[str, str]] = {}
    benchmarks, corrections, rows, seconds, spoken = dict[str, None](), dict[str, None](), 0, 0.0, True
    more: dict[str, Any] = {}
    orders: dict[tuple[str, str, str], set[str]] = {}
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
        orders.setdefault((r.model, r.item, r.arm), set()).add(r.order)
        rows, seconds, spoken = rows + 1, seconds + r.seconds, spoken and (r.outcome is not None or bool(r.failure))
    selections = tuple(map(Selection.read, benchmarks))
    order = _order(orders.values())
    design = Design(tuple(models), selections, tuple(corrections), order=order, spoken=spoken, **more)
    counted = {"done": rows, "rows": rows, "seconds": seconds, "tokens": None}
    known = {"design": design.record(), "data": {}, "prompts": {}, "models": models, "attempts": [{}]}
    return {"format": FORMAT, "complete": True, **counted, **known}


def _order(asked: Collection[Set[str]]) -> Order:
    """Which orders the items were asked in, by what each was asked in."""
    if any(len(orders) > 1 for orders in asked):
        rotations = all(len(orders) <= len(next(iter(orders))) for orders in asked)
        return Order.BALANCED if rotations else Order.AVERAGED
    each = [order for orders in asked for order in orders]
    if all(list(order) == sorted(order) for order in each):
        return Order.FIXED
    # Of two options every order is a rotation, which tells nothing.
    return Order.ROTATED if all(len(order) > 2 and _rotated(order) for order in each) else Order.SHUFFLED


def _rotated(order: str) -> bool:
    own = "".join(sorted(order))
    return order in own + own


def _read(into: Path, name: str, settings: Settings) -> Run:
    if (into / folder.RECORDS).is_file():
        table.check(into / folder.RECORDS, MAX_ROWS, settings.bring_mb * _MB * UNPACKED)
    try:
        _HEAD.validate_json((into / HEAD).read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(f"The zip file's {HEAD} is not a run's ({place}: {first['msg']}).") from error
    try:
        return read_run(into, name)
    except MoralscError as error:
        raise DataError(f"There is no run in it that can be read: {error}") from error


def _unpack(path: Path, into: Path, most: int) -> None:
    """Write the files of the one run in a zip file, and nothing else of it."""
    try:
        with zipfile.ZipFile(path) as file:
            entries = file.infolist()
            if len(entries) > _MAX_ENTRIES:
                raise DataError(f"The zip file has {len(entries)} entries, allowed are {_MAX_ENTRIES}.")
            left = most
            for entry, target in _wanted(entries):
                left -= _write(file, entry, into / target, left, most)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise DataError(f"The zip file cannot be read ({error}).") from error


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


def _write(file: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, left: int, most: int) -> int:
    """Unpack one entry; returns its size, which is counted as it comes, whatever the entry says of itself."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with file.open(entry) as source, target.open("wb") as sink:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > left:
                raise DataError(f"The zip file unpacks to more than {most // _MB} MB, which is the most.")
            sink.write(chunk)
    return size
