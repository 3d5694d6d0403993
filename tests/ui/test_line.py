"""Visitors who stand in line: who leaves it asks nothing and loses nothing, and a full line turns away."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from catalogues import HUB, MANY, offering
from hand_made import WINOGENDER
from served import MODEL, GatedEngine, make_context

from moralsc.engines.base import Engine
from moralsc.engines.pool import EnginePool
from moralsc.errors import InputError, ModelError
from moralsc.experiment.probe import Probe
from moralsc.prompts import default_prompts
from moralsc.ui import texts, views
from moralsc.ui.jobs import Job
from moralsc.ui.link import Step
from moralsc.ui.parts import build_header, build_parts
from moralsc.ui.running import Running

MANNER = ("follow-up", "primed", 0, 0, False, None, None, None)
STEPS = (Step("review"),)


class Visitors:
    """Visitors of one page whose model is there; none waits longer than a test may."""

    def __init__(self, queue: int = 32) -> None:
        self.engine = GatedEngine()
        self.context = make_context(self.engine, queue=queue)
        with gr.Blocks():
            self.running = Running(self.context, build_parts(build_header(views.header([])), default_prompts()))
        self.parts = self.running.parts
        self.drawn: dict[str, list[Any]] = {}
        self.threads: list[threading.Thread] = []

    def ask(
        self, name: str, probe: Probe | None = None, model: str = MODEL, press: str = "ask", **own: Any
    ) -> list[Any]:
        """What a button draws, to its end."""
        ticket = self.context.jobs.start(name)
        request: Any = SimpleNamespace(session_hash=name)
        chosen, text = own.get("chosen", ""), own.get("text", "")
        event: Iterator[Any] = getattr(self.running, press)(
            request, ticket, WINOGENDER, probe, model, chosen, text, own.get("steps", ()), *MANNER
        )
        # Gradio's word for "nothing changes" is no dictionary of components.
        self.drawn[name] = [update for update in event if any(part in update for part in self.parts.all)]
        return self.drawn[name]

    def come(self, name: str, probe: Probe | None = None, **own: Any) -> None:
        """Ask from a thread, as gradio does."""
        self.threads.append(threading.Thread(target=self.ask, args=(name, probe), kwargs=own))
        self.threads[-1].start()

    def gone(self) -> None:
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()

    def status(self, name: str) -> str:
        """The last sentence that the visitor reads."""
        return [str(update[self.parts.status]["text"]) for update in self.drawn[name] if self.parts.status in update][
            -1
        ]


def until(true: Callable[[], bool]) -> None:
    last = time.monotonic() + 15
    while not true():
        assert time.monotonic() < last
        time.sleep(0.005)


@pytest.fixture
def waiting() -> Iterator[Visitors]:
    """A visitor with a finished dialogue and a link's corrections, who waits in line to ask again."""
    here = Visitors()
    probe = next(u[here.parts.state_probe] for u in reversed(here.ask("one")) if here.parts.state_probe in u)
    with ExitStack() as others:
        for _ in range(2):
            others.enter_context(here.context.line.turn(Job()))
        here.come("one", probe, steps=STEPS)
        until(lambda: here.context.line.waiting == 1)
        yield here
    here.gone()


def test_a_stop_in_line_leaves_the_dialogue_and_the_links_corrections(waiting: Visitors) -> None:
    waiting.context.jobs.stop("one")
    waiting.gone()
    assert waiting.status("one") == texts.STOPPED_IN_LINE
    assert [set(update) for update in waiting.drawn["one"][-1:]] == [{waiting.parts.status}]
    assert not any(waiting.parts.state_probe in update for update in waiting.drawn["one"])
    assert len(waiting.engine.streamed) == 1
    assert not waiting.context.jobs.running("one")


def test_who_chose_something_else_in_line_is_shown_nothing_of_the_old_dialogue(waiting: Visitors) -> None:
    waiting.context.jobs.discard("one")
    waiting.gone()
    assert not any({waiting.parts.state_probe, waiting.parts.state_steps} & set(u) for u in waiting.drawn["one"])
    assert texts.STOPPED_IN_LINE not in str(waiting.drawn["one"])
    assert len(waiting.engine.streamed) == 1


@pytest.mark.parametrize("queue", [1, 3])
def test_beyond_the_setting_a_visitor_is_turned_away_and_those_in_line_are_not(queue: int) -> None:
    here = Visitors(queue)
    here.engine.gate.clear()
    try:
        for k in range(2):
            here.come(f"asks {k}")
        until(lambda: len(here.engine.streamed) == 2)
        for k in range(queue):
            here.come(f"waits {k}")
        until(lambda: here.context.line.waiting == queue)
        here.come("too many", steps=STEPS)
        until(lambda: "too many" in here.drawn)
        (*_, last) = here.drawn["too many"]
        assert last == {here.parts.status: last[here.parts.status]}, "a link's corrections are kept"
        assert last[here.parts.status]["text"] == texts.BUSY
        assert "offer" not in last[here.parts.status]
        assert not here.context.jobs.running("too many")
        assert here.context.line.waiting == queue
    finally:
        here.engine.gate.set()
        here.gone()
    assert all(here.status(name).startswith("Done · 1 turn") for name in here.drawn if name != "too many")
    assert here.ask("too many")
    assert here.status("too many").startswith("Done · 1 turn")


def test_a_bundled_model_is_offered_for_what_the_model_cannot_do_and_not_for_a_slip() -> None:
    here = Visitors()
    with offering({**MANY, MODEL: here.engine.spec}):
        (*_, slip) = here.ask("one", model=HUB.name, press="apply", chosen="review")
        assert "Ask the item first" in slip[here.parts.status]["text"]
        assert "offer" not in slip[here.parts.status]
        here.engine.answers = [ModelError("The graphics card is gone.")]
        here.ask("one", model=HUB.name)
        *_, failed = [u for u in here.drawn["one"] if here.parts.status in u]
        assert "graphics card is gone" in failed[here.parts.status]["text"]
        assert "instead" in failed[here.parts.status]["offer"]


def test_a_model_that_may_not_be_asked_here_is_no_failed_one() -> None:
    here = Visitors()

    def refuse(name: str) -> Engine:
        raise InputError("It is not offered here.")

    object.__setattr__(here.context, "engines", EnginePool(refuse))
    with offering({**MANY, MODEL: here.engine.spec}):
        (*_, refused) = here.ask("one", model=HUB.name)
    assert refused[here.parts.status]["text"] == "It is not offered here."
    assert "offer" not in refused[here.parts.status]
