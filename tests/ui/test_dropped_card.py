"""A dropped card is the visitor's one job from the moment it is read, however long its model takes to come."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from batch.fakes import PROMPTS
from scripted import ScriptedEngine
from served import MODEL, make_context

from moralsc.answers import ScoredBy
from moralsc.benchmarks import Source, load
from moralsc.engines.base import StopFlag
from moralsc.engines.pool import EnginePool
from moralsc.errors import InputError, ModelError
from moralsc.experiment import probe as probing
from moralsc.experiment.card import card_of, to_json
from moralsc.experiment.probe import Manner
from moralsc.settings import Settings
from moralsc.ui import loading, texts
from moralsc.ui.dropped_card import DroppedCard

REQUEST: Any = SimpleNamespace(session_hash="visitor")
ITEM = load("winogender", Settings.from_env({}), Source.BUNDLED).items[0]


@dataclass
class Dropped:
    """The section, whose model comes when the test lets it."""

    card: Path
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.context = make_context(self.engine)
        object.__setattr__(self.context, "engines", EnginePool(self.load, check=lambda name: name))
        with gr.Blocks():
            self.handlers = DroppedCard(self.context, gr.File(), gr.Button(), gr.HTML())

    def load(self, name: str) -> ScriptedEngine:
        assert self.gate.wait(30)
        return self.engine

    def asked(self) -> Iterator[Any]:
        return self.handlers.ask_again(str(self.card), REQUEST)

    def waiting(self) -> Iterator[Any]:
        """Asked, until it says that the model is loading."""
        stream = self.asked()
        while "Loading" not in said(self, next(stream)):
            pass
        return stream


def said(dropped: Dropped, update: Any) -> str:
    return " ".join(update.get(dropped.handlers.result, {"lines": {}})["lines"].values())


@pytest.fixture
def dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dropped]:
    monkeypatch.setattr(loading, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(loading, "_TELL_SECONDS", 0.0)
    engine = ScriptedEngine()
    probe = probing.new_probe(MODEL, ITEM, Manner(), PROMPTS)
    *_, probe = probing.ask(probe, engine, PROMPTS, StopFlag())
    card = card_of(probe.arms[-1], MODEL, engine.provenance, PROMPTS.hash, ScoredBy.TEXT)
    (tmp_path / "card.json").write_text(to_json(card), encoding="utf-8")
    made = Dropped(tmp_path / "card.json")
    yield made
    made.gate.set()


def test_while_the_model_comes_nothing_else_of_the_visitor_begins_and_the_card_is_kept(dropped: Dropped) -> None:
    stream, jobs = dropped.waiting(), dropped.context.jobs
    with pytest.raises(InputError, match="still answering"):
        jobs.start("visitor")
    dropped.gate.set()
    *_, last = stream
    (turn,) = last[dropped.handlers.result]["turns"].values()
    assert turn["match"] == "same"
    assert last[dropped.handlers.card] is None
    assert not jobs.running("visitor")


def test_a_card_is_refused_at_once_while_the_visitor_is_answered_elsewhere(dropped: Dropped) -> None:
    jobs = dropped.context.jobs
    jobs.start("visitor")
    *_, last = dropped.asked()
    assert "still answering" in said(dropped, last)
    assert jobs.running("visitor"), "the other job stays"


def test_stop_ends_the_waiting(dropped: Dropped) -> None:
    stream = dropped.waiting()
    assert dropped.handlers.end(REQUEST)[dropped.handlers.stop]["interactive"] is False
    *_, last = stream
    assert said(dropped, last) == texts.STOPPED_WAITING
    assert not dropped.context.jobs.running("visitor")
    assert dropped.engine.streamed == dropped.engine.scored == []


def test_choosing_something_else_ends_the_waiting_and_waits_for_its_end(dropped: Dropped) -> None:
    stream, jobs = dropped.waiting(), dropped.context.jobs
    rest: list[Any] = []
    reading = threading.Thread(target=lambda: rest.extend(stream))
    reading.start()
    jobs.discard("visitor", patience=30)
    new = jobs.start("visitor")
    reading.join(30)
    assert said(dropped, rest[-1]) == texts.STOPPED_WAITING
    assert jobs.take("visitor", new) is not None, "the end of the card's job leaves the next one"


def test_a_page_that_is_closed_meanwhile_leaves_no_job(dropped: Dropped) -> None:
    stream: Any = dropped.waiting()
    stream.close()
    assert not dropped.context.jobs.running("visitor")


def test_a_model_that_cannot_be_had_leaves_a_sentence_and_no_job(dropped: Dropped) -> None:
    def fail(name: str) -> ScriptedEngine:
        raise ModelError("It is gone.")

    object.__setattr__(dropped.context, "engines", EnginePool(fail, check=lambda name: name))
    *_, last = dropped.asked()
    assert said(dropped, last) == "It is gone."
    assert last[dropped.handlers.stop]["interactive"] is False
    assert not dropped.context.jobs.running("visitor")
