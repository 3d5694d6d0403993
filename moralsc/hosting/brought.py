"""Brought: runs that visitors brought along, each in a folder that its visitor alone can find and remove.

A folder holds brought.json, which is written last, and `run`, a run's folder.
"""

import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from moralsc.errors import InputError
from moralsc.hosting.age import too_old
from moralsc.hosting.job import RUN, owner_of
from moralsc.settings import Settings

LABEL = "brought.json"
MOST = 10
"""Runs that one visitor may have brought at a time."""
_UNFINISHED_SECONDS = 3600.0


@dataclass(frozen=True)
class Label:
    """What brought.json holds.

    Attributes:
        owner: hash of the visitor's secret; whoever does not know it never sees the run.
        name: what its visitor's lists call it.
        notes: what has to be known beside its figures.
        created: seconds since 1970.
    """

    owner: str
    name: str
    notes: tuple[str, ...]
    created: float


@dataclass(frozen=True)
class BroughtRun:
    """A run that was brought; its folder's name is its id."""

    path: Path
    label: Label

    @property
    def id(self) -> str:
        """Tells it from every other one."""
        return self.path.name

    @property
    def run(self) -> Path:
        """The run's folder."""
        return self.path / RUN


class Brought:
    """The runs that were brought to this machine. Safe to use from any thread."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder, self._settings = folder, settings

    def runs(self, secret: str) -> list[BroughtRun]:
        """A visitor's runs, the newest first."""
        owner = owner_of(secret)
        found = [run for run in self._all() if run.label.owner == owner]
        return sorted(found, key=lambda run: run.label.created, reverse=True)

    def take(self, secret: str, name: str, fill: Callable[[Path], tuple[str, ...]]) -> BroughtRun:
        """Keep a run.

        Args:
            fill: makes the run in the folder that it is given, and returns the notes; if it raises, nothing stays.

        Raises:
            InputError: the visitor has as many as are allowed.
        """
        if len(self.runs(secret)) >= MOST:
            raise InputError(f"You have brought {MOST} runs, which is the most. Remove one first.")
        path = self._folder / secrets.token_hex(8)
        path.mkdir(parents=True)
        try:
            notes = fill(path / RUN)
            label = Label(owner_of(secret), name, notes, time.time())
            (path / LABEL).write_text(json.dumps(asdict(label), indent=1), encoding="utf-8")
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)
            raise
        return BroughtRun(path, label)

    def remove(self, id: str, secret: str) -> None:
        """Delete a run and all its files.

        Raises:
            InputError: the visitor has no such run.
        """
        found = next((run for run in self.runs(secret) if run.id == id), None)
        if found is None:
            raise InputError("There is no such run. Choose one of the list.")
        shutil.rmtree(found.path, ignore_errors=True)

    def prune(self) -> None:
        """Delete what is older than is allowed here, and what a server that was ended has left unfinished."""
        for path in self._paths():
            label = _label(path)
            if label is None:
                with suppress(OSError):
                    if path.stat().st_mtime < time.time() - _UNFINISHED_SECONDS:
                        shutil.rmtree(path, ignore_errors=True)
            elif too_old(label.created, self._settings):
                shutil.rmtree(path, ignore_errors=True)

    def keep_going(self, ended: threading.Event, every: float = 60.0) -> None:
        """Prune until the event is set; for a thread of the server."""
        while not ended.wait(every):
            with suppress(OSError):
                self.prune()

    def _paths(self) -> list[Path]:
        return sorted(self._folder.iterdir()) if self._folder.is_dir() else []

    def _all(self) -> Iterator[BroughtRun]:
        return (BroughtRun(path, label) for path in self._paths() if (label := _label(path)) is not None)


def _label(path: Path) -> Label | None:
    try:
        plain = json.loads((path / LABEL).read_text(encoding="utf-8"))
        return Label(plain["owner"], plain["name"], tuple(plain["notes"]), plain["created"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
