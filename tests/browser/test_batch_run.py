"""The Run section in a browser, with real child processes: plan, start, leave, come back, stop, resume, complete."""

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from run_page import RunPage, end_runs, serving_runs
from visit import BARE, PHONE

from moralsc.hosting.job import State, read_job

OpenPage = Callable[..., Page]
# A child process imports torch and loads a model before it asks.
PATIENCE = 180_000
LOOKS = {"light": {"color_scheme": "light"}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": PHONE}}


@pytest.fixture(scope="module")
def run_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunPage]:
    cache = tmp_path_factory.mktemp("cache")
    with serving_runs(cache, run_items=100) as page:
        yield page
    end_runs(cache)


@pytest.fixture
def here(page: Page, run_page: RunPage) -> Page:
    return opened(page, run_page)


def opened(page: Page, served: RunPage) -> Page:
    page.set_default_timeout(20_000)
    # A page is used by one test after another: each is a visitor of its own.
    page.goto(served.url + BARE)
    page.evaluate("localStorage.clear()")
    page.goto(served.url)
    expect(page.get_by_text("No runs yet")).to_be_visible(timeout=30_000)
    return page


def plan(page: Page, limit: str = "1") -> None:
    page.get_by_label("Items per category").fill(limit)
    button(page, "Plan").click()
    expect(page.locator(".m-counts, .m-plan .m-problem").first).to_be_visible(timeout=30_000)


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def act(page: Page, name: str, run: int = 0) -> Locator:
    return page.locator(".m-run").nth(run).locator(f"[data-act={name}]")


def state(page: Page, run: int = 0) -> Locator:
    return page.locator(".m-run").nth(run).locator(".m-chip")


def test_a_run_goes_on_without_the_page_and_is_stopped_resumed_and_completed(here: Page, run_page: RunPage) -> None:
    plan(here)
    expect(here.locator(".m-run-command textarea")).to_have_value(re.compile(r"^moralsc run --model .* --limit 1 "))
    button(here, "Start").click()
    expect(state(here)).to_have_text("running")
    here.reload()
    expect(state(here)).to_have_text(re.compile("running|complete"))
    act(here, "stop").click()
    expect(state(here)).to_have_text("stopped")
    act(here, "resume").click()
    expect(state(here)).to_have_text(re.compile("running|complete"))
    expect(state(here)).to_have_text("complete", timeout=PATIENCE)
    expect(here.locator(".m-run-reading")).to_have_text(re.compile("at baseline"))
    plan(here)
    expect(here.locator(".m-plan-lines")).to_contain_text("judged by 1 earlier run")
    with here.expect_download() as download:
        act(here, "download").click()
    assert re.fullmatch(r"moralsc-run-[0-9a-f]{16}\.zip", download.value.suggested_filename)
    with zipfile.ZipFile(download.value.path()) as archive:
        assert any(name.endswith("/records.parquet") for name in archive.namelist())
    act(here, "remove").click()
    expect(act(here, "keep")).to_be_focused()
    act(here, "keep").click()
    expect(act(here, "keep")).to_have_count(0)
    act(here, "remove").click()
    act(here, "delete").click()
    expect(here.get_by_text("No runs yet")).to_be_visible()


def test_bad_input_is_a_sentence_and_nothing_is_lost(here: Page) -> None:
    plan(here, "0")
    expect(here.locator(".m-plan .m-problem")).to_contain_text("Allowed: a whole number from 1")
    expect(here.get_by_label("Items per category")).to_have_value("0")
    expect(button(here, "Start")).to_be_disabled()
    plan(here, "")
    expect(here.locator(".m-plan .m-problem")).to_contain_text("limited to 100", timeout=60_000)
    expect(button(here, "Start")).to_be_disabled()


def test_a_choice_that_changes_after_the_plan_asks_for_a_new_one(here: Page) -> None:
    plan(here)
    expect(button(here, "Start")).to_be_enabled()
    here.get_by_label("Seed").fill("7")
    expect(here.locator("#m-run-status")).to_contain_text("press Plan again")
    expect(button(here, "Start")).to_be_disabled()
    here.get_by_label("Seed").fill("0")
    expect(button(here, "Start")).to_be_enabled()


def test_another_browser_sees_nothing_of_it(here: Page, new_page: OpenPage, run_page: RunPage) -> None:
    plan(here)
    button(here, "Start").click()
    expect(here.locator(".m-run")).to_have_count(1)
    other = new_page()
    opened(other, run_page)
    secrets = [page.evaluate("localStorage.getItem('moralsc-visitor')") for page in (here, other)]
    assert len(set(secrets)) == 2
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in secrets)
    act(here, "stop").click()
    expect(state(here)).to_have_text(re.compile("stopped|complete"))


@pytest.mark.parametrize("look", LOOKS)
def test_every_reader_can_use_the_section(
    new_page: OpenPage, run_page: RunPage, violations: Callable[[Page], list[str]], look: str
) -> None:
    options: dict[str, Any] = LOOKS[look]
    page = opened(new_page(**options), run_page)
    plan(page)
    button(page, "Start").click()
    expect(state(page)).to_have_text(re.compile("running|waiting"))
    act(page, "remove").click()
    expect(act(page, "delete")).to_be_visible()
    page.get_by_role("button", name="How it is asked").click()
    found = violations(page)
    assert [line for line in found if "#m-run" in line or ".m-" in line or "m-run" in line] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    act(page, "delete").click()
    expect(page.get_by_text("No runs yet")).to_be_visible()


@pytest.fixture
def separate(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cache"
    end_runs(tmp_path / "cache")


def test_a_restarted_server_shows_the_same_list(new_page: OpenPage, separate: Path) -> None:
    page = new_page()
    with serving_runs(separate) as first:
        opened(page, first)
        plan(page)
        button(page, "Start").click()
        expect(state(page)).to_have_text("running")
        secret = page.evaluate("localStorage.getItem('moralsc-visitor')")
        page.goto("about:blank")
    with serving_runs(separate) as second:
        # The other server has another port, which is another place to a browser.
        page.goto(second.url + BARE)
        page.evaluate("secret => localStorage.setItem('moralsc-visitor', secret)", secret)
        page.goto(second.url)
        expect(state(page)).to_have_text(re.compile("running|complete"))
        act(page, "stop").click()
        expect(state(page)).to_have_text(re.compile("stopped|complete"))


def test_a_visitor_probes_while_a_run_goes_on(page: Page, separate: Path) -> None:
    page.set_default_timeout(60_000)
    with serving_runs(separate, whole=True) as served:
        page.goto(served.url)
        expect(page.locator(".m-item .m-text")).to_be_visible()
        page.get_by_role("tab", name="Batch").click()
        plan(page, "200")
        button(page, "Start").click()
        expect(state(page)).to_have_text("running")
        page.get_by_role("tab", name="Probe").click()
        button(page, "Ask").click()
        expect(page.locator("#m-dialogue .m-verdict .m-chip")).to_be_visible(timeout=PATIENCE)
        (job,) = map(read_job, (separate / "runs").iterdir())
        assert job is not None
        assert job.state is State.RUNNING
        page.get_by_role("tab", name="Batch").click()
        act(page, "stop").click()
        expect(state(page)).to_have_text("stopped")
