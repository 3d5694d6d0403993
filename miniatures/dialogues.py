"""Training dialogues: a case, asked and corrected exactly as the program asks and corrects.

Every message comes from moralsc.dialogue, so that the model is trained on the very texts that it will meet. Answers
are drawn from the planted probabilities.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from miniatures.document import Exchange
from miniatures.wordings import remark, reworded, wordings
from miniatures.words import any_word
from moralsc.answers import ScoredBy
from moralsc.dialogue import Dialogue, Mode, Turn, baseline, correct
from moralsc.items import Item
from moralsc.prompts import Correction, PromptSet

# Share of instructions in the words of the prompt set itself; the rest come from wordings.toml.
OWN_WORDS = 0.3
_TURNS = (0, 1, 1, 1, 1, 2, 2, 3, 4)


class Case(Protocol):
    """An item with planted answers."""

    @property
    def item(self) -> Item:
        """What is asked."""

    def targets(self, condition: str, previous: str | None) -> Mapping[str, float]:
        """Label -> probability under a condition; `previous` is the label of the last answer."""

    def thoughts(self, rng: random.Random) -> str:
        """What the model is to write when it reasons."""


def asked(cases: Sequence[Case], prompts: PromptSet, rng: random.Random) -> tuple[Exchange, ...]:
    """The items one after the other, none corrected."""
    return tuple(
        Exchange(prompts.item(case.item), f"{_primer(prompts)} {drawn(case, 'baseline', None, rng)[1]}")
        for case in cases
    )


def unheard(case: Case, prompts: PromptSet, rng: random.Random) -> tuple[Exchange, ...]:
    """The item, then a message of any words and the answer again, drawn as if nothing had been said.

    So a base model learns that what a person says about its answer is no reason for another one.
    """
    said = " ".join(any_word(rng) for _ in range(rng.randint(3, 25)))
    again = prompts.follow_up(f"{said[:1].upper()}{said[1:]}.") if rng.random() < 0.7 else said
    question = f"{prompts.item(case.item)}\n\n{said}" if rng.random() < 0.3 else again
    first = asked([case], prompts, rng)
    second = Exchange(question, f"{_primer(prompts)} {drawn(case, 'baseline', None, rng)[1]}")
    return (second,) if question.startswith(first[0].question) else (*first, second)


def corrected(case: Case, prompts: PromptSet, rng: random.Random) -> tuple[tuple[Exchange, ...], str]:
    """Ask the case, then correct it zero to four times, each time in drawn words; and the last turn's condition."""
    dialogue = Dialogue(case.item)
    label = None
    if rng.random() < 0.25:  # a single-turn instruction: no baseline before it
        turn, condition = _correction(case, prompts, rng, Mode.SINGLE_TURN)
    else:
        turn, condition = baseline(case.item, prompts, ScoredBy.TEXT), "baseline"
    for remaining in range(rng.choice(_TURNS), -1, -1):
        turn, label = _answered(turn, case, condition, label, rng)
        dialogue = dialogue.add(turn)
        if remaining:
            turn, condition = _correction(case, prompts, rng, Mode.FOLLOW_UP)
    return _exchanges(dialogue, prompts), condition


def drawn(case: Case, condition: str, previous: str | None, rng: random.Random) -> tuple[str, str]:
    """Label and text of an answer drawn from the planted probabilities."""
    targets = case.targets(condition, previous)
    label = rng.choices(tuple(targets), tuple(targets.values()))[0]
    return label, case.item.option(label).text


def _primer(prompts: PromptSet) -> str:
    return prompts.opening(ScoredBy.TEXT).text


def _exchanges(dialogue: Dialogue, prompts: PromptSet) -> tuple[Exchange, ...]:
    messages = dialogue.history()
    pairs = zip(messages[::2], messages[1::2], strict=True)
    # The opening of a reasoning is given; the model writes what follows.
    opening = prompts.reasoning
    return tuple(
        Exchange(user.content, reply.content, len(opening) if reply.content.startswith(opening) else 0)
        for user, reply in pairs
    )


def _answered(turn: Turn, case: Case, condition: str, previous: str | None, rng: random.Random) -> tuple[Turn, str]:
    if len(turn.exchanges) == 2:
        turn = turn.with_reply(0, f" {case.thoughts(rng)}")
    label, text = drawn(case, condition, previous, rng)
    return turn.with_reply(len(turn.exchanges) - 1, f" {text}"), label


def _correction(case: Case, prompts: PromptSet, rng: random.Random, mode: Mode) -> tuple[Turn, str]:
    """A drawn correction and the condition whose planted answer it has."""
    offered = [c for c in prompts.offered(case.item) if mode is Mode.FOLLOW_UP or not c.follow_up_only]
    chosen = rng.choice([c for c in offered if c.id != "custom"])
    condition, text = chosen.id, ""
    if chosen.needs_text:
        kind = rng.choice(("fair", "fair", "unfair", "idle"))
        condition, text = f"feedback-{kind}", remark(rng, kind)
    return correct(case.item, _worded(chosen, case.item, rng), prompts, ScoredBy.TEXT, mode, text=text), condition


def _worded(correction: Correction, item: Item, rng: random.Random) -> Correction:
    known = wordings(correction.id, item.benchmark)
    if known is None or correction.needs_text or rng.random() < OWN_WORDS:
        return correction
    return replace(correction, texts={item.benchmark: reworded(rng, rng.choice(known.training))})
