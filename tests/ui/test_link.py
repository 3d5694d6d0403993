"""Links: what is written is read back, and what cannot be restored is said."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from urllib.parse import parse_qs, parse_qsl

import pytest
from hand_made import HOSTILE, OWN, WINOGENDER

from moralsc.answers import ScoredBy
from moralsc.dialogue import Form, Mode, baseline, correct
from moralsc.experiment.probe import MAX_TEXT, MAX_TURNS, Manner, Probe, new_probe
from moralsc.items import Item
from moralsc.prompts import default_prompts
from moralsc.prompts.prefills import names
from moralsc.ui.link import MAX_SEED, MAX_TEMPERATURE, Link, Step, left_out, query, read

PROMPTS = default_prompts()


def probe(*steps: Step, item: Item = WINOGENDER, manner: Manner | None = None) -> Probe:
    made = new_probe("mini", item, manner or Manner(), PROMPTS)
    (dialogue,) = made.arms
    dialogue = dialogue.add(baseline(dialogue.item, PROMPTS, ScoredBy.TEXT))
    for step in steps:
        turn = correct(
            dialogue.item, PROMPTS.correction(step.correction), PROMPTS, ScoredBy.TEXT, Mode.FOLLOW_UP, text=step.text
        )
        dialogue = dialogue.add(turn)
    return replace(made, arms=(dialogue,))


def reopened(address: str) -> Link:
    return read(dict(parse_qsl(address)), parse_qs(address).get("do", []), PROMPTS)


def opened(params: Mapping[str, str], *do: str) -> Link:
    return read(params, do, PROMPTS)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    ("temperature", "seed", "shuffle"),
    [*product((0.0, 0.7, MAX_TEMPERATURE), (0, 42, MAX_SEED), (False, True)), (0.1 + 0.2, 1, False)],
)
def test_every_manner_survives_a_link(mode: Mode, form: Form, temperature: float, seed: int, shuffle: bool) -> None:
    manner = Manner(mode, form, temperature, seed, shuffle)
    link = reopened(query(probe(manner=manner), "winogender:bundled", "abc", PROMPTS))
    assert replace(link.manner, temperature=0.0) == replace(manner, temperature=0.0)
    assert link.manner.temperature == pytest.approx(temperature, abs=1e-5)
    assert link.notices == ()
    assert (link.model, link.shelf, link.item) == ("mini", "winogender:bundled", WINOGENDER.id)


@pytest.mark.parametrize("system", [None, "", "Be brief.", HOSTILE, "zwei\nZeilen & more=1"])
@pytest.mark.parametrize("prefill", names())
def test_a_system_message_and_a_prefill_survive_a_link(system: str | None, prefill: str) -> None:
    manner = Manner(system=system, prefill=prefill)
    address = query(probe(manner=manner), "winogender:bundled", "abc", PROMPTS)
    link = read(dict(parse_qsl(address, keep_blank_values=True)), (), PROMPTS)
    assert (link.manner, link.notices) == (manner, ())


@pytest.mark.parametrize(
    ("key", "value"), [("system", " \n"), ("system", "x" * (MAX_TEXT + 1)), ("prefill", "no such")]
)
def test_a_system_message_or_prefill_that_is_not_allowed_falls_back_with_a_notice(key: str, value: str) -> None:
    link = opened({key: value, "seed": "7"})
    assert link.manner == Manner(seed=7)
    assert len(link.notices) == 1


def test_a_link_says_when_a_turn_stood_under_another_system_message_or_opening() -> None:
    asked = probe(Step("specificity-0"))
    for other in (Manner(system="Be brief."), Manner(system=""), Manner(prefill="quoted")):
        assert left_out(replace(asked, manner=other), PROMPTS)
    assert left_out(replace(asked, manner=Manner(prefill="set")), PROMPTS) == []


@pytest.mark.parametrize("words", ["Look again.", "a:b", "100 % & more = less + #1?", "zeile\nneu", HOSTILE, "نعم ✓ 🜁"])
def test_corrections_survive_a_link_in_order_and_a_persons_words_stay_out(words: str) -> None:
    steps = (Step("negation-2"), Step("feedback", words), Step("cot"), Step("custom", words), Step("negation-2"))
    asked = probe(*steps)
    address = query(asked, "winogender", "abc", PROMPTS)
    assert reopened(address).steps == (Step("negation-2"), Step("cot"), Step("negation-2"))
    assert words not in dict(parse_qsl(address)).values()
    assert "your own words are not in it" in left_out(asked, PROMPTS)


def test_a_link_says_when_turns_were_asked_otherwise_than_it_will_ask_them() -> None:
    asked = probe(Step("specificity-0"))
    assert left_out(asked, PROMPTS) == []
    assert left_out(replace(asked, manner=Manner(mode=Mode.SINGLE_TURN, seed=3)), PROMPTS)


def test_an_item_of_ones_own_stays_out_of_the_link() -> None:
    address = query(probe(Step("specificity-0"), item=OWN), "own", "abc", PROMPTS)
    assert OWN.id not in address
    for text in (OWN.context, OWN.question, *(o.text for o in OWN.options)):
        assert text not in "".join(v for _, v in parse_qsl(address))
    link = reopened(address)
    assert (link.shelf, link.item, link.steps) == ("", "", (Step("specificity-0"),))


def test_a_link_of_an_earlier_build_says_nothing_of_what_was_sent_and_opens_without_a_notice() -> None:
    address = query(probe(Step("specificity-0")), "winogender:bundled", "abc", PROMPTS)
    there = dict(parse_qsl(address, keep_blank_values=True))
    link = read({**there, "prompts": "0bc419eda8d4"}, ("specificity-0",), PROMPTS)
    assert (link.notices, link.steps) == ((), (Step("specificity-0"),))


def test_an_empty_address_is_the_default_without_a_notice() -> None:
    assert opened({}) == Link()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *product(["mode", "form"], ["", "PRIMED", "follow", "nan"]),
        *product(["t"], ["", "hot", "-0.1", "2.01", "nan", "inf", "-inf", "1e400", "1,5"]),
        *product(["seed"], ["", "x", "-1", "1.5", "nan", "inf", str(MAX_SEED + 1), "1e20"]),
        *product(["v"], ["0", "2", ""]),
        ("prompts", "0000000000000000"),
    ],
)
def test_a_value_that_is_not_allowed_falls_back_with_a_notice(key: str, value: str) -> None:
    link = opened({key: value})
    assert link.manner == Manner()
    assert len(link.notices) == 1
    if key in ("mode", "form", "t", "seed"):
        assert f"{key}={value!r}" in link.notices[0]
    if key == "v":
        assert repr(value) in link.notices[0]


def test_one_bad_value_does_not_take_the_good_ones_along() -> None:
    link = opened({"mode": "single-turn", "t": "nan", "seed": "7", "form": "sung", "shuffle": "1"}, "review")
    assert link.manner == Manner(Mode.SINGLE_TURN, seed=7, shuffle=True)
    assert link.steps == (Step("review"),)
    assert len(link.notices) == 2


@pytest.mark.parametrize("id", ["", "baseline", "specificity-9", "SPECIFICITY-0", "<script>alert(1)</script>"])
def test_an_unknown_correction_is_left_out_and_named(id: str) -> None:
    link = opened({}, "specificity-0", id, "cot")
    assert link.steps == (Step("specificity-0"), Step("cot"))
    assert len(link.notices) == 1
    assert repr(id) in link.notices[0]


def test_a_correction_that_needs_words_cannot_come_from_a_link() -> None:
    link = opened({}, "custom", "specificity-0")
    assert link.steps == (Step("specificity-0"),)
    assert "needs words of your own" in link.notices[0]


def test_a_link_holds_no_more_corrections_than_a_dialogue() -> None:
    link = opened({}, *["review"] * (MAX_TURNS + 5))
    assert len(link.steps) == MAX_TURNS - 1
    assert len(link.notices) == 1
    assert opened({}, *["review"] * (MAX_TURNS - 1)).notices == ()
