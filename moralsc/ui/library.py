"""The runs that the page can show, each read and measured once: bundled ones, a folder's, and a visitor's own.

What reads and measures is imported when it is first needed, since it takes longer to import than the page to open.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from moralsc.benchmarks import BENCHMARKS
from moralsc.errors import MoralscError, RunError, choose
from moralsc.models import ASSETS, PRACTICE, mark
from moralsc.settings import Settings
from moralsc.ui.kept import Kept

if TYPE_CHECKING:
    from moralsc.analysis.statistics import Resampling
    from moralsc.reports.figures import Part
    from moralsc.reports.runs import Asked, Run

BUNDLED = ASSETS / "results"
OPENING = tuple(f"real-{name}" for name in BENCHMARKS)
"""Of the bundled runs, those that the tab opens with: one a benchmark, so that no two ask the same in two ways."""
_HEAD, _RECORDS = "run.json", ("records.parquet", "records/*.jsonl")
_MOST_RESULTS = 1_000_000  # kept in memory, about one kilobyte each
_MOST_CATEGORIES = 200
_LARGE = 50_000  # results: from here on, measuring a single category takes longer than anybody should wait


@dataclass(frozen=True)
class Own:
    """A run that one visitor alone may see.

    Attributes:
        name: what lists call it.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class Folder:
    """A folder with a run in it.

    Attributes:
        name: tells it from the others in one list; the page shows it, and never the path. It says nothing of how far
            the run is: a chooser keeps the words that it showed first.
        stamp: sizes and times of its files: another one means that the run has to be read again.
        aside: a run of practice models that stands behind real ones and is shown when somebody chooses it.
        opens: it is shown as long as nobody chooses.
    """

    name: str
    path: Path
    stamp: tuple[tuple[str, int, int], ...]
    aside: bool = False
    opens: bool = True


@dataclass(frozen=True)
class Held:
    """What filters can offer of a run.

    Attributes:
        benchmarks: as runs name them, with their source.
        categories: of all its benchmarks.
        contexts: "ambig" and "disambig", where items have any.
        corrections: their ids, without the baseline.
    """

    models: tuple[Asked, ...] = ()
    benchmarks: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    corrections: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opened:
    """A run that was read and measured."""

    run: Run
    parts: tuple[Part, ...]
    held: Held


class Library:
    """Lists run folders and reads them. Safe to use from any thread.

    Whoever names a visitor by their secret finds the visitor's own runs too, and nobody else does.
    """

    def __init__(
        self,
        settings: Settings,
        bundled: Path | None = None,
        how: Resampling | None = None,
        own: Callable[[str], Iterable[Own]] = lambda secret: (),
    ) -> None:
        """List the folder of the settings, else `bundled`, else BUNDLED, and what `own` says of a secret."""
        self._shelf = settings.results or bundled or BUNDLED
        self._how, self._own = how, own
        self._opened: Kept[Folder, Opened] = Kept(_MOST_RESULTS, _weight)
        self._categories: Kept[tuple[Folder, str], tuple[Part, ...]] = Kept(_MOST_CATEGORIES)
        self._ahead: Kept[Folder, threading.Thread] = Kept(_MOST_CATEGORIES)

    def folders(self, visitor: str = "") -> tuple[Folder, ...]:
        """Every folder that holds a run, whole or not: those of the settings, or bundled ones, then the visitor's.

        Of the first, real models come before practice models, whose runs are named so. Of a run only its names, its
        times and whose answers it holds are read. Of two runs with one name the later one gets a number.
        """
        inside = sorted(self._shelf.iterdir()) if self._shelf.is_dir() else []
        shelf = [path for path in inside if (path / _HEAD).is_file()]
        practice = [path for path in shelf if _of_practice_models(path)]
        real = [path for path in shelf if path not in practice]
        listed = [Own(path, path.name) for path in real]
        listed += [Own(path, f"{PRACTICE}: {path.name}") for path in practice]
        there: dict[Path, Own] = {}
        for run in (*listed, *self._owned(visitor)):
            there.setdefault(run.path, run)
        times = Counter[str]()
        found = []
        for run in there.values():
            times[run.name] += 1
            number = f" ({times[run.name]})" if times[run.name] > 1 else ""
            aside = bool(real) and run.path in practice
            behind = self._shelf == BUNDLED and run.path.parent == BUNDLED and run.path.name not in OPENING
            found.append(folder_at(run.path, run.name + number, aside, opens=not aside and not behind))
        return tuple(found)

    def _owned(self, visitor: str) -> Iterable[Own]:
        return (run for run in self._own(visitor) if (run.path / _HEAD).is_file()) if visitor else ()

    def folder(self, run: str, visitor: str = "") -> Folder:
        """The folder that a list calls so.

        Raises:
            InputError: there is none, for this visitor.
        """
        there = {f.name: f for f in self.folders(visitor)}
        return there[choose("run", run, there)]

    def open(self, folder: Folder) -> Opened:
        """The run, read and measured now if it was not before or has changed.

        Raises:
            RunError: it cannot be read; the sentence names it and not its path.
        """
        return self._opened.get(folder, lambda: _opened(folder, self._how))

    def ready(self, folder: Folder, category: str = "") -> bool:
        """Whether `parts` would answer at once."""
        return folder in self._opened and (not category or (folder, category) in self._categories)

    def measure_ahead(self, folder: Folder) -> None:
        """Measure each category of a large run meanwhile, so that choosing one answers at once; of a small one it does.

        Raises:
            RunError: it cannot be read.
        """
        opened = self.open(folder)
        if _weight(opened) >= _LARGE:
            self._ahead.get(folder, lambda: self._measuring(folder, opened.held.categories))

    def _measuring(self, folder: Folder, categories: Sequence[str]) -> threading.Thread:
        def measure() -> None:
            for category in categories:
                self._measured(folder, category)

        thread = threading.Thread(target=measure, name=f"measuring {folder.name}", daemon=True)
        thread.start()
        return thread

    def parts(self, folders: Sequence[Folder], category: str = "") -> tuple[Part, ...]:
        """The figures of these runs, with models told apart by their run where two asked the same one.

        Args:
            category: only its items, measured by themselves; empty for all.

        Raises:
            RunError: one of them cannot be read.
        """
        from moralsc.reports.figures import label

        found = [(self.open(folder).run, self._measured(folder, category)) for folder in folders]
        runs = [run for run, _ in found]
        return tuple(
            _labelled(part, label(part.series.asked.model, run, runs)) for run, parts in found for part in parts
        )

    def _measured(self, folder: Folder, category: str) -> tuple[Part, ...]:
        opened = self.open(folder)
        if not category:
            return opened.parts
        return self._categories.get((folder, category), lambda: _measured(opened.run, self._how, category))


def folder_at(path: Path, name: str, aside: bool = False, opens: bool = True) -> Folder:
    """The folder as it is now."""
    return Folder(name, path, _stamp(path), aside, opens)


def _of_practice_models(path: Path) -> bool:
    """Whether each model of the run in this folder is a practice model; not where that cannot be read."""
    try:
        seen = (path / _HEAD).stat()
    except OSError:
        return False
    return _all_marked(path, seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=1024)
def _all_marked(path: Path, time: int, size: int) -> bool:
    from moralsc.batch.head import read_head

    try:
        head = read_head(path) or {}
        asked = {name: head["models"].get(name, {}) for name in head["design"]["models"]}
        return bool(asked) and all(facts.get("mark", mark(name)) for name, facts in asked.items())
    except (MoralscError, KeyError, TypeError, AttributeError):
        return False


def _stamp(path: Path) -> tuple[tuple[str, int, int], ...]:
    files = [path / _HEAD, *(file for pattern in _RECORDS for file in sorted(path.glob(pattern)))]
    return tuple(_times(files))


def _times(files: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    for file in files:
        try:
            seen = file.stat()
        except OSError:  # it was there a moment ago: a run that closes puts its files together
            continue
        yield file.name, seen.st_mtime_ns, seen.st_size


def _opened(folder: Folder, how: Resampling | None) -> Opened:
    from moralsc.reports.runs import read_run

    try:
        run = read_run(folder.path, folder.name)
        parts = _measured(run, how)
    except MoralscError as error:
        raise RunError(str(error).replace(str(folder.path), folder.name)) from error
    except Exception as error:  # whatever a damaged file makes of the libraries that read it
        damaged = "its files are damaged, or of another version of this program"
        raise RunError(f"{folder.name} cannot be read: {damaged}.") from error
    return Opened(run, parts, _held(run, parts))


def _measured(run: Run, how: Resampling | None, category: str = "") -> tuple[Part, ...]:
    from moralsc.analysis.statistics import DEFAULT
    from moralsc.reports.figures import measured

    return measured([run], how or DEFAULT, category)


def _held(run: Run, parts: Sequence[Part]) -> Held:
    from moralsc.benchmarks.base import CONTEXTS
    from moralsc.items import BASELINE, Condition

    conditions = dict.fromkeys(Condition(c).correction for part in parts for c in part.found)
    contexts = {line.context for part in parts for line in part.lines}
    return Held(
        models=tuple(run.models.values()),
        benchmarks=tuple(dict.fromkeys(part.benchmark for part in parts)),
        categories=tuple(dict.fromkeys(r.group for rows in run.results.values() for r in rows)),
        contexts=tuple(c for c in CONTEXTS.values() if c in contexts),
        corrections=tuple(c for c in conditions if c != BASELINE),
        modes=tuple(dict.fromkeys(a.mode for a in run.models.values() if a.mode)),
    )


def _labelled(part: Part, label: str) -> Part:
    series = replace(part.series, label=label)
    return replace(part, series=series, places=tuple(replace(p, series=series) for p in part.places))


def _weight(opened: Opened) -> int:
    return sum(len(rows) for rows in opened.run.results.values())
