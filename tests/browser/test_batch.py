"""The Batch tab in a real browser: opened, read, filtered, saved; on every screen, and with nothing to show."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from batch.made import admissions, bbq, by_item, in_folder, winogender
from playwright.sync_api import Page, ViewportSize, expect
from served import MODEL, Served, serving
from visit import DESKTOP, LOOKS, PHONE, Scheme

from moralsc.batch.record import Record
from moralsc.models import ASSETS, PLANTED

Shown = Callable[..., Page]


def asked(source: str, mark: str) -> list[Record]:
    made = list[Record]()
    for correction, answers in (("baseline", ["unknown", "biased", "counter"]), ("specificity-0", ["unknown"] * 3)):
        made += bbq(answers, correction, source=source)
        made += winogender([(10, 0.1), (50, 0.4), (90, 0.7)], correction, source=source)
        made += admissions([0.2, -0.1], correction, source=source)
    return by_item([replace(r, model=MODEL, mark=mark) for r in made])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("results")
    in_folder(path / "first", asked("bundled", PLANTED))
    (path / "broken").mkdir()
    (path / "broken/run.json").write_text("{")
    return path


@pytest.fixture(scope="module")
def batch(shelf: Path) -> Iterator[Served]:
    with serving(results=shelf) as page:
        yield page


@pytest.fixture(scope="module")
def claiming(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page with a run that bears on claims."""
    shelf = tmp_path_factory.mktemp("claiming")
    in_folder(shelf / "published", asked("published", ""))
    with serving(results=shelf) as page:
        yield page


def opened(page: Page, url: str) -> Page:
    page.set_default_timeout(60_000)
    page.goto(url + "?tab=batch")
    expect(page.locator("#m-chart-ladder svg.marks").first).to_be_visible(timeout=60_000)
    return page


@pytest.fixture(scope="module")
def shown(new_kept_page: Callable[..., Page]) -> Shown:
    """The tab as it was loaded once for a server and a colour scheme, at its top, on a screen of this size."""

    @cache
    def loaded(url: str, scheme: Scheme) -> Page:
        return opened(new_kept_page(color_scheme=scheme), url)

    def show(served: Served, scheme: Scheme = "light", viewport: ViewportSize = DESKTOP) -> Page:
        page = loaded(served.url, scheme)
        page.set_viewport_size(viewport)
        page.evaluate("scrollTo(0, 0)")
        return page

    return show


def test_the_tab_opens_by_its_name_and_the_probe_stays_as_it_was(page: Page, batch: Served) -> None:
    page.goto(batch.url)
    item = page.locator(".m-item .m-text")
    before = item.inner_text(timeout=30_000)
    assert page.locator("#m-filters").count() == 0, "nothing of it is here before it is opened"
    page.get_by_role("tab", name="Batch").click()
    expect(page.locator("#m-chart-ladder svg.marks").first).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="Probe").click()
    expect(item).to_have_text(before)


def test_a_newcomer_sees_the_ladder_and_which_runs_are_shown_without_scrolling(shown: Shown, batch: Served) -> None:
    page = shown(batch)
    expect(page.locator(".m-shown")).to_contain_text("first: complete")
    expect(page.locator(".m-shown .m-problem")).to_contain_text("broken")
    expect(page.locator("#m-chart-ladder svg.marks").first).to_be_in_viewport(ratio=0.9)
    for kind in ("size", "categories", "correlation", "flips", "gap", "position"):
        expect(page.locator(f"#m-chart-{kind} .m-reading")).not_to_be_empty()
        expect(page.locator(f"#m-chart-{kind} svg.marks")).to_have_count(0)
    page.locator("#m-chart-flips").get_by_role("button", name="Drawings").click()
    expect(page.locator("#m-chart-flips svg.marks").first).to_be_visible(timeout=30_000)


def test_a_filter_changes_the_charts(page: Page, batch: Served) -> None:
    opened(page, batch.url)
    expect(page.locator("#m-chart-ladder svg.marks")).to_have_count(2)
    page.get_by_label("Benchmarks").click()
    page.get_by_role("option", name="BBQ (bundled)", exact=True).click()
    expect(page.locator("#m-chart-ladder svg.marks")).to_have_count(1, timeout=30_000)
    expect(page.locator("#m-chart-gap .m-reading")).to_contain_text("filters")
    expect(page.locator("#m-chart-gap .m-files")).not_to_be_visible()


def as_table(page: Page) -> None:
    """Show the ladder's figures as a table."""
    table = page.locator("#m-chart-ladder details")
    if table.get_attribute("open") is None:
        table.get_by_text("The same figures as a table").click()
    expect(table.locator("tbody tr").first).to_be_visible()


def test_a_charts_figures_can_be_read_and_saved(shown: Shown, batch: Served) -> None:
    page = shown(batch)
    ladder = page.locator("#m-chart-ladder")
    as_table(page)
    rows = ladder.locator("tbody tr").count()
    for form in ("PNG", "SVG", "CSV"):
        with page.expect_download(timeout=60_000) as saving:
            ladder.get_by_role("button", name=form, exact=True).click()
        assert saving.value.suggested_filename == f"moralsc-ladder.{form.lower()}"
        content = Path(saving.value.path()).read_bytes()
        assert content.startswith({"PNG": b"\x89PNG", "SVG": b"<svg", "CSV": b"run,"}[form])
    assert len(list(csv.DictReader(io.StringIO(content.decode())))) == rows


@pytest.mark.parametrize("look", LOOKS)
def test_every_reader_can_use_the_tab(
    shown: Shown, batch: Served, violations: Callable[[Page], list[str]], look: str
) -> None:
    page = shown(batch, *LOOKS[look])
    as_table(page)
    assert violations(page) == []
    width = page.evaluate("window.innerWidth")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width


def test_a_miniature_is_evidence_of_no_claim(shown: Shown, batch: Served) -> None:
    page = shown(batch)
    verdicts = page.locator("#m-claims .m-claim")
    expect(verdicts.first).to_be_visible(timeout=30_000)
    assert set(verdicts.all_inner_texts()) == {"not enough evidence"}


@pytest.mark.parametrize("look", LOOKS)
def test_a_claim_opens_to_the_figures_behind_it(
    shown: Shown, claiming: Served, violations: Callable[[Page], list[str]], look: str
) -> None:
    page = shown(claiming, *LOOKS[look])
    claim = page.locator("#m-claims li").filter(has=page.locator("details")).first
    claim.locator("summary").click(timeout=30_000)
    expect(claim.locator("th").first).to_be_visible()
    figures = claim.locator("tbody tr")
    assert claim.locator("summary").inner_text().split()[0] == str(figures.count())
    assert any(c.isdigit() for c in figures.first.inner_text())
    assert violations(page) == []
    claim.locator("summary").click()


def test_without_runs_the_tab_says_what_to_do(page: Page, served: Served) -> None:
    page.goto(served.url + "?tab=batch")
    expect(page.locator(".m-shown")).to_contain_text("MORALSC_RESULTS", timeout=60_000)
    expect(page.locator(".m-chart")).to_have_count(0)


def test_the_bundled_results_are_drawn(page: Page) -> None:
    with serving(results=ASSETS / "results") as here:
        page.goto(here.url + "?tab=batch")
        expect(page.locator(".m-shown")).to_contain_text("real-winogender: complete", timeout=90_000)
        expect(page.locator(".m-chart").first).to_be_visible(timeout=90_000)


def test_on_a_phone_the_first_chart_is_seen_at_once_and_the_filters_unfold_by_keyboard(
    new_page: Callable[..., Page], batch: Served, violations: Callable[[Page], list[str]]
) -> None:
    page = opened(new_page(viewport=PHONE), batch.url)
    expect(page.locator("#m-chart-ladder svg.marks").first).to_be_in_viewport(ratio=0.4)
    fold, models = page.locator(".m-fold"), page.get_by_label("Benchmarks")
    expect(models).not_to_be_visible()
    fold.focus()
    page.keyboard.press("Enter")
    expect(models).to_be_visible()
    models.click()
    page.get_by_role("option", name="BBQ (bundled)", exact=True).click()
    expect(fold).to_contain_text("BBQ (bundled)", timeout=30_000)
    expect(models, "what was unfolded stays so").to_be_visible()
    page.keyboard.press("Escape")
    assert violations(page) == []
    fold.click()
    expect(models).not_to_be_visible()


def test_on_a_wide_screen_nothing_is_folded(shown: Shown, batch: Served) -> None:
    page = shown(batch)
    expect(page.locator(".m-fold")).not_to_be_visible()
    expect(page.get_by_label("Benchmarks")).to_be_visible()


def test_the_line_of_sections_brings_each_into_sight(shown: Shown, batch: Served) -> None:
    page = shown(batch)
    for name, section in (("Claims", "What the papers claim"), ("Behind", "Behind the figures")):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", name=section)).to_be_in_viewport(ratio=1)
