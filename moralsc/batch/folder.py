"""The folder of a run: run.json, the shards, and the files that closing makes.

One process at a time holds a folder, and writes everything but the shards of the others of its crew. What it writes it
renames into place, so that a process that is killed at any moment leaves a folder that the same command goes on with.
"""

import json
import math
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from moralsc.batch import shards, table
from moralsc.batch.crew import Crew
from moralsc.batch.head import FORMAT, HEAD, another, changes, differences, now, plain, read_head, versions
from moralsc.batch.progress import Progress
from moralsc.batch.record import Record, dictionary
from moralsc.errors import DataError, RunError
from moralsc.models import find, mark

RECORDS, SHARDS, DICTIONARY, LOCK = "records.parquet", "records", "dictionary.json", ".lock"
PROGRESS = "progress.json"
_TELL_SECONDS = 1.0
_LOADED = ("weights", "dtype")
_FIXED = (*_LOADED, "scored_by", "config", "quantisation", "dialogue", "prefill")
"""What may not change about a model within a run; what an earlier build did not note is not compared."""


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Attributes:
        done, planned: records.
        seconds: wall time of asking, over all attempts.
        tokens: computed, over all attempts; None if an engine did not count them.
    """

    folder: Path
    done: int
    planned: int
    complete: bool
    seconds: float
    tokens: int | None

    @property
    def sentence(self) -> str:
        """For people; an incomplete run says so wherever it is shown."""
        if self.complete:
            return f"Complete: {self.done} records."
        return f"Incomplete: done {self.done} of {self.planned} records."


class RunFolder:
    """A run's folder, held by this process or by the main one of its crew."""

    def __init__(self, path: Path, head: dict[str, Any], segments: Mapping[int, shards.Segment], crew: Crew) -> None:
        self.path = path
        self._head = head
        self._segments = dict(segments)
        self._main = crew.main
        self._told = -math.inf
        names = [f"{len(head['attempts']):03d}-{number}.jsonl" for number in range(crew.size)]
        self._shard = shards.Shard(path / SHARDS / names.pop(crew.number))
        self._others = [shards.Followed(path / SHARDS / name) for name in names]

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self._head["complete"])

    @property
    def done(self) -> frozenset[int]:
        """Numbers of the batches that are whole, as far as this process knows."""
        return frozenset(self._segments)

    @property
    def status(self) -> Status:
        """How far the run is."""
        return _status(self.path, self._head, self._segments)

    def admit(self, model: str, provenance: Mapping[str, str], *others: Mapping[str, str]) -> None:
        """Note which weights answer as this model, here and in the other processes.

        Raises:
            RunError: other ones did before or do elsewhere, or in another precision.
        """
        for number, other in enumerate(others, 2):
            first, its = ({name: p.get(name, "") for name in _LOADED} for p in (provenance, other))
            if lines := differences(first, its, f"{model}."):
                says = f"Process {number} (now) has loaded another {model} than the first one (there):"
                raise RunError("\n".join((says, *lines)))
        spec = find(model)
        facts = {**provenance, "scored_by": str(spec.scored_by), "repo": spec.repo, "revision": spec.revision}
        self.check(model, {name: facts[name] for name in _FIXED if name in facts})
        self._head["models"].setdefault(model, facts | {"mark": mark(model)})
        devices = {"devices": [p.get("device", "") for p in (provenance, *others)]} if others else {}
        self._head["attempts"][-1]["models"][model] = {**provenance, **devices}
        self._save()

    def check(self, model: str, known: Mapping[str, str]) -> None:
        """Raise the RunError that tells these facts about a model from those of the run's first attempt, if any are."""
        before = self._head["models"].get(model, {})
        both = [name for name in known if name in before]
        if lines := differences({n: before[n] for n in both}, {n: known[n] for n in both}, f"{model}."):
            raise another(self.path, lines)

    def write(self, batch: int, records: Sequence[Record]) -> None:
        """Append a batch; when this returns, it lasts.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        with _writing(self.path):
            self._segments[batch] = self._shard.write(batch, records)

    def tell(self, progress: Progress) -> None:
        """Let whoever looks at the folder know how far the run is, about once a second; a full disk is no matter."""
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self._told = time.monotonic()
            with suppress(OSError):
                new = self.path / (PROGRESS + _NEW)
                new.write_text(json.dumps(asdict(progress)), encoding="utf-8")
                os.replace(new, self.path / PROGRESS)

    def grown(self) -> list[shards.Segment]:
        """The batches that other processes of the crew have finished since the last call."""
        new = [segment for shard in self._others for segment in shard.new()]
        self._segments |= {segment.batch: segment for segment in new}
        return new

    def close(self) -> Status:
        """Write the Parquet file and the data dictionary, and mark the run complete.

        Raises:
            RunError: a batch is missing, or the folder cannot be written.
        """
        segments = shards.scan(self.path / SHARDS, {segment.path for segment in self._segments.values()})
        status = _status(self.path, self._head, segments)
        if status.done != status.planned:
            raise RunError(f"{self.path} cannot be closed. {status.sentence}")
        rows = (record for index in sorted(segments) for record in segments[index].records())
        marks = {name: model["mark"] for name, model in self._head["models"].items() if model["mark"]}
        facts = {"format": FORMAT, "marks": json.dumps(marks)}
        with _writing(self.path):
            _replace(self.path / RECORDS, lambda new: table.write(new, rows, facts))
            _replace(self.path / DICTIONARY, lambda new: new.write_text(json.dumps(dictionary(), indent=1)))
        self._segments = segments
        self._head |= {"complete": True, "done": status.done, "seconds": status.seconds, "tokens": status.tokens}
        self._save()
        return self.status

    def ended(self, how: str) -> None:
        """Note how this attempt ended. A full disk hides nothing that matters here."""
        if self._main:
            self._head["attempts"][-1] |= {"ended": now(), "how": how}
            _forget_progress(self.path)
            with suppress(RunError):
                self._save()

    def _save(self) -> None:
        _save(self.path, self._head)


_ALONE = Crew()


@contextmanager
def opened(
    path: Path, identity: Mapping[str, Any], command: str = "", crew: Crew = _ALONE, notes: Sequence[str] = ()
) -> Iterator[RunFolder]:
    """Hold a run's folder: a new one, or one that an earlier attempt of the same run left.

    Args:
        identity: what makes it this run (design, data, prompts, ...) as plain values, with the number of rows.
        command: the command line, for whoever repeats the run.
        crew: the processes that open it together; the main one holds it and tells the others what is there.
        notes: sentences that stand in a new run's head, for whoever reads its figures.

    Raises:
        RunError: another process holds it, it holds something else or another run, or it cannot be written.
    """
    with ExitStack() as stack:
        head, segments = crew.told(lambda: stack.enter_context(_begun(path, identity, command, crew.size, notes)))
        crew.gather(lambda: _check_same(path, head, identity))
        folder = RunFolder(path, head, segments, crew)
        if folder.complete:
            yield folder
            return
        try:
            yield folder
        except BaseException as error:
            folder.ended(type(error).__name__)
            raise
        folder.ended("finished")


@contextmanager
def _begun(
    path: Path, identity: Mapping[str, Any], command: str, processes: int, notes: Sequence[str]
) -> Iterator[tuple[dict[str, Any], dict[int, shards.Segment]]]:
    """What stands in run.json, with this attempt unless nothing is left to do, and the batches that are whole."""
    if path.is_dir() and read_head(path) is None:
        _check_empty(path)
    with _writing(path):
        (path / SHARDS).mkdir(parents=True, exist_ok=True)
    with _held(path):
        head = read_head(path)
        if head is None:
            about = {"format": FORMAT, "complete": False, "notes": list(notes)}
            head = {**about, **plain(identity), "models": {}, "attempts": []}
        _check_same(path, head, identity)
        head["complete"] = head["complete"] and not _fault(path, head, whole=True)
        if not head["complete"]:
            attempt = {"started": now(), "command": command, "versions": versions(), "processes": processes}
            head["attempts"].append({**attempt, "models": {}})
            _forget_progress(path)
            _save(path, head)
        yield head, shards.scan(path / SHARDS)


def status(path: Path) -> Status:
    """How far the run in a folder is; it may be running.

    Raises:
        RunError: there is no run in it, or one that was complete and has lost its records since.
    """
    head = read_head(path)
    if head is None:
        raise RunError(f"{path} holds no run: there is no {HEAD} in it.")
    if head["complete"] and (fault := _fault(path, head)):
        raise damaged(path, fault)
    return _status(path, head, {} if head["complete"] else shards.scan(path / SHARDS))


def progress(path: Path) -> Progress | None:
    """What the process that works on the run has told last; None if it told nothing yet, or none works on it."""
    try:
        return Progress(**json.loads((path / PROGRESS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _forget_progress(path: Path) -> None:
    for name in (PROGRESS, PROGRESS + _NEW):
        with suppress(OSError):
            (path / name).unlink(missing_ok=True)


def records(path: Path, only: Collection[str] | None = None) -> Iterator[Record]:
    """The records that a folder has so far, in the order of the plan.

    Args:
        only: the fields that are needed, None for all; records of a complete run then have no others.

    Raises:
        RunError: as `status`.
    """
    if status(path).complete:
        try:
            yield from table.read(path / RECORDS, only)
        except DataError as error:
            raise damaged(path, str(error)) from error
        return
    segments = shards.scan(path / SHARDS)
    for index in sorted(segments):
        yield from segments[index].records()


def _fault(path: Path, head: Mapping[str, Any], whole: bool = False) -> str:
    """What is wrong with the Parquet file of a complete run; `whole` as in `table.count`."""
    if not (path / RECORDS).is_file():
        return f"there is no {RECORDS} in it."
    try:
        found = table.count(path / RECORDS, whole)
    except DataError as error:
        return str(error)
    return "" if found == head["rows"] else f"{RECORDS} holds {found} of {head['rows']} records."


def damaged(path: Path, fault: str) -> RunError:
    """What is said of a complete run whose records cannot be read."""
    return RunError(
        f"{path} is damaged: {fault} The same run command as before makes the file anew, and asks again only what is "
        f"not in {SHARDS}/ either."
    )


def _status(path: Path, head: Mapping[str, Any], segments: Mapping[int, shards.Segment]) -> Status:
    if head["complete"]:
        return Status(path, head["rows"], head["rows"], True, head.get("seconds", 0.0), head.get("tokens"))
    counts = [s.tokens for s in segments.values()]
    known = [t for t in counts if t is not None]
    done, seconds = (sum(getattr(s, name) for s in segments.values()) for name in ("rows", "seconds"))
    tokens = sum(known) if known and len(known) == len(counts) else None
    return Status(path, done, head["rows"], False, seconds, tokens)


@contextmanager
def _held(path: Path) -> Iterator[None]:
    lock = FileLock(path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"Another process is working in {path}. Wait until it has ended, or give another folder."
        ) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _check_same(path: Path, head: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    if lines := changes(head, plain(identity)):
        raise another(path, lines)


def _check_empty(path: Path) -> None:
    ours = {LOCK, SHARDS, HEAD + _NEW}
    if any(p.name not in ours for p in path.iterdir()) or any((path / SHARDS).glob("*")):
        raise RunError(f"{path} holds other files and no run. Give an empty folder, or one that does not exist yet.")


_NEW = ".new"


def _save(path: Path, head: Mapping[str, Any]) -> None:
    text = json.dumps(head, indent=1)
    with _writing(path):
        _replace(path / HEAD, lambda new: new.write_text(text, encoding="utf-8"))


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name, make it last, and let it take its place at once."""
    new = path.with_name(path.name + _NEW)
    write(new)
    with new.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(new, path)
    shards.sync_folder(path.parent)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path} cannot be written ({error.strerror or error}). Nothing that was finished is lost: once it can, the "
        "same command goes on."
    )
