"""A run asks as the live probe asks; and whatever goes wrong with one condition is a record with a reason."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from batch.fakes import PROMPTS, OutOfMemoryError, asked, by_label, design, fake, plan_of, untimed
from engines import tiny_models
from scripted import make_spec

from moralsc.analysis.results import of_item
from moralsc.answers import ScoredBy
from moralsc.batch.ask import Asker
from moralsc.batch.design import Design
from moralsc.batch.record import Failure, Record, messages_json, sha256
from moralsc.batch.results import By, condition, to_result
from moralsc.dialogue import Dialogue, Form, Message, Mode, Status
from moralsc.engines.base import Engine, Sampling, StopFlag
from moralsc.engines.batching import OneByOne, batched
from moralsc.engines.local import LocalEngine
from moralsc.errors import ModelError, PromptTooLong
from moralsc.experiment import probe as probing
from moralsc.experiment import turns
from moralsc.experiment.export import sent
from moralsc.experiment.ladder import climb
from moralsc.experiment.probe import Manner, Probe

SETS = ("winogender:bundled", "bbq:bundled:Age", "admissions:bundled")
SOME = "specificity-1,negation-0,cot,review,rounds=2"


def last(probes: Iterator[Probe]) -> Probe:
    *_, probe = probes
    return probe


class Live:
    """What a visitor gets who asks the same: one probe an item and order, each correction on its baseline alone."""

    def __init__(self, made: Design, engine: Engine) -> None:
        self._made = made
        self._engine = engine
        self._baselines: dict[tuple[str, str], Probe] = {}

    def dialogue(self, record: Record) -> Dialogue:
        probe = self._baseline(record)
        steps = [] if record.correction == "baseline" else [record.correction] + ["review"] * record.round
        for id in steps:
            probe = last(probing.apply(probe, PROMPTS.correction(id), self._engine, PROMPTS, StopFlag()))
        return next(a for a in probe.arms if a.item.arm == record.arm)

    def _baseline(self, record: Record) -> Probe:
        place = (record.item, record.order)
        if place not in self._baselines:
            tasks = (t.asked for t in plan_of(self._made).tasks)
            asked = next(a for dialogues in tasks for a in dialogues if (a.item.id, a.order) == place)
            probe = probing.new_probe("fake", replace(asked.item, arm=""), self._made.manner, PROMPTS)
            self._baselines[place] = last(probing.ask(probe, self._engine, PROMPTS, StopFlag()))
        return self._baselines[place]


def agrees(record: Record, dialogue: Dialogue, close: Callable[[Sequence[float]], Any]) -> None:
    turn = dialogue.turns[-1]
    assert turn.status is Status.DONE
    assert turn.score is not None
    assert turn.answer is not None
    assert record.sent == messages_json(sent(dialogue, len(dialogue.turns) - 1))
    assert record.sent_hash == sha256(record.sent)
    assert record.mode == turn.mode
    assert record.logprobs == close(turn.score.logprobs)
    assert record.probabilities == close(list(turn.score.probabilities.values()))
    assert record.mass == pytest.approx(turn.score.mass, rel=1e-3)
    assert record.labels == turn.score.labels
    thoughts = [e.reply for e in turn.exchanges if e.reasoning]
    assert record.reasoning == (thoughts[0] if thoughts else None)
    if record.reply is not None:
        assert record.reply == turn.reply
        assert (record.outcome, record.label, record.rule) == (turn.answer.outcome, turn.answer.label, turn.answer.rule)
        assert (record.span_start, record.span_end) == (turn.answer.span or (None, None))


def exactly(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(values)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"letters": True},
        {"mode": Mode.SINGLE_TURN},
        {"form": Form.FREE},
        {"system": "Be brief.", "prefill": "choice", "mode": "single-turn"},
        {"system": "", "prefill": "quoted", "form": Form.FREE},
        {"order": "shuffled", "seed": 5},
        {"order": "averaged", "benchmarks": SETS[1:], "limit": 1},
        {"temperature": 0.8, "seed": 3, "spoken": True},
    ],
    ids=str,
)
def test_every_record_is_what_the_live_probe_gives(more: dict[str, Any]) -> None:
    more = dict(more)
    make = by_label if more.pop("letters", False) else fake
    made = design(**{"benchmarks": SETS, "corrections": SOME, "texts": True, "limit": 2, **more})
    records = asked(made, make())
    assert len(records) == plan_of(made).rows
    assert [r.row for r in records] == list(range(len(records)))
    probes = Live(made, make())
    for record in records:
        agrees(record, probes.dialogue(record), exactly)


def test_a_record_holds_the_system_message_and_the_name_of_the_opening_that_was_used() -> None:
    for made, held in (
        (design(limit=1), (None, "set")),
        (design(limit=1, system="", prefill="quoted"), ("", "quoted")),
        (design(limit=1, system="Be brief."), ("Be brief.", "set")),
    ):
        assert {(r.system, r.prefill) for r in asked(made, fake())} == {held}


def test_a_models_own_opening_is_used_where_nobody_chose_one() -> None:
    (first, *_) = asked(design(limit=1, texts=True), fake(replace(make_spec("fake"), prefill="choice")))
    assert first.prefill == "choice"
    assert first.sent is not None
    assert json.loads(first.sent)[-1]["content"] == PROMPTS.opening(ScoredBy.TEXT, "choice").text


def test_a_system_message_tells_answers_apart() -> None:
    plain, without, brief = ({r.key for r in asked(design(limit=1, system=s), fake())} for s in (None, "", "Be brief."))
    assert not plain & without
    assert not (plain | without) & brief


def test_a_condition_that_is_only_scored_has_the_score_that_it_has_when_spoken() -> None:
    scored, spoken = (asked(design(SETS, "ladder,cot", spoken=s), fake()) for s in (False, True))
    assert [r.logprobs for r in scored] == [r.logprobs for r in spoken]
    assert {r.correction for r in scored if r.reply is not None} == {"baseline"}
    assert all(r.reply is not None for r in spoken)


def test_the_ladder_of_a_run_is_the_ladder_of_the_page() -> None:
    made = design("winogender:bundled", "ladder,cot,match-stats", limit=1)
    records = {r.correction: r for r in asked(made, fake()) if r.category == "occupation"}
    item = next(a.item for t in plan_of(made).tasks for a in t.asked if a.item.category == "occupation")
    probe = last(climb(probing.new_probe("fake", item, Manner(), PROMPTS), fake(), PROMPTS, StopFlag()))
    assert probe.ladder is not None
    rungs = (*probe.ladder.rungs, *probe.ladder.others)
    assert {r.correction: r.scores[0].logprobs for r in rungs} == {id: r.logprobs for id, r in records.items()}


@pytest.fixture(scope="module")
def tiny() -> LocalEngine:
    torch.set_num_threads(1)
    words = tiny_models.chat_tokenizer()
    model = tiny_models.tiny("llama", words, max_position_embeddings=4096)
    return LocalEngine(make_spec("fake"), model, words)


def test_a_transformers_model_answers_a_run_as_it_answers_the_probe(
    tiny: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "REASONING_TOKENS", 8)
    monkeypatch.setitem(turns.ANSWER_TOKENS, Form.PRIMED, 4)
    made = design("bbq:bundled:Age", "specificity-0,cot", limit=2, texts=True, spoken=True)
    probes = Live(made, tiny)
    for record in asked(made, tiny):
        agrees(record, probes.dialogue(record), lambda values: pytest.approx(tuple(values), abs=1e-4))


def test_a_record_becomes_the_result_that_the_analysis_makes_of_the_item() -> None:
    made = design(SETS, "specificity-0,cot", spoken=True)
    items = {(a.item.id, a.item.arm): a.item for t in plan_of(made).tasks for a in t.asked}
    for record in asked(made, fake()):
        item = items[record.item, record.arm]
        shares = dict(zip(record.labels, record.probabilities or (), strict=True))
        facts = {"probabilities": shares, "model": "fake", "correction": condition(record)}
        by_probability, spoken = (
            replace(to_result(record, by), places=(), unplaced=(), mass=None) for by in (By.PROBABILITY, By.TEXT)
        )
        assert by_probability == of_item(item, record.favoured, **facts)
        if record.label:
            assert spoken == of_item(item, record.label, **facts)
        else:
            assert spoken == of_item(item, missing=spoken.missing, **facts)
            assert str(spoken.missing) == record.outcome


# The engine is called as little as the work allows


def test_a_batch_is_scored_in_one_call_whatever_its_conditions() -> None:
    engine = fake()
    made = design(SETS, SOME, limit=2, batch=100)
    asked(made, engine)
    assert [size for kind, size in engine.calls if kind == "score"] == [plan_of(made).rows]


def test_an_engine_for_batches_is_asked_a_round_at_a_time() -> None:
    class Many(OneByOne):
        sizes: list[int]

        def replies(self, requests: Sequence[tuple[tuple[Message, ...], Sampling]]) -> list[str | ModelError]:
            self.sizes.append(len(requests))
            return super().replies(requests)

    many = Many(fake())
    many.sizes = []
    assert batched(many) is many
    made = design("bbq:bundled:Age", "specificity-0,cot,rounds=2", limit=2, batch=100)
    assert untimed(asked(made, many)) == untimed(asked(made, fake()))
    # baselines; chains of thought and the other answer; the answer after the chain; two rounds of review
    assert many.sizes == [2, 2 * 2, 2, 2 * 2, 2 * 2]


# What goes wrong


def broken(word: str, error: Exception) -> Callable[[Sequence[Message]], Exception | None]:
    return lambda messages: error if any(word in m.content for m in messages) else None


MADE = design("bbq:bundled:Age", "specificity-0,cot", limit=4, batch=100)


def test_what_is_too_long_is_a_record_with_its_reason_and_the_others_are_as_they_were() -> None:
    whole = asked(MADE, fake())
    fails = broken("think", PromptTooLong("The dialogue has 9 tokens."))
    engine = fake(fails=lambda m: fails(m[-1:]))
    records = asked(MADE, engine)
    for before, after in zip(whole, records, strict=True):
        if after.correction != "cot":
            assert untimed([after]) == untimed([before])
            continue
        assert (after.status, after.failure, after.reason) == ("failed", "too long", "The dialogue has 9 tokens.")
        assert after.key is not None
        assert after.sent_hash is not None
        assert after.logprobs is after.reply is after.favoured is None


def test_a_failed_baseline_takes_its_follow_ups_with_it_and_no_single_turn() -> None:
    item = plan_of(MADE).batches[0].tasks[0].asked[0].item
    primed = PROMPTS.item(item)

    def fails(messages: Sequence[Message]) -> Exception | None:
        return ModelError("No.") if messages[0].content == primed else None

    records = [r for r in asked(MADE, fake(fails=fails)) if r.item == item.id]
    assert [r.failure for r in records] == [Failure.FAILED, Failure.NOT_ASKED, Failure.NOT_ASKED]
    assert all("No." in str(r.reason) for r in records)
    assert [r.key is None for r in records] == [False, True, True]
    single = asked(replace(MADE, mode=Mode.SINGLE_TURN), fake(fails=fails))
    assert [r.failure for r in single if r.item == item.id] == [Failure.FAILED, None, None]
    assert {r.failure for r in single if r.item != item.id} == {None}


def test_an_item_that_cannot_be_put_into_words_is_a_record() -> None:
    plan = plan_of(MADE)
    first, *others = plan.batches[0].tasks
    (one,) = first.asked
    bad = replace(first, asked=(replace(one, item=replace(one.item, fills={}, benchmark="admissions")),))
    batch = replace(plan.batches[0], tasks=(bad, *others))
    records = Asker(batched(fake()), PROMPTS, MADE).ask(batch)
    assert [r.failure for r in records[: bad.rows]] == [Failure.BAD_ITEM] + [Failure.NOT_ASKED] * (bad.rows - 1)
    assert untimed(records[bad.rows :]) == untimed(asked(MADE, fake())[bad.rows :])


def test_out_of_memory_halves_the_call_until_it_fits_and_changes_nothing_else() -> None:
    engine = fake(room=5)
    assert untimed(asked(MADE, engine)) == untimed(asked(MADE, fake()))
    sizes = [size for kind, size in engine.calls if kind == "score"]
    assert sizes[0] == plan_of(MADE).rows
    assert min(sizes) > 1


def test_a_condition_that_alone_does_not_fit_says_that_memory_was_missing() -> None:
    records = asked(MADE, fake(room=0))
    assert {r.failure for r in records} == {Failure.OUT_OF_MEMORY}
    assert all(r.reason and r.reply is not None for r in records if r.correction == "baseline")


@pytest.mark.parametrize("error", [OutOfMemoryError("x"), RuntimeError("CPU: can't allocate memory"), MemoryError()])
def test_memory_that_is_missing_is_known_by_any_of_its_names(error: Exception) -> None:
    fails = broken("think", error)
    records = asked(MADE, fake(fails=lambda m: fails(m[-1:]) if len(m) > 1 else None))
    assert {r.failure for r in records if r.correction == "cot"} == {Failure.OUT_OF_MEMORY}


def test_a_lost_device_and_a_mistake_of_the_program_end_the_run() -> None:
    class AcceleratorError(RuntimeError):
        pass

    lost = ModelError("fake failed")
    lost.__cause__ = AcceleratorError("device-side assert")
    with pytest.raises(ModelError, match="fake failed"):
        asked(MADE, fake(fails=lambda m: lost))
    with pytest.raises(KeyError):
        asked(MADE, fake(fails=lambda m: KeyError("a bug")))


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_score_that_is_no_number_is_a_failure_and_no_figure(value: float) -> None:
    records = asked(MADE, fake(scores=lambda s: (value, -1.0, -2.0)))
    assert {(r.failure, r.mass) for r in records} == {(Failure.FAILED, None)}


def test_texts_are_kept_on_request_only_and_their_hash_always() -> None:
    kept, hashed = (asked(replace(MADE, texts=t), fake()) for t in (True, False))
    assert {r.sent for r in hashed} == {None}
    assert [r.sent_hash for r in hashed] == [sha256(str(r.sent)) for r in kept]


def test_the_tokens_of_an_engine_that_counts_them_are_shared_by_the_records() -> None:
    class Counting(OneByOne):
        count = 0

        @property
        def tokens(self) -> int | None:
            return self.count

        def score(self, scorings: Any) -> Any:
            self.count += 120
            return super().score(scorings)

    records = asked(MADE, Counting(fake()))
    assert sum(r.tokens or 0 for r in records) == pytest.approx(120)
    assert {r.tokens for r in asked(MADE, fake())} == {None}
