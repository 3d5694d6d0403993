"""Jobs of a page's visitors: whose turn it is, what stays when they stop, and that a restarted server finds them."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from moralsc.batch import folder
from moralsc.batch.design import Design
from moralsc.batch.plan import Plan, make_plan
from moralsc.errors import InputError
from moralsc.hosting.job import Job, State, process, read_job, write_ticket
from moralsc.hosting.queue import MOST_OPEN, Queue
from moralsc.models import catalogue
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

MODEL = next(name for name, spec in catalogue().items() if spec.bundled)
DESIGN = Design.of(MODEL, "winogender:bundled", "specificity-0", limit=3)
# In place of `moralsc run`: says something and stays, as a long run does.
STAYS = (sys.executable, "-c", "import time; print('asking', flush=True); time.sleep(600)")
# `moralsc run` with a model that takes forever to load in a run's first attempt and no time in those after it.
LATER = (
    sys.executable,
    "-c",
    f"""
import json, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from batch.fakes import fake
from moralsc import cli
from moralsc.batch import run
from moralsc.models import find
def load(name, **how):
    attempts = json.loads((Path(sys.argv[-1]) / "run.json").read_text())["attempts"]
    time.sleep(600 if len(attempts) == 1 else 0)
    return fake(find(name))
run.load_local = load
cli.main()
""",
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(DESIGN, default_prompts(), Settings(cache=Path("unused")))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache=tmp_path / "cache", offline=True)


@pytest.fixture
def make(tmp_path: Path, settings: Settings) -> Iterator[Callable[..., Queue]]:
    """Makes queues of one folder, and ends whatever they started."""

    def made(program: tuple[str, ...] = STAYS, **limits: int) -> Queue:
        return Queue(tmp_path / "jobs", replace(settings, **limits), program)

    yield made
    for path in (tmp_path / "jobs").glob("*"):
        if (job := read_job(path)) and (running := process(job.ticket)):
            running.kill()


def until(job: Callable[[], Job], *states: State) -> Job:
    ended = time.monotonic() + 120
    while (found := job()).state not in states:
        assert time.monotonic() < ended, f"{found.state}: {found.reason}"
        time.sleep(0.05)
    return found


@pytest.mark.slow
def test_a_job_is_a_real_run_that_stops_goes_on_and_ends_complete(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make((sys.executable, "-m", "moralsc"))
    job = queue.submit(plan, "me")
    assert job.state is State.RUNNING
    stopped = queue.stop(job.id, "me")
    assert stopped.state is State.STOPPED
    assert queue.resume(job.id, "me").state is State.RUNNING
    ended = until(lambda: queue.job(job.id, "me"), State.COMPLETE, State.FAILED)
    assert ended.state is State.COMPLETE, ended.reason
    assert ended.status is not None
    assert ended.status.done == plan.rows == len(list(folder.records(ended.run)))
    assert ended.left == 0
    assert ended.design == DESIGN


def test_one_runs_and_the_next_starts_when_it_has_ended(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make()
    first, second = queue.submit(plan, "me"), queue.submit(plan, "you")
    assert (first.state, second.state) == (State.RUNNING, State.WAITING)
    assert queue.ahead(second) == 1
    queue.stop(first.id, "me")
    assert queue.job(second.id, "you").state is State.RUNNING


def test_a_visitor_runs_one_job_however_much_room_there_is(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make(runs=3)
    states = [queue.submit(plan, who).state for who in ("me", "me", "you")]
    assert states == [State.RUNNING, State.WAITING, State.RUNNING]


def test_visitors_take_turns_however_many_jobs_one_of_them_has(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make()
    mine = [queue.submit(plan, "me") for _ in range(3)]
    yours = [queue.submit(plan, "you") for _ in range(2)]
    started = []
    for _ in range(5):
        running = next(j for who in ("me", "you") for j in queue.jobs(who) if j.state is State.RUNNING)
        started.append(running.id)
        queue.stop(running.id, "me" if running in queue.jobs("me") else "you")
    assert started == [mine[0].id, yours[0].id, mine[1].id, yours[1].id, mine[2].id]


def test_a_plan_with_too_many_items_is_refused_with_both_numbers(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make(run_items=plan.items - 1)
    with pytest.raises(InputError, match=rf"asks {plan.items} items.* limited to {plan.items - 1}"):
        queue.submit(plan, "me")
    assert queue.jobs("me") == []
    assert make(run_items=plan.items).submit(plan, "me").state is State.RUNNING


def test_a_visitor_cannot_fill_the_queue(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make()
    for _ in range(MOST_OPEN):
        queue.submit(plan, "me")
    with pytest.raises(InputError, match="waiting or running"):
        queue.submit(plan, "me")
    assert queue.submit(plan, "you").state is State.WAITING


def test_nobody_sees_or_stops_anothers_job(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make()
    job = queue.submit(plan, "me")
    assert queue.jobs("you") == []
    for act in (queue.job, queue.stop, queue.resume, queue.remove):
        with pytest.raises(InputError, match="no such run"):
            act(job.id, "you")
    assert queue.job(job.id, "me").state is State.RUNNING
    assert "me" not in json.loads((job.path / "job.json").read_text()).values()


def test_a_restarted_server_finds_the_run_still_running(make: Callable[..., Queue], plan: Plan) -> None:
    job = make().submit(plan, "me")
    again = make()
    again.tick()
    assert again.job(job.id, "me") == job
    assert again.submit(plan, "you").state is State.WAITING
    assert again.stop(job.id, "me").state is State.STOPPED


def test_a_process_that_was_killed_has_failed_and_can_go_on(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make(LATER)
    job = queue.submit(plan, "me")
    until_head = time.monotonic() + 120
    while not (job.run / "run.json").is_file():
        assert time.monotonic() < until_head
        time.sleep(0.02)
    os.kill(job.ticket.pid, signal.SIGKILL)
    failed = until(lambda: queue.job(job.id, "me"), State.FAILED)
    assert "ended from outside" in failed.reason
    queue.resume(job.id, "me")
    assert until(lambda: queue.job(job.id, "me"), State.COMPLETE).status is not None


def test_a_run_that_refuses_says_why(make: Callable[..., Queue], plan: Plan, tmp_path: Path) -> None:
    queue = make((sys.executable, "-m", "moralsc"))
    job = queue.submit(replace(plan, design=replace(DESIGN, models=("nobody",))), "me")
    failed = until(lambda: queue.job(job.id, "me"), State.FAILED)
    assert "nobody" in failed.reason
    assert failed.status is None
    assert failed.left is None


def test_a_removed_job_is_gone_and_its_process_too(make: Callable[..., Queue], plan: Plan) -> None:
    queue = make()
    job = queue.submit(plan, "me")
    queue.remove(job.id, "me")
    assert queue.jobs("me") == []
    assert not job.path.exists()
    queue.tick()
    assert not psutil.pid_exists(job.ticket.pid)


def test_old_jobs_are_deleted_where_the_maintainer_says_so_but_no_open_ones(
    make: Callable[..., Queue], plan: Plan
) -> None:
    queue = make()
    running, old, new = (queue.submit(plan, who) for who in ("me", "you", "them"))
    for job in (old, new):
        queue.stop(job.id, "you" if job is old else "them")
    for job in (running, old):
        ticket = read_job(job.path).ticket  # type: ignore[union-attr]
        write_ticket(job.path, replace(ticket, created=1.0, started=min(ticket.started, 1.0)))
    queue.tick()
    assert old.path.exists()
    make(run_days=1).tick()
    assert [job.path.exists() for job in (running, old, new)] == [True, False, True]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"owner": 1, "wish": "fly"}'])
def test_a_folder_that_holds_no_job_is_passed_over(make: Callable[..., Queue], plan: Plan, text: str) -> None:
    queue = make()
    job = queue.submit(plan, "me")
    other = job.path.parent / "other"
    other.mkdir()
    (other / "job.json").write_text(text)
    queue.tick()
    assert [found.id for found in queue.jobs("me")] == [job.id]
