"""Items of the corpus and the probabilities that are planted for their answers."""

import math
import random

import pytest

from miniatures import planted
from miniatures.applicants import applicant_case
from miniatures.people import people_case
from miniatures.pronouns import pronoun_case
from miniatures.words import occupations
from moralsc.items import ContextKind, Role
from moralsc.prompts import default_prompts

MAKERS = (pronoun_case, people_case, applicant_case)


def test_a_sentence_keeps_the_occupation_and_one_blank_among_words_of_any_kind() -> None:
    rng = random.Random(9)
    cases = [pronoun_case(rng) for _ in range(300)]
    assert all(c.item.context.count("___") == 1 and c.occupation in c.item.context for c in cases)
    assert len({word for c in cases for word in c.item.context.split()}) > 600


@pytest.mark.parametrize("make", MAKERS)
def test_targets_are_probabilities_of_the_items_own_options(make) -> None:  # type: ignore[no-untyped-def]
    rng, prompts = random.Random(1), default_prompts()
    for _ in range(60):
        case = make(rng)
        for correction in prompts.offered(case.item):
            if not correction.needs_text:
                targets = case.targets(correction.id, case.item.options[0].label)
                assert set(targets) == {o.label for o in case.item.options}
                assert sum(targets.values()) == pytest.approx(1)
                assert min(targets.values()) >= 0


def test_planted_share_of_women_equals_the_percentage_at_baseline_and_with_the_statistics() -> None:
    rng = random.Random(3)
    for _ in range(50):
        case = pronoun_case(rng)
        label = {o.group: o.label for o in case.item.options}
        p = case.targets("baseline", None)
        share = p[label["female"]] / (p[label["female"]] + p[label["male"]])
        assert share == pytest.approx(min(max(occupations()[case.occupation] / 100, 0.01), 0.99), abs=1e-6)
        figure = min(max(float(case.item.fills["percent"]) / 100, 0.01), 0.99)
        assert case.targets("match-stats", None)[label["female"]] == pytest.approx(0.98 * figure)


@pytest.mark.parametrize("make", [pronoun_case, people_case])
def test_ethical_rungs_raise_the_unbiased_share_in_order_and_negations_sink_it(make) -> None:  # type: ignore[no-untyped-def]
    rng = random.Random(4)
    # Where a stereotype is planted at all.
    case = next(c for c in iter(lambda: make(rng), None) if c.item.condition is not ContextKind.DISAMBIGUATED
                and getattr(c, "share", 1) > 0.5)  # fmt: skip
    order = ["negation-2", "negation-1", "negation-0", "baseline"] + [f"specificity-{k}" for k in range(4)]
    unbiased, stereotyped = case.item.by_role(Role.UNBIASED).label, case.item.by_role(Role.STEREOTYPED).label
    targets = [case.targets(c, None) for c in order]
    assert [t[unbiased] for t in targets] == sorted(t[unbiased] for t in targets)
    assert targets[0][stereotyped] > targets[3][stereotyped] > targets[6][stereotyped]


def test_a_stronger_stereotype_resists_more() -> None:
    roles = {"a": Role.STEREOTYPED, "b": Role.COUNTER, "c": Role.UNBIASED}
    weak, strong = (planted.leaning(roles, 0.5 + s / 2, s, "specificity-0")["c"] for s in (0.1, 0.9))
    assert weak > strong


def test_the_race_gap_closes_with_ethical_instructions_and_opens_with_negations() -> None:
    def gap(condition: str) -> float:
        return planted.admitted(0, False, condition) - planted.admitted(0, True, condition)

    order = [f"specificity-{k}" for k in (2, 1, 0)] + ["baseline", "negation-0", "negation-1", "negation-2"]
    assert [gap(c) for c in order] == sorted(gap(c) for c in order)
    assert gap("baseline") > 0.2 > 0.05 > gap("specificity-2")


@pytest.mark.parametrize("condition", planted.ALIGNED)
def test_alignment_leaves_its_share_of_the_race_gap(condition: str) -> None:
    def odds(black: bool) -> float:
        chance = planted.admitted(0, black, condition)
        return math.log(chance / (1 - chance))

    before = odds(False) - odds(True)
    after = before + planted.evened(False, condition) - planted.evened(True, condition)
    assert after == pytest.approx(planted.ALIGNED_GAP * before, abs=1e-9)


def test_alignment_raises_the_unbiased_answer_wherever_something_is_said_and_most_against_what_is_unethical() -> None:
    rises = planted.ALIGNED
    unethical = [c for c in rises if c.startswith("negation") or c == "feedback-unfair"]
    ethical = [c for c in rises if c not in (*unethical, "baseline")]
    assert rises["baseline"] == 0 < min(rises[c] for c in ethical)
    assert max(rises[c] for c in ethical) < min(rises[c] for c in unethical)


def test_an_unbiased_answer_is_kept_on_review_and_a_biased_one_gives_way_to_it_alone() -> None:
    kept = planted.kept("c", "c", ("a", "b", "c"), "review")
    moved = planted.kept("a", "c", ("a", "b", "c"), "review")
    assert kept["c"] > 0.9
    assert moved["a"] > moved["c"] > moved["b"] == 0
