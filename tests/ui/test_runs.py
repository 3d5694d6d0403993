"""What the buttons do, as scenes: each of them ends with a sentence, and none shows what nobody waits for."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hand_made import ADMISSIONS, BBQ, WINOGENDER
from served import MODEL, GatedEngine, make_context

from moralsc.dialogue import Form, Message, Mode, Status
from moralsc.engines.base import Limits
from moralsc.errors import ModelError
from moralsc.experiment.probe import MAX_TURNS, Manner, Probe
from moralsc.items import Item
from moralsc.ui.jobs import Job
from moralsc.ui.link import Step
from moralsc.ui.runs import Action, Order, Scene, carry_out

REVIEW = Step("review")


def order(
    action: Action, *steps: Step, item: Item = WINOGENDER, model: str = MODEL, manner: Manner | None = None
) -> Order:
    return Order(action, model, item, manner or Manner(), steps)


def run(engine: GatedEngine, wanted: Order, probe: Probe | None = None, job: Job | None = None) -> list[Scene]:
    return list(carry_out(make_context(engine), wanted, probe, job or Job()))


def asked(engine: GatedEngine, item: Item = WINOGENDER) -> Probe:
    return done(run(engine, order(Action.ASK, item=item))[-1])


def done(scene: Scene) -> Probe:
    assert scene.probe is not None
    return scene.probe


def test_asking_says_that_it_asks_and_then_that_it_is_done() -> None:
    scenes = run(GatedEngine(), order(Action.ASK))
    assert scenes[0].status == "Asking the model…"
    assert scenes[-1].status.startswith("Done · 1 turn · ")
    assert not any(s.problem for s in scenes)
    assert done(scenes[-1]).asked


def test_asking_with_a_links_corrections_applies_them_in_order() -> None:
    engine = GatedEngine()
    last = run(engine, order(Action.ASK, Step("specificity-1"), Step("feedback", "Look again."), REVIEW))[-1]
    (dialogue,) = done(last).arms
    assert [t.correction for t in dialogue.turns] == ["baseline", "specificity-1", "feedback", "review"]
    assert dialogue.turns[2].text == "Look again."
    assert last.status.startswith("Done · 4 turns · ")


def test_applying_adds_a_turn_in_the_manner_of_now() -> None:
    engine = GatedEngine()
    probe = asked(engine)
    wanted = order(Action.APPLY, Step("specificity-0"), manner=Manner(Mode.SINGLE_TURN, temperature=0.5))
    applied = done(run(engine, wanted, probe)[-1])
    assert [t.mode for t in applied.arms[0].turns[1:]] == [Mode.SINGLE_TURN]
    assert applied.manner.temperature == 0.5


def test_the_order_of_options_stays_what_the_dialogue_began_with() -> None:
    engine = GatedEngine()
    probe = asked(engine)
    applied = done(run(engine, order(Action.APPLY, REVIEW, manner=Manner(seed=3, shuffle=True)), probe)[-1])
    assert applied.manner.shuffle is False
    assert [t.seed for t in applied.arms[0].turns] == [0, 3]
    assert applied.arms[0].item == probe.arms[0].item


def test_the_ladder_ends_with_its_count_and_leaves_the_dialogue() -> None:
    engine = GatedEngine()
    probe = done(run(engine, order(Action.APPLY, REVIEW), asked(engine))[-1])
    last = run(engine, order(Action.CLIMB), probe)[-1]
    assert last.status.startswith("Done · the ladder, 10 conditions · ")
    assert done(last).arms == probe.arms
    assert done(last).ladder is not None


def test_asking_again_drops_the_ladder_of_the_old_baseline() -> None:
    engine = GatedEngine()
    climbed = done(run(engine, order(Action.CLIMB))[-1])
    assert climbed.ladder is not None
    assert done(run(engine, order(Action.ASK), climbed)[-1]).ladder is None
    shuffled = done(run(engine, order(Action.ASK, manner=Manner(seed=2, shuffle=True)), climbed)[-1])
    assert shuffled.ladder is None


def test_a_failed_turn_can_be_followed_by_another_try_and_by_the_ladder() -> None:
    engine = GatedEngine()
    probe = asked(engine)
    engine.answers = [ModelError("too long"), " their"]
    engine.streamed.clear()
    failed = done(run(engine, order(Action.APPLY, REVIEW), probe)[-1])
    assert failed.arms[0].turns[-1].error == "too long"
    again = run(engine, order(Action.APPLY, REVIEW), failed)[-1]
    assert not again.problem
    assert done(again).arms[0].turns[-1].reply == " their"
    climbed = run(engine, order(Action.CLIMB), failed)[-1]
    assert climbed.status.startswith("Done · the ladder")
    assert not climbed.problem


def test_a_correction_is_never_applied_to_another_items_dialogue() -> None:
    engine = GatedEngine()
    probe = asked(engine)
    last = run(engine, order(Action.APPLY, REVIEW, item=BBQ), probe)[-1]
    assert last.problem
    assert "Ask the item first" in last.status


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (order(Action.APPLY, REVIEW), "Ask the item first"),
        (order(Action.APPLY, Step("")), "There is no correction ''"),
        (order(Action.ASK, Step("custom")), "needs a text"),
        (order(Action.ASK, Step("specificity-3"), item=ADMISSIONS), "not offered for this item"),
        (order(Action.ASK, model="mini-x"), "There is no model 'mini-x'"),
    ],
)
def test_what_cannot_be_done_ends_with_a_sentence(wanted: Order, sentence: str) -> None:
    last = run(GatedEngine(), wanted)[-1]
    assert last.problem
    assert sentence in last.status


def test_a_full_dialogue_says_so_and_keeps_its_turns() -> None:
    engine = GatedEngine()
    probe = done(run(engine, order(Action.ASK, *[REVIEW] * (MAX_TURNS - 1)))[-1])
    last = run(engine, order(Action.APPLY, REVIEW), probe)[-1]
    assert last.problem
    assert f"at most {MAX_TURNS}" in last.status
    assert done(last).turns == MAX_TURNS


@pytest.mark.parametrize("steps", [(), (REVIEW, REVIEW)])
def test_a_failing_model_ends_the_order_with_its_sentence(steps: tuple[Step, ...]) -> None:
    engine = GatedEngine([*[" their"] * len(steps[1:]), ModelError("The graphics card is gone.")])
    last = run(engine, order(Action.ASK, *steps))[-1]
    assert last.problem
    assert last.status == "The model failed: The graphics card is gone."
    assert done(last).arms[0].turns[-1].status is Status.FAILED
    assert done(last).turns == 1 + len(steps[1:])


def test_a_model_that_fails_on_the_ladder_ends_it_with_its_sentence() -> None:
    engine = GatedEngine([" their", ModelError("The graphics card is gone.")])
    last = run(engine, order(Action.CLIMB), asked(engine))[-1]
    assert last.problem
    assert "The graphics card is gone." in last.status
    assert done(last).ladder is None


@pytest.mark.parametrize(
    ("answer", "wanted", "failed"),
    [
        (" their", order(Action.ASK), False),
        (" their", order(Action.ASK, Step("feedback")), False),
        (" their", order(Action.APPLY, REVIEW), False),
        (ModelError("The graphics card is gone."), order(Action.ASK), True),
        (ModelError("The graphics card is gone."), order(Action.CLIMB), True),
    ],
)
def test_only_what_the_model_could_not_do_is_laid_to_it(answer: str | ModelError, wanted: Order, failed: bool) -> None:
    assert run(GatedEngine([answer]), wanted)[-1].failed is failed


def test_a_ladder_that_no_probabilities_can_draw_is_laid_to_the_model() -> None:
    last = run(Limited(Limits(probabilities=False)), order(Action.CLIMB))[-1]
    assert "gives none" in last.status
    assert last.failed


class Limited(GatedEngine):
    """An engine that says what it cannot do."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits


@pytest.mark.parametrize("continues", [True, False])
@pytest.mark.parametrize("form", Form)
def test_that_an_opening_could_not_be_sent_is_said_where_one_was_chosen(continues: bool, form: Form) -> None:
    engine = Limited(Limits(continues=continues))
    probe = None
    for wanted in (order(Action.ASK, manner=Manner(form=form)), order(Action.APPLY, REVIEW, manner=Manner(form=form))):
        last = run(engine, wanted, probe)[-1]
        probe = done(last)
        assert not last.problem
        assert ("without an opening" in last.status) is (form is Form.PRIMED and not continues)


def stopping(job: Job, at: int) -> GatedEngine:
    calls: list[Sequence[Message]] = []

    def answer(messages: Sequence[Message]) -> str:
        calls.append(messages)
        if len(calls) == at:
            job.stop()
        return " their"

    return GatedEngine(answer)


@pytest.mark.parametrize("at", [1, 2])
def test_a_stop_ends_the_order_and_says_so(at: int) -> None:
    job = Job()
    last = run(stopping(job, at), order(Action.ASK, REVIEW, REVIEW), job=job)[-1]
    assert last.status.startswith("Stopped.")
    assert not last.problem
    assert [t.status for t in done(last).arms[0].turns] == [Status.DONE] * (at - 1) + [Status.STOPPED]


@pytest.mark.parametrize("action", Action)
def test_nothing_is_shown_after_a_job_was_discarded(action: Action) -> None:
    engine = GatedEngine()
    probe = asked(engine)
    job = Job()
    scenes = carry_out(make_context(engine), replace(order(action, REVIEW), action=action), probe, job)
    next(scenes)
    next(scenes)
    job.discarded = True
    job.stop()
    assert list(scenes) == []
