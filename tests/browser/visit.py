"""A visitor's hands and eyes: the page by what stands on it. Waiting is always for something to be seen."""

import re
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Locator, Page, ViewportSize, expect
from served import Served

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
# An address of the server's that loads no page: a browser's store can be written there in a moment.
BARE = "robots.txt"
PHONE: ViewportSize = {"width": 390, "height": 844}
Scheme = Literal["light", "dark"]
LOOKS: dict[str, tuple[Scheme, ViewportSize]] = {
    "desktop": ("light", DESKTOP),
    "dark": ("dark", DESKTOP),
    "phone": ("light", PHONE),
}


@dataclass(frozen=True)
class Visit:
    """An open page."""

    page: Page
    served: Served

    def __post_init__(self) -> None:
        self.page.set_default_timeout(10_000)

    def open(self, query: str = "") -> "Visit":
        """Load the page and wait for its first item, or for the form of one's own."""
        self.page.goto(self.served.url + query)
        expect(self.page.locator(".m-item, .m-own textarea").first).to_be_visible(timeout=15_000)
        return self

    def button(self, name: str) -> Locator:
        """A button by its words."""
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def turns(self) -> Locator:
        return self.page.locator(".m-turn")

    @property
    def newest(self) -> Locator:
        return self.turns.last

    @property
    def status(self) -> Locator:
        return self.page.locator("#m-status [role=status]")

    @property
    def notice(self) -> Locator:
        return self.page.locator(".m-link-notice")

    @property
    def preview(self) -> Locator:
        """The message that Apply would send."""
        return self.page.locator(".m-sent").first

    @property
    def item(self) -> str:
        return self.page.locator(".m-item .m-text").inner_text()

    def settled(self) -> None:
        """Nothing runs any more."""
        expect(self.button("Ask")).to_be_enabled()
        expect(self.button("Stop")).to_be_disabled()

    def ended(self, turns: int = 1, verdict: str = "") -> None:
        """So many turns are there, and the last one is over; with a word of its verdict if one is given."""
        expect(self.turns).to_have_count(turns)
        expect(self.newest.locator(".m-chip").last).to_have_text(re.compile(verdict + "$"))
        self.settled()

    def ask(self, turns: int = 1, verdict: str = "") -> None:
        self.button("Ask").click()
        self.ended(turns, verdict)

    def choose(self, rung: str) -> None:
        """Choose a correction by the words on it and wait for its preview."""
        self.page.locator(".m-rungs-choice").get_by_role("radio", name=rung, exact=True).check()
        expect(self.page.locator(".m-preview .m-sent, .m-preview .m-problem").first).to_be_visible()
        expect(self.page.locator(".m-rungs-choice label:has(input:checked)")).to_have_text([rung])

    def apply(self, turns: int, verdict: str = "") -> None:
        expect(self.button("Apply")).to_be_enabled()
        self.button("Apply").click()
        self.ended(turns, verdict)

    def climb(self) -> None:
        self.button("Run the ladder").click()
        expect(self.page.locator(".m-reading")).to_be_visible()
        self.settled()

    def link(self, holds: str) -> str:
        """Have a link made, which holds this, and read it."""
        self.button("Copy link").click()
        link = self.page.locator("#m-link").locator("input, textarea")
        expect(link).to_have_value(re.compile("^" + re.escape(self.served.url) + r"\?.*" + re.escape(holds)))
        return link.input_value()

    def saw(self, turn: Locator) -> str:
        """Open "what the model saw" of a turn and read it."""
        turn.get_by_text("what the model saw").first.click()
        seen = turn.locator("pre").first
        expect(seen).to_be_visible()
        return seen.text_content() or ""

    def manner(self) -> None:
        """Open the choices of how it is asked."""
        self.page.get_by_role("button", name="How it is asked").click()
        expect(self.page.get_by_label("Seed")).to_be_visible()

    def number(self, label: str) -> Locator:
        return self.page.locator("#m-manner").get_by_label(label).and_(self.page.locator("input[type=number]"))
