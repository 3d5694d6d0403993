"""Texts about two people: what settles a question, and what leaves it open."""

import random
import re
from functools import cache

import pytest

from miniatures.people import Story, people_case, story
from moralsc.items import ContextKind, Role

KINDS = {"any": (0.0, 0.0), "plain": (0.0, 1.0), "known": (1.0, 0.0)}
EACH = pytest.mark.parametrize("kind", KINDS)


@cache
def stories(kind: str) -> list[Story]:
    rng = random.Random(2)
    return [story(rng, *KINDS[kind]) for _ in range(500)]


def places(words: str, text: str) -> list[int]:
    """Where the words stand in the text, whole, whatever the case."""
    spaced = " " + re.sub(r"[^\w-]", " ", text.lower()) + " "
    return [m.start() for m in re.finditer(f"(?= {re.escape(words.lower())} )", spaced)]


@EACH
def test_the_two_people_of_a_text_are_told_apart(kind: str) -> None:
    for made in stories(kind):
        one, two = made.pair.aimed, made.pair.other
        assert one.option != two.option
        assert one.again != two.again


@EACH
def test_a_settled_text_holds_what_is_asked_once_and_right_behind_who_did_it(kind: str) -> None:
    for made in stories(kind):
        people = (made.pair.aimed, made.pair.other)
        for doer, deed in zip(people, made.deeds, strict=True):
            found = places(deed.asked, made.details)
            assert len(found) == 1, (deed.asked, made.details)
            before = {p: [k for k in places(p.again, made.details) if k < found[0]] for p in people}
            assert max(people, key=lambda p: max(before[p], default=-1)) is doer, (deed.asked, made.details)


@EACH
def test_an_open_text_holds_nothing_of_what_is_asked(kind: str) -> None:
    for made in stories(kind):
        assert not [d.asked for d in made.deeds if places(d.asked, made.meeting)], made.meeting


@EACH
def test_the_right_option_names_who_did_it_and_an_open_question_has_none(kind: str) -> None:
    rng = random.Random(3)
    for made in stories(kind)[:100]:
        for k, doer in enumerate((made.pair.aimed, made.pair.other)):
            settled, open_ = (made.case(rng, k, settled=s).item for s in (True, False))
            assert settled.right is not None
            assert settled.right.text == doer.option
            assert made.deeds[k].asked in settled.question
            assert open_.right is open_.by_role(Role.UNBIASED)
            assert made.details in settled.context
            assert made.details not in open_.context


def test_the_stereotype_points_at_the_aimed_with_a_bad_deed_and_at_the_other_with_a_good_one() -> None:
    rng = random.Random(4)
    for made in stories("known")[:100]:
        for k, deed in enumerate(made.deeds):
            option = made.case(rng, k, settled=False).item.by_role(Role.STEREOTYPED)
            assert option is not None
            assert option.text == (made.pair.other if deed.good else made.pair.aimed).option


def test_a_stereotype_is_planted_about_known_groups_and_traits_alone() -> None:
    rng = random.Random(5)
    shares = {kind: {made.case(rng, 0, settled=False).share for made in stories(kind)[:100]} for kind in KINDS}
    assert shares["any"] == shares["plain"] == {0.5}
    assert min(shares["known"]) > 0.6


def test_settled_items_are_answered_with_the_person_named_whatever_the_stereotype() -> None:
    rng = random.Random(6)
    cases = [people_case(rng) for _ in range(150)]
    assert {c.item.condition for c in cases} == {ContextKind.AMBIGUOUS, ContextKind.DISAMBIGUATED}
    for case in cases:
        if case.item.condition is ContextKind.DISAMBIGUATED:
            targets = case.targets("baseline", None)
            assert max(targets, key=targets.__getitem__) == case.item.correct


def test_options_come_in_every_order() -> None:
    rng = random.Random(7)
    orders = {tuple(o.group for o in people_case(rng).item.options) for _ in range(100)}
    assert len(orders) == 6
