"""Chromium for the browser tests: the one that is installed, driven by Playwright, with nothing leaving the machine.

Without a browser these tests are skipped with a reason; with MORALSC_REQUIRE_BROWSER=1 they fail instead.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, ViewportSize, WebSocket, expect, sync_playwright
from served import Served, serving
from visit import DESKTOP, Scheme, Visit

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# axe-core's rule sets: WCAG 2.0 to 2.2, levels A and AA, and good practice.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# What axe finds in order is not described or sent: that takes longer than finding it.
RUN_AXE = """async (rules) => {
  const options = { runOnly: { type: 'tag', values: rules }, resultTypes: ['violations'] };
  return (await axe.run(document, options)).violations;
}"""
OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session", autouse=True)
def _no_bundled_results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Pages hold the runs that a test gives them, and no others."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("moralsc.ui.library.BUNDLED", tmp_path_factory.mktemp("no-results"))
        yield


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing = f"no browser: none of {', '.join(NAMES)} is installed"
        if os.environ.get("MORALSC_REQUIRE_BROWSER"):
            pytest.fail(missing)
        pytest.skip(missing)
    expect.set_options(timeout=20_000)  # what is expected comes when it can: other tests have the processor too
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Tabs:
    """Open tabs, used again and again: a page that was loaded once loads faster the next time.

    Each has a browser's store of its own (a Playwright context), so that two of them are two visitors.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[Page] = []

    def take(self, viewport: ViewportSize = DESKTOP, color_scheme: Scheme = "light") -> Page:
        page = self._free.pop() if self._free else self._browser.new_context(reduced_motion="reduce").new_page()
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=color_scheme, reduced_motion="reduce")
        return page

    def give_back(self, page: Page) -> None:
        if not page.is_closed():
            page.goto("about:blank")
            self._free.append(page)

    @contextmanager
    def opening(self, outside: list[str]) -> Iterator[OpenPage]:
        """Open pages until the context ends; what they ask for off this machine is added to `outside`."""
        opened: list[Page] = []

        def record(asked: Request | WebSocket) -> None:
            parts = urlsplit(asked.url)
            if parts.scheme not in ("data", "blob", "about") and parts.hostname not in LOOPBACK:
                outside.append(asked.url)

        def open_page(**options: Any) -> Page:
            page = self.take(**options)
            page.on("request", record)
            page.on("websocket", record)
            opened.append(page)
            return page

        yield open_page
        for page in opened:
            self.give_back(page)
            page.remove_listener("request", record)
            page.remove_listener("websocket", record)


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def outside() -> list[str]:
    """Addresses off this machine that pages of the test asked for. `new_page` expects none at the test's end."""
    return []


@pytest.fixture
def new_page(tabs: Tabs, outside: list[str]) -> Iterator[OpenPage]:
    """Open a page; those that are open at once have different visitors. Options are those of `Tabs.take`."""
    with tabs.opening(outside) as open_page:
        yield open_page
    assert outside == [], "the page left the machine"


@pytest.fixture(scope="module")
def new_kept_page(tabs: Tabs) -> Iterator[OpenPage]:
    """Open a page that several tests look at, one after the other, where loading it takes longer than looking."""
    outside: list[str] = []
    with tabs.opening(outside) as open_page:
        yield open_page
    assert outside == [], "the page left the machine"


@pytest.fixture
def page(new_page: OpenPage) -> Page:
    """An empty page of 1280 x 800."""
    return new_page()


@pytest.fixture(scope="session")
def page_server() -> Iterator[Served]:
    """The page with a scripted engine, served once; tests take it through `served`."""
    with serving() as page:
        yield page


@pytest.fixture
def served(page_server: Served) -> Iterator[Served]:
    """The page; its engine has answered nothing yet, answers "their", and holds nothing back."""
    engine = page_server.engine
    engine.answers, engine.scores = [" their"], None
    engine.streamed.clear()
    engine.scored.clear()
    yield page_server
    engine.gate.set()


@pytest.fixture
def visit(new_page: OpenPage, served: Served) -> Callable[..., Visit]:
    """Open the page; options are those of `Tabs.take`."""

    def open_page(query: str = "", **options: Any) -> Visit:
        return Visit(new_page(**options), served).open(query)

    return open_page


@pytest.fixture(scope="session")
def violations() -> Callable[[Page], list[str]]:
    """Run axe-core on a page -> one line a violation: rule, impact, selector."""
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

    def run(page: Page) -> list[str]:
        page.evaluate(axe)
        found = page.evaluate(RUN_AXE, RULES)
        return [f"{v['id']} ({v['impact']}): {n['target']}" for v in found for n in v["nodes"]]

    return run
