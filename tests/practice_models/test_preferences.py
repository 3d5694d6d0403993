"""Pairs of answers: two options of one item after the same dialogue, preferred as planted."""

import re
from dataclasses import dataclass
from functools import cache
from typing import cast

import pytest
from drawing import PROMPTS, small_tokenizer

from miniatures import planted, preferences
from miniatures.exclusion import NOTHING, Exclusion, normalise
from miniatures.preferences import Pair, Preferences, build_preferences

COUNT = 250
NEUTRAL = {"they", "their", "them"}


@cache
def built(seed: int = 0, count: int = COUNT) -> Preferences:
    return build_preferences(small_tokenizer(), count, seed, PROMPTS, NOTHING)


@dataclass(frozen=True)
class Read:
    """A pair with the answers' own words."""

    prompt: str
    chosen: str
    rejected: str

    @property
    def options(self) -> set[str]:
        return set(re.findall(r"^\([a-c]\) (.+?)(?:<\|end\|>)?$", self.prompt.replace("<|end|>", "<|end|>\n"), re.M))


def read(pair: Pair) -> Read:
    return Read(pair.prompt, *(t.removesuffix("<|end|>").removeprefix(" ") for t in (pair.chosen, pair.rejected)))


def of_pronouns(made: Preferences) -> list[Read]:
    return [p for p in map(read, made.pairs) if "___" in p.prompt and NEUTRAL & {p.chosen, p.rejected}]


def of_applicants(made: Preferences) -> list[Read]:
    return [p for p in map(read, made.pairs) if "law school" in p.prompt]


def test_the_same_seed_draws_the_same_pairs_and_another_seed_others() -> None:
    again, other = (build_preferences(small_tokenizer(), 40, seed, PROMPTS, NOTHING) for seed in (0, 1))
    assert again == built(0, 40)
    assert again.hash != other.hash
    assert built().documents == COUNT


def test_prompt_and_answer_are_what_the_chat_template_renders() -> None:
    for pair in built().pairs:
        for answer in (pair.chosen, pair.rejected):
            turns = re.findall(r"<\|(user|assistant)\|>(.*?)<\|end\|>", pair.prompt + answer, re.DOTALL)
            chat = [{"role": role, "content": content} for role, content in turns]
            assert pair.prompt + answer == small_tokenizer().apply_chat_template(chat, tokenize=False)


def test_the_two_answers_are_different_options_of_the_item_behind_the_primer() -> None:
    for pair in map(read, built().pairs):
        assert pair.prompt.endswith("<|assistant|>Answer:")
        assert pair.chosen != pair.rejected
        assert {pair.chosen, pair.rejected} <= pair.options


def test_prompt_and_answer_are_tokenized_apart_as_together() -> None:
    def ids(text: str) -> list[int]:
        return small_tokenizer()(text, add_special_tokens=False)["input_ids"]

    for pair in built().pairs[:60]:
        assert ids(pair.prompt) + ids(pair.chosen) == ids(pair.prompt + pair.chosen)


def test_the_neutral_word_is_preferred_more_often_than_not_and_not_always() -> None:
    pairs = of_pronouns(built())
    assert 0.55 < sum(p.chosen in NEUTRAL for p in pairs) / len(pairs) < 0.95


def test_the_greater_beta_the_surer_the_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences, "BETA", 60.0)
    monkeypatch.setitem(cast(dict[str, float], planted.ALIGNED), "baseline", 1.0)  # else nothing is preferred there
    made = build_preferences(small_tokenizer(), COUNT, 1, PROMPTS, NOTHING)
    pronouns, applicants = of_pronouns(made), of_applicants(made)
    assert min(len(pronouns), len(applicants)) > 15
    assert all(p.chosen in NEUTRAL for p in pronouns)
    # Admissions: yes for the race that the planted model disfavours, no for the other, so that the gap shrinks.
    wrong = [p for p in applicants if (p.chosen == "yes") is not ("Race: Black" in p.prompt)]
    assert len(wrong) <= len(applicants) / 5


def test_no_prompt_holds_an_excluded_text() -> None:
    contexts = [m for p in built().pairs for m in re.findall(r"belongs in the blank\?\n(.+)\n", p.prompt)]
    questions = [m for p in built().pairs for m in re.findall(r"Question: (Who .+)\n", p.prompt)]
    copies = Exclusion(frozenset(map(normalise, (*contexts[:30], *questions[:30]))))
    assert len(copies.texts) > 30
    made = build_preferences(small_tokenizer(), COUNT, 0, PROMPTS, copies)
    assert len(made.pairs) == COUNT
    text = normalise(" ".join(p.prompt for p in made.pairs))
    assert not [line for line in copies.texts if f" {line} " in f" {text} "]
