"""An item card holds a dialogue word for word, and asking it again says what is the same and what is not."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from batch.fakes import PROMPTS, FakeEngine, fake
from hand_made import ADMISSIONS, BBQ, WINOGENDER

from moralsc.answers import ScoredBy
from moralsc.dialogue import Dialogue, Form, Mode
from moralsc.engines.base import Sampling, Scoring, StopFlag
from moralsc.errors import DataError
from moralsc.experiment import probe as probing
from moralsc.experiment.again import Match, reask
from moralsc.experiment.card import MAX_BYTES, Card, card_of, read_card, to_json
from moralsc.experiment.probe import Manner, Probe
from moralsc.items import Item

ITEMS = (BBQ, WINOGENDER, ADMISSIONS)
MANNERS = (Manner(), Manner(Mode.SINGLE_TURN, Form.FREE, temperature=0.7, seed=4))


@dataclass
class Shifted(FakeEngine):
    """The same texts with all figures moved, or other texts from some place on."""

    by: float = 0.0
    said: str | None = None

    def score(self, scorings: Sequence[Scoring]) -> list[tuple[float, ...]]:
        return [tuple(x + self.by for x in row) for row in super().score(scorings)]

    def stream(self, messages: Any, sampling: Sampling, stop: StopFlag) -> Any:
        whole = "".join(super().stream(messages, sampling, stop))
        yield whole if self.said is None else whole[:2] + self.said


@dataclass
class Silent(Shifted):
    """Gives no log-probabilities, as some servers do."""

    def score(self, scorings: Sequence[Scoring]) -> Any:
        return [None] * len(scorings)


def asked(item: Item, manner: Manner = MANNERS[0], corrections: Sequence[str] = ("specificity-0", "cot")) -> Dialogue:
    probe: Probe = probing.new_probe("fake", item, manner, PROMPTS)
    *_, probe = probing.ask(probe, fake(), PROMPTS, StopFlag())
    for id in corrections:
        *_, probe = probing.apply(probe, PROMPTS.correction(id), fake(), PROMPTS, StopFlag())
    return probe.arms[-1]


def made(item: Item = BBQ, manner: Manner = MANNERS[0]) -> Card:
    return card_of(asked(item, manner), "fake", fake().provenance, PROMPTS.hash, fake().spec.scored_by)


def matches(card: Card, engine: FakeEngine) -> list[Match]:
    return [again.match for again in reask(card, engine, StopFlag())]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.benchmark)
@pytest.mark.parametrize("manner", MANNERS, ids=lambda manner: manner.mode)
def test_a_card_comes_back_from_its_file_and_asks_the_same(item: Item, manner: Manner) -> None:
    card = made(item, manner)
    assert read_card(to_json(card).encode()) == card
    again = list(reask(card, fake(), StopFlag()))
    assert [a.match for a in again] == [Match.SAME] * 3
    assert [len(a.texts) for a in again] == [1, 1, 2]
    assert all(a.shift == 0 and set(a.differs_at) == {None} for a in again)


def test_a_card_carried_by_a_page_is_read_from_it() -> None:
    card = made()
    inside = to_json(card).replace("<", "\\u003c")
    page = f'<html><p>{{</p><script type="application/json" id="moralsc-card">{inside}</script></html>'
    assert read_card(page.encode()) == card


def test_neither_item_nor_prompts_are_needed_to_ask_again() -> None:
    card = replace(made(), item="gone", context="", question="", prompt_set="another")
    assert matches(card, fake()) == [Match.SAME] * 3


@pytest.mark.parametrize(
    ("by", "match"), [(0.0, Match.SAME), (5e-5, Match.WITHIN), (-5e-5, Match.WITHIN), (2e-4, Match.DIFFERENT)]
)
def test_figures_are_the_same_within_the_tolerance_of_their_precision(by: float, match: Match) -> None:
    assert matches(made(), Shifted(by=by)) == [match] * 3


def test_a_text_that_differs_is_different_from_there_on() -> None:
    (first, *_) = reask(made(), Shifted(said="!"), StopFlag())
    assert first.match is Match.DIFFERENT
    assert first.differs_at == (2,)
    assert first.shift == 0


def test_figures_that_do_not_come_again_are_not_the_same_but_not_measured() -> None:
    for again in reask(made(), Silent(), StopFlag()):
        assert again.match is Match.NOT_MEASURED
        assert again.step.scored is not None
        assert again.matches == (Match.NOT_MEASURED,) * len(again.step.scored.labels)
        assert (again.logprobs, again.shift) == (None, None)
    (first, *_) = reask(made(), Silent(said="!"), StopFlag())
    assert first.match is Match.DIFFERENT, "a text that differs differs whatever the figures are"


def test_a_step_without_figures_does_not_miss_them() -> None:
    card = made()
    silent = replace(card, steps=tuple(replace(step, scored=None) for step in card.steps))
    assert matches(silent, Silent()) == [Match.SAME] * 3


def test_asking_again_stops_when_told() -> None:
    stop, engine, card = StopFlag(), fake(), made()
    stop.stop()
    assert list(reask(card, engine, stop)) == []
    scored_only = replace(card, steps=tuple(replace(step, written=()) for step in card.steps))
    assert list(reask(scored_only, engine, stop)) == []
    assert engine.calls == []


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\xff\xfe\x00", b"{" * 1000, b"<html></html>", b'{"format": "moralsc card 2"}']
)
def test_what_is_no_card_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(DataError, match=r"^This file is no item card .*\.$"):
        read_card(data)


def test_a_huge_file_is_refused_unread() -> None:
    with pytest.raises(DataError, match="at most 1000 kB"):
        read_card(b"{" * (MAX_BYTES + 1))


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("steps",), [], "0 turns"),
        (("steps", 0, "written", 0, "max_new_tokens"), 10**6, "turn 1 asks for 1000000 tokens"),
        (("steps", 1, "written", 0, "temperature"), 50, "turn 2 is drawn"),
        (("steps", 0, "written", 0, "messages"), [], "turn 1 sends 0 messages"),
        (("steps", 0, "scored", "labels"), ["a"], "options of turn 1"),
        (("steps", 0, "scored", "logprobs"), [0.0, float("nan"), 0.0], "options of turn 1"),
        (("steps", 0, "scored", "logprobs"), [-1.0, 1000.0, -1.0], "options of turn 1"),
        (("steps", 0, "scored", "mass"), 0.99, "options of turn 1"),
        (("steps", 0, "scored", "mass"), float("nan"), "options of turn 1"),
        (("steps", 0, "written", 0, "messages", 0, "role"), "tool", "role"),
        (("scored_by",), "taste", "scored_by"),
    ],
)
def test_a_card_with_a_wrong_value_is_refused_and_the_value_named(path: Sequence[Any], value: Any, says: str) -> None:
    plain = json.loads(to_json(made()))
    place = plain
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(DataError, match=says):
        read_card(json.dumps(plain).encode())


def test_a_card_holds_the_mass_of_the_options_and_an_older_one_without_it_is_read() -> None:
    plain = json.loads(to_json(made()))
    for step in plain["steps"]:
        assert step["scored"]["mass"] == pytest.approx(math.fsum(map(math.exp, step["scored"]["logprobs"])))
        del step["scored"]["mass"]
    card = read_card(json.dumps(plain).encode())
    assert {step.scored and step.scored.mass for step in card.steps} == {None}
    assert matches(card, fake()) == [Match.SAME] * 3


def test_an_answer_that_was_scored_only_is_not_generated_again() -> None:
    dialogue = asked(BBQ)
    silent = dialogue.with_last(replace(dialogue.turns[-1], answer=None))
    card = card_of(silent, "fake", {}, "", ScoredBy.TEXT)
    assert [len(step.written) for step in card.steps] == [1, 1, 1]
    assert card.steps[-1].written[0].reasoning
