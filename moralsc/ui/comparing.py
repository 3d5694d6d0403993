"""Two conditions side by side: the flip table with its test, and the items behind each count. No gradio here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moralsc.answers import is_small
from moralsc.errors import InputError
from moralsc.items import BASELINE, Condition
from moralsc.notation import signed
from moralsc.ui.behind import Chosen
from moralsc.ui.library import Library
from moralsc.ui.views import View, inert, keyed, marked

if TYPE_CHECKING:
    from moralsc.reports.pairs import Compared, Pair, Wanted
    from moralsc.reports.runs import Run

MOST_ITEMS = 500
_JUDGED = {True: "right", False: "wrong"}
_PARTS = ("unbiased", "stereotyped", "counter-stereotyped")


@dataclass(frozen=True)
class Side:
    """A condition of a model in a run; `condition` names rounds as figures do: "cot, round 2"."""

    run: str
    model: str
    condition: str


@dataclass(frozen=True)
class Cell:
    """A count in one of the tables.

    Attributes:
        pair: which comparison, from 0.
        table: "right" for the flip table, "part" for the table of parts in the stereotype.
        before, after: its row and column: "right" or "wrong", or a part.
    """

    pair: int
    table: str
    before: str
    after: str


class Comparer:
    """Compares what the library holds. Safe to use from any thread."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def runs(self, visitor: str = "") -> tuple[str, ...]:
        """The name of every run there is for this visitor."""
        return tuple(f.name for f in self._library.folders(visitor))

    def offered(self, run: str, visitor: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Models and conditions of a run, the baseline first.

        Raises:
            InputError: there is no such run.
            RunError: it cannot be read.
        """
        opened = self._library.open(self._library.folder(run, visitor))
        conditions = dict.fromkeys((BASELINE, *(c for part in opened.parts for c in part.found)))
        return tuple(asked.model for asked in opened.held.models), tuple(conditions)

    def compare(self, a: Side, b: Side, visitor: str = "") -> Compared:
        """All parts of all benchmarks that both sides were asked.

        Raises:
            InputError: a side names something that is not there, both are the same, or nothing is in both.
            RunError: a run cannot be read.
        """
        from moralsc.reports.pairs import compare_runs

        if a == b:
            raise InputError("Both sides are the same: choose another condition, model or run for one of them.")
        return compare_runs(self._run(a, visitor), self._run(b, visitor), _wanted(a), [_wanted(b)])

    def _run(self, side: Side, visitor: str) -> Run:
        return self._library.open(self._library.folder(side.run, visitor)).run


@dataclass(frozen=True)
class Counted:
    """The items behind a count, and how many of them are left out for their small mass."""

    items: tuple[str, ...] = ()
    left_out: int = 0


def items(compared: Compared, cell: Cell, small_mass: bool = False) -> Counted:
    """The items behind a count; none for a count that does not exist.

    Args:
        small_mass: with those whose options hold less than half of the probability on one of the sides.
    """
    pair = compared.pairs[cell.pair] if 0 <= cell.pair < len(compared.pairs) else None
    if pair is None or pair.test is None:
        return Counted()
    behind = _cells(pair, cell.table).get((cell.before, cell.after), ())
    shown = pair.test.ranked(behind, small_mass)
    return Counted(shown[:MOST_ITEMS], len(behind) - len(shown))


def behind(compared: Compared, cell: Cell, a: Side, b: Side) -> tuple[Chosen, Chosen]:
    """Whose dialogues show what stands behind a count, side by side."""
    benchmark = compared.pairs[cell.pair].benchmark
    return Chosen(a.run, a.model, benchmark, a.condition), Chosen(b.run, b.model, benchmark, b.condition)


def view(compared: Compared) -> View:
    """Every comparison as plain values for the template."""
    pairs = [_pair(pair, k) for k, pair in enumerate(compared.pairs)]
    return keyed(inert({"pairs": pairs, "notes": list(compared.notes)}))


def _pair(pair: Pair, number: int) -> View:
    from moralsc.reports.readings import benchmark_title

    tables = []
    if pair.test:
        tables = [_table(pair, number, "right", ("right", "wrong")), _table(pair, number, "part", _PARTS)]
    return {"title": benchmark_title(pair.benchmark, pair.part), "sentence": _sentence(pair), "tables": tables}


def _table(pair: Pair, number: int, table: str, names: Sequence[str]) -> View:
    cells = _cells(pair, table)
    rows = [
        {
            "name": marked(x, short=True),
            "cells": [
                {
                    "count": len(cells.get((x, y), ())),
                    "key": f"{number}/{table}/{x}/{y}",
                    "moved": "moved" if x != y else "",
                }
                for y in names
            ],
        }
        for x in names
    ]
    return {"head": [marked(y, short=True) for y in names], "rows": rows}


def _cells(pair: Pair, table: str) -> Mapping[tuple[str, str], tuple[str, ...]]:
    if pair.test is None:
        return {}
    if table == "part":
        return pair.test.moves
    return {(_JUDGED[x], _JUDGED[y]): names for (x, y), names in pair.test.flips.items()}


def _sentence(pair: Pair) -> str:
    from moralsc.analysis.mass import with_interval
    from moralsc.reports.words import interval, p_value

    held = [f"{with_interval(mass)} in {side}" for side, mass in zip("AB", pair.masses, strict=True) if mass.n]
    of_mass = f" The options hold {' and '.join(held)} of the probability (medians)." if held else ""
    if small := [side for side, mass in zip("AB", pair.masses, strict=True) if is_small(mass.value)]:
        of_mass += f" Less than half in {' and '.join(small)}: left alone, the model would have said something else."
    figure, test = pair.figure, pair.test
    shown = "undefined" if figure.value is None else signed(figure.value, 3)
    what = "Share of right answers" if test else "Gap"
    said = f"n = {figure.n}. {what}, B minus A: {shown}"
    said += f" (95 % {interval(figure)})" if interval(figure) else ""
    if test is None:
        return f"{said}.{of_mass}"
    said += f"; {test.won} turned right, {test.lost} wrong"
    if test.p is not None:
        p = p_value(test.p)
        said += f", p {p if p.startswith('<') else f'= {p}'} by McNemar's exact test"
    if test.needed is not None and test.needed > test.n:
        said += f"; {test.needed} items would be needed to find such a difference"
    left = ", ".join(f"{n} {why}" for why, n in test.excluded.items() if n)
    return (f"{said}. Left out: {left}." if left else f"{said}.") + of_mass


def _wanted(side: Side) -> Wanted:
    from moralsc.reports.pairs import Wanted

    condition = Condition(side.condition)
    return Wanted(side.model, condition.correction, condition.round)


def read_cell(key: str) -> Cell | None:
    """The cell that a button's key names; None if it names none."""
    parts = key.split("/")
    if len(parts) != 4 or not parts[0].isdecimal():
        return None
    return Cell(int(parts[0]), parts[1], parts[2], parts[3])
