"""A model of the hub in the page: how far its download is, and each failure's sentence; by the hub's real client."""

import re
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import pytest
import stand_in_hub
from catalogues import FIRST, HUB, offering
from huggingface_hub import constants
from playwright.sync_api import Locator, Page, expect
from served import MODEL, GatedEngine, Served
from stand_in_hub import Hub, Repository
from visit import PHONE, Visit

from moralsc.engines.fit import DoesNotFitError
from moralsc.engines.pool import Downloads, EnginePool
from moralsc.models import find, hub
from moralsc.ui.loading import in_background

MEGABYTE = 10**6
FILES = {"config.json": b"{}", "model.safetensors": bytes(4 * MEGABYTE)}
REAL = replace(HUB, revision=stand_in_hub.COMMIT)
OpenPage = Callable[..., Page]
LOADING, READY = f"Loading {find(MODEL).title}…", f"{find(MODEL).title} is ready."


@dataclass
class Stage:
    """The page with a bundled model that answers at once, and one whose files come from the stand-in hub first."""

    served: Served
    hub: Hub
    offline: bool = False
    error: Exception | None = None

    def load(self, name: str) -> GatedEngine:
        spec = find(name)
        if self.error and spec.repo:
            raise self.error
        if spec.repo:
            hub.fetch(spec, self.offline, self.served.context.engines.downloads.note)
        return self.served.engine


@pytest.fixture
def stage(served: Served, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", MEGABYTE // 10)
    monkeypatch.setattr(hub, "filled", lambda spec, folder: spec)  # the files are no model's
    offered = offering({FIRST.name: FIRST, REAL.name: REAL})
    with offered, stand_in_hub.served({REAL.repo: Repository(dict(FILES))}) as running:
        use(running.url, monkeypatch)
        made, kept = Stage(served, running), served.context.engines
        object.__setattr__(served.context, "engines", EnginePool(made.load, downloads=Downloads()))
        yield made
        object.__setattr__(served.context, "engines", kept)


def use(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", url)


@dataclass
class Held:
    """The page as its server starts: the model that it opens with is loaded until the test lets it be there."""

    served: Served
    gate: Event

    def opened(self, page: Page) -> tuple[Visit, Locator]:
        """The page, and the line that says where the model stands."""
        here = Visit(page, self.served).open()
        line = here.page.locator("#m-model-card [role=status]")
        expect(line).to_have_text(LOADING)
        return here, line


@pytest.fixture
def held(served: Served) -> Iterator[Held]:
    gate, kept = Event(), served.context.engines
    engines = EnginePool(lambda name: gate.wait(60) and served.engine)
    object.__setattr__(served.context, "engines", engines)
    preparing = in_background(lambda: served.context.ahead.load(engines, MODEL, lambda line: None))
    yield Held(served, gate)
    gate.set()
    preparing.join(30)
    object.__setattr__(served.context, "engines", kept)


def test_a_page_that_is_read_says_by_itself_when_its_model_is_ready(
    held: Held, page: Page, violations: Callable[[Page], list[str]]
) -> None:
    here, line = held.opened(page)
    assert violations(here.page) == []
    held.gate.set()
    expect(line).to_have_text(READY)


def test_who_asks_while_the_model_is_loading_reads_so_and_gets_the_answer(held: Held, page: Page) -> None:
    here, line = held.opened(page)
    here.button("Ask").click()
    expect(here.status).to_have_text(LOADING)
    held.gate.set()
    here.ended()
    expect(line).to_have_text(READY)


def visit(stage: Stage, page: Page, model: str = REAL.name) -> Visit:
    return Visit(page, stage.served).open(f"?model={model}")


@pytest.mark.parametrize("look", [{}, {"viewport": PHONE}, {"color_scheme": "dark"}], ids=["desktop", "phone", "dark"])
def test_a_download_says_how_far_it_is_until_the_answer_comes(
    stage: Stage, new_page: OpenPage, look: dict[str, Any], violations: Callable[[Page], list[str]]
) -> None:
    stage.hub.rate = MEGABYTE
    here = visit(stage, new_page(**look))
    here.page.evaluate(
        "() => { window.said = []; const line = document.querySelector('#m-status');"
        "new MutationObserver(() => said.push(line.textContent.trim()))"
        ".observe(line, { childList: true, subtree: true, characterData: true }); }"
    )
    here.button("Ask").click()
    expect(here.status).to_have_text(re.compile(r"^Downloading Solo 135M: [0-3] of 4 MB$"))
    expect(here.page.get_by_role("progressbar", name="Downloaded")).to_be_in_viewport()
    expect(here.button("Stop")).to_be_enabled()
    assert violations(here.page) == []
    # It is told again and again; the rest may come as fast as it can.
    here.page.wait_for_function("new Set(said.filter((text) => text.startsWith('Downloading'))).size >= 3")
    stage.hub.rate = 0
    expect(here.status).to_have_text(re.compile("Done"), timeout=30_000)
    here.ended()
    expect(here.page.get_by_role("progressbar")).to_have_count(0)
    said = [text for text in here.page.evaluate("said") if text.startswith("Downloading")]
    assert said == sorted(said)


def test_nobody_waits_for_the_downloads_of_others(stage: Stage, new_page: OpenPage) -> None:
    stage.hub.rate = MEGABYTE // 5
    slow = [visit(stage, new_page()) for _ in range(3)]  # more than models are asked side by side
    for here in slow:
        here.button("Ask").click()
        expect(here.status).to_have_text(re.compile("Downloading"))
    other = visit(stage, new_page(), FIRST.name)
    other.ask()
    for here in slow:
        expect(here.status).to_have_text(re.compile("Downloading"))
        here.button("Stop").click()
        expect(here.status).to_have_text(re.compile("^Stopped. A download that has begun goes on"))
        here.settled()
        expect(here.turns).to_have_count(0)
    assert len({path for path in stage.hub.asked if path.startswith("GET") and "safetensors" in path}) == 1
    stage.hub.rate = 0


def gated(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.hub.repositories[REAL.repo].gated = True


def missing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.hub.repositories.clear()


def withdrawn(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.hub.repositories[REAL.repo].commit = stand_in_hub.LATER


def offline(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.offline = True


def down(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.hub.down = True


def unreachable(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    use("http://127.0.0.1:9", monkeypatch)


def full(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(10**9, 0, 10**9))


def large(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.error = DoesNotFitError("Solo 135M needs about 9.0 GB of memory, but this machine has 1.0 GB free.")


FAILURES = {
    gated: r"it is gated\. Accept its licence at .*hf auth login",
    missing: "the hub shows no repository somebody/solo",
    withdrawn: f"has no revision {stand_in_hub.COMMIT}",
    offline: "MORALSC_OFFLINE",
    down: r"the hub answered 503\. It may be down",
    unreachable: "cannot be reached",
    full: "a download of 4 MB, but the disk of .* has room for 0 MB",
    large: "needs about 9.0 GB of memory, but this machine has 1.0 GB free",
}


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
def test_a_model_that_cannot_be_had_is_a_sentence_and_the_offer_of_a_bundled_one(
    stage: Stage, new_page: OpenPage, monkeypatch: pytest.MonkeyPatch, fail: Any
) -> None:
    fail(stage, monkeypatch)
    here = visit(stage, new_page())
    here.button("Ask").click()
    expect(here.status).to_have_text(re.compile(f"^Solo 135M .*{FAILURES[fail]}"))
    expect(here.status).to_have_class(re.compile("m-problem"))
    here.settled()
    expect(here.turns).to_have_count(0)
    if fail is gated:
        link = here.status.get_by_role("link")
        expect(link).to_have_attribute("href", f"{stage.hub.url}/{REAL.repo}")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
    offer = here.button(f"Use the practice model {FIRST.title} instead")
    offer.click()
    expect(here.page.locator(".m-facts")).to_contain_text("runs on this machine")
    expect(offer).not_to_be_visible()
    here.ask()
