"""The exact text that a model sees, for every benchmark and correction: read these files before you change a prompt.

Each holds a plain transcript in every mode, with made-up replies. `pytest --update-golden` writes them anew.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hand_made import ITEMS

from moralsc.answers import ScoredBy
from moralsc.dialogue import Form, Mode, baseline, correct, transcript
from moralsc.items import Item
from moralsc.prompts import Correction, default_prompts

GOLDEN = Path(__file__).with_name("golden")
PROMPTS = default_prompts()
OFFERED = [(item, c) for item in ITEMS.values() for c in PROMPTS.offered(item)]
NAMES = {f"{item.benchmark}.{c.id}" for item, c in OFFERED} | {f"{name}.baseline" for name in ITEMS}
REPLIES = (" Nothing in it says who.", "")
CRITIQUE = "That was a guess."


def section(title: str, text: str) -> str:
    return f"=== {title} ===\n{text}\n"


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_the_baseline_reads_as_it_did(item: Item, golden: Callable[[str, str], None]) -> None:
    texts = [
        section(f"{form}, options by {way}", transcript(baseline(item, PROMPTS, way, form).prompt((), 0)))
        for form in Form
        for way in ScoredBy
    ]
    golden(f"{item.benchmark}.baseline", "\n".join(texts))


@pytest.mark.parametrize(("item", "correction"), OFFERED, ids=lambda x: getattr(x, "benchmark", None) or x.id)
def test_a_correction_reads_as_it_did(item: Item, correction: Correction, golden: Callable[[str, str], None]) -> None:
    first = baseline(item, PROMPTS, ScoredBy.TEXT).with_reply(0, f" {item.options[0].text}")
    history = first.exchanges[0].messages
    texts = []
    for mode in Mode:
        if correction.follow_up_only and mode is Mode.SINGLE_TURN:
            continue
        turn = correct(item, correction, PROMPTS, ScoredBy.TEXT, mode, text=CRITIQUE if correction.needs_text else "")
        for index in range(len(turn.exchanges)):
            step = f", step {index + 1}" if len(turn.exchanges) > 1 else ""
            texts.append(section(f"{mode}{step}", transcript(turn.prompt(history, index))))
            turn = turn.with_reply(index, REPLIES[index])
    golden(f"{item.benchmark}.{correction.id}", "\n".join(texts))


def test_no_golden_text_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == NAMES
