"""Waiting for a model: what is told meanwhile, and that a stop ends the waiting and nothing else."""

import threading
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from catalogues import HUB, MANY, offering
from scripted import ScriptedEngine
from served import MODEL, make_context

from moralsc.engines.pool import EnginePool
from moralsc.errors import ModelError
from moralsc.notation import bytes_of
from moralsc.ui import loading, updates, views
from moralsc.ui.jobs import Job, Jobs
from moralsc.ui.loading import until_loaded
from moralsc.ui.parts import build_header, build_parts
from moralsc.ui.running import Running

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


def test_a_job_can_be_looked_at_until_a_run_takes_it() -> None:
    jobs = Jobs()
    ticket = jobs.start("one")
    job = jobs.waiting("one", ticket)
    assert job is not None
    assert jobs.waiting("one", "another") is None
    assert jobs.waiting("two", ticket) is None
    assert jobs.take("one", ticket) is job
    assert jobs.waiting("one", ticket) is None


def test_after_a_failure_nothing_asks_and_a_bundled_model_is_offered() -> None:
    context = make_context(ScriptedEngine())

    def fail(name: str) -> ScriptedEngine:
        raise ModelError("It is gated: see https://hub/somebody/solo, then try again.")

    object.__setattr__(context, "engines", EnginePool(fail))
    with gr.Blocks():
        running = Running(context, build_parts(build_header(views.header([]))))
    p = running.parts
    with offering(MANY):
        ticket = context.jobs.start("visitor")
        *_, last = running.load(REQUEST, ticket, HUB.name)
        assert last[p.status]["text"].startswith("It is gated")
        assert last[p.status]["address"] == "https://hub/somebody/solo"
        assert (last[p.instead]["visible"], "instead" in last[p.instead]["value"]) == (True, True)
        assert context.jobs.take("visitor", ticket) is None
        *_, bundled = running.load(REQUEST, context.jobs.start("visitor"), MODEL)
        assert bundled[p.instead]["visible"] == "hidden", "there is nothing else to offer"


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
