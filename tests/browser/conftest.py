"""Chromium for the browser tests: the one that is installed, driven by Playwright, with nothing leaving the machine.

Without a browser these tests are skipped with a reason; with MORALSC_REQUIRE_BROWSER=1 they fail instead.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, WebSocket, sync_playwright
from served import Served, serving
from visit import Visit

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
DESKTOP = {"width": 1280, "height": 800}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# axe-core's rule sets: WCAG 2.0 to 2.2, levels A and AA, and good practice.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


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
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Tabs:
    """Open tabs by their options, used again and again: a page that was loaded once loads faster the next time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[Page]] = {}

    def take(self, **options: Any) -> Page:
        free = self._free.setdefault(repr(sorted(options.items())), [])
        if free:
            return free.pop()
        return self._browser.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce"} | options).new_page()

    def give_back(self, page: Page, **options: Any) -> None:
        if not page.is_closed():
            page.goto("about:blank")
            self._free[repr(sorted(options.items()))].append(page)


@pytest.fixture(scope="session")
def tabs(browser: Browser) -> Tabs:
    return Tabs(browser)


@pytest.fixture
def outside() -> list[str]:
    """Addresses off this machine that pages of the test asked for. `new_page` expects none at the test's end."""
    return []


@pytest.fixture
def new_page(tabs: Tabs, outside: list[str]) -> Iterator[Callable[..., Page]]:
    """Open a page; options are those of Playwright's `new_context` (viewport, color_scheme, ...)."""
    opened: list[tuple[Page, dict[str, Any]]] = []

    def record(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob", "about") and parts.hostname not in LOOPBACK:
            outside.append(address)

    def request(request: Request) -> None:
        record(request.url)

    def socket(socket: WebSocket) -> None:
        record(socket.url)

    def open_page(**options: Any) -> Page:
        page = tabs.take(**options)
        page.on("request", request)
        page.on("websocket", socket)
        opened.append((page, options))
        return page

    yield open_page
    for page, options in opened:
        tabs.give_back(page, **options)
        page.remove_listener("request", request)
        page.remove_listener("websocket", socket)
    assert outside == [], "the page left the machine"


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
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
def visit(new_page: Callable[..., Page], served: Served) -> Callable[..., Visit]:
    """Open the page; options are those of Playwright's `new_context`."""

    def open_page(query: str = "", **options: Any) -> Visit:
        return Visit(new_page(**options), served).open(query)

    return open_page


@pytest.fixture(scope="session")
def violations() -> Callable[[Page], list[str]]:
    """Run axe-core on a page -> one line a violation: rule, impact, selector."""
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

    def run(page: Page) -> list[str]:
        page.evaluate(axe)
        found = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
        return [f"{v['id']} ({v['impact']}): {n['target']}" for v in found["violations"] for n in v["nodes"]]

    return run
