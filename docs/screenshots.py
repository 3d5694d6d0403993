"""Take all pictures of docs/: run `python docs/screenshots.py` from the repository's root, with Chromium installed.

They are of the real page, with the model that it opens with and the recorded results (`--results FOLDER` shows the
runs of a folder instead). The Probe tab: baseline, one correction, the ladder. The Batch tab: each of its sections.
Words after the command choose pictures by the beginning of their names: `batch-explore`.
"""

import argparse
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.page import serving

ROOT, DOCS = Path(__file__).resolve().parents[1], Path(__file__).resolve().parent
LOOKS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}
MODEL = "smollm2-135m-instruct-q4"
_PATIENCE = 400_000


def probe(page: Page) -> str:
    """Baseline, one correction, the ladder."""
    page.wait_for_function("document.querySelector('#m-ask')?.disabled === false")
    page.click("#m-ask")
    page.wait_for_selector(".m-chip")
    page.get_by_label("1 name the bias").click()
    page.wait_for_function("document.querySelector('#m-apply')?.disabled === false")
    page.click("#m-apply")
    page.wait_for_function("document.querySelectorAll('.m-chip').length === 2")
    page.wait_for_function("document.querySelector('#m-climb')?.disabled === false")
    page.click("#m-climb")
    page.wait_for_selector(".m-reading")
    page.wait_for_function("document.querySelector('#m-climb')?.disabled === false")
    return ""


def explore(page: Page) -> str:
    """What the tab opens with."""
    return ""


def behind(page: Page) -> str:
    """The items that a correction moved most, one of them open."""
    choose(page, "#m-behind-model", MODEL)
    choose(page, "#m-behind-sort", "greatest gain first")
    page.locator("#m-behind-table button").first.click()
    page.wait_for_selector("#m-behind-dialogue .m-turn")
    return "#m-behind"


def compare(page: Page) -> str:
    """The flips from the baseline to the first rung, with the items behind a count."""
    for side in ("#m-a-model", "#m-b-model"):
        choose(page, side, MODEL)
    page.click("#m-compare-go")
    bundled = page.locator("#m-compare-result article", has_text="bundled")
    bundled.locator("td.moved button").first.click()
    page.wait_for_selector("#m-compare-columns .m-turn")
    return "#m-compare"


def claims(page: Page) -> str:
    """The table of claims."""
    return "#m-claims"


def run(page: Page) -> str:
    """A plan, and its run as it goes on."""
    page.get_by_label("Items per category").fill("10")
    page.click("#m-run-plan")
    page.wait_for_selector(".m-counts")
    page.click("#m-run-start")
    page.wait_for_function("document.querySelector('.m-run-reading')?.textContent.trim()", timeout=_PATIENCE)
    return "#m-run-title"


BATCH: dict[str, Callable[[Page], str]] = {
    "explore": explore,
    "behind": behind,
    "compare": compare,
    "claims": claims,
    "run": run,
}


def choose(page: Page, chooser: str, option: str) -> None:
    """Choose from a list, and wait until what depends on it has followed."""
    page.locator(f"{chooser} input").click()
    page.locator(f"{chooser} [role=option]", has_text=option).first.click()
    page.wait_for_timeout(1500)


def take(browser: Browser, address: str, name: str, view: dict[str, object]) -> None:
    """One picture: what a visitor sees who did this, or the whole page of the Probe tab on a phone."""
    tab, _, look = name.rpartition("-")
    page = browser.new_context(**{"reduced_motion": "reduce"} | view).new_page()
    page.set_default_timeout(60_000)
    if tab == "probe":
        page.goto(address)
        probe(page)
        at = ""
    else:
        page.goto(f"{address}?tab=batch")
        page.locator("#m-chart-ladder svg.marks").first.wait_for(timeout=_PATIENCE)
        page.locator("#m-behind-table button").first.wait_for(timeout=_PATIENCE)
        at = BATCH[tab.removeprefix("batch-")](page)
    page.evaluate(f"document.activeElement?.blur(); document.querySelector('{at or 'body'}').scrollIntoView()")
    page.mouse.move(0, 0)
    page.wait_for_timeout(700)
    save(page.screenshot(full_page=tab == "probe" and look == "phone"), DOCS / f"{name}.png")
    if stop := page.query_selector("[data-act=stop]:enabled"):
        stop.click()
        page.wait_for_selector(".m-chip.m-stopped")
    page.context.close()


def save(picture: bytes, path: Path) -> None:
    """Keep it as small as it can be without a loss: colours mean something here."""
    Image.open(io.BytesIO(picture)).convert("RGB").save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1000} kB")


def main() -> None:
    """All pictures, one server."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("The screenshots need Chromium on the PATH.")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, help="folder with runs to show instead of the bundled ones")
    parser.add_argument("names", nargs="*", help="beginnings of the names of the pictures to take")
    given = parser.parse_args()
    pictures = {f"{tab}-{look}": LOOKS[look] for tab in ("probe", *(f"batch-{s}" for s in BATCH)) for look in LOOKS}
    wanted = {n: v for n, v in pictures.items() if n.startswith(tuple(given.names) or "")}
    with tempfile.TemporaryDirectory() as scratch:
        place = {"MORALSC_CACHE": str(Path(scratch, "cache"))}
        place |= {"MORALSC_RESULTS": str(given.results.resolve())} if given.results else {}
        with sync_playwright() as playwright, serving(os.environ | place) as (_, address, _):
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            for name, view in wanted.items():
                take(browser, address, name, view)
            browser.close()


if __name__ == "__main__":
    main()
