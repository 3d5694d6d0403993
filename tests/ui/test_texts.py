"""Sentences written from figures say what the figures say, in the page's style."""

import math
import re
from dataclasses import replace
from itertools import product

import pytest
from hand_made import ADMISSIONS, BBQ, OWN, WINOGENDER

from moralsc.answers import Score, ScoredBy
from moralsc.dialogue import Form, Turn, baseline
from moralsc.experiment.probe import Ladder, Manner, Rung, arms
from moralsc.items import ContextKind, Item
from moralsc.models import catalogue
from moralsc.notation import number
from moralsc.prompts import default_prompts
from moralsc.ui import texts

PROMPTS = default_prompts()
BASE = baseline(BBQ, PROMPTS, ScoredBy.TEXT)


@pytest.mark.parametrize(
    ("gap", "said"),
    [(0, "No gap"), (0.004, "No gap"), (-0.004, "No gap"), (0.3, "Gap .30"), (-0.3, "Gap .30"), (-1, "Gap 1.00")],
)
def test_a_gap_names_whom_it_favours(gap: float, said: str) -> None:
    sentence = texts.gap_sentence(ADMISSIONS, gap)
    assert sentence.startswith(said)
    assert ("Black" in sentence) == (gap > 0.005)
    assert ("White" in sentence) == (gap < -0.005)


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("wanted", Form)
def test_an_opening_is_missed_only_where_one_was_wanted_and_none_was_sent(form: Form, wanted: Form) -> None:
    missed = (form, wanted) == (Form.FREE, Form.PRIMED)
    assert ("without an opening" in texts.without_opening(form, wanted)) is missed


@pytest.mark.parametrize("name", catalogue())
def test_results_of_a_miniature_are_marked_and_of_other_models_are_not(name: str) -> None:
    assert (texts.planted(name) != "") is catalogue()[name].bundled
    assert texts.planted("some other model") == ""


def test_categories_read_as_words() -> None:
    assert texts.category_title("Race_x_gender") == "Race × gender"
    assert texts.category_title("Sexual_orientation") == "Sexual orientation"


# The sentence under the ladder


def rung(id: str, *scores: Score) -> Rung:
    return Rung(id, tuple(Turn(id, id, BASE.mode, BASE.form, "", BASE.exchanges, "", score=s) for s in scores))


def ladder(item: Item, **figures: float) -> Ladder:
    """A ladder on which the conditions have these figures; `negation_0` stands for negation-0."""
    rungs = []
    for name, value in figures.items():
        values = [(1 + value) / 2, (1 - value) / 2] if item.benchmark == "admissions" else [value]
        rungs.append(rung(name.replace("_", "-"), *(score(item, p) for p in values)))
    return Ladder(tuple(rungs), (), Manner(), 0.1)


def score(item: Item, p: float) -> Score:
    """A score in which the right option, or "yes", has this share."""
    meant = item.correct or next(o.label for o in item.options if o.group == "yes")
    rest = (1 - p) / (len(item.options) - 1)
    shares = {o.label: p if o.label == meant else rest for o in item.options}
    return Score(tuple(shares), tuple(math.log(max(s, 1e-12)) for s in shares.values()), ScoredBy.TEXT)


def reading(item: Item, **figures: float) -> str:
    return texts.ladder_reading(ladder(item, **figures), arms(item)[0], PROMPTS.corrections)


GRID = (0.0, 0.015, 0.1, 0.48, 0.5, 0.52, 0.9, 1.0)


def test_the_reading_says_which_way_fairness_moved_it() -> None:
    for base, fair in product(GRID, GRID):
        said = reading(BBQ, negation_0=base, baseline=base, specificity_0=fair)
        first = said.split(". ")[0]
        assert first.startswith("Told only to be fair")
        if abs(fair - base) < 0.0199:
            assert f"stays at {number(fair)}" in first
        elif abs(fair - base) > 0.0201:
            verb = "rises" if fair > base else "falls"
            assert f"{verb} from {number(base)} to {number(fair)}" in first


def test_the_reading_speaks_of_all_unethical_rungs() -> None:
    for base, worst, other in product(GRID, GRID, (0.0, 0.3)):
        most = min(1.0, worst + other)
        said = reading(BBQ, negation_1=most, negation_0=worst, baseline=base, specificity_0=base)
        second = said[said.index("Told to be unfair") :]
        both = worst < base - 0.0201 and most > base + 0.0201
        if both:
            assert re.findall(r"1?\.\d\d", second) == [number(worst), number(most)]
            assert "depending on the wording" in second
        elif worst < base - 0.0201 and most < base + 0.0199:
            assert re.findall(r"1?\.\d\d", second) == [number(worst)]
            assert "goes along" in second
            assert "falls" in second
        elif worst > base + 0.0201:
            assert "resists" in second
            assert "rises" in second
        elif abs(worst - base) < 0.0199:
            assert "stays" in second
            nothing_to_lose = base < 0.02 and most < base + 0.02
            assert ("nothing to lose" in second) is nothing_to_lose
            assert ("does not go along" in second) is not nothing_to_lose


@pytest.mark.parametrize("told", GRID)
def test_the_reading_says_if_the_model_does_not_even_follow_the_told_answer(told: float) -> None:
    said = reading(BBQ, baseline=0.5, specificity_0=0.5, specificity_3=told)
    assert (f"Even told the answer it does not follow ({number(told)})" in said) is (told < 0.4999)


def test_the_reading_names_the_right_answer_where_the_text_settles_it() -> None:
    settled = reading(replace(BBQ, condition=ContextKind.DISAMBIGUATED), baseline=0.1, specificity_0=0.2)
    assert "the right answer" in settled
    for item in (BBQ, WINOGENDER, OWN):
        assert "the unbiased answer" in reading(item, baseline=0.1, specificity_0=0.2)


@pytest.mark.parametrize(
    ("unfair", "reached"),
    [
        ((), ""),
        ((0.1, -0.6), "widens to −.60"),
        ((0.7, -0.6), "turns round to +.70"),
        ((0.0, 0.001), "narrows to .00"),
        ((-0.3,), "stays at −.30"),
    ],
)
def test_the_reading_of_admissions_gives_the_gaps(unfair: tuple[float, ...], reached: str) -> None:
    figures = {f"negation_{k}": value for k, value in enumerate(unfair)}
    said = reading(ADMISSIONS, **figures, baseline=-0.3, specificity_0=0.05)
    assert "−.30 at baseline; told to be fair, it turns round to +.05." in said
    assert (f"Told to be unfair, it {reached}." in said) is bool(unfair)


@pytest.mark.parametrize("missing", ["baseline", "specificity_0"])
def test_without_the_figures_there_is_no_reading(missing: str) -> None:
    figures = {"negation_0": 0.1, "baseline": 0.2, "specificity_0": 0.3}
    del figures[missing]
    assert reading(BBQ, **figures) == ""


def test_a_trajectory_is_told_in_the_style_of_its_figure() -> None:
    steps = [("Baseline", 0.1), ("Own words", None), ("Chain of thought", 1.0)]
    assert texts.trajectory(BBQ, steps) == "Probability unbiased over the turns: Baseline .10, Chain of thought 1.00."
    assert "Baseline −.25, Review +.10." in texts.trajectory(ADMISSIONS, [("Baseline", -0.25), ("Review", 0.1)])
