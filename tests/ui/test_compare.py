"""Comparing: counts are those of the report's own comparison, and each opens its items on both sides."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from batch.fakes import FAKES, PROMPTS, SETTINGS, Hesitant, design
from catalogues import offering

from moralsc.analysis.mass import with_interval
from moralsc.answers import is_small
from moralsc.batch.run import run
from moralsc.errors import InputError
from moralsc.reports.pairs import Wanted, compare_runs
from moralsc.reports.runs import read_run
from moralsc.ui import comparing
from moralsc.ui.behind import Behind
from moralsc.ui.compare_section import Handlers, _build_parts
from moralsc.ui.comparing import Cell, Comparer, Side
from moralsc.ui.context import new_context
from moralsc.ui.library import Library

BENCHMARKS = ["bbq:bundled:Age", "winogender:bundled", "admissions:bundled"]
A, B = Side("one", "fake", "baseline"), Side("one", "fake", "specificity-0")
OTHER = Side("two", "other", "specificity-0")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    # Runs of practice models would have other names.
    with offering({name: replace(spec, bundled=False, path="") for name, spec in FAKES.items()}):
        for name, model in (("one", "fake"), ("two", "other")):
            made = design(BENCHMARKS, "specificity-0,review,rounds=1", limit=12, models=model)
            run(made, out / name, SETTINGS, load=lambda name: Hesitant(spec=FAKES[name]))
    return out


@pytest.fixture(scope="module")
def library(runs: Path) -> Library:
    return Library(replace(SETTINGS, results=runs), bundled=runs / "none")


@pytest.fixture(scope="module")
def comparer(library: Library) -> Comparer:
    return Comparer(library)


def cells(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        cell
        for pair in view["pairs"].values()
        for table in (pair["tables"] or {}).values()
        for row in table["rows"].values()
        for cell in row["cells"].values()
    ]


def test_the_counts_are_those_of_the_reports_own_comparison(comparer: Comparer, runs: Path) -> None:
    found = comparer.compare(A, B)
    one = read_run(runs / "one", "one")
    expected = compare_runs(one, one, Wanted("fake", "baseline"), [Wanted("fake", "specificity-0")])
    assert [(p.benchmark, p.part, p.figure) for p in found.pairs] == [
        (p.benchmark, p.part, p.figure) for p in expected.pairs
    ]
    assert [p.test and p.test.flips for p in found.pairs] == [p.test and p.test.flips for p in expected.pairs]


def test_every_count_opens_as_many_items(comparer: Comparer) -> None:
    compared = comparer.compare(A, B)
    shown = cells(comparing.view(compared))
    assert sum(cell["count"] for cell in shown) > 0
    for cell in shown:
        key = comparing.read_cell(cell["key"])
        assert key is not None
        assert len(comparing.items(compared, key, small_mass=True).items) == cell["count"]


def test_a_count_names_items_of_small_mass_only_if_it_is_asked_to(comparer: Comparer) -> None:
    compared = comparer.compare(A, B)
    some = list[tuple[bool, bool]]()
    for cell in cells(comparing.view(compared)):
        key = comparing.read_cell(cell["key"])
        assert key is not None
        test = compared.pairs[key.pair].test
        assert test is not None
        found, everything = (comparing.items(compared, key, small_mass=s) for s in (False, True))
        assert set(found.items) == set(everything.items) - test.small_mass
        assert found.left_out == len(everything.items) - len(found.items)
        some.append((bool(found.left_out), bool(found.items)))
    left_out, named = zip(*some, strict=True)
    assert any(left_out)
    assert any(named)


def test_a_comparison_says_what_the_options_hold_on_each_side(comparer: Comparer) -> None:
    compared = comparer.compare(A, B)
    for pair, shown in zip(compared.pairs, comparing.view(compared)["pairs"].values(), strict=True):
        for side, mass in zip("AB", pair.masses, strict=True):
            assert f"{with_interval(mass)} in {side}" in shown["sentence"]
            assert mass.value is not None
        small = [side for side, mass in zip("AB", pair.masses, strict=True) if is_small(mass.value)]
        assert ("left alone" in shown["sentence"]) is bool(small)


def test_each_comparison_says_what_it_found(comparer: Comparer) -> None:
    compared = comparer.compare(A, B)
    for pair, shown in zip(compared.pairs, comparing.view(compared)["pairs"].values(), strict=True):
        assert f"n = {pair.figure.n}." in shown["sentence"]
        assert ("McNemar" in shown["sentence"]) is (pair.test is not None and pair.test.p is not None)
        assert bool(shown["tables"]) is (pair.test is not None)


def test_models_of_two_runs_and_rounds_can_be_compared(comparer: Comparer) -> None:
    assert comparer.compare(B, OTHER).pairs
    assert comparer.offered("one")[1] == (
        *("baseline", "specificity-0", "specificity-0, round 1"),
        *("review", "review, round 1"),
    )
    assert comparer.compare(A, replace(B, condition="specificity-0, round 1")).pairs


@pytest.mark.parametrize(
    ("b", "says"),
    [
        (A, "Both sides are the same"),
        (replace(B, run="three"), "three"),
        (replace(B, model="nobody"), "nobody"),
        (replace(B, condition="cot"), "cot"),
    ],
)
def test_what_cannot_be_compared_gets_a_sentence(comparer: Comparer, b: Side, says: str) -> None:
    with pytest.raises(InputError, match=says):
        comparer.compare(A, b)


@pytest.mark.parametrize("key", ["", "0", "a/right/right/wrong", "0/right/right", "0/right/right/wrong/x"])
def test_a_key_that_names_no_count_is_none(key: str) -> None:
    assert comparing.read_cell(key) is None


def test_a_count_that_does_not_exist_has_no_items(comparer: Comparer) -> None:
    compared = comparer.compare(A, B)
    for cell in (Cell(99, "right", "right", "wrong"), Cell(0, "taste", "right", "wrong"), Cell(0, "part", "x", "y")):
        assert comparing.items(compared, cell) == comparing.Counted()


def test_a_new_run_is_offered_and_what_is_chosen_stays(comparer: Comparer, library: Library) -> None:
    with gr.Blocks():
        handlers = Handlers(new_context(SETTINGS), comparer, Behind(library, SETTINGS, PROMPTS), _build_parts())
    p = handlers._parts
    a, b = (gr.update(choices=["one", "two"], value=run) for run in ("one", "two"))
    assert handlers.look_again("", "one", "two") == {p.a[0]: a, p.b[0]: b}
    found = handlers.look_again("", "gone", "two")
    assert (found[p.a[0]]["value"], found[p.b[0]]["value"]) == ("one", "two")


def test_a_press_on_a_count_opens_both_dialogues(comparer: Comparer, library: Library) -> None:
    with gr.Blocks():
        handlers = Handlers(new_context(SETTINGS), comparer, Behind(library, SETTINGS, PROMPTS), _build_parts())
    p = handlers._parts
    sides = (*("one", "fake", "baseline"), *("two", "other", "specificity-0"))
    compared = handlers.compare("", *sides)[p.compared]
    key = next(c["key"] for c in cells(comparing.view(compared.found)) if c["count"])
    with offering(FAKES):
        found = handlers.choose_cell(gr.EventData(None, {"cell": key}), "", compared, True)
    cell = comparing.read_cell(key)
    assert cell is not None
    assert found[p.item]["choices"] == list(comparing.items(compared.found, cell, small_mass=True).items)
    assert found[p.columns]["visible"]
    assert [len(found[side]["turns"]) for side in (p.left, p.right)] == [1, 3]
    assert handlers.choose_cell(gr.EventData(None, {"cell": "9/right/right/wrong"}), "", compared) == {}


def test_where_a_count_holds_items_of_small_mass_alone_it_says_so_and_the_switch_opens_them(
    comparer: Comparer, library: Library
) -> None:
    with gr.Blocks():
        handlers = Handlers(new_context(SETTINGS), comparer, Behind(library, SETTINGS, PROMPTS), _build_parts())
    p = handlers._parts
    compared = handlers.compare("", "one", "fake", "baseline", "one", "fake", "specificity-0")[p.compared]
    keys = [c["key"] for c in cells(comparing.view(compared.found)) if c["count"]]
    found = {key: comparing.items(compared.found, comparing.read_cell(key)) for key in keys}  # type: ignore[arg-type]
    key = next(key for key, counted in found.items() if not counted.items)
    closed = handlers.choose_cell(gr.EventData(None, {"cell": key}), "", compared)
    assert f"{found[key].left_out} item" in closed[p.out]["text"]
    assert "left out" in closed[p.out]["text"]
    assert not closed[p.columns]["visible"]
    with offering(FAKES):
        opened = handlers.choose_small("", compared, closed[p.cell], True)
    assert len(opened[p.item]["choices"]) == found[key].left_out
    assert opened[p.columns]["visible"]
    assert opened[p.out]["text"] == ""


def test_a_count_opens_the_conditions_that_were_compared_whatever_is_chosen_since(
    comparer: Comparer, library: Library
) -> None:
    with gr.Blocks():
        handlers = Handlers(new_context(SETTINGS), comparer, Behind(library, SETTINGS, PROMPTS), _build_parts())
    p = handlers._parts
    compared = handlers.compare("", "one", "fake", "baseline", "two", "other", "specificity-0")[p.compared]
    cell = next(c["key"] for c in cells(comparing.view(compared.found)) if c["count"])
    with offering(FAKES):
        handlers.choose_b("", "one")
        found = handlers.choose_cell(gr.EventData(None, {"cell": cell}), "", compared, True)
        again = handlers.choose_item("", found[p.item]["value"], compared, found[p.cell])
    assert (compared.a, compared.b) == (A, OTHER)
    assert [again[side]["turns"] for side in (p.left, p.right)] == [found[side]["turns"] for side in (p.left, p.right)]
