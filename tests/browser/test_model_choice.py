"""Choosing a model by size and stage, what it cannot be asked, and its card: in a real browser."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from catalogues import LIMIT, MANY, offering
from playwright.sync_api import Browser, Locator, Page, expect
from served import Served
from visit import PHONE, Visit

from moralsc.models import PLANTED, catalogue

OpenPage = Callable[..., Visit]
KIND = " · practice model"
SMALL = f"Mini S · 0.35M{KIND}"
LOOKS: dict[str, dict[str, Any]] = {"desktop": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": PHONE}}


@pytest.fixture(autouse=True)
def many() -> Iterator[None]:
    with offering(MANY):
        yield


def size(here: Visit) -> Locator:
    return here.page.get_by_label("Model", exact=True)


def stage(here: Visit, name: str) -> Locator:
    return here.page.locator("#m-stage").get_by_role("radio", name=name, exact=True)


def choose_size(here: Visit, title: str) -> None:
    size(here).click()
    here.page.get_by_role("option", name=title, exact=True).click()
    expect(size(here)).to_have_value(title)


def dialog(here: Visit) -> Locator:
    return here.page.get_by_role("dialog", name="Model card")


def open_card(here: Visit) -> None:
    here.page.locator("#m-card-open").click()
    expect(dialog(here)).to_be_visible()


def test_a_model_is_chosen_by_size_and_then_by_stage(visit: OpenPage) -> None:
    here = visit()
    expect(size(here)).to_have_value(SMALL)
    expect(stage(here, "instruct")).to_be_checked()
    size(here).click()
    options = [SMALL, f"Mini M · 1.2M{KIND}", f"Mini L · 2.1M{KIND}", "Solo 135M · sft"]
    expect(here.page.get_by_role("option")).to_contain_text(options)
    here.page.keyboard.press("Escape")
    stage(here, "aligned").check()
    expect(here.page.locator(".m-facts")).to_contain_text("aligned")
    choose_size(here, f"Mini M · 1.2M{KIND}")
    expect(stage(here, "aligned")).to_be_checked()
    assert "model=mini-m-aligned" in here.link("model=")
    choose_size(here, "Solo 135M · sft")
    expect(here.page.locator("#m-stage")).not_to_be_visible()
    expect(here.page.locator(".m-facts")).to_contain_text("downloaded from somebody/solo")
    here.ask()


def test_a_link_restores_both_axes(visit: OpenPage) -> None:
    here = visit("?model=mini-l-aligned")
    expect(size(here)).to_have_value(f"Mini L · 2.1M{KIND}")
    expect(stage(here, "aligned")).to_be_checked()
    expect(here.notice).to_have_count(0)


def test_a_keyboard_is_enough_to_choose_a_model(visit: OpenPage) -> None:
    here = visit()
    size(here).focus()
    here.page.keyboard.press("ArrowDown")
    here.page.keyboard.press("Enter")
    expect(size(here)).to_have_value(f"Mini M · 1.2M{KIND}")
    expect(here.page.locator(".m-facts")).to_contain_text("1.2M parameters")  # the stages of this size are here
    for name in ("base", "instruct", "aligned"):
        here.page.keyboard.press("Tab")
        expect(stage(here, name)).to_be_focused()
    here.page.keyboard.press("Space")
    expect(stage(here, "aligned")).to_be_checked()
    expect(here.page.locator(".m-facts")).to_contain_text("1.2M parameters · aligned")
    here.page.keyboard.press("Tab")
    expect(here.page.locator("#m-card-open")).to_be_focused()
    here.page.keyboard.press("Enter")
    expect(dialog(here)).to_be_visible()


def test_what_a_model_cannot_be_asked_is_said_and_not_offered(visit: OpenPage) -> None:
    here = visit("?model=mini-l-base")
    expect(here.page.locator(".m-limit")).to_have_count(0)
    here.ask()
    here.page.get_by_label("Benchmark").click()
    here.page.get_by_role("option", name="BBQ (bundled)", exact=True).click()
    expect(here.page.locator(".m-limit")).to_contain_text(LIMIT)
    expect(here.page.locator(".m-limit")).to_contain_text("Winogender")
    for name in ("Ask", "Apply", "Run the ladder"):
        expect(here.button(name)).to_be_disabled()
    expect(here.page.locator(".m-rungs-choice")).to_have_count(0)
    stage(here, "instruct").check()
    expect(here.page.locator(".m-limit")).to_have_count(0)
    here.ask()


@pytest.mark.parametrize("look", LOOKS)
def test_the_choosers_and_the_card_suit_every_screen_and_reader(
    visit: OpenPage, violations: Callable[[Page], list[str]], look: str
) -> None:
    here = visit("?model=mini-l-base&set=bbq:bundled", **LOOKS[look])
    expect(here.page.locator(".m-limit")).to_be_visible()
    assert violations(here.page) == []
    stage(here, "instruct").check()
    expect(here.page.locator(".m-limit")).to_have_count(0)
    open_card(here)
    expect(dialog(here).locator("table").first).to_be_visible()
    assert violations(here.page) == []
    width = here.page.evaluate("window.innerWidth")
    assert here.page.evaluate("document.scrollingElement.scrollWidth") <= width
    text = dialog(here).locator("#m-card-text")
    assert text.evaluate("e => e.scrollWidth <= e.clientWidth"), "tables scroll inside"
    for box in (dialog(here).bounding_box(), here.button("Close").bounding_box()):
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_the_card_is_loaded_when_it_is_opened_and_gives_the_page_back(visit: OpenPage) -> None:
    here = visit()
    assert "Planted" not in (here.page.locator("#m-card").text_content() or "")
    here.ask()
    open_card(here)
    for heading in ("Planted", "Measured", "What it cannot do"):
        expect(dialog(here).get_by_role("heading", name=heading, exact=True)).to_have_count(1)
    expect(dialog(here)).not_to_contain_text("library_name")
    expect(here.button("Close")).to_be_focused()
    here.page.keyboard.press("Shift+Tab")
    assert here.page.evaluate("!document.querySelector('#m-columns').contains(document.activeElement)")
    here.page.keyboard.press("Escape")
    expect(dialog(here)).not_to_be_visible()
    expect(here.page.locator("#m-card-open")).to_be_focused()
    expect(here.turns).to_have_count(1)
    open_card(here)
    here.button("Close").click()
    expect(dialog(here)).not_to_be_visible()
    here.ask()


def test_the_card_can_be_opened_as_soon_as_its_button_is_there(browser: Browser, served: Served) -> None:
    page = browser.new_page()  # with nothing cached, so that the page is slow to begin
    page.goto(served.url)
    page.locator("#m-card-open").click()
    expect(page.get_by_role("dialog").get_by_role("heading", name="Planted", exact=True)).to_be_visible()
    page.close()


@pytest.mark.parametrize(("model", "times"), [("mini-m-base", 1), ("solo-135m", 0)])
def test_the_mark_stands_on_the_dialogue_and_on_the_ladder_of_a_miniature(
    visit: OpenPage, model: str, times: int
) -> None:
    here = visit(f"?model={model}")
    here.climb()
    phrase = re.compile(PLANTED, re.IGNORECASE)
    for part in ("#m-model-card", "#m-dialogue", "#m-ladder"):
        expect(here.page.locator(part).get_by_text(phrase)).to_have_count(times)


@pytest.mark.parametrize(("model", "said"), [("mini-l-aligned", "is missing"), ("solo-135m", "somebody/solo")])
def test_a_model_without_a_card_says_so(visit: OpenPage, model: str, said: str) -> None:
    here = visit(f"?model={model}")
    open_card(here)
    expect(dialog(here)).to_contain_text(said)


def test_with_one_model_there_is_nothing_to_choose_and_everything_works(visit: OpenPage) -> None:
    name, spec = next(iter(MANY.items()))
    with offering({name: spec}):
        here = visit()
        expect(size(here)).to_have_value(f"Mini S · 0.35M · instruct{KIND}")
        expect(here.page.locator("#m-stage")).not_to_be_visible()
        assert list(catalogue()) == [name]
        here.ask()
