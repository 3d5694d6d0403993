"""Waiting for a model: what is told meanwhile, and that a stop ends the waiting and nothing else."""

import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import gradio as gr
import pytest
from batch.made import bbq, in_folder
from catalogues import HUB, MANY, offering
from scripted import ScriptedEngine
from served import MODEL, make_context, serving

from moralsc.benchmarks import Source, load
from moralsc.engines.pool import EnginePool
from moralsc.errors import ModelError
from moralsc.models import catalogue, find
from moralsc.notation import bytes_of
from moralsc.prompts import default_prompts
from moralsc.settings import Settings
from moralsc.ui import app, loading, texts, updates, views
from moralsc.ui.choosing import Choosing
from moralsc.ui.context import Context
from moralsc.ui.explorer import Filters
from moralsc.ui.jobs import Job
from moralsc.ui.loading import Readiness, in_background, until_loaded
from moralsc.ui.parts import build_header, build_parts
from moralsc.ui.queues import Line
from moralsc.ui.running import Running

ITEM = load("winogender", Settings.from_env({}), Source.BUNDLED).items[0]
MANNER = ("follow-up", "primed", 0, 0, False, "template", "", "model")
REQUEST: Any = SimpleNamespace(session_hash="visitor")


class Slow:
    """A pool whose models come when the test lets them."""

    def __init__(self) -> None:
        self.gate, self.engine = threading.Event(), ScriptedEngine()
        self.pool = EnginePool(self.load, check=lambda name: name)

    def load(self, name: str) -> ScriptedEngine:
        for far in (10, 20):
            self.pool.downloads.note(name, far, 30)
        assert self.gate.wait(30)
        return self.engine


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(loading, "_TELL_SECONDS", 0.0)


def test_the_waiting_tells_how_far_a_download_is_and_ends_with_it() -> None:
    slow = Slow()
    waiting = until_loaded(slow.pool, "a", Job())
    while next(waiting) != (20, 30):
        pass
    slow.gate.set()
    assert set(waiting) <= {(20, 30), None}
    assert slow.pool.get("a") is slow.engine


def test_a_model_that_is_here_is_not_waited_for() -> None:
    slow = Slow()
    slow.gate.set()
    slow.pool.get("a")
    assert list(until_loaded(slow.pool, "a", Job())) in ([], [None])


def test_what_the_loading_raises_is_raised_here() -> None:
    def fail(name: str) -> ScriptedEngine:
        raise ModelError("It is gone.")

    with pytest.raises(ModelError, match="It is gone"):
        list(until_loaded(EnginePool(fail, check=lambda name: name), "a", Job()))


def test_a_stop_ends_the_waiting_and_not_the_download() -> None:
    slow, job = Slow(), Job()
    waiting = until_loaded(slow.pool, "a", job)
    next(waiting)
    job.stop()
    assert list(waiting) == []
    slow.gate.set()
    assert slow.pool.get("a") is slow.engine


def test_the_first_in_line_asks_and_a_stop_ends_the_waiting() -> None:
    line, order = Line(places=1), list[str]()

    def ask(name: str, job: Job) -> None:
        with line.turn(job):
            order.append(f"{name} stopped" if job.stopped else name)

    first, stopped = Job(), Job()
    with line.turn(first):
        waiting = threading.Thread(target=ask, args=("second", Job()))
        leaving = threading.Thread(target=ask, args=("third", stopped))
        waiting.start()
        leaving.start()
        assert order == []
        stopped.stop()
        leaving.join(30)
        assert order == ["third stopped"]
    waiting.join(30)
    assert order == ["third stopped", "second"]


def asked(running: Running, model: str) -> Iterator[Any]:
    """What Ask draws."""
    ticket = running.context.jobs.start("visitor")
    return running.ask(REQUEST, ticket, ITEM, None, model, "", "", (), *MANNER)


def test_after_a_failure_nothing_asks_and_a_bundled_model_is_offered() -> None:
    context = make_context(ScriptedEngine())

    def fail(name: str) -> ScriptedEngine:
        raise ModelError("It is gated: see https://hub/somebody/solo, then try again.")

    object.__setattr__(context, "engines", EnginePool(fail))
    with gr.Blocks():
        running = Running(context, build_parts(build_header(views.header([])), default_prompts()))
    p = running.parts
    with offering(MANY):
        *_, last = asked(running, HUB.name)
        assert last[p.status]["text"].startswith("It is gated")
        assert last[p.status]["address"] == "https://hub/somebody/solo"
        assert "instead" in last[p.status]["offer"]
        slip = running.recover("", None, None, "", HUB.name, REQUEST)
        assert slip[p.status]["text"] == texts.BUSY
        assert "offer" not in slip[p.status], "another model would be as busy"
        assert not context.jobs.running("visitor")
        *_, bundled = asked(running, MODEL)
        assert "offer" not in bundled[p.status], "there is nothing else to offer"


# Before anybody asks


def readiness(context: Context, name: str = MODEL) -> Readiness:
    return context.ahead.readiness(context.engines, name)


def with_pool(pool: EnginePool) -> Context:
    context = make_context(ScriptedEngine())
    object.__setattr__(context, "engines", pool)
    return context


def test_the_model_that_opens_the_page_is_loaded_before_anybody_asks_and_the_page_says_so() -> None:
    slow, said = Slow(), list[str]()
    context = with_pool(slow.pool)
    title = find(MODEL).title
    assert readiness(context) == Readiness()
    thread = in_background(lambda: context.ahead.load(slow.pool, MODEL, said.append))
    while not slow.pool.loading(MODEL):
        pass
    assert said == [f"Loading {title} ..."]
    assert readiness(context).coming
    assert title in readiness(context).text
    slow.gate.set()
    thread.join(30)
    assert readiness(context) == Readiness(f"{title} is ready.")
    assert said[1:] == [f"{title} is ready after 0 s."]


def test_a_visitor_who_asks_at_once_waits_for_the_same_loading() -> None:
    slow, loads = Slow(), list[str]()
    context = with_pool(EnginePool(lambda name: loads.append(name) or slow.load(name), check=lambda name: name))
    with gr.Blocks():
        running = Running(context, build_parts(build_header(views.header([])), default_prompts()))
    p = running.parts
    thread = in_background(lambda: context.ahead.load(context.engines, MODEL, lambda line: None))
    seen = asked(running, MODEL)
    while p.status not in (update := next(seen)):
        pass
    assert find(MODEL).title in update[p.status]["text"], "a sentence says what is waited for"
    slow.gate.set()
    *_, last = seen
    thread.join(30)
    assert loads == [MODEL]
    assert [u for u in (last,) if u], "and then comes the answer"


@pytest.mark.parametrize("error", [ModelError("It is damaged."), RuntimeError("a library broke")])
def test_a_loading_that_fails_stops_nothing_and_is_said_until_it_works(error: Exception) -> None:
    engines, errors, said = [ScriptedEngine()], [error], list[str]()

    def load(name: str) -> ScriptedEngine:
        if errors:
            raise errors.pop()
        return engines[0]

    context = with_pool(EnginePool(load, check=lambda name: name))
    done = list[str]()
    in_background(
        lambda: context.ahead.load(context.engines, MODEL, said.append), lambda: done.append("what comes next")
    ).join(30)
    assert done
    assert str(error) in said[-1]
    shown = readiness(context)
    assert shown.problem
    assert not shown.coming
    assert str(error) in shown.text
    assert texts.NOT_LOADED in shown.text
    with gr.Blocks():
        here = Choosing(context, build_parts(build_header(views.header([])), default_prompts()))
    other = next(name for name in catalogue() if name != MODEL)
    assert here.choose_model(other, MODEL, ITEM, REQUEST)[here.parts.model_line]["state"] == ""
    assert shown.text in here.choose_model(MODEL, other, ITEM, REQUEST)[here.parts.model_line]["state"]
    context.engines.get(MODEL)
    assert readiness(context) == Readiness(f"{find(MODEL).title} is ready.")


def test_the_page_looks_again_only_as_long_as_a_model_is_coming() -> None:
    slow = Slow()
    context = with_pool(slow.pool)
    with gr.Blocks():
        here = Choosing(context, build_parts(build_header(views.header([])), default_prompts()))
    p = here.parts
    thread = in_background(lambda: context.ahead.load(slow.pool, MODEL, lambda line: None))
    while not slow.pool.loading(MODEL):
        pass
    begun = updates.model_line(p, context, MODEL)
    assert begun[p.clock].active
    slow.pool.downloads.forget(MODEL)
    assert here.look_again(MODEL) == {}, "a screen reader hears nothing twice"
    slow.gate.set()
    thread.join(30)
    ended = here.look_again(MODEL)
    assert not ended[p.clock].active
    assert "is ready" in ended[p.model_line]["state"]


def test_starting_the_page_prepares_the_model_and_the_results(tmp_path: Path) -> None:
    loads = list[str]()
    context = make_context(ScriptedEngine(), results=tmp_path)
    object.__setattr__(
        context, "engines", EnginePool(lambda name: loads.append(name) or ScriptedEngine(), check=lambda name: name)
    )
    in_folder(tmp_path / "run", bbq(["unknown", "biased"]))
    app.prepare(context).join(60)
    assert loads == [MODEL]
    assert context.explorer.ready(Filters())


def test_the_page_can_be_had_before_anything_is_prepared_and_a_test_prepares_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, built, build = list[object](), list[gr.Blocks](), app.build_app
    monkeypatch.setattr(app, "prepare", lambda context: begun.append(urlopen(built[0].local_url).status))
    monkeypatch.setattr(app, "build_app", lambda context: built.append(build(context)) or built[0])
    settings = Settings(cache=tmp_path, port=0, results=tmp_path, open_with=(MODEL,))
    try:
        app.launch(settings, block=False)
        assert begun == [200]
    finally:
        built[0].close(verbose=False)
    with serving():
        assert begun == [200]


@pytest.mark.parametrize(
    ("text", "before", "address", "after"),
    [
        ("See https://hub/a/b, and log in.", "See ", "https://hub/a/b", ", and log in."),
        ("http://127.0.0.1:9 cannot be reached.", "", "http://127.0.0.1:9", " cannot be reached."),
        ("Go to https://hub/a.b.", "Go to ", "https://hub/a.b", "."),
    ],
)
def test_an_address_in_a_status_can_be_followed(text: str, before: str, address: str, after: str) -> None:
    view = updates.status(text)
    assert (view["text"], view["before"], view["address"], view["after"]) == (text, before, address, after)


@pytest.mark.parametrize("text", ["javascript:alert(1)", "ftp://x/y", "Done · 1 turn", "https://"])
def test_nothing_else_in_a_status_is_a_link(text: str) -> None:
    assert "address" not in updates.status(text)


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [(0, 270e6, "0 of 270 MB"), (12.4e6, 270e6, "12 of 270 MB"), (1.24e9, 3.42e9, "1.2 of 3.4 GB")],
)
def test_how_far_a_download_is_has_one_unit(done: float, total: float, said: str) -> None:
    assert bytes_of(done, total) == said
