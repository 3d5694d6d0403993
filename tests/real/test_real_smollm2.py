"""SmolLM2 135M Instruct: every figure is the one that transformers alone computes from the same weights."""

from collections.abc import Callable, Iterator

import pytest
from batch.fakes import asked as records_of
from batch.fakes import design, plan_of
from hand_made import ITEMS
from real.asked import PROMPTS, THOUGHT, items, scorings
from real.conftest import Real

from moralsc.answers import ScoredBy
from moralsc.dialogue import Dialogue, Form, Message, Mode, baseline, correct
from moralsc.engines.base import Engine, StopFlag
from moralsc.experiment import probe as probing
from moralsc.experiment import turns
from moralsc.experiment.probe import Manner, Probe
from moralsc.items import Item
from moralsc.prompts.prefills import OWN

TOLERANCE = 1e-4  # nats
WAY = ScoredBy.TEXT


def test_twenty_prompts_have_the_log_probabilities_of_a_plain_forward_pass(smollm2: Real) -> None:
    prompts = scorings(items())
    assert len(prompts) == 20
    for (name, asked), ours in zip(prompts.items(), smollm2.engine.score(list(prompts.values())), strict=True):
        plain = smollm2.plain.logprobs(asked.messages, asked.continuations, asked.closed)
        assert ours == pytest.approx(plain, abs=TOLERANCE), name


def test_packed_passes_give_what_separate_ones_give(smollm2: Real) -> None:
    some = list(scorings(items()[:1]).values())[:2]
    assert smollm2.engine.provenance["scoring"] == "packed"
    for packed, separate in zip(smollm2.engine.score(some), smollm2.separate.score(some), strict=True):
        assert packed == pytest.approx(separate, abs=TOLERANCE)


@pytest.mark.parametrize("system", ["", "Answer in one word."], ids=["none", "a text"])
def test_a_system_message_counts_as_it_is_written(system: str, smollm2: Real) -> None:
    turn = baseline(ITEMS["winogender"], PROMPTS, WAY, prefill="quoted", system=system)
    wanted = turns.scoring(turn, (), ITEMS["winogender"], WAY)
    (ours,) = smollm2.engine.score([wanted])
    plain = smollm2.plain.logprobs(wanted.messages, wanted.continuations, wanted.closed)
    assert ours == pytest.approx(plain, abs=TOLERANCE)


@pytest.mark.parametrize("mode", Mode)
def test_a_record_a_live_turn_and_a_plain_forward_pass_agree(mode: Mode, smollm2: Real) -> None:
    engine = smollm2.engine
    only = {"models": engine.spec.name, "mode": mode, "limit": 1, "order": "fixed"}
    made = design("winogender:bundled", "specificity-1", **only)
    item = next(iter(plan_of(made).tasks)).asked[0].item
    records = [record for record in records_of(made, engine) if record.item == item.id]
    dialogue = live(item, mode, engine)
    for index, (turn, record) in enumerate(zip(dialogue.turns, records, strict=True)):
        wanted = turns.scoring(turn, dialogue.before(index).history(), item, engine.spec.scored_by)
        plain = smollm2.plain.logprobs(wanted.messages, wanted.continuations, wanted.closed)
        assert (record.correction, record.mode) == (turn.correction, turn.mode)
        assert turn.score is not None
        assert turn.score.logprobs == pytest.approx(plain, abs=TOLERANCE)
        assert record.logprobs == pytest.approx(plain, abs=TOLERANCE)
        assert turn.seen == smollm2.plain.text(wanted.messages)


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_what_smollm2_is_sent_reads_as_it_did(item: Item, smollm2: Real, golden: Callable[[str, str], None]) -> None:
    """Markup, system message and prefill included; replies are made up."""
    found, prefill = [], smollm2.engine.spec.prefill

    def note(title: str, messages: tuple[Message, ...]) -> None:
        found.append(f"=== {title} ===\n{smollm2.engine.render(messages)}\n")

    for form in Form:
        for way in ScoredBy:
            note(f"baseline, {form}, options by {way}", baseline(item, PROMPTS, way, form, prefill).prompt((), 0))
    for title, system in {"no system message": "", "a system message of one's own": "Answer in one word."}.items():
        note(f"baseline, {title}", baseline(item, PROMPTS, WAY, prefill=prefill, system=system).prompt((), 0))
    note("baseline, the prompt set's own prefill", baseline(item, PROMPTS, WAY, prefill=OWN).prompt((), 0))
    first = baseline(item, PROMPTS, WAY, prefill=prefill).with_reply(0, f'{item.options[0].text}"')
    for correction in PROMPTS.offered(item):
        text = "Think again." if correction.needs_text else ""
        for mode in [Mode.FOLLOW_UP] if correction.follow_up_only else Mode:
            turn = correct(item, correction, PROMPTS, WAY, mode, text=text, prefill=prefill)
            for step in range(len(turn.exchanges)):
                title = f"{correction.id}, {mode}" + (f", step {step + 1}" if len(turn.exchanges) > 1 else "")
                note(title, turn.prompt(first.exchanges[0].messages, step))
                turn = turn.with_reply(step, THOUGHT)
    golden(f"smollm2.{item.benchmark}", "\n".join(found))


def test_smollm2s_own_system_message_is_told_and_left_out_and_replaced(smollm2: Real) -> None:
    engine, asked = smollm2.engine, (Message("user", "Who?"), Message("assistant", "Answer:"))
    own, rest = engine.own_system, "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\nAnswer:"
    assert own.startswith("You are a helpful AI assistant named SmolLM")
    assert engine.render(asked) == f"<|im_start|>system\n{own}<|im_end|>\n{rest}"
    assert engine.render((Message("system", ""), *asked)) == rest
    assert engine.render((Message("system", own), *asked)) == engine.render(asked)


def live(item: Item, mode: Mode, engine: Engine) -> Dialogue:
    """What a visitor gets who asks the item and then names the group."""

    def last(probes: Iterator[Probe]) -> Probe:
        *_, probe = probes
        return probe

    probe = probing.new_probe(engine.spec.name, item, Manner(mode), PROMPTS)
    probe = last(probing.ask(probe, engine, PROMPTS, StopFlag()))
    told = PROMPTS.correction("specificity-1")
    return last(probing.apply(probe, told, engine, PROMPTS, StopFlag())).arms[0]
