"""What a visitor of the Batch tab waits for, with a large run: the tab's first paint, and a click until its new chart.

Run `python -m benchmarks.batch_page [--records N]`. Makes up the run of benchmarks.explorer, serves it with app.py and
drives the page with Chromium; prints medians, asserts nothing. What else the machine does is in the figures.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from playwright.sync_api import Page, sync_playwright

from benchmarks.explorer import CATEGORIES, finished
from benchmarks.page import serving

REPEATS, PATIENCE = 3, 300_000
TARGETS = {"first paint of the tab after its click": 1.0, "first paint of the tab after page load": 1.0}
# Resolves when the tab's sections are drawn, with the milliseconds since the click on the tab.
_PAINT = """(click) => new Promise((done) => {
  const start = performance.now();
  if (click) [...document.querySelectorAll('[role=tab]')].find((tab) => tab.innerText.trim() === 'Batch').click();
  const drawn = () => document.querySelector('#m-filters')?.getBoundingClientRect().height > 0;
  const look = () => (drawn() ? done(performance.now() - start) : requestAnimationFrame(look));
  requestAnimationFrame(look);
})"""
# From the next press of the mouse until the last change of the ladder's card, after which it rests for three seconds.
_WATCH = """() => {
  window.took = 0;
  document.addEventListener('mousedown', () => {
    const start = performance.now();
    let last = 0;
    const seen = new MutationObserver(() => { last = performance.now(); });
    seen.observe(document.getElementById('m-chart-ladder'), { subtree: true, childList: true, characterData: true });
    const timer = setInterval(() => {
      if (!last || performance.now() - last < 3000) return;
      clearInterval(timer);
      seen.disconnect();
      window.took = last - start;
    }, 100);
  }, { once: true, capture: true });
}"""


def paint(page: Page, address: str, click: bool) -> float:
    """Seconds until the tab is there: after a click in the loaded page, or after the load of a page that opens it."""
    page.goto(address if click else f"{address}?tab=batch")
    if click:
        page.wait_for_function("document.querySelector('#m-ask')?.disabled === false", timeout=PATIENCE)
    seconds: float = page.evaluate(_PAINT, click) / 1000
    return seconds


def choose(page: Page, filter_: str, option: str) -> float:
    """Seconds from the click on an option until the first chart stands as it stays."""
    page.locator(f"#m-filter-{filter_} input").click()
    found = page.locator(f"#m-filter-{filter_}").get_by_role("option", name=option, exact=True)
    found.wait_for()
    page.evaluate(_WATCH)
    found.click()
    page.wait_for_function("window.took", timeout=PATIENCE)
    seconds: float = page.evaluate("window.took") / 1000
    page.keyboard.press("Escape")
    return seconds


def main() -> None:
    """Measure and print."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("benchmarks.batch_page needs Chromium on the PATH.")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=200_000)
    count = parser.parse_args().records
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        (folder := Path(name, "runs", "large")).mkdir(parents=True)
        finished(folder, count)
        place = {"MORALSC_RESULTS": str(folder.parent), "MORALSC_CACHE": str(Path(name, "cache"))}
        with serving(os.environ | place) as (_, address, _):
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            paint(page, address, click=False)  # the run is read and measured once, for all visitors
            page.locator("#m-chart-ladder svg.marks").first.wait_for(timeout=PATIENCE)
            sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
            print(f"{count} records\n| step | times | median s | most s | target s |\n|---|---|---|---|---|")
            for what, seconds in measure(page, address):
                target = f"{TARGETS[what]:.1f}" if what in TARGETS else "–"
                print(
                    f"| {what} | {len(seconds)} | {median(seconds):.2f} | {max(seconds):.2f} | {target} |", flush=True
                )
            browser.close()


def measure(page: Page, address: str) -> Iterator[tuple[str, list[float]]]:
    """Each step with its seconds, one for each time it was taken."""
    for what, click in zip(TARGETS, (True, False), strict=True):
        yield what, [paint(page, address, click) for _ in range(REPEATS)]
    page.locator("#m-chart-ladder svg.marks").first.wait_for(timeout=PATIENCE)
    page.wait_for_timeout(20_000)  # categories are measured ahead
    yield "another category", [choose(page, "category", name) for name in CATEGORIES[:REPEATS]]
    choose(page, "category", "all")
    yield "another context", [choose(page, "context", name) for name in ("ambiguous", "disambiguated", "all")]
    yield "another model", [choose(page, "models", "one")]
    yield "another benchmark", [choose(page, "benchmarks", "BBQ")]
    yield "another correction", [choose(page, "corrections", "0 · be fair")]


if __name__ == "__main__":
    main()
