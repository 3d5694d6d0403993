"""The Run section without a browser: what a plan says, who may do what, and that bad input loses nothing."""

import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from catalogues import HUB, LIMIT, NINE, offering
from run_page import end_runs

from moralsc.batch.design import Design, Order
from moralsc.batch.folder import Status
from moralsc.batch.plan import Plan, make_plan
from moralsc.batch.progress import Progress
from moralsc.batch.run import run
from moralsc.errors import InputError
from moralsc.hosting.job import RUN, Job, State, Ticket, owner_of
from moralsc.hosting.pace import estimate
from moralsc.hosting.queue import MOST_OPEN, Queue
from moralsc.models import catalogue
from moralsc.prompts import default_prompts
from moralsc.settings import Settings
from moralsc.ui import run_views
from moralsc.ui.context import new_context
from moralsc.ui.run_choices import USUAL, design_of, missing
from moralsc.ui.run_events import CHANGED, RunEvents
from moralsc.ui.run_parts import build_parts
from moralsc.ui.run_readings import Readings

MODEL = next(name for name, spec in catalogue().items() if spec.bundled)
ME, YOU = "m" * 64, "y" * 64
# models, benchmarks, categories, corrections, rounds, mode, form, order, limit, seed
ASKED: list[Any] = [
    [MODEL], ["winogender:bundled"], [], ["specificity-0"], 0, "follow-up", "primed", "fixed", 1, 0
]  # fmt: skip
STAYS = (sys.executable, "-c", "import time; time.sleep(600)")
Make = Callable[..., RunEvents]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    def made(program: tuple[str, ...] = STAYS, **settings: Any) -> RunEvents:
        context = new_context(Settings(cache=tmp_path / "cache", offline=True, **settings))
        with gr.Blocks(analytics_enabled=False):
            parts = build_parts(context.prompts, MODEL)
        queue = Queue(tmp_path / "cache" / "runs", context.settings, program)
        return RunEvents(context, queue, parts, Readings(context.prompts.corrections))

    yield made
    end_runs(tmp_path / "cache")


def asked(**changes: Any) -> list[Any]:
    names = "models benchmarks categories corrections rounds mode form order limit seed".split()
    return [changes.get(name, value) for name, value in zip(names, ASKED, strict=True)]


def event(**data: str) -> gr.EventData:
    return gr.EventData(None, data)


def jobs(events: RunEvents, shown: dict[Any, Any]) -> list[dict[str, Any]]:
    return list((shown[events.parts.runs]["jobs"] or {}).values())


def started(events: RunEvents, secret: str = ME) -> dict[str, Any]:
    planned = events.plan(*ASKED)[events.parts.state_planned]
    return jobs(events, events.start(secret, planned))[0]


def test_a_plan_counts_as_the_command_does_and_gives_the_same_command(make: Make) -> None:
    events = make()
    shown = events.plan(*ASKED)
    design = Design.of(MODEL, "winogender:bundled", "specificity-0", limit=1)
    plan = make_plan(design, default_prompts(), events.context.settings)
    assert shown[events.parts.state_planned] == design
    counts = [fact["count"] for fact in shown[events.parts.plan_view]["facts"].values()]
    assert counts == [str(n) for n in (plan.items, plan.dialogues, plan.rows, plan.replies)]
    line = shown[events.parts.command]["value"]
    assert line == f"{' '.join(design.command)} --out {run_views.OUT}"
    assert shown[events.parts.start]["interactive"]
    assert "first batch" in shown[events.parts.plan_view]["time"]


def test_categories_belong_to_the_benchmark_that_they_name() -> None:
    both = ["bbq:bundled", "bbq", "winogender:bundled"]
    design = design_of(*asked(benchmarks=both, categories=["bbq:bundled:Age", "bbq:SES", "bbq:bundled:SES"]))
    assert [s.key for s in design.benchmarks] == ["bbq:bundled:Age,SES", "bbq:SES", "winogender:bundled"]


@pytest.mark.parametrize("order", [None, USUAL])
def test_the_usual_order_is_that_of_the_models(order: str | None) -> None:
    with offering({**NINE, "real": HUB}):
        assert design_of(*asked(order=order)).order is Order.FIXED
        assert design_of(*asked(order=order, models=[MODEL, "real"])).order is Order.BALANCED
        assert design_of(*asked(order="fixed", models=["real"])).order is Order.FIXED


def test_the_plan_says_which_order_is_asked_and_what_that_means(make: Make) -> None:
    events = make()
    for order in ("fixed", "balanced"):
        lines = events.plan(*asked(order=order))[events.parts.plan_view]["data"].values()
        assert Order(order).sentence in lines


def test_a_running_run_shows_records_tokens_rate_and_time_left_also_within_its_first_batch() -> None:
    design = Design.of(MODEL, "winogender:bundled", "cot", limit=1)
    running = replace(job(design, 0.0, 0), state=State.RUNNING, status=Status(Path("j"), 0, 40, False, 0.0, None))
    first = Progress(MODEL, 0, 40, 0.0, 123, 45.6, 0, 600.0, at_most=True)
    later = Progress(MODEL, 20, 40, 2.0, 1234, 4.56, 5678, 0.2)

    def said(one: Job) -> str:
        (shown,) = run_views.runs([one], {}, {}, {})["jobs"].values()
        return str(shown["said"])

    assert said(running) == "loading the model"
    told = said(replace(running, progress=first))
    assert told == "done 0 of 40 · 123 tokens written, 46 a second · at most 10 min 00 s of writing left"
    half = replace(running, status=Status(Path("j"), 20, 40, False, 9.0, None), progress=later)
    assert (
        said(half)
        == "done 20 of 40 · 2.0 a second · 1234 tokens written, 4.6 a second · 5678 read for scoring · about 1 s left"
    )


def test_corrections_and_limit_may_be_left_empty() -> None:
    design = design_of(*asked(corrections=None, limit=None, seed=None))
    assert (design.corrections, design.limit, design.seed) == ((), None, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"models": []}, "at least one model"),
        ({"models": ["nobody"]}, "no model 'nobody'"),
        ({"benchmarks": None}, "at least one benchmark"),
        ({"benchmarks": ["winogender"]}, "not on this machine"),
        ({"limit": 0}, "Allowed: a whole number from 1"),
        ({"limit": 1.5}, "Allowed: a whole number"),
        ({"seed": -1}, "Allowed: a whole number from 0"),
        ({"corrections": [], "rounds": 2}, "Rounds follow a correction"),
        ({"corrections": ["custom"]}, "no correction for a run 'custom'"),
        ({"mode": "sometimes"}, "no mode 'sometimes'"),
    ],
)
def test_what_is_not_allowed_becomes_a_sentence_and_cannot_be_started(
    make: Make, changes: dict[str, Any], words: str
) -> None:
    events = make()
    shown = events.plan(*asked(**changes))
    assert words in shown[events.parts.plan_view]["problem"]
    assert shown[events.parts.state_planned] is None
    assert not shown[events.parts.start]["interactive"]
    assert not set(shown) & set(events.parts.asked), "what was chosen stays"


def test_a_plan_beyond_the_limit_shows_both_numbers_and_cannot_be_started(make: Make) -> None:
    events = make(run_items=3)
    shown = events.plan(*asked(limit=2))
    view = shown[events.parts.plan_view]
    assert view["barred"]
    assert "asks 4 items" in view["limit"]
    assert "limited to 3" in view["limit"]
    assert shown[events.parts.state_planned] is None
    assert not shown[events.parts.start]["interactive"]


@pytest.mark.parametrize(("most", "fits"), [(119, False), (120, True), (5, False)])
def test_a_plan_is_within_the_limit_exactly_if_all_its_items_are(make: Make, most: int, fits: bool) -> None:
    events = make(run_items=most)
    shown = events.plan(*asked(limit=None))
    assert (shown[events.parts.state_planned] is not None) is fits
    view = shown[events.parts.plan_view]
    assert f"imit{'ed to' if not fits else ' of'} {most}" in view["problem"] + view["limit"]


def test_start_runs_what_the_plan_showed_and_a_changed_choice_needs_a_new_plan(make: Make) -> None:
    events = make()
    p = events.parts
    planned = events.plan(*ASKED)[p.state_planned]
    other = events.changed(planned, *asked(seed=5))
    assert other[p.start]["interactive"] is False
    assert other[p.status]["text"] == CHANGED
    assert events.changed(planned, *ASKED)[p.start]["interactive"] is True
    assert p.start not in events.changed(None, *ASKED)


def test_a_limited_model_says_why_a_benchmark_is_not_asked(make: Make) -> None:
    with offering(NINE):
        events = make()
        chosen = asked(models=["mini-l-base"], benchmarks=["bbq:bundled", "winogender:bundled"])
        assert LIMIT in events.changed(None, *chosen)[events.parts.limits]["text"]
        assert any(LIMIT in line for line in events.plan(*chosen)[events.parts.plan_view]["skipped"].values())


def test_only_models_and_benchmarks_that_are_here_are_offered_and_chosen_ones_stay(make: Make) -> None:
    with offering(NINE):
        events = make()
        shown = events.arrive(["mini-l-aligned", "mini-s-base"], ["bbq", "bbq:bundled"], ["bbq:bundled:Age", "bbq:Age"])
    p = events.parts
    assert "mini-l-aligned" not in dict(map(reversed, shown[p.models]["choices"]))
    assert shown[p.models]["value"] == ["mini-s-base"]
    assert shown[p.benchmarks]["value"] == ["bbq:bundled"]
    assert shown[p.categories]["value"] == ["bbq:bundled:Age"]
    assert "moralsc data fetch NAME (NAME: winogender, bbq, " in missing(events.context.settings)


def test_a_start_is_in_the_list_at_once_and_its_secret_is_nowhere_on_disk(make: Make) -> None:
    events = make()
    job = started(events)
    assert (job["state"], job["stop"], job["resume"]) == ("running", True, False)
    files = [path for path in events.context.settings.cache.rglob("*") if path.is_file()]
    assert files
    assert not any(ME.encode() in path.read_bytes() for path in files)


def test_nobody_else_sees_or_moves_a_run(make: Make) -> None:
    events = make()
    job = started(events)
    assert jobs(events, events.look(YOU, "")) == []
    for act in ("stop", "resume", "remove", "delete"):
        with pytest.raises(InputError, match="no such run"):
            events.act(event(act=act, id=job["id"]), YOU, "")
    with pytest.raises(InputError, match="no such run"):
        events.download(event(id=job["id"]), YOU)
    assert jobs(events, events.look(ME, ""))[0]["state"] == "running"


@pytest.mark.parametrize("secret", ["", None, "short"])
def test_without_a_secret_there_is_no_list_that_all_would_share(make: Make, secret: Any) -> None:
    events = make()
    planned = events.plan(*ASKED)[events.parts.state_planned]
    with pytest.raises(InputError, match="no key"):
        events.look(secret, "")
    with pytest.raises(InputError, match="no key"):
        events.start(secret, planned)


def test_stop_resume_and_remove_which_asks_first(make: Make) -> None:
    events = make()
    id = started(events)["id"]

    def act(name: str) -> dict[str, Any]:
        shown = events.act(event(act=name, id=id), ME, "")
        return {"asking": shown[events.parts.state_asking], "jobs": jobs(events, shown)}

    assert act("stop")["jobs"][0]["state"] == "stopped"
    assert act("resume")["jobs"][0]["state"] == "running"
    asks = act("remove")
    assert asks["asking"] == id
    assert asks["jobs"][0]["asking"]
    kept = act("keep")
    assert not kept["jobs"][0]["asking"]
    assert act("delete")["jobs"] == []


def test_what_waits_says_how_many_are_ahead(make: Make) -> None:
    events = make()
    started(events, YOU)
    started(events)
    second = jobs(events, events.look(ME, ""))[0]
    assert (second["state"], second["said"]) == ("waiting", "1 run is ahead of it")


def test_too_many_open_runs_are_refused_and_the_plan_stays(make: Make) -> None:
    events = make()
    for _ in range(MOST_OPEN):
        started(events)
    with pytest.raises(InputError, match="waiting or running"):
        started(events)


@pytest.mark.parametrize("data", [{}, {"act": "fly", "id": "x"}, {"act": "stop", "id": "../.."}])
def test_a_made_up_action_is_a_sentence(make: Make, data: dict[str, str]) -> None:
    with pytest.raises(InputError):
        make().act(event(**data), ME, "")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(design_of(*asked(limit=2)), default_prompts(), Settings(cache=Path("unused")))


def test_a_download_holds_the_run_and_a_reading_comes_with_the_list(make: Make, plan: Plan) -> None:
    events = make()
    id = started(events)["id"]
    events.queue.stop(id, ME)
    with pytest.raises(InputError, match="nothing to download"):
        events.download(event(id=id), ME)
    folder = events.queue.job(id, ME).path / RUN
    run(plan.design, folder, events.context.settings)
    path = Path(events.download(event(id=id), ME)[events.parts.file])
    assert path.name == f"moralsc-run-{id}.zip"
    with zipfile.ZipFile(path) as archive:
        names = [name.partition("/")[2] for name in archive.namelist()]
    assert {"run.json", "records.parquet", "dictionary.json"} <= set(names)
    assert not any(name.startswith((".", "/")) for name in names)
    events.look(ME, "")
    events.readings._worker.shutdown(wait=True)
    shown = jobs(events, events.look(ME, ""))[0]
    assert shown["state"] == "complete"
    assert f"n = {plan.items})" in shown["reading"]
    score = shown["scores"]["0"]
    assert score["n"] == f"n = {plan.items}"
    assert [(bar["tick"], bar["side"]) for bar in score["bars"].values()] == [("Q", "baseline"), ("0", "ethical")]
    assert score["bars"]["0"]["value"] in shown["reading"]
    assert "lanted biases" in shown["marks"]


def job(design: Design, seconds: float, done: int) -> Job:
    ticket = Ticket(owner_of(ME), design.record(), 1, 0.0)
    return Job(Path("j"), ticket, State.COMPLETE, Status(Path("j"), done, done, True, seconds, None), "")


def test_an_estimate_goes_by_earlier_runs_of_the_same_model_and_of_as_much_text(plan: Plan) -> None:
    spoken, other = replace(plan.design, spoken=True), replace(plan.design, models=("somebody",))
    assert estimate(plan, []) is None
    assert estimate(plan, [job(other, 9.0, 3), job(plan.design, 9.0, 0)]) is None
    slow = estimate(plan, [job(spoken, 30.0, 10)])
    assert slow is not None
    assert slow.seconds == pytest.approx(3.0 * plan.rows)
    quick = estimate(plan, [job(spoken, 30.0, 10), job(plan.design, 10.0, 10), job(plan.design, 20.0, 10)])
    assert quick is not None
    assert (quick.seconds, quick.jobs) == (pytest.approx(1.5 * plan.rows), 2)


def test_texts_of_a_failed_run_cannot_act_in_the_page(plan: Plan) -> None:
    failed = replace(job(plan.design, 1.0, 1), state=State.FAILED, status=None, reason="${alert(1)} \\ <b>")
    view = run_views.runs([failed], {}, {}, default_prompts().corrections)
    assert view["jobs"]["0"]["said"] == "\\${alert(1)} \\\\ <b>"
