"""The page of an item card shows the whole dialogue, and nothing in it acts."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from batch.fakes import PROMPTS, fake
from hand_made import BBQ

from moralsc.dialogue import Dialogue
from moralsc.engines.base import StopFlag
from moralsc.experiment import probe as probing
from moralsc.experiment.card import Card, card_of, read_card
from moralsc.experiment.probe import Manner
from moralsc.items import Item
from moralsc.models import PLANTED
from moralsc.notation import number, options_hold
from moralsc.reports.card_page import card_html, pieces

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}<!-- "


class Shown(HTMLParser):
    """What a reader sees, and the elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.text = " ".join("".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] not in ("style", "script"):
            self.words.append(data)


def dialogue(item: Item = BBQ) -> Dialogue:
    probe = probing.new_probe("fake", item, Manner(), PROMPTS)
    *_, probe = probing.ask(probe, fake(), PROMPTS, StopFlag())
    for id in ("specificity-0", "cot"):
        *_, probe = probing.apply(probe, PROMPTS.correction(id), fake(), PROMPTS, StopFlag())
    return probe.arms[0]


def made(item: Item = BBQ) -> Card:
    return card_of(dialogue(item), "fake", fake().provenance, PROMPTS.hash, fake().spec.scored_by)


def test_the_page_holds_the_card() -> None:
    card = made()
    assert read_card(card_html(card).encode()) == card


def test_every_message_text_and_probability_is_shown() -> None:
    card, shown = made(), Shown(card_html(made())).text
    for step in card.steps:
        for written in step.written:
            assert " ".join(written.reply.split()) in shown
        for message in step.written[-1].messages:
            assert " ".join(message.content.split()) in shown
    for turn in dialogue().turns:
        assert turn.score is not None
        for share in turn.score.probabilities.values():
            assert number(share) in shown


def test_what_the_options_hold_stands_under_their_probabilities() -> None:
    shown = Shown(card_html(made())).text
    for turn in dialogue().turns:
        assert turn.score is not None
        assert options_hold(turn.score.mass) in shown
    without = replace(made(), steps=tuple(replace(step, scored=None) for step in made().steps))
    assert "The options hold" not in Shown(card_html(without)).text


def test_the_span_that_decided_is_marked() -> None:
    card = made()
    html = card_html(card)
    spans = [(s.answer.span, [w for w in s.written if not w.reasoning][-1].reply) for s in card.steps if s.answer]
    marked = [text[slice(*span)] for span, text in spans if span]
    assert marked
    assert re.findall(r"<mark>(.*?)</mark>", html) == marked
    for step in card.steps:
        assert "".join(p.text for p in pieces(step)) == [w for w in step.written if not w.reasoning][-1].reply


def test_nothing_that_a_model_or_an_item_says_becomes_markup() -> None:
    card = made(replace(BBQ, context=HOSTILE, title=HOSTILE))
    step = card.steps[0]
    evil = replace(card, steps=(replace(step, written=(replace(step.written[0], reply=HOSTILE),)), *card.steps[1:]))
    html = card_html(evil)
    shown = Shown(html)
    assert [tag for tag, _ in shown.tags].count("script") == 1
    assert not any(tag == "img" or any(name.startswith("on") for name in attrs) for tag, attrs in shown.tags)
    assert "{{7*7}}" in shown.text
    assert read_card(html.encode()) == evil
    assert "default-src 'none'" in html


def test_a_miniature_is_marked() -> None:
    assert PLANTED not in card_html(made())
    assert PLANTED[1:] in card_html(replace(made(), mark=PLANTED))
