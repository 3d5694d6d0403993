"""Dialogues about bundled items, with made-up replies: nothing is generated."""

from collections.abc import Sequence
from pathlib import Path

from moralsc.answers import ScoredBy
from moralsc.benchmarks import Source, load
from moralsc.dialogue import Dialogue, Mode, Turn, baseline, correct
from moralsc.engines.base import Scoring
from moralsc.experiment import turns
from moralsc.experiment.probe import arms
from moralsc.items import Item
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

PROMPTS = default_prompts()
SETTINGS = Settings(cache=Path("unused"))
THOUGHT = " Nothing in it says who it was."


def items() -> list[Item]:
    """Five bundled items of three benchmarks."""
    winogender = load("winogender", SETTINGS, Source.BUNDLED).items
    bbq = load("bbq", SETTINGS, Source.BUNDLED).items
    (applicant, *_) = load("admissions", SETTINGS, Source.BUNDLED).items
    return [winogender[0], winogender[40], bbq[0], bbq[-1], arms(applicant)[0]]


def scorings(items: Sequence[Item]) -> dict[str, Scoring]:
    """Four prompts an item, with options scored by letter and by words in turn."""
    ways = list(ScoredBy)
    return {
        f"{item.id}, {name}, by {ways[(row + column) % 2]}": _scoring(item, name, ways[(row + column) % 2])
        for row, item in enumerate(items)
        for column, name in enumerate(("asked", "follow-up", "single-turn", "after a thought"))
    }


def _scoring(item: Item, name: str, way: ScoredBy) -> Scoring:
    first = baseline(item, PROMPTS, way).with_reply(0, f" {item.options[0].text}")
    told, cot = PROMPTS.ladder(item)[-1], PROMPTS.correction("cot")
    turn: Turn = {
        "asked": lambda: first,
        "follow-up": lambda: correct(item, told, PROMPTS, way, Mode.FOLLOW_UP),
        "single-turn": lambda: correct(item, told, PROMPTS, way, Mode.SINGLE_TURN),
        "after a thought": lambda: correct(item, cot, PROMPTS, way).with_reply(0, THOUGHT),
    }[name]()
    return turns.scoring(turn, Dialogue(item, (first,)).history(), item, way)
