"""The page, served with a scripted engine, for tests that speak with it as a browser or a client does."""

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import gradio as gr
from scripted import ScriptedEngine

from moralsc.dialogue import Message
from moralsc.engines.base import Engine, Sampling, StopFlag
from moralsc.engines.pool import EnginePool
from moralsc.models import catalogue
from moralsc.models.offer import find_offered
from moralsc.prompts import default_prompts
from moralsc.settings import Settings
from moralsc.ui.app import build_app, launch
from moralsc.ui.context import Context
from moralsc.ui.shelf import Shelf

MODEL = next(name for name, spec in catalogue().items() if spec.bundled)


@dataclass
class GatedEngine(ScriptedEngine):
    """A scripted engine that can be held after the first piece of an answer, until the test lets it go on."""

    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.spec = catalogue()[MODEL]
        self.gate.set()

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        for piece in super().stream(messages, sampling, stop):
            yield piece
            while not self.gate.wait(0.01):
                if stop.stopped:
                    return


@dataclass(frozen=True)
class Served:
    """A running page.

    Attributes:
        url: its address, with a slash at the end.
        engine: what answers for every model; a test may change its script.
    """

    url: str
    engine: GatedEngine
    context: Context
    app: gr.Blocks


def make_context(engine: Engine, **settings: object) -> Context:
    """A context in which every model name stands for this engine; its page opens with a practice model."""
    made = Settings(cache=Path(tempfile.gettempdir()) / "moralsc-tests", port=0, open_with=(MODEL,))
    made = replace(made, **settings)  # type: ignore[arg-type]
    pool = EnginePool(load=lambda name: engine, check=lambda name: find_offered(name, made))
    return Context(made, default_prompts(), pool, Shelf(made))


@contextmanager
def serving(engine: GatedEngine | None = None, **settings: object) -> Iterator[Served]:
    """Serve the page on a free port of this machine."""
    engine = engine or GatedEngine()
    context = make_context(engine, **settings)
    app = build_app(context)
    try:
        yield Served(launch(context.settings, block=False, app=app), engine, context, app)
    finally:
        engine.gate.set()
        app.close(verbose=False)
