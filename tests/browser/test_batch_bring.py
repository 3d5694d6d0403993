"""Results that are brought, and a visitor's own runs, in a real browser: in the visitor's lists and nobody else's."""

import re
import secrets
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect
from served import MODEL, GatedEngine, Served, serving
from visit import BARE, LOOKS, Scheme

from moralsc.batch.design import Design
from moralsc.batch.run import run
from moralsc.hosting.job import RUN, Ticket, owner_of, write_ticket
from moralsc.settings import Settings

MADE = Design.of(MODEL, ["winogender:bundled", "bbq:bundled:Age"], "specificity-0", limit=4, batch=8)
# What is brought is read and measured, and a browser draws all charts of it.
PATIENCE = 90_000
Make = Callable[..., None]
OpenPage = Callable[..., Page]


class WeighedEngine(GatedEngine):
    """Says which weights it has, so that a run that broke off can go on."""

    @property
    def provenance(self) -> dict[str, str]:
        return {**super().provenance, "weights": "sha256:0", "dtype": "float32"}


class BrokenOffError(Exception):
    """Ends a run after its first batch."""


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Run MADE in a folder, or go on with it; not to its end where `part` is wanted."""
    settings, engine = Settings(cache=tmp_path_factory.mktemp("data"), offline=True), WeighedEngine()

    def stop(_: Any) -> None:
        raise BrokenOffError

    def made(path: Path, part: bool = False) -> None:
        try:
            run(MADE, path, settings, load=lambda name: engine, on_progress=stop if part else lambda status: None)
        except BrokenOffError:
            assert part

    return made


@pytest.fixture(scope="module")
def files(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a zipped run, and with what is none."""
    folder = tmp_path_factory.mktemp("files")
    make(folder / "run")
    with zipfile.ZipFile(folder / "my first.zip", "w") as file:
        for path in (folder / "run").rglob("*"):
            file.write(path, f"any/{path.relative_to(folder / 'run')}")
    with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("run.json", b"0" * 20_000_000)
    pd.DataFrame({"a": [1]}).to_parquet(folder / "columns.parquet")
    (folder / "no.zip").write_text("<img src=x onerror=alert(1)>")
    (folder / "${1+1}.jsonl").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def page_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(cache=tmp_path_factory.mktemp("cache"), offline=True, bring_mb=2, run_days=3) as page:
        yield page


def opened(page: Page, served: Served, secret: str = "") -> str:
    """Open the tab as a visitor of its own; returns the visitor's secret."""
    secret = secret or secrets.token_hex(32)
    page.set_default_timeout(PATIENCE)
    page.goto(served.url + BARE)
    page.evaluate("secret => localStorage.setItem('moralsc-visitor', secret)", secret)
    page.goto(served.url + "?tab=batch")
    expect(page.locator("#m-brought .m-runlist")).to_have_attribute("data-seen", "", timeout=PATIENCE)
    expect(page.locator(".m-shown")).not_to_have_text("Reading the runs…", timeout=PATIENCE)
    return secret


@pytest.fixture(scope="module")
def stranger(new_kept_page: OpenPage, page_server: Served) -> Page:
    """The tab of a visitor who has no run, and gets none."""
    page = new_kept_page()
    opened(page, page_server)
    return page


def bring(page: Page, file: Path) -> Locator:
    page.locator("#m-bring-file input[type=file]").set_input_files(file)
    return page.locator("#m-bring-status")


def offers(page: Page, chooser: str, name: str) -> None:
    """The chooser holds this run and has no other."""
    expect(page.locator(f"{chooser} input")).to_have_value(re.compile(name), timeout=PATIENCE)
    page.locator(f"{chooser} input").click()
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option")).to_contain_text(re.compile(name))
    page.keyboard.press("Escape")


def test_a_brought_run_is_in_its_visitors_lists_and_in_nobody_elses(
    page: Page, new_page: OpenPage, served: Served, files: Path
) -> None:
    opened(page, served)
    expect(page.locator(".m-shown")).to_contain_text("no runs to show yet", timeout=PATIENCE)
    expect(bring(page, files / "my first.zip")).to_contain_text(
        f"stands in the lists now. It holds answers of {MODEL}", timeout=PATIENCE
    )
    expect(page.locator(".m-shown")).to_contain_text("my first (brought): complete", timeout=PATIENCE)
    expect(page.locator("#m-behind-table button").first).to_be_visible(timeout=PATIENCE)
    for chooser in ("#m-behind-run", "#m-a-run"):
        offers(page, chooser, r"my first \(brought\)")
    expect(page.locator("#m-claims .m-claims li").first).to_be_visible(timeout=PATIENCE)
    page.locator("#m-behind-table button").first.click()
    expect(page.locator("#m-behind-dialogue .m-turn")).to_have_count(2, timeout=PATIENCE)
    other = new_page()
    opened(other, served)
    expect(other.locator(".m-shown")).to_contain_text("no runs to show yet", timeout=PATIENCE)
    expect(other.locator("#m-bring")).not_to_contain_text("my first")
    page.reload()
    expect(page.locator(".m-shown")).to_contain_text("my first (brought): complete", timeout=PATIENCE)
    page.get_by_role("button", name="Remove my first (brought)").click()
    expect(page.locator(".m-shown")).to_contain_text("no runs to show yet", timeout=PATIENCE)
    expect(page.locator("#m-behind-table button")).to_have_count(0, timeout=PATIENCE)
    assert not list((served.context.settings.cache / "brought").iterdir())


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bomb.zip", "unpacks to more than 16 MB"),
        ("columns.parquet", "lacks columns of a run's records: row"),
        ("no.zip", "begins neither as a zip file, nor as Parquet"),
        ("${1+1}.jsonl", ".jsonl is empty."),
    ],
)
def test_what_is_no_run_gets_one_sentence_that_says_what_is_allowed(
    stranger: Page, files: Path, name: str, says: str
) -> None:
    said = bring(stranger, files / name)
    expect(said).to_contain_text(says, timeout=PATIENCE)
    expect(said).to_contain_text("Bring a run's folder as .zip")
    expect(stranger.locator("#m-bring img")).to_have_count(0)
    expect(stranger.locator("#m-bring .m-run")).to_have_count(0)


def test_a_file_beyond_the_limit_is_refused(stranger: Page, tmp_path: Path) -> None:
    (tmp_path / "large.zip").write_bytes(b"PK" * 4_000_000)
    said = bring(stranger, tmp_path / "large.zip")
    expect(said).to_contain_text(re.compile(r"large has 8 MB; at most \d MB can be brought"), timeout=PATIENCE)
    expect(stranger.locator("#m-bring .m-run")).to_have_count(0)


def lists(page: Page, chooser: str, name: str) -> None:
    """The chooser's list holds this run, also where it was opened before."""
    option = page.get_by_role("option", name=re.compile(name))
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        page.locator(f"{chooser} input").blur()  # a list opens when its chooser gets the focus
        page.locator(f"{chooser} input").click()
        with suppress(AssertionError):
            expect(option).to_be_visible(timeout=2000)
            break
        page.keyboard.press("Escape")
    expect(option).to_be_visible()
    page.keyboard.press("Escape")


def test_a_visitors_own_run_is_listed_as_far_as_it_is_and_again_when_it_ends(
    page: Page, new_page: OpenPage, served: Served, make: Make
) -> None:
    secret, job = secrets.token_hex(32), served.context.settings.cache / "runs" / secrets.token_hex(8)
    make(job / RUN, part=True)
    write_ticket(job, Ticket(owner_of(secret), replace(MADE).record(), 8, time.time()))
    opened(page, served, secret)
    expect(page.locator(".m-shown")).to_contain_text("your run of", timeout=PATIENCE)
    expect(page.locator(".m-shown")).to_contain_text("incomplete: done 16 of", timeout=PATIENCE)
    expect(page.locator("#m-behind-table button").first).to_be_visible(timeout=PATIENCE)
    offers(page, "#m-behind-run", "UTC$")
    expect(page.locator("#m-behind")).to_contain_text("Listed while the run was incomplete: done 16 of")
    make(job / RUN)
    expect(page.locator(".m-shown")).to_contain_text("UTC: complete", timeout=PATIENCE)
    for chooser in ("#m-behind-run", "#m-a-run"):
        lists(page, chooser, r"UTC\s*$")
    other = new_page()
    opened(other, served)
    expect(other.locator(".m-shown")).to_contain_text("no runs to show yet", timeout=PATIENCE)


@pytest.fixture(scope="module")
def brought(new_kept_page: OpenPage, page_server: Served, files: Path) -> Callable[[Scheme], Page]:
    """The tab of a visitor who has brought a run, as it was loaded once for a colour scheme."""

    @cache
    def loaded(scheme: Scheme) -> Page:
        page = new_kept_page(color_scheme=scheme)
        opened(page, page_server)
        expect(bring(page, files / "my first.zip")).to_contain_text("stands in the lists now", timeout=PATIENCE)
        return page

    return loaded


@pytest.mark.parametrize("look", LOOKS)
def test_every_reader_can_use_the_section(
    brought: Callable[[Scheme], Page], violations: Callable[[Page], list[str]], look: str
) -> None:
    scheme, size = LOOKS[look]
    page = brought(scheme)
    page.set_viewport_size(size)
    expect(page.locator("#m-behind-table button").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#m-chart-ladder svg.marks").first).to_be_visible(timeout=PATIENCE)
    assert violations(page) == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= page.evaluate("window.innerWidth")
