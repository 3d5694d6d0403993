"""Behind the figures: a run's items as a list to search and sort, and each with its dialogues. No gradio here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moralsc.answers import ScoredBy
from moralsc.benchmarks import ITEM_SETS, Source, available, benchmark_of
from moralsc.errors import InputError, MoralscError, RunError, choose
from moralsc.items import Condition
from moralsc.models import catalogue
from moralsc.notation import left_out, number, percent, signed
from moralsc.prompts import PromptSet
from moralsc.settings import Settings
from moralsc.ui import link
from moralsc.ui.kept import Kept
from moralsc.ui.library import Held, Library

if TYPE_CHECKING:
    import pandas as pd

    from moralsc.experiment.card import Card
    from moralsc.reports.dialogues import Told

PAGE = 20
HEADERS = ("item", "change", "p before", "p after", "before", "after", "category", "context")
LOSSES, GAINS, PLAN = "greatest loss first", "greatest gain first", "as in the run"
SORTS = (LOSSES, GAINS, PLAN)
_OF = "; of … % is what the options hold together of the probability"


@dataclass(frozen=True)
class Chosen:
    """Whose items.

    Attributes:
        correction: with its round as conditions are named: "cot, round 2".
        small_mass: rank items, too, whose options hold less than half of the probability.
    """

    run: str
    model: str
    benchmark: str
    correction: str
    category: str = ""
    context: str = ""
    search: str = ""
    sort: str = LOSSES
    small_mass: bool = False


@dataclass(frozen=True)
class Listing:
    """One page of the list.

    Attributes:
        items: of the rows shown, in order; what a click on a row stands for.
        headers: those of HEADERS that say something here.
        rows: cells as shown, one tuple a row.
        page, pages: from 0, and how many there are.
        sentence: how many items were found, what the numbers are, how many a ranking leaves out, and how far the run
            was if it had not ended.
    """

    items: tuple[str, ...] = ()
    headers: tuple[str, ...] = HEADERS
    rows: tuple[tuple[str, ...], ...] = ()
    page: int = 0
    pages: int = 1
    sentence: str = "Nothing to show yet."


class Behind:
    """Answers what is chosen from the library's runs. Safe to use from any thread."""

    def __init__(self, library: Library, settings: Settings, prompts: PromptSet) -> None:
        self._library, self._settings, self._prompts = library, settings, prompts
        self._frames: Kept[Any, Any] = Kept(8)

    def runs(self, visitor: str = "") -> tuple[str, ...]:
        """The name of every run there is for this visitor."""
        return tuple(f.name for f in self._library.folders(visitor))

    def held(self, run: str, visitor: str = "") -> Held:
        """What a run holds.

        Raises:
            InputError: there is no such run.
            RunError: it cannot be read.
        """
        return self._library.open(self._library.folder(run, visitor)).held

    def here(self, benchmarks: Sequence[str]) -> str:
        """The first benchmark whose items are on this machine, so that they can be read; else the first."""
        return next(filter(self._is_here, benchmarks), next(iter(benchmarks), ""))

    def first(self, visitor: str = "") -> str:
        """The first run of which some items are on this machine, so that they can be read; else the first, if any."""
        runs = self.runs(visitor)
        return next((run for run in runs if self._readable(run, visitor)), next(iter(runs), ""))

    def conditions(self, run: str, visitor: str = "") -> tuple[str, ...]:
        """Every condition of a run but its baseline, rounds named."""
        parts = self._library.open(self._library.folder(run, visitor)).parts
        return tuple(c for c in dict.fromkeys(c for part in parts for c in part.found) if c != "baseline")

    def listing(self, chosen: Chosen, page: int, visitor: str = "") -> Listing:
        """A page of the items behind a condition.

        Raises:
            InputError: there is no such run, or the choice is incomplete.
            RunError: it cannot be read.
        """
        from moralsc.reports import browse

        (frame, out), far = self._sorted(chosen, visitor), self._far(chosen.run, visitor)
        if frame.empty:
            why = left_out(out) or "No item is left: change the words or the filters."
            return Listing(sentence=f"{why}{far}")
        pages = (len(frame) - 1) // PAGE + 1
        shown = browse.page(frame, page, PAGE)
        watched = benchmark_of(chosen.benchmark.partition(":")[0]).watched
        what = f"p is the probability of {watched}" if watched else "p is the right option's"
        told_apart = frame["condition"].ne("").any()
        kept = [k for k, name in enumerate(HEADERS) if name != "context" or told_apart]
        cells = [_cells(row) for row in shown.to_dict("records")]
        return Listing(
            items=tuple(shown["item"]),
            headers=tuple(HEADERS[k] for k in kept),
            rows=tuple(tuple(row[k] for k in kept) for row in cells),
            page=min(max(page, 0), pages - 1),
            pages=pages,
            sentence=" ".join(filter(None, (f"{len(frame)} rows; {what}{_OF}.", left_out(out)))) + far,
        )

    def told(self, chosen: Chosen, item: str, visitor: str = "") -> list[Told]:
        """An item's dialogues, the chosen correction's first.

        Raises:
            InputError: there is no such run.
            RunError: it has no such item, or holds no dialogues.
            MissingData: the item is not on this machine; the sentence says how to get it.
        """
        from moralsc.reports.dialogues import dialogues

        benchmark, source = ITEM_SETS[choose("benchmark", chosen.benchmark, ITEM_SETS)]
        path = self._library.folder(chosen.run, visitor).path
        try:
            found = dialogues(path, chosen.model, benchmark, source, item, self._settings, self._prompts)
        except MoralscError:
            raise
        except Exception as error:  # records that somebody brought may hold anything
            raise RunError(f"The records of {item} in {chosen.run} are not as this program writes them.") from error
        wanted = chosen.correction.partition(",")[0]
        return sorted(found, key=lambda told: told.correction != wanted)

    def address(self, chosen: Chosen, told: Told) -> str:
        """The query of a link that asks the same in the Probe tab."""
        spec = catalogue().get(chosen.model)
        return "?" + link.query(told.probe, chosen.benchmark, spec.version if spec else "", self._prompts)

    def _is_here(self, benchmark: str) -> bool:
        return benchmark in ITEM_SETS and bool(available(*ITEM_SETS[benchmark], self._settings))

    def _readable(self, run: str, visitor: str) -> bool:
        with suppress(RunError):
            return any(map(self._is_here, self.held(run, visitor).benchmarks))
        return False

    def _far(self, run: str, visitor: str) -> str:
        incomplete = self._library.open(self._library.folder(run, visitor)).run.incomplete
        return f" Listed while the run was {incomplete} records." if incomplete else ""

    def _sorted(self, chosen: Chosen, visitor: str) -> tuple[pd.DataFrame, int]:
        """All rows in order, and how many items are left out of them."""
        from moralsc.batch.results import By
        from moralsc.reports import browse

        folder = self._library.folder(chosen.run, visitor)
        if not (chosen.model and chosen.benchmark and chosen.correction):
            raise InputError("Choose a model, a benchmark and a correction: the run has them in the lists.")
        benchmark, source = ITEM_SETS[choose("benchmark", chosen.benchmark, ITEM_SETS)]
        condition = Condition(chosen.correction)
        behind = browse.Behind(
            chosen.model,
            benchmark,
            Source(source),
            condition.correction,
            condition.round,
            chosen.category,
            chosen.context,
            chosen.search,
            By(self._library.open(folder).run.by),
        )
        frame = self._frames.get((folder, behind), lambda: browse.items(folder.path, behind))
        if chosen.sort == PLAN:
            return frame, 0
        shown, out = (frame, 0) if chosen.small_mass else browse.ranked(frame)
        return browse.by_change(shown, falling=chosen.sort == LOSSES), out


def card(told: Told, arm: int) -> Card:
    """The card of one of its dialogues."""
    from moralsc.experiment.card import card_of

    dialogue = told.probe.arms[arm]
    spec = catalogue().get(told.probe.model)  # somebody may bring a run of another model
    usual = spec.scored_by if spec else ScoredBy.TEXT
    scored = next((t.score.scored_by for t in dialogue.turns if t.score), usual)
    return card_of(dialogue, told.probe.model, dict(told.probe.provenance), told.probe.prompts, scored)


def file_name(told: Told, ending: str) -> str:
    """Of a card's file."""
    return re.sub(r"[^\w.-]+", "-", f"moralsc-card-{told.probe.item.id}-{told.correction}.{ending}")


def _cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    name = row["item"] + (f", {row['arm']}" if row["arm"] else "")
    shares = (_share(row["change"], signed), *(_of_mass(row, when) for when in ("before", "after")))
    return (name, *shares, str(row["before"]), str(row["after"]), row["category"], row["condition"])


def _of_mass(row: Mapping[Any, Any], when: str) -> str:
    """A probability with what the options hold together: ".35 of 27 %"."""
    p, mass = _share(row[f"p_{when}"], number), _share(row[f"mass_{when}"], percent)
    return f"{p} of {mass}" if p and mass else p


def _share(value: Any, write: Any) -> str:
    return "" if value is None or value != value else str(write(float(value)))  # nan is not itself
