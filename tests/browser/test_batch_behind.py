"""Behind the figures in a real browser: from a list to a dialogue, its card and its probe; and two sides compared."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect
from served import MODEL, GatedEngine, Served, serving
from visit import DESKTOP, LOOKS, Scheme

from moralsc.batch.design import Design
from moralsc.batch.run import run
from moralsc.settings import Settings

Shown = Callable[..., Page]
MADE = Design.of(MODEL, ["winogender:bundled", "bbq:bundled:Age"], "ladder", limit=12)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    shelf, engine = tmp_path_factory.mktemp("results"), GatedEngine()
    run(MADE, shelf / "mine", Settings(cache=shelf / "cache", offline=True), load=lambda name: engine)
    with serving(engine, results=shelf) as page:
        yield page


def load(page: Page, batch: Served) -> Page:
    page.set_default_timeout(60_000)
    page.goto(batch.url + "?tab=batch")
    expect(page.locator("#m-behind-table button").first).to_be_visible(timeout=90_000)
    expect(page.locator("#m-chart-ladder svg.marks").first).to_be_visible(timeout=90_000)
    return page


@pytest.fixture
def opened(page: Page, batch: Served) -> Page:
    """The tab, for a test that goes on to other items of the list or leaves the page."""
    return load(page, batch)


@pytest.fixture(scope="module")
def shown(new_kept_page: Callable[..., Page], batch: Served) -> Shown:
    """The tab as it was loaded once for a colour scheme and a screen, with the first page of its list."""

    @cache
    def loaded(scheme: Scheme, width: int, height: int) -> Page:
        return load(new_kept_page(color_scheme=scheme, viewport={"width": width, "height": height}), batch)

    def show(scheme: Scheme = "light", viewport: ViewportSize = DESKTOP) -> Page:
        return loaded(scheme, viewport["width"], viewport["height"])

    return show


def told(page: Page) -> None:
    """Open the first item of the list."""
    page.locator("#m-behind-table button").first.click()
    expect(page.locator("#m-behind-dialogue .m-turn")).to_have_count(2)


def choose(page: Page, chooser: str, nth: int) -> None:
    """Take an option of a list, counted from 0."""
    page.locator(f"{chooser} input").click()
    page.locator("[role=option]").nth(nth).click()


def test_a_row_opens_the_dialogue_as_the_model_saw_it(shown: Shown) -> None:
    page = shown()
    told(page)
    turn = page.locator("#m-behind-dialogue .m-turn").first
    turn.get_by_text("what the model saw").click()
    expect(turn.locator("pre")).to_contain_text("Human:")
    expect(turn.locator(".m-answer mark")).not_to_be_empty()


def test_a_ranking_shows_items_of_small_mass_when_the_switch_is_set(
    new_page: Callable[..., Page], tmp_path: Path
) -> None:
    engine = GatedEngine(scores=[(-3.0, -3.5, -4.0)])
    run(MADE, tmp_path / "runs/small", Settings(cache=tmp_path / "cache", offline=True), load=lambda name: engine)
    with serving(engine, results=tmp_path / "runs") as small:
        page = new_page()
        page.set_default_timeout(60_000)
        page.goto(small.url + "?tab=batch")
        behind = page.locator("#m-behind")
        expect(behind).to_contain_text("items left out: the options hold less than half", timeout=90_000)
        expect(behind.locator("#m-behind-table button")).to_have_count(0)
        page.get_by_label("Rank items whose options hold less than half").check()
        expect(behind.locator("#m-behind-table button").first).to_be_visible()
        expect(behind.locator("#m-behind-table tbody tr").first).to_contain_text("of 10 %")
        expect(behind).not_to_contain_text("left out")


def test_words_find_an_item_and_pages_follow_each_other(opened: Page) -> None:
    rows = opened.locator("#m-behind-table button")
    first = rows.first.inner_text()
    opened.locator("#m-behind").get_by_role("button", name="Next page").click()
    expect(rows.first).not_to_have_text(first)
    opened.locator("#m-behind-search input, #m-behind-search textarea").fill(first)
    expect(rows).to_have_count(1)
    expect(rows.first).to_have_text(first)


def test_a_card_that_is_dropped_in_again_is_the_same(shown: Shown, tmp_path: Path) -> None:
    page = shown()
    told(page)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Item card (HTML)").click()
    card = tmp_path / saving.value.suggested_filename
    saving.value.save_as(card)
    page.locator("#m-card-drop input[type=file]").set_input_files(card)
    said = page.locator("#m-again-result")
    turns = said.locator(".m-again-turn")
    expect(turns).to_have_count(2, timeout=90_000)
    assert [re.sub(r"\W", "", match) for match in turns.locator(".m-match").all_inner_texts()] == ["same", "same"]
    fields = said.locator("tbody tr:not(.m-again-turn)")
    assert fields.count() == 1 + 4 + 4, "one text, and the options of both turns with what they hold together"
    for row in fields.all():
        then, now, match = row.locator("td").all_inner_texts()
        assert then == now
        assert match == ("" if "hold" in row.inner_text() else "same")


def test_what_is_no_card_gets_a_sentence(shown: Shown, tmp_path: Path) -> None:
    page = shown()
    (tmp_path / "no.json").write_text("{}")
    page.locator("#m-card-drop input[type=file]").set_input_files(tmp_path / "no.json")
    expect(page.locator("#m-again-result")).to_contain_text("no item card", timeout=90_000)


def test_the_link_opens_the_same_in_the_probe_tab(opened: Page) -> None:
    told(opened)
    item = opened.locator("#m-behind-table tr.m-opened button").inner_text()
    opened.get_by_role("link", name="Open in Probe").click()
    expect(opened.locator(".m-item .m-text")).to_be_visible(timeout=60_000)
    expect(opened.locator(".m-item")).to_contain_text(item)


def compared(page: Page) -> Locator:
    """Compare, and open the dialogues of the first count: a column each."""
    columns = page.locator("#m-compare-columns .m-dialogue")
    page.locator("#m-compare-go").click()
    expect(columns.first, "those of an earlier comparison are put away").not_to_be_visible()
    page.locator("#m-compare-result button").first.click()
    expect(columns).to_have_count(2)
    expect(columns.first).to_be_visible()
    return columns


def test_a_count_opens_both_dialogues(shown: Shown) -> None:
    columns = compared(shown())
    expect(columns.nth(0).locator(".m-turn")).to_have_count(1)
    expect(columns.nth(1).locator(".m-turn")).to_have_count(2)


def test_what_is_open_stays_what_it_is_when_other_things_are_chosen(opened: Page) -> None:
    told(opened)
    link = opened.get_by_role("link", name="Open in Probe")
    before = link.get_attribute("href")
    rows = opened.locator("#m-behind-table button")
    first = rows.first.inner_text()
    choose(opened, "#m-behind-benchmark", 1)
    expect(rows.first).not_to_have_text(first)
    choose(opened, "#m-behind-which", 1)
    expect(link).not_to_have_attribute("href", before or "")
    asked, now = (parse_qs((href or "").partition("?")[2]) for href in (before, link.get_attribute("href")))
    assert asked.keys() == now.keys()
    changed = {name for name, values in asked.items() if values != now[name]}
    assert changed == {"do", "prompts"}, "another dialogue of the same item of the same set: other texts were sent"
    opened.locator("#m-compare-go").click()
    count = opened.locator("#m-compare-result button").first
    expect(count).to_be_visible()
    choose(opened, "#m-b-condition", 0)
    count.click()
    expect(opened.locator("#m-compare-columns .m-dialogue").nth(1).locator(".m-turn")).to_have_count(2)


@pytest.mark.parametrize("look", LOOKS)
def test_every_reader_can_use_both_sections_with_dialogues_open(
    shown: Shown, violations: Callable[[Page], list[str]], look: str
) -> None:
    page = shown(*LOOKS[look])
    told(page)
    compared(page)
    assert violations(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= page.evaluate("window.innerWidth")
