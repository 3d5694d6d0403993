"""Records give back the dialogues that they came from, and say so where they cannot."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from batch.fakes import PROMPTS, SETTINGS, asked, by_label, design, fake

from moralsc.batch.design import Design
from moralsc.batch.record import Record, messages_json
from moralsc.batch.replay import Replay, replayed
from moralsc.benchmarks import Source, load
from moralsc.dialogue import Message, Status
from moralsc.errors import ModelError
from moralsc.items import Item

SETS = ("winogender:bundled", "bbq:bundled:Age", "admissions:bundled")
SOME = "specificity-1,negation-0,cot,review,rounds=2"
DESIGNS = [
    design(SETS, SOME, limit=2),
    design(SETS, "ladder,cot", limit=2, mode="single-turn", form="free", spoken=True, temperature=0.5, seed=3),
    design("bbq:bundled:Age", "specificity-0,cot", limit=2, order="averaged"),
    design("bbq:bundled:Age", "specificity-0", limit=2, order="shuffled", seed=5),
    design("bbq:bundled:Age", "specificity-0,cot", limit=2, system="Be brief.", prefill="choice"),
    design("bbq:bundled:Age", "specificity-0", limit=2, system="", mode="single-turn", prefill="set"),
]


def by_item(records: Sequence[Record]) -> list[tuple[Item, list[Record]]]:
    items = {(i.benchmark, i.id): i for name in ("winogender", "bbq", "admissions") for i in bundled(name)}
    keys = dict.fromkeys((r.benchmark, r.item) for r in records)
    return [(items[key], [r for r in records if (r.benchmark, r.item) == key]) for key in keys]


def bundled(name: str) -> tuple[Item, ...]:
    return load(name, SETTINGS, Source.BUNDLED).items


def all_replayed(records: Sequence[Record]) -> list[Replay]:
    return [found for item, those in by_item(records) for found in replayed(those, item, PROMPTS)]


@pytest.mark.parametrize("made", DESIGNS, ids=lambda made: " ".join(made.command[2:]))
@pytest.mark.parametrize("engine", [fake, by_label])
def test_every_dialogue_comes_back_message_for_message(made: Design, engine: type) -> None:
    records = asked(replace(made, texts=True), engine())
    found = all_replayed(records)
    assert [r.record for r in found] == records
    for replay in found:
        record = replay.record
        assert replay.same
        assert messages_json(replay.sent) == record.sent
        assert replay.turn.score is not None
        assert replay.turn.score.logprobs == record.logprobs
        assert replay.turn.score.favoured in (record.favoured, *record.labels)
        assert (replay.turn.answer is None) == (record.outcome is None)
        if replay.turn.answer is not None:
            assert replay.turn.answer.label == record.label
            assert replay.turn.answer.span in (None, (record.span_start, record.span_end))
        assert len(replay.dialogue.turns) == (1 if record.correction == "baseline" else 2 + record.round)


def test_it_is_said_where_the_prompts_have_changed_since() -> None:
    records = asked(DESIGNS[0], fake())
    item, those = by_item(records)[0]
    other = replace(item, context=item.context + " Indeed.")
    assert not any(replay.same for replay in replayed(those, other, PROMPTS))


def test_a_failed_condition_keeps_its_reason() -> None:
    def fails(messages: Sequence[Message]) -> Exception | None:
        return ModelError("No room.") if len(messages) > 2 else None

    records = asked(DESIGNS[0], fake(fails=fails))
    found = all_replayed(records)
    failed = [replay for replay in found if replay.record.failure]
    assert failed
    assert all(r.turn.status is Status.FAILED and r.turn.error == r.record.reason for r in failed)
    assert all(r.turn.status is Status.DONE for r in found if not r.record.failure)
