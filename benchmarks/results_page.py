"""How long the results take to open in a server that had time to prepare them: from the click until they can be read.

Run `python -m benchmarks.results_page [--wait SECONDS]`. Serves the page with app.py, as anybody starts it, lets it
prepare and opens the Batch tab in new browsers; prints medians, asserts nothing. What else the machine does is in the
figures.
"""

import argparse
import shutil
import sys
import time
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks.page import serving

REPEATS, PATIENCE, TARGET = 5, 300_000, 1.5
STEPS = ("the first chart's words", "its drawing")
# Resolves with the milliseconds from the click on the tab until the first chart's words, and until its drawing.
_OPEN = """() => new Promise((done) => {
  const start = performance.now();
  let words = 0;
  [...document.querySelectorAll('[role=tab]')].find((tab) => tab.innerText.trim() === 'Batch').click();
  const look = () => {
    if (!words && document.querySelector('#m-chart-ladder .m-reading')?.innerText.trim())
      words = performance.now() - start;
    const drawn = document.querySelector('#m-chart-ladder svg.marks')?.getBoundingClientRect().height > 0;
    if (drawn) done([words, performance.now() - start]);
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def opened(browser: Browser, address: str) -> list[float]:
    """Seconds to each of STEPS, in a browser that was never here."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_function("document.querySelector('#m-ask')?.disabled === false")
    page.wait_for_timeout(2000)  # a visitor looks round first
    milliseconds: list[float] = page.evaluate(_OPEN)
    page.context.close()
    return [value / 1000 for value in milliseconds]


def main() -> None:
    """Measure and print."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        sys.exit("benchmarks.results_page needs Chromium on the PATH.")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wait", type=float, default=60, help="seconds that the server has before the first visitor")
    wait = parser.parse_args().wait
    with sync_playwright() as playwright, serving() as (_, address, _):
        time.sleep(wait)
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        seconds = [opened(browser, address) for _ in range(REPEATS)]
        browser.close()
    print(f"{wait:.0f} s after the start\n| from the click to | times | median s | most s | target s |")
    print("|---|---|---|---|---|")
    for what, found in zip(STEPS, zip(*seconds, strict=True), strict=True):
        print(f"| {what} | {len(found)} | {median(found):.2f} | {max(found):.2f} | {TARGET} |")


if __name__ == "__main__":
    main()
