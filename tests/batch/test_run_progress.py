"""Progress moves with every token, its estimate follows the work, and nothing is ever said to be done that is not."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from batch.fakes import FAKES, OTHER, PROMPTS, SETTINGS, SPEC, design, fake, plan_of, untimed
from catalogues import offering

from moralsc.batch import folder
from moralsc.batch.ask import Asker
from moralsc.batch.design import Design
from moralsc.batch.plan import Plan
from moralsc.batch.progress import Meter, Progress, Work
from moralsc.batch.run import run
from moralsc.dialogue import Form
from moralsc.engines.batching import batched
from moralsc.experiment.turns import ANSWER_TOKENS, REASONING_TOKENS
from moralsc.models import ModelSpec

MADE = design(["winogender:bundled"], "specificity-0,cot", limit=8, batch=4)
BOTH = replace(MADE, models=("fake", "other"))
WORK = Work(written=100, writing=20.0, read=1000, scoring=5.0)
"""What each batch of these tests takes when it is done."""


def sized(fakes: int, others: int) -> dict[str, ModelSpec]:
    return {"fake": replace(SPEC, parameters=fakes), "other": replace(OTHER, parameters=others)}


def after(plan: Plan, batches: int, work: Work = WORK) -> tuple[Meter, list[Progress]]:
    meter = Meter(plan, ())
    return meter, [meter.add(b, (), work.writing + work.scoring, work) for b in plan.batches[:batches]]


def left(progress: Progress) -> float:
    assert progress.left is not None
    return progress.left


def test_the_most_that_a_batch_may_write_is_every_text_at_its_longest() -> None:
    plan = plan_of(MADE)
    batch = plan.batches[0]
    texts = len(batch.tasks)
    assert plan.most_tokens(batch) == texts * (ANSWER_TOKENS[Form.PRIMED] + REASONING_TOKENS)
    spoken = plan_of(replace(MADE, spoken=True))
    assert spoken.most_tokens(batch) == texts * (3 * ANSWER_TOKENS[Form.PRIMED] + REASONING_TOKENS)


def test_the_estimate_is_the_time_of_equal_batches_and_ends_at_nothing() -> None:
    plan = plan_of(MADE)
    n = len(plan.batches)
    assert n == 4
    _, seen = after(plan, n)
    assert [left(p) for p in seen] == [pytest.approx(25.0 * k) for k in range(n - 1, -1, -1)]
    assert [p.written for p in seen] == [100, 200, 300, 400]
    assert [p.read for p in seen] == [1000, 2000, 3000, 4000]
    assert [p.done for p in seen] == [plan.rows * k // n for k in range(1, n + 1)]
    assert {p.speed for p in seen} == {5.0}
    assert not any(p.at_most for p in seen)


def test_the_estimate_falls_while_a_batch_is_written_and_then_scored() -> None:
    plan = plan_of(MADE)
    meter, (first,) = after(plan, 1)
    steps = [Work(k, k / 5) for k in range(0, 100, 10)] + [Work(100, 20.0, k * 100, k / 2) for k in range(1, 10)]
    seen = [meter.moved(plan.batches[1], work) for work in steps]
    assert [left(p) for p in seen] == sorted((left(p) for p in seen), reverse=True)
    assert left(first) == pytest.approx(75.0) == pytest.approx(left(seen[0]))
    assert left(seen[5]) == pytest.approx(50 + 10 + 5)
    assert left(seen[14]) == pytest.approx(50 + 2.5)
    assert [p.written for p in seen][:3] == [100, 110, 120]
    assert {p.done for p in seen} == {first.done}


def test_a_machine_that_becomes_slow_within_a_batch_raises_the_estimate_for_all_that_is_left() -> None:
    plan = plan_of(MADE)
    meter, _ = after(plan, 1)
    usual, crowded = (left(meter.moved(plan.batches[1], Work(50, s))) for s in (10.0, 100.0))
    assert crowded > 3 * usual


def test_before_a_batch_is_done_the_longest_that_writing_can_take_is_said_as_that() -> None:
    plan = plan_of(MADE)
    meter, batch = Meter(plan, ()), plan.batches[0]
    assert meter.moved(batch, Work()).words == ()
    told = meter.moved(batch, Work(written=64, writing=32.0))
    everything = sum(map(plan.most_tokens, plan.batches))
    assert told.at_most
    assert left(told) == pytest.approx((everything - 64) / 2)
    assert told.words[0] == "64 tokens written, 2.0 a second"
    assert re.fullmatch(r"at most .* of writing left", told.words[1])


def test_while_the_only_batch_is_scored_no_time_is_said_to_be_left_for_writing() -> None:
    plan = plan_of(design(["winogender:bundled"], "none", limit=1, batch=4))
    told = Meter(plan, ()).moved(plan.batches[0], Work(10, 5.0, 77, 3.0))
    assert len(plan.batches) == 1
    assert told.words == ("10 tokens written, 2.0 a second", "77 read for scoring")


@pytest.mark.parametrize("work", [Work(), Work(0, 500.0), Work(9999, 500.0), Work(100, 20.0, 99_999, 900.0)], ids=str)
@pytest.mark.parametrize("tiny", [0.0, 1e-6, 25.0])
def test_no_time_is_never_left_while_work_remains(work: Work, tiny: float) -> None:
    plan = plan_of(MADE)
    last = plan.batches[-1]
    meter, seen = after(plan, len(plan.batches) - 1, Work(100, tiny * 0.8, 1000, tiny * 0.2))
    for progress in (*seen, meter.moved(last, work)):
        assert progress.done < progress.planned
        assert " 0 s" not in " ".join(progress.words)
    assert not any("left" in word for word in meter.add(last, (), 1.0, work).words)


@pytest.mark.parametrize("sizes", [(0, 0), (0, 1000), (1000, 0)])
def test_a_model_of_unknown_size_is_taken_to_need_as_much_as_the_one_before_it(sizes: tuple[int, int]) -> None:
    with offering(sized(*sizes)):
        plan = plan_of(BOTH)
        _, seen = after(plan, 1)
    assert left(seen[0]) == pytest.approx(25.0 * (len(plan.batches) - 1))


def test_a_larger_model_is_taken_to_need_more_until_it_is_asked() -> None:
    with offering(sized(1000, 10_000)):
        plan = plan_of(BOTH)
        n = len(plan.batches) // 2
        meter, seen = after(plan, n)
        quick = meter.moved(plan.batches[n], Work(50, 10.0))
        usual = meter.moved(plan.batches[n], Work(50, 100.0))
        slow = meter.moved(plan.batches[n], Work(50, 1000.0))
    assert left(seen[-1]) == pytest.approx(250.0 * n)
    assert left(quick) < left(usual) < left(seen[-1]) < left(slow)


def test_several_processes_share_what_is_left() -> None:
    plan = plan_of(MADE)
    meter = Meter(plan, (), processes=3)
    meter.add(plan.batches[0], (), 25.0, WORK)
    assert left(meter.add(plan.batches[1], (), 25.0)) == pytest.approx(2 * 25.0 / 3)


def test_a_batch_tells_what_is_written_while_it_is_asked() -> None:
    seen: list[Work] = []
    asker = Asker(batched(fake()), PROMPTS, MADE)
    batch = plan_of(MADE).batches[0]
    records = asker.ask(batch, seen.append)
    replies = sum(r.reply is not None for r in records) + sum(r.reasoning is not None for r in records)
    assert [w.written for w in seen[:-1]] == list(range(1, len(seen)))
    assert seen[-1].written == len(seen) - 1 == 2 * replies  # the fake engine gives every reply in two pieces
    assert all(w.scoring == 0 for w in seen[:-1])
    assert seen[-1].scoring > 0
    assert untimed(records) == untimed(Asker(batched(fake()), PROMPTS, MADE).ask(batch))


def ask(made: Design, out: Path, **more: object) -> folder.Status:
    return run(made, out, SETTINGS, load=lambda name: fake(FAKES[name]), **more)  # type: ignore[arg-type]


def test_a_runs_folder_tells_its_progress_until_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_TELL_SECONDS", 0.0)
    seen: list[tuple[Progress, Progress | None]] = []
    ask(MADE, tmp_path / "run", on_work=lambda p: seen.append((p, folder.progress(tmp_path / "run"))))
    assert len({p.written for p, _ in seen}) > 20
    assert all(told == shown for shown, told in seen)
    assert folder.progress(tmp_path / "run") is None
    assert not [path.name for path in (tmp_path / "run").iterdir() if "progress" in path.name]


def test_what_an_earlier_attempt_told_is_forgotten_when_another_begins(tmp_path: Path) -> None:
    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(MADE, tmp_path / "run", SETTINGS, load=lambda name: fake(FAKES[name], before=die))
    (tmp_path / "run" / folder.PROGRESS).write_text("{torn")
    assert folder.progress(tmp_path / "run") is None
    with pytest.raises(KeyboardInterrupt):
        run(MADE, tmp_path / "run", SETTINGS, load=lambda name: fake(FAKES[name], before=die))
    assert not (tmp_path / "run" / folder.PROGRESS).exists()


def test_what_goes_wrong_while_progress_is_shown_is_no_failure_of_the_model(tmp_path: Path) -> None:
    def broken(progress: Progress) -> None:
        raise BrokenPipeError

    ask(MADE, tmp_path / "shown", on_work=broken)
    ask(MADE, tmp_path / "alone")
    records: Sequence[list[object]] = [untimed(list(folder.records(tmp_path / n))) for n in ("shown", "alone")]
    assert records[0] == records[1]
