"""The exact text that a model sees, for every benchmark and correction: read these files before you change a prompt.

Each holds a plain transcript in every mode, with made-up replies. `pytest --update-golden` writes them anew.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from hand_made import BBQ, FOREIGN, PAIR, WINOGENDER
from hand_made import ITEMS as COMMON

from moralsc.answers import ScoredBy
from moralsc.dialogue import Form, Mode, baseline, correct, transcript
from moralsc.errors import InputError
from moralsc.items import Item
from moralsc.prompts import Correction, default_prompts, load_prompts
from moralsc.settings import LANGUAGES

ITEMS = {**COMMON, PAIR.benchmark: PAIR}
GOLDEN = Path(__file__).with_name("golden")
PROMPTS = default_prompts()
OFFERED = [(item, c) for item in ITEMS.values() for c in PROMPTS.offered(item)]
NAMES = {f"{item.benchmark}.{c.id}" for item, c in OFFERED} | {f"{name}.baseline" for name in ITEMS} | {*FOREIGN}
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


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_item_in_its_own_language_reads_as_it_did(language: str, golden: Callable[[str, str], None]) -> None:
    """The set in a language asks and corrects an item in it without an English word."""
    prompts, item = load_prompts(Path(language)), FOREIGN[language]
    first = baseline(item, prompts, ScoredBy.TEXT).with_reply(0, f" {item.options[0].text}")
    texts = [section("baseline, options by label", transcript(baseline(item, prompts, ScoredBy.LABEL).prompt((), 0)))]
    for correction in prompts.offered(item):
        turn = correct(item, correction, prompts, ScoredBy.TEXT, text="¡Mira! 봐!" if correction.needs_text else "")
        for index in range(len(turn.exchanges)):
            texts.append(section(correction.id, transcript(turn.prompt(first.exchanges[0].messages, index))))
            turn = turn.with_reply(index, REPLIES[index])
    golden(language, "\n".join(texts))
    assert {c.id for c in prompts.offered(item)} == {c.id for c in PROMPTS.offered(BBQ)}
    assert not {"answer", "please", "stereotypes"} & set("\n".join(texts).casefold().split())


def test_instructions_in_another_language_correct_questions_in_english_and_say_what_they_cannot() -> None:
    prompts = load_prompts(Path("es"))
    assert "estereotipos sobre age" in prompts.instruction(prompts.correction("specificity-1"), BBQ)
    with pytest.raises(InputError, match=r"add item\.winogender"):
        prompts.item(WINOGENDER)


def test_no_golden_text_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == NAMES
