"""What a visitor waits for: start of the page, first text after Ask, the whole ladder, and what the server holds.

Run `python -m benchmarks.page`. Starts app.py in a process of its own, drives it with Chromium and prints a table
against the targets; asserts nothing. Memory is read from /proc, so this runs on Linux.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 5
# Seconds, and for memory megabytes, on two cores with the bundled model.
TARGETS = {
    "process start to usable page": (12.0, "s"),
    "Ask to first text, cold": (5.0, "s"),
    "Ask to first text, warm": (1.0, "s"),
    "whole ladder of one item": (1.0, "s"),
    "memory before a model is loaded": (1000.0, "MB"),
    "memory after the ladder, idle": (1000.0, "MB"),
}
# Resolves when the predicate holds at a frame, with the milliseconds since the click: no polling interval is counted.
_CLICK_AND_WAIT = """([button, predicate]) => new Promise((done) => {
  const holds = new Function('return ' + predicate);
  const start = performance.now();
  document.querySelector(button).click();
  const look = () => (holds() ? done(performance.now() - start) : requestAnimationFrame(look));
  requestAnimationFrame(look);
})"""
_READY = "document.querySelector('{}')?.disabled === false"


def main() -> None:
    """Measure once and print."""
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser_path is None:
        sys.exit("benchmarks.page needs Chromium on the PATH.")
    with sync_playwright() as playwright, serving() as (process, address, started):
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_function(_READY.format("#m-ask"))
        figures = {"process start to usable page": time.perf_counter() - started}
        figures["memory before a model is loaded"] = memory(process)
        figures["Ask to first text, cold"] = ask(page)
        figures["Ask to first text, warm"] = statistics.median(ask(page) for _ in range(REPEATS))
        figures["whole ladder of one item"] = statistics.median(climb(page) for _ in range(REPEATS))
        figures["memory after the ladder, idle"] = memory(process)
        browser.close()
    print(f"{'':34} {'measured':>10} {'target':>10} {'ratio':>7}")
    for name, (target, unit) in TARGETS.items():
        print(f"{name:34} {figures[name]:>8.2f} {unit:<2}{target:>8.0f} {unit:<2}{figures[name] / target:>6.2f}")


def ask(page: Page) -> float:
    """Start over if need be, then seconds from Ask to the first text of an answer."""
    page.wait_for_function(_READY.format("#m-ask"))
    if page.locator(".m-answer").count():
        page.get_by_role("button", name="Start over").click()
        page.wait_for_function("!document.querySelector('.m-answer')")
        page.wait_for_function(_READY.format("#m-ask"))
    text = "document.querySelector('.m-answer')?.textContent.replace(/[“”\"]/g, '').trim()"
    seconds: float = page.evaluate(_CLICK_AND_WAIT, ["#m-ask", text]) / 1000
    page.wait_for_selector(".m-chip")
    return seconds


def climb(page: Page) -> float:
    """Seconds from the click to the picture of the ladder, with a baseline that is there already."""
    page.wait_for_function(_READY.format("#m-climb"))
    if page.locator(".m-reading").count():
        page.get_by_role("button", name="Start over").click()
        page.wait_for_function("!document.querySelector('.m-reading')")
        ask(page)
        page.wait_for_function(_READY.format("#m-climb"))
    seconds: float = page.evaluate(_CLICK_AND_WAIT, ["#m-climb", "document.querySelector('.m-reading')"]) / 1000
    return seconds


@contextmanager
def serving(environ: Mapping[str, str] = os.environ) -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    """The page in a process of its own: the process, its address and when it was started."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**environ, "PORT": str(port), "HOST": "127.0.0.1"}
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while True:
            if process.poll() is not None:
                sys.exit(f"app.py ended with {process.returncode} before it served the page.")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process, f"http://127.0.0.1:{port}", started
    finally:
        process.terminate()
        process.wait(timeout=20)


def memory(process: subprocess.Popen[bytes]) -> float:
    """Resident megabytes of the server."""
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return float("nan")


if __name__ == "__main__":
    main()
