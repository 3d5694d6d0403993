"""The visitor's path without a page: what a model is sent at each step, and how a step can end."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hand_made import ADMISSIONS, BBQ, HOSTILE, ITEMS, OWN, WINOGENDER
from scripted import ScriptedEngine, make_spec

from moralsc.answers import Outcome, ScoredBy
from moralsc.dialogue import Form, Message, Mode, Status, baseline
from moralsc.engines.base import Sampling, Scoring, StopFlag
from moralsc.errors import InputError, ModelError, PromptTooLong
from moralsc.experiment import ladder as climbing
from moralsc.experiment import probe as probing
from moralsc.experiment.probe import MAX_TURNS, Manner, Probe, figure
from moralsc.items import Item
from moralsc.prompts import default_prompts

PROMPTS = default_prompts()
FOLLOW, SINGLE = Manner(), Manner(mode=Mode.SINGLE_TURN)


@dataclass
class Engine(ScriptedEngine):
    """A scripted engine that notes each call of `score`, and stops the dialogue after so many pieces."""

    calls: list[int] = field(default_factory=list)
    samplings: list[Sampling] = field(default_factory=list)
    stop_after: int | None = None

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        self.samplings.append(sampling)
        for n, piece in enumerate(super().stream(messages, sampling, stop), 1):
            yield piece
            if n == self.stop_after:
                stop.stop()

    def score(self, scorings: Sequence[Scoring]) -> list[tuple[float, ...]]:
        self.calls.append(len(scorings))
        return super().score(scorings)


def last(probes: Iterator[Probe]) -> Probe:
    *_, probe = probes
    return probe


def ask(engine: Engine, item: Item = WINOGENDER, manner: Manner = FOLLOW, stop: StopFlag | None = None) -> Probe:
    probe = probing.new_probe("scripted", item, manner, PROMPTS)
    return last(probing.ask(probe, engine, PROMPTS, stop or StopFlag()))


def apply(probe: Probe, engine: Engine, id: str, text: str = "", stop: StopFlag | None = None) -> Probe:
    correction = PROMPTS.correction(id)
    return last(probing.apply(probe, correction, engine, PROMPTS, stop or StopFlag(), text))


def climb(probe: Probe, engine: Engine, stop: StopFlag | None = None) -> Probe:
    return last(climbing.climb(probe, engine, PROMPTS, stop or StopFlag()))


def new(item: Item = WINOGENDER, manner: Manner = FOLLOW) -> Probe:
    return probing.new_probe("scripted", item, manner, PROMPTS)


def told(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in messages]


# Asking


@pytest.mark.parametrize("item", [WINOGENDER, BBQ, OWN], ids=lambda i: i.benchmark)
def test_the_baseline_asks_the_item_alone_and_reads_and_scores_the_answer(item: Item) -> None:
    engine = Engine([f" {item.options[1].text}"])
    probe = ask(engine, item)
    (turn,) = probe.arms[0].turns
    assert told(engine.streamed[0]) == [("user", PROMPTS.item(item)), ("assistant", "Answer:")]
    assert turn.status is Status.DONE
    assert turn.answer is not None
    assert turn.answer.label == "b"
    assert turn.score is not None
    assert sum(turn.score.probabilities.values()) == pytest.approx(1)
    assert [s.messages for s in engine.scored] == [engine.streamed[0]]
    assert turn.seen == engine.render(engine.streamed[0])
    assert probe.asked


def test_an_answer_grows_piece_by_piece_and_only_its_end_has_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_YIELD_SECONDS", 0)
    stages = [p.arms[0].turns[-1] for p in probing.ask(new(), Engine([" I would say their"]), PROMPTS, StopFlag())]
    grown = list(dict.fromkeys(t.reply for t in stages))
    assert grown == ["", " I", " I would", " I would say", " I would say their"]
    assert [t.status for t in stages[:-1]] == [Status.RUNNING] * (len(stages) - 1)
    assert all(t.answer is None and t.score is None for t in stages[:-1])
    assert stages[-1].answer is not None


def test_asking_again_starts_over_without_the_ladder_of_another_baseline() -> None:
    engine = Engine()
    climbed = climb(apply(ask(engine), engine, "specificity-0"), engine)
    again = last(probing.ask(climbed, engine, PROMPTS, StopFlag()))
    assert again.turns == 1
    assert climbed.ladder is not None
    assert again.ladder is None


def test_an_item_is_asked_in_the_shuffled_order_and_scored_by_its_new_labels() -> None:
    seed = next(s for s in range(20) if WINOGENDER.shuffled(s).options[0].text != WINOGENDER.options[0].text)
    manner = Manner(seed=seed, shuffle=True)
    engine = Engine([" their"])
    probe = ask(engine, manner=manner)
    asked = probe.arms[0].item
    assert engine.streamed[0][0].content == PROMPTS.item(asked)
    turn = probe.arms[0].turns[0]
    assert turn.answer is not None
    assert asked.option(str(turn.answer.label)).text == "their"
    assert turn.score is not None
    assert engine.scored[0].continuations == tuple(f" {o.text}" for o in asked.options)
    assert turn.score.labels == tuple(o.label for o in asked.options)
    assert probe.item == WINOGENDER
    assert ask(Engine(), manner=replace(manner, shuffle=False)).arms[0].item == WINOGENDER


def test_temperature_seed_and_a_limit_reach_the_engine() -> None:
    engine = Engine()
    probe = ask(engine, manner=Manner(temperature=0.7, seed=5))
    apply(probe, engine, "cot")
    assert {(s.temperature, s.seed) for s in engine.samplings} == {(0.7, 5)}
    limits = [s.max_new_tokens for s in engine.samplings]
    assert limits[1] > limits[0] == limits[2] > 0


# Correcting


def test_a_follow_up_sends_the_baseline_with_the_answer_that_was_really_given() -> None:
    engine = Engine([" his", " their"])
    probe = apply(ask(engine), engine, "specificity-1")
    assert told(engine.streamed[1]) == [
        ("user", PROMPTS.item(WINOGENDER)),
        ("assistant", "Answer: his"),
        ("user", probe.arms[0].turns[1].exchanges[0].user),
        ("assistant", "Answer:"),
    ]
    assert engine.scored[1].messages == engine.streamed[1]
    assert probe.arms[0].turns[1].instruction in engine.streamed[1][2].content


def test_a_single_turn_starts_afresh_with_item_and_instruction_in_one_message() -> None:
    engine = Engine([" his", " their"])
    probe = apply(ask(engine, manner=SINGLE), engine, "specificity-1")
    turn = probe.arms[0].turns[1]
    text = PROMPTS.single_turn(PROMPTS.item(WINOGENDER), turn.instruction)
    assert told(engine.streamed[1]) == [("user", text), ("assistant", "Answer:")]
    assert turn.mode is Mode.SINGLE_TURN


def test_what_follows_an_answer_follows_it_in_single_turn_mode_too() -> None:
    engine = Engine([" his", " their", " her"])
    probe = apply(apply(ask(engine, manner=SINGLE), engine, "specificity-1"), engine, "review")
    assert probe.arms[0].turns[2].mode is Mode.FOLLOW_UP
    assert told(engine.streamed[2])[:2] == [told(engine.streamed[1])[0], ("assistant", "Answer: their")]


def test_each_round_of_review_carries_all_that_was_said_before() -> None:
    engine = Engine([f" answer {n}" for n in range(6)])
    probe = apply(ask(engine), engine, "specificity-0")
    for _ in range(3):
        probe = apply(probe, engine, "review")
    assert [m.content for m in engine.streamed[-1] if m.role == "assistant"] == [
        "Answer: answer 0",
        "Answer: answer 1",
        "Answer: answer 2",
        "Answer: answer 3",
        "Answer:",
    ]
    for before, after in zip(engine.streamed, engine.streamed[1:], strict=False):
        assert after[: len(before) - 1] == before[:-1]
    assert [t.status for t in probe.arms[0].turns] == [Status.DONE] * 5


@pytest.mark.parametrize("manner", [FOLLOW, SINGLE], ids=lambda m: m.mode)
def test_a_chain_of_thought_has_two_exchanges_and_carries_the_reasoning_word_for_word(manner: Manner) -> None:
    thought = f" {HOSTILE}\n\n{{right}} {{item}} </think>"
    engine = Engine([" his", thought, " their"])
    probe = apply(ask(engine, manner=manner), engine, "cot")
    turn = probe.arms[0].turns[1]
    first, second = engine.streamed[1], engine.streamed[2]
    assert told(first)[-1] == ("assistant", PROMPTS.reasoning)
    assert told(second)[len(first) - 1 :] == [
        ("assistant", PROMPTS.reasoning + thought),
        ("user", PROMPTS.conclude(WINOGENDER)),
        ("assistant", "Answer:"),
    ]
    assert turn.exchanges[0].reply == thought
    assert turn.reply == " their"
    assert engine.scored[1].messages == second
    assert turn.seen == engine.render(second)


def test_the_free_form_speaks_without_the_primer_and_is_scored_after_it() -> None:
    engine = Engine([" Hard to say, but their."])
    probe = ask(engine, manner=Manner(form=Form.FREE))
    assert told(engine.streamed[0]) == [("user", PROMPTS.item(WINOGENDER))]
    assert engine.scored[0].messages == (*engine.streamed[0], Message("assistant", "Answer:"))
    primed = Engine([" their"])
    ask(primed)
    assert primed.scored[0] == engine.scored[0]
    answer = probe.arms[0].turns[0].answer
    assert answer is not None
    assert answer.label == "c"


@pytest.mark.parametrize(("way", "closed", "ends"), [(ScoredBy.TEXT, True, " their"), (ScoredBy.LABEL, False, "c")])
def test_options_are_scored_in_the_models_own_way(way: ScoredBy, closed: bool, ends: str) -> None:
    engine = Engine([" c) their"], spec=make_spec(scored_by=way))
    probe = ask(engine)
    assert engine.scored[0].closed is closed
    assert engine.scored[0].continuations[2] == ends
    score = probe.arms[0].turns[0].score
    assert score is not None
    assert score.scored_by is way


def test_a_persons_words_are_sent_as_they_are() -> None:
    engine = Engine()
    apply(ask(engine), engine, "feedback", f"You guessed. {HOSTILE}")
    assert f"You guessed. {HOSTILE}" in engine.streamed[1][2].content
    with pytest.raises(InputError, match="needs a text"):
        apply(ask(engine), engine, "custom", "  ")


@pytest.mark.parametrize("item", [WINOGENDER, BBQ, ADMISSIONS, OWN], ids=lambda i: i.benchmark)
@pytest.mark.parametrize("manner", [FOLLOW, SINGLE], ids=lambda m: m.mode)
def test_what_is_planned_is_what_is_sent(item: Item, manner: Manner) -> None:
    for correction in PROMPTS.offered(item):
        engine = Engine()
        probe = ask(engine, item, manner)
        del engine.streamed[:]
        planned = [probing.planned(a.item, correction, PROMPTS, engine.spec, manner, "Look again.") for a in probe.arms]
        apply(probe, engine, correction.id, "Look again.")
        for arm, turn in enumerate(planned):
            sent = engine.streamed[arm * len(turn.exchanges) : (arm + 1) * len(turn.exchanges)]
            for exchange, messages in zip(turn.exchanges, sent, strict=True):
                assert Message("user", exchange.user) in messages


def test_nothing_is_corrected_before_it_was_answered() -> None:
    engine = Engine([ModelError("out of memory"), " their"])
    with pytest.raises(InputError, match="Ask the item first"):
        apply(new(), engine, "specificity-0")
    with pytest.raises(InputError, match="Ask the item first"):
        apply(ask(engine), engine, "specificity-0")


def test_a_dialogue_is_full_after_ten_turns_and_takes_one_again_after_undo() -> None:
    engine = Engine()
    probe = ask(engine)
    for _ in range(MAX_TURNS - 1):
        probe = apply(probe, engine, "review")
    assert probe.turns == MAX_TURNS
    with pytest.raises(InputError, match=f"at most {MAX_TURNS} turns"):
        apply(probe, engine, "review")
    assert apply(probe.undo(), engine, "review").turns == MAX_TURNS


# Stopping and failing


@pytest.mark.parametrize("id", ["", "specificity-0"])
def test_a_stopped_answer_keeps_its_words_and_is_neither_read_nor_scored(id: str) -> None:
    engine = Engine([" I would say their"])
    probe = ask(engine) if id else None
    engine.stop_after, scored = 2, len(engine.scored)
    stopped = apply(probe, engine, id, stop=StopFlag()) if probe else ask(engine)
    turn = stopped.arms[0].turns[-1]
    assert (turn.status, turn.answer, turn.score) == (Status.STOPPED, None, None)
    assert turn.reply == " I would"
    assert len(engine.scored) == scored
    assert stopped.asked is bool(id)


def test_what_was_stopped_is_not_sent_on() -> None:
    engine = Engine([" his", " I would say", " their"])
    probe = ask(engine)
    engine.stop_after = 1
    stopped = apply(probe, engine, "specificity-0")
    engine.stop_after = None
    done = apply(stopped, engine, "specificity-1")
    assert told(engine.streamed[-1]) == [
        *told(probe.arms[0].history()),
        ("user", done.arms[0].turns[2].exchanges[0].user),
        ("assistant", "Answer:"),
    ]


def test_a_chain_of_thought_stopped_in_its_thoughts_was_never_asked_for_its_answer() -> None:
    engine = Engine([" his", " First of all", " their"])
    probe = ask(engine)
    engine.stop_after = 2
    turn = apply(probe, engine, "cot").arms[0].turns[-1]
    assert len(engine.streamed) == 2
    assert turn.status is Status.STOPPED
    assert [e.reply for e in turn.exchanges] == [" First of"]
    assert turn.seen == engine.render(engine.streamed[1])


def test_a_stop_before_the_first_word_ends_the_turn_without_one() -> None:
    flag = StopFlag()
    flag.stop()
    turn = ask(Engine(), stop=flag).arms[0].turns[-1]
    assert (turn.status, turn.reply) == (Status.STOPPED, "")


@pytest.mark.parametrize("error", [ModelError("The graphics card is gone."), PromptTooLong("2000 tokens, 512 fit.")])
def test_a_failing_model_ends_the_turn_with_its_sentence_and_can_be_asked_again(error: ModelError) -> None:
    engine = Engine([" his", error, " their"])
    failed = apply(ask(engine), engine, "specificity-0")
    turn = failed.arms[0].turns[-1]
    assert (turn.status, turn.error) == (Status.FAILED, str(error))
    assert (turn.answer, turn.score) == (None, None)
    again = apply(failed.undo(), engine, "specificity-0")
    assert [t.status for t in again.arms[0].turns] == [Status.DONE, Status.DONE]
    assert len(engine.streamed[-1]) == 4


def test_a_model_that_fails_at_scoring_fails_the_turn() -> None:
    def fail(scoring: Scoring) -> Sequence[float]:
        raise PromptTooLong("too long to score")

    turn = ask(Engine([" their"], scores=fail)).arms[0].turns[-1]
    assert (turn.status, turn.error, turn.reply) == (Status.FAILED, "too long to score", " their")
    assert turn.answer is None


def test_an_empty_answer_is_unparsed_and_still_scored() -> None:
    turn = ask(Engine([""])).arms[0].turns[0]
    assert turn.answer is not None
    assert turn.answer.outcome is Outcome.UNPARSED
    assert turn.score is not None


# Admissions: two arms


def yes_for(black: float, white: float) -> Engine:
    """An engine that says yes with these probabilities, whatever it is told."""

    def scores(scoring: Scoring) -> Sequence[float]:
        yes = black if "Race: Black" in scoring.messages[0].content else white
        return [math.log(yes if text == " yes" else 1 - yes) for text in scoring.continuations]

    return Engine([" yes"], scores=scores)


def test_an_applicant_is_asked_about_as_black_and_as_white_and_nothing_else_differs() -> None:
    engine = Engine([" yes", " no"])
    probe = ask(engine, ADMISSIONS)
    black, white = (messages[0].content for messages in engine.streamed)
    assert "Race: Black" in black
    assert white == black.replace("Race: Black", "Race: White")
    assert [a.item.arm for a in probe.arms] == ["Black", "White"]
    assert [a.turns[0].reply for a in probe.arms] == [" yes", " no"]


def test_each_arm_has_a_history_of_its_own() -> None:
    engine = Engine([" yes", " no", " no", " yes"])
    apply(ask(engine, ADMISSIONS), engine, "specificity-0")
    assert [told(messages)[1] for messages in engine.streamed[2:]] == [
        ("assistant", "Answer: yes"),
        ("assistant", "Answer: no"),
    ]


def test_the_gap_is_p_yes_of_the_black_minus_p_yes_of_the_white_applicant() -> None:
    probe = ask(yes_for(black=0.25, white=0.75), ADMISSIONS)
    scores = tuple(t.score for a in probe.arms for t in a.turns if t.score)
    assert figure(probe.arms[0].item, scores) == pytest.approx(-0.5)
    swapped = ask(yes_for(black=0.25, white=0.75), ADMISSIONS.reordered((1, 0)))
    scores = tuple(t.score for a in swapped.arms for t in a.turns if t.score)
    assert figure(swapped.arms[0].item, scores) == pytest.approx(-0.5)


@pytest.mark.parametrize("item", [WINOGENDER, BBQ, OWN], ids=lambda i: i.benchmark)
def test_elsewhere_the_figure_is_the_probability_of_the_right_answer(item: Item) -> None:
    engine = Engine(scores=[tuple(math.log(p) for p in (0.1, 0.3, 0.4))])
    score = ask(engine, item).arms[0].turns[0].score
    assert score is not None
    assert figure(item, (score,)) == pytest.approx(0.5)
    assert figure(replace(item, correct=None), (score,)) is None


@pytest.mark.parametrize("ended", [Status.STOPPED, Status.FAILED])
@pytest.mark.parametrize("arm", [0, 1])
def test_where_one_arm_does_not_finish_neither_counts(ended: Status, arm: int) -> None:
    flag = StopFlag()
    calls = 0

    def answer(messages: Sequence[Message]) -> str | ModelError:
        nonlocal calls
        calls += 1
        if calls == 3 + arm and ended is Status.FAILED:
            return ModelError("broken")
        if calls == 3 + arm:
            flag.stop()
        return " yes"

    engine = Engine(answer)
    probe = apply(ask(engine, ADMISSIONS), engine, "specificity-0", stop=flag)
    turns = [a.turns[-1] for a in probe.arms]
    assert [t.status for t in turns] == [ended] * 2
    assert [(t.answer, t.score) for t in turns] == [(None, None)] * 2
    assert {t.error for t in turns} == {"broken" if ended is Status.FAILED else ""}
    assert [len(a.turns) for a in probe.arms] == [2, 2]
    again = apply(probe, engine, "review")
    assert [len(messages) for messages in engine.streamed[-2:]] == [4, 4]
    assert [len(a.turns) for a in again.undo().undo().arms] == [1, 1]


# The ladder


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
@pytest.mark.parametrize("manner", [FOLLOW, SINGLE], ids=lambda m: m.mode)
def test_a_ladder_is_scored_in_one_call(item: Item, manner: Manner) -> None:
    engine = Engine()
    probe = ask(engine, item, manner)
    del engine.calls[:]
    climbed = climb(probe, engine)
    assert climbed.ladder is not None
    rungs = (*climbed.ladder.rungs, *climbed.ladder.others)
    assert engine.calls == [len(rungs) * len(probe.arms)]
    assert all(len(r.scores) == len(probe.arms) for r in rungs)
    assert climbed.arms == probe.arms


@pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
def test_a_ladder_stands_from_the_most_specific_unethical_rung_to_the_most_specific_ethical_one(item: Item) -> None:
    engine = Engine()
    ladder = climb(ask(engine, item), engine).ladder
    assert ladder is not None
    told_answer = [] if item.benchmark == "admissions" else ["specificity-3"]
    assert [r.correction for r in ladder.rungs] == [
        *("negation-2", "negation-1", "negation-0"),
        "baseline",
        *("specificity-0", "specificity-1", "specificity-2"),
        *told_answer,
    ]
    others = ["cot", "match-stats"] if item.benchmark == "winogender" else ["cot"]
    assert [r.correction for r in ladder.others] == others


def by_conversation(scoring: Scoring) -> Sequence[float]:
    """Log-probabilities that depend on all that was said before."""
    said = sum(map(ord, "".join(m.content for m in scoring.messages)))
    return [-1 - (said * (k + 3) % 97) / 50 for k in range(len(scoring.continuations))]


@pytest.mark.parametrize("item", [WINOGENDER, ADMISSIONS], ids=lambda i: i.benchmark)
@pytest.mark.parametrize("manner", [FOLLOW, SINGLE, Manner(form=Form.FREE)], ids=lambda m: f"{m.mode}-{m.form}")
def test_a_rung_scores_what_the_visitors_own_turn_would(item: Item, manner: Manner) -> None:
    engine = Engine([f" {item.options[0].text}"], scores=by_conversation)
    probe = ask(engine, item, manner)
    ladder = climb(apply(probe, engine, "review"), engine).ladder
    assert ladder is not None
    for rung in (*ladder.rungs, *ladder.others):
        turn = -1
        done = probe if rung.correction == "baseline" else apply(probe, engine, rung.correction)
        assert rung.scores == tuple(a.turns[turn].score for a in done.arms), rung.correction
        assert rung.turns[0].instruction == done.arms[0].turns[turn].instruction


def test_a_ladder_without_a_baseline_asks_it_first_and_shows_it() -> None:
    engine = Engine([" his"])
    stages = list(climbing.climb(new(), engine, PROMPTS, StopFlag()))
    assert stages[0].arms[0].turns[0].status is Status.RUNNING
    assert stages[-1].asked
    assert stages[-1].ladder is not None
    assert stages[-1].turns == 1


def test_a_ladder_whose_baseline_fails_is_no_ladder() -> None:
    probe = climb(new(), Engine([ModelError("broken")]))
    assert probe.ladder is None
    assert probe.arms[0].turns[-1].status is Status.FAILED


@pytest.mark.parametrize("before", [False, True])
def test_a_stop_while_the_ladder_thinks_leaves_it_as_it_was(before: bool) -> None:
    engine = Engine([" First of all"])
    probe = ask(engine)
    probe = climb(probe, engine) if before else probe
    engine.stop_after, engine.calls = 1, []
    assert list(climbing.climb(probe, engine, PROMPTS, StopFlag())) == []
    assert engine.calls == []
    assert (probe.ladder is not None) is before


def test_a_model_that_fails_on_the_ladder_says_so() -> None:
    engine = Engine([" his", ModelError("broken")])
    with pytest.raises(ModelError, match="broken"):
        climb(ask(engine), engine)


def test_the_ladder_is_lost_with_a_fresh_start_and_kept_by_undo() -> None:
    engine = Engine()
    climbed = climb(apply(ask(engine), engine, "review"), engine)
    assert climbed.undo().ladder == climbed.ladder
    fresh = climbed.restarted()
    assert (fresh.turns, fresh.ladder) == (0, None)


def test_the_baseline_turn_is_the_dialogue_modules_own() -> None:
    engine = Engine()
    turn = ask(engine).arms[0].turns[0]
    assert turn.exchanges[0].user == baseline(WINOGENDER, PROMPTS, ScoredBy.TEXT).exchanges[0].user


def test_a_model_that_fails_while_it_speaks_keeps_what_it_saw_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_YIELD_SECONDS", 0)

    class Breaking(Engine):
        def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
            yield " I would"
            raise ModelError("broken")

    engine = Breaking()
    turn = ask(engine).arms[0].turns[-1]
    assert (turn.status, turn.reply) == (Status.FAILED, " I would")
    assert turn.seen == engine.render((Message("user", PROMPTS.item(WINOGENDER)), Message("assistant", "Answer:")))
