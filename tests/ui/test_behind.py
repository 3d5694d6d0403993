"""Behind the figures: the list is the run's, a row opens its dialogue, a card asked again says what is the same."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from batch.fakes import FAKES, PROMPTS, SETTINGS, FakeEngine, Hesitant, design
from catalogues import offering

from moralsc.answers import SMALL_MASS
from moralsc.batch import folder
from moralsc.batch.run import run
from moralsc.engines.base import StopFlag
from moralsc.errors import InputError
from moralsc.experiment.again import reask
from moralsc.experiment.card import read_card, to_json
from moralsc.models import ASSETS
from moralsc.notation import options_hold, percent
from moralsc.reports.card_page import card_html
from moralsc.ui import asked_again, behind, link
from moralsc.ui.behind import GAINS, LOSSES, PAGE, PLAN, Behind, Chosen
from moralsc.ui.behind_parts import build_parts
from moralsc.ui.behind_section import Handlers
from moralsc.ui.context import new_context
from moralsc.ui.library import Library

MADE = design(["bbq:bundled:Age,Religion", "winogender:bundled"], "specificity-0,cot", limit=30)


class Silent(FakeEngine):
    """Gives no log-probabilities, as some servers do."""

    def score(self, scorings: Any) -> Any:
        return [None] * len(scorings)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    # Runs of practice models would have other names.
    with offering({name: replace(spec, bundled=False, path="") for name, spec in FAKES.items()}):
        run(MADE, out / "one", SETTINGS, load=lambda name: Hesitant(spec=FAKES[name]))
    return out


@pytest.fixture(scope="module")
def library(runs: Path) -> Library:
    return Library(replace(SETTINGS, results=runs), bundled=runs / "none")


@pytest.fixture(scope="module")
def answers(library: Library) -> Behind:
    return Behind(library, SETTINGS, PROMPTS)


SMOLLM2 = "smollm2-135m-instruct-q4"
BBQ = Chosen("one", "fake", "bbq:bundled", "specificity-0", small_mass=True)


def all_pages(answers: Behind, chosen: Chosen) -> list[behind.Listing]:
    first = answers.listing(chosen, 0)
    return [first, *(answers.listing(chosen, k) for k in range(1, first.pages))]


@pytest.mark.parametrize("sort", [LOSSES, GAINS, PLAN])
def test_the_pages_hold_every_item_of_the_run_once(answers: Behind, runs: Path, sort: str) -> None:
    pages = all_pages(answers, replace(BBQ, sort=sort))
    shown = [item for listing in pages for item in listing.items]
    asked = [r.item for r in folder.records(runs / "one") if (r.benchmark, r.correction) == ("bbq", "specificity-0")]
    assert len(pages) > 1
    assert sorted(shown) == sorted(asked)
    assert all(len(listing.rows) == len(listing.items) <= PAGE for listing in pages)
    assert (shown == asked) is (sort == PLAN)


def held(runs: Path) -> dict[str, float]:
    """Item -> the mass of its options; the same in every condition of this run."""
    return {r.item: r.mass for r in folder.records(runs / "one") if r.benchmark == "bbq" and r.mass is not None}


@pytest.mark.parametrize("sort", [LOSSES, GAINS])
def test_a_ranking_leaves_out_items_of_small_mass_counts_them_and_can_show_them(
    answers: Behind, runs: Path, sort: str
) -> None:
    small = {item for item, mass in held(runs).items() if mass < SMALL_MASS}
    ranked, everything = (all_pages(answers, replace(BBQ, sort=sort, small_mass=s)) for s in (False, True))
    assert 0 < len(small) < len(held(runs))
    assert {item for listing in ranked for item in listing.items} == held(runs).keys() - small
    assert {item for listing in everything for item in listing.items} == held(runs).keys()
    assert all(f"{len(small)} items left out" in listing.sentence for listing in ranked)
    assert not any("left out" in listing.sentence for listing in everything)


def test_the_order_of_the_run_is_no_ranking_and_leaves_nothing_out(answers: Behind) -> None:
    found = answers.listing(replace(BBQ, sort=PLAN, small_mass=False), 0)
    assert found == answers.listing(replace(BBQ, sort=PLAN), 0)
    assert "left out" not in found.sentence


def test_where_all_are_left_out_the_sentence_says_so(answers: Behind, runs: Path) -> None:
    there = held(runs)
    small = next(item for item in there if there[item] < SMALL_MASS and sum(item in other for other in there) == 1)
    found = answers.listing(replace(BBQ, search=small, small_mass=False), 0)
    assert found.items == ()
    assert found.sentence.startswith("1 item left out")


def test_the_mass_stands_beside_every_probability_of_the_list(answers: Behind, runs: Path) -> None:
    for listing in all_pages(answers, BBQ):
        for item, row in zip(listing.items, listing.rows, strict=True):
            shares = [row[listing.headers.index(name)] for name in ("p before", "p after")]
            assert all(p.endswith(f" of {percent(held(runs)[item])}") for p in shares)


def test_only_bbq_shows_contexts(answers: Behind) -> None:
    assert "context" in answers.listing(BBQ, 0).headers
    assert "context" not in answers.listing(replace(BBQ, benchmark="winogender:bundled"), 0).headers


def test_a_page_that_does_not_exist_is_the_nearest_one(answers: Behind) -> None:
    pages = all_pages(answers, BBQ)
    assert answers.listing(BBQ, 99) == pages[-1]
    assert answers.listing(BBQ, -5) == pages[0]


def test_words_that_nothing_holds_leave_a_sentence(answers: Behind) -> None:
    listing = answers.listing(replace(BBQ, search="zzz"), 0)
    assert (listing.items, listing.rows) == ((), ())
    assert "No item is left" in listing.sentence


def test_an_unknown_run_is_refused_in_a_sentence(answers: Behind) -> None:
    with pytest.raises(InputError, match="two"):
        answers.listing(replace(BBQ, run="two"), 0)


def test_an_item_opens_with_the_chosen_correction(answers: Behind) -> None:
    item = answers.listing(BBQ, 0).items[0]
    for correction in ("specificity-0", "cot"):
        told = answers.told(replace(BBQ, correction=correction), item)
        assert told[0].correction == correction
        assert {t.correction for t in told} == {"specificity-0", "cot"}
        assert all(t.probe.item.id == item for t in told)


def test_its_link_restores_model_item_and_corrections(answers: Behind) -> None:
    with offering(FAKES):
        told = answers.told(replace(BBQ, correction="cot"), answers.listing(BBQ, 0).items[0])[0]
        pairs = [part.split("=") for part in answers.address(BBQ, told).removeprefix("?").split("&")]
    params = {name: value.replace("%3A", ":") for name, value in pairs if name != "do"}
    found = link.read(params, [value for name, value in pairs if name == "do"], PROMPTS)
    assert (found.model, found.shelf, found.item) == ("fake", "bbq:bundled", told.probe.item.id)
    assert [step.correction for step in found.steps] == ["cot"]
    assert found.notices == ()


@pytest.mark.parametrize("write", [card_html, to_json])
def test_its_card_asked_again_is_the_same_and_otherwise_says_where(answers: Behind, write: Any) -> None:
    told = answers.told(BBQ, answers.listing(BBQ, 0).items[0])[0]
    with offering(FAKES):
        card = read_card(write(behind.card(told, 0)).encode())
    same = list(reask(card, Hesitant(spec=FAKES["fake"]), StopFlag()))
    shown = asked_again.view(card, same, "sha256:0")
    assert not shown["lines"]
    assert [turn["match"] for turn in shown["turns"].values()] == ["same"] * 2
    rows = [row for turn in shown["turns"].values() for row in turn["rows"].values()]
    masses = [row for row in rows if "hold" in row["name"]]
    assert len(rows) == sum(len(step.written) + len(step.scored.labels) + 1 for step in card.steps if step.scored)
    assert all(row["then"] == row["now"] for row in rows)
    assert [row["then"] for row in masses] == ["90 %"] * 2
    assert all(row["match"] == "same" for row in rows if row not in masses)
    assert "of other weights" in asked_again.view(card, same, "sha256:1")["lines"]["0"]
    assert "Stopped after 1 of 2 turns." in asked_again.view(card, same[:1], "sha256:0")["lines"].values()


def test_a_card_asked_again_says_which_field_is_different(answers: Behind) -> None:
    told = answers.told(BBQ, answers.listing(BBQ, 0).items[0])[0]
    with offering(FAKES):
        step = behind.card(told, 0).steps[0]
        assert step.scored is not None
        moved = replace(step.scored, logprobs=(step.scored.logprobs[0] - 1, *step.scored.logprobs[1:]), mass=None)
        other = replace(step, written=(replace(step.written[0], reply="no such"),), scored=moved)
        card = replace(behind.card(told, 0), steps=(other,))
    again = list(reask(card, Hesitant(spec=FAKES["fake"]), StopFlag()))
    (turn,) = asked_again.view(card, again, "sha256:0")["turns"].values()
    first, *figures, mass = turn["rows"].values()
    assert mass["now"] == "90 %" > mass["then"]
    assert turn["match"] == first["match"] == "different"
    assert first["name"].startswith("answer, from character")
    assert "no such" in first["then"]
    assert [row["match"] for row in figures] == ["different by 1", *["same"] * (len(figures) - 1)]


def test_figures_that_do_not_come_again_are_said_to_be_not_measured(answers: Behind) -> None:
    told = answers.told(BBQ, answers.listing(BBQ, 0).items[0])[0]
    with offering(FAKES):
        card = behind.card(told, 0)
    shown = asked_again.view(card, list(reask(card, Silent(spec=FAKES["fake"]), StopFlag())), "sha256:0")
    assert [turn["match"] for turn in shown["turns"].values()] == ["not measured"] * 2
    assert list(shown["lines"].values()) == [
        "The log-probabilities of turns 1, 2 could not be measured again: the model gave none this time."
    ]
    rows = [row for turn in shown["turns"].values() for row in turn["rows"].values()]
    assert len(rows) == sum(len(step.written) + len(step.scored.labels) + 1 for step in card.steps if step.scored)
    assert [row["now"] for row in rows if "hold" in row["name"]] == ["none"] * 2
    figures = [row for row in rows if row["name"].startswith("log p")]
    assert {(row["now"], row["match"]) for row in figures} == {("none", "not measured")}


def test_a_card_whose_options_hold_little_says_so_when_it_is_asked_again(answers: Behind, runs: Path) -> None:
    small = next(item for item, mass in held(runs).items() if mass < SMALL_MASS)
    with offering(FAKES):
        card = behind.card(answers.told(BBQ, small)[0], 0)
    shown = asked_again.view(card, list(reask(card, Hesitant(spec=FAKES["fake"]), StopFlag())), "sha256:0")
    assert list(shown["lines"].values()) == [f"Turn {k}: {options_hold(0.2)}" for k in (1, 2)]


class TestHandlers:
    """What events do, without a browser."""

    @pytest.fixture
    def handlers(self, library: Library, answers: Behind) -> Handlers:
        with gr.Blocks():
            context = new_context(replace(SETTINGS, offline=True))
            return Handlers(context, answers, build_parts(context))

    def test_opening_fills_the_choosers_and_the_list(self, handlers: Handlers) -> None:
        found, p = handlers.open("", None), handlers._parts
        assert found[p.run]["value"] == "one"
        assert found[p.run]["choices"] == ["one"]
        assert found[p.model]["choices"] == ["fake"]
        assert found[p.correction]["value"] == "specificity-0"
        assert len(found[p.table]["rows"]) == PAGE
        assert found[p.next]["interactive"]
        assert not found[p.previous]["interactive"]

    def test_a_row_opens_its_dialogue(self, handlers: Handlers) -> None:
        p = handlers._parts
        listing = handlers.open("", None)[p.listing]
        event = gr.EventData(None, {"row": "2"})
        found = handlers.choose_item(event, "", listing, *_values(BBQ))
        assert found[p.opened].told[0].probe.item.id == listing.items[2]
        assert [row["open"] for row in found[p.table]["rows"].values()].index("m-opened") == 2
        assert found[p.dialogue]["warning"] == ""
        assert found[p.taking]["visible"]

    def test_the_switch_lists_what_the_ranking_leaves_out(self, handlers: Handlers) -> None:
        p = handlers._parts
        first, whole = (handlers.choose("", *_values(replace(BBQ, small_mass=s))) for s in (False, True))
        assert "left out" in first[p.found]["text"]
        assert "left out" not in whole[p.found]["text"]
        assert first[p.listing].pages < whole[p.listing].pages

    def test_the_link_is_of_the_open_item_whatever_is_chosen_since(self, handlers: Handlers) -> None:
        p = handlers._parts
        listing = handlers.open("", None)[p.listing]
        with offering(FAKES):
            found = handlers.choose_item(gr.EventData(None, {"row": "0"}), "", listing, *_values(BBQ))
            # What the list is of by now is no part of this event at all.
            links = [handlers.choose_dialogue(found[p.opened], k)[p.probe]["address"] for k in (0, 1)]
        assert links[0] == found[p.probe]["address"] != links[1]
        assert all(f"set=bbq%3Abundled&item={listing.items[0]}" in link for link in links)

    @pytest.mark.parametrize("row", ["", "x", "-1", "999", None])
    def test_a_row_that_is_not_there_does_nothing(self, handlers: Handlers, row: Any) -> None:
        listing = handlers.open("", None)[handlers._parts.listing]
        assert handlers.choose_item(gr.EventData(None, {"row": row}), "", listing, *_values(BBQ)) == {}

    def test_a_new_run_is_offered_and_what_is_open_stays_open(self, handlers: Handlers) -> None:
        p = handlers._parts
        assert handlers.look_again("", "one") == {p.run: gr.update(choices=["one"], value="one")}
        assert handlers.look_again("", "gone")[p.run]["value"] == "one"

    def test_without_published_files_it_opens_with_a_run_that_can_be_read(self, tmp_path: Path) -> None:
        settings = replace(SETTINGS, data=None, cache=tmp_path, results=None)
        with gr.Blocks():
            context = new_context(settings)
            parts = build_parts(context)
        library = Library(settings, bundled=ASSETS / "results")
        handlers = Handlers(context, Behind(library, settings, PROMPTS), parts)
        found = handlers.open("", None)
        assert found[parts.run]["value"] == "real-bundled"
        row = gr.EventData(None, {"row": "0"})
        bundled = Chosen("real-bundled", SMOLLM2, found[parts.benchmark]["value"], "specificity-0")
        assert handlers.choose_item(row, "", found[parts.listing], *_values(bundled))[parts.taking]["visible"]

        published = Chosen("real-bbq", SMOLLM2, "bbq", "specificity-0")
        listing = handlers.choose("", *_values(published))[parts.listing]
        shown = handlers.choose_item(row, "", listing, *_values(published))
        assert "moralsc data fetch bbq" in shown[parts.dialogue]["hint"]
        assert not shown[parts.taking]["visible"]

    def test_without_a_run_there_is_a_sentence(self, tmp_path: Path) -> None:
        empty = Behind(Library(SETTINGS, bundled=tmp_path), SETTINGS, PROMPTS)
        with gr.Blocks():
            handlers = Handlers(new_context(SETTINGS), empty, build_parts(new_context(SETTINGS)))
        assert "no run" in handlers.open("", None)[handlers._parts.found]["text"]


def _values(chosen: Chosen) -> tuple[str | bool, ...]:
    c = chosen
    return (c.run, c.model, c.benchmark, c.correction, c.category, c.context, c.search, c.sort, c.small_mass)
