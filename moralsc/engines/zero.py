"""ZeroGPU: a Space that borrows a GPU for the seconds of a question, on the visitor's own time.

The models are placed once, when the Space starts. All work on the GPU goes through one decorated generator, which the
platform runs in a process of its own: a plain Task goes in; pieces of text, scores or facts come out. The bundled
models stay on the processors, so that there is always something to ask.
"""

import importlib
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from moralsc.dialogue import Message
from moralsc.engines import self_check
from moralsc.engines.base import Engine, Sampling, Scoring, StopFlag
from moralsc.engines.fit import BYTES
from moralsc.engines.pool import EnginePool
from moralsc.engines.store import Store
from moralsc.errors import InputError, ModelError, MoralscError
from moralsc.models import ModelSpec
from moralsc.models.offer import find_offered, first_practice, offered
from moralsc.notation import bytes_text
from moralsc.settings import Settings

if TYPE_CHECKING:
    from moralsc.engines.local_load import Loaded
    from moralsc.engines.local_prompt import ChatFormat

_log = logging.getLogger(__name__)

MOST_PLACED = 40 * 2**30
"""Bytes of weights on the GPU: with a little more the platform takes a larger one, at twice the visitors' time."""
LONGEST = 60
"""Seconds that one task may ask for."""
DTYPE = "bfloat16"


@dataclass(frozen=True)
class Task:
    """What one stay on the GPU is for: continuing a dialogue, scoring, or (with neither) the engine's facts.

    Attributes:
        model: its name.
        messages, sampling: of the dialogue to continue.
        scorings: what to score.
    """

    model: str
    messages: tuple[Message, ...] = ()
    sampling: Sampling | None = None
    scorings: tuple[Scoring, ...] = ()


def seconds(task: Task, spec: ModelSpec, placed: float) -> int:
    """How long the task may take, as it is declared to the platform: estimated, from above.

    Args:
        spec: of its model.
        placed: bytes of all placed weights: a process that is new moves them to the GPU first.
    """
    billions = spec.parameters / 1e9
    tokens = task.sampling.max_new_tokens if task.sampling else 0
    continuations = sum(len(scoring.continuations) for scoring in task.scorings)
    moving = placed / 5e9
    writing = tokens * (0.03 + 0.008 * billions)
    scoring = continuations * (0.01 + 0.01 * billions)
    return min(LONGEST, math.ceil(3 + moving + writing + scoring))


class ZeroGpu:
    """The placed models and the one generator that works with them on the GPU."""

    def __init__(self, placed: Mapping[str, "Loaded"], decorate: Callable[..., Any]) -> None:
        """Take what was placed.

        Args:
            decorate: `spaces.GPU`.
        """
        self._placed = placed
        self._bytes = weights(loaded.spec for loaded in placed.values())
        self._engines: dict[str, Engine] = {}
        self._facts: dict[str, dict[str, str]] = {}
        self._dispatch = decorate(duration=self.seconds)(self._work)

    def seconds(self, task: Task) -> int:
        """What is declared for a task, see `seconds`."""
        return seconds(task, self._placed[task.model].spec, self._bytes)

    def run(self, task: Task) -> Iterator[Any]:
        """What the task yields.

        Raises:
            ModelError: the GPU could not be had, or the model failed; the sentence says what helps.
        """
        try:
            for piece in self._dispatch(task):
                if isinstance(piece, MoralscError):
                    raise piece
                yield piece
        except MoralscError:
            raise
        except Exception as error:
            raise ModelError(explained(error)) from error

    def facts(self, name: str) -> dict[str, str]:
        """The provenance of a model as it runs on the GPU; asked once."""
        if name not in self._facts:
            (self._facts[name],) = self.run(Task(name))
        return self._facts[name]

    def engine(self, name: str) -> "ZeroEngine":
        """The engine of a placed model.

        Raises:
            ModelError: it could not be placed when the Space started.
        """
        if name not in self._placed:
            raise ModelError(
                f"{name} could not be had when this Space started. Choose another model; the Space's log says why."
            )
        return ZeroEngine(self, self._placed[name])

    def _work(self, task: Task) -> Iterator[Any]:
        """What happens on the GPU. Only the class of a foreign error comes back from there, so ours are yielded."""
        try:
            engine = self._loaded(task.model)
            if task.sampling is not None:
                yield from engine.stream(task.messages, task.sampling, StopFlag())
            elif task.scorings:
                yield engine.score(task.scorings)
            else:
                yield engine.provenance
        except MoralscError as error:
            yield error

    def _loaded(self, name: str) -> Engine:
        """The engine in the process on the GPU, which keeps it for its next task."""
        from moralsc.engines.local import LocalEngine

        if name not in self._engines:
            engine = LocalEngine.of(self._placed[name])
            if said := self_check.warning(engine):
                engine.warn(said)
            self._engines[name] = engine
        return self._engines[name]


@dataclass(frozen=True)
class ZeroEngine:
    """A placed model, see `moralsc.engines.base.Engine`. Prompts are put together here; the rest happens on the GPU."""

    gpu: ZeroGpu
    loaded: "Loaded"
    memory: int = field(default=0, init=False)

    @property
    def spec(self) -> ModelSpec:
        """The catalogue entry that this engine runs."""
        return self.loaded.spec

    @property
    def provenance(self) -> dict[str, str]:
        """Facts to store with every figure.

        Raises:
            ModelError: the GPU could not be had to ask for them.
        """
        return {**self.gpu.facts(self.spec.name), "engine": "local, on ZeroGPU"}

    def render(self, messages: Sequence[Message]) -> str:
        """The exact text that the model sees, see `Engine.render`."""
        from moralsc.engines.local_load import explained as told

        with told(self.spec.name, "rendering"):
            return self._format.render(messages)

    @property
    def own_system(self) -> str:
        """See `base.own_system`."""
        return self._format.own_system

    @cached_property
    def _format(self) -> "ChatFormat":
        from moralsc.engines.local_prompt import ChatFormat

        return ChatFormat(self.loaded.tokenizer)

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        """Continue the dialogue, see `Engine.stream`. A stop gives the GPU back within a token."""
        pieces = self.gpu.run(Task(self.spec.name, tuple(messages), sampling))
        try:
            for piece in pieces:
                if stop.stopped:
                    return
                yield piece
        finally:
            pieces.close()  # type: ignore[attr-defined]  # it is a generator

    def score(self, scorings: Sequence[Scoring]) -> list[tuple[float, ...]]:
        """Summed log-probabilities, see `Engine.score`."""
        if not scorings:
            return []
        (found,) = self.gpu.run(Task(self.spec.name, scorings=tuple(scorings)))
        return list(found)


def weights(specs: Iterable[ModelSpec]) -> float:
    """Bytes that models take on the GPU."""
    return sum(spec.parameters for spec in specs) * BYTES[DTYPE]


def zero_pool(settings: Settings, device: str = "cuda") -> EnginePool:
    """Place what the Space offers and give the pool of it. To be called once, before the page is launched.

    A model that cannot be placed is left out; whoever asks it is told.

    Args:
        device: where models are placed; on the platform "cuda" is emulated until a task runs.

    Raises:
        InputError: the settings offer more than a GPU of the usual size takes.
    """
    specs = offered(settings)
    real = [spec for spec in specs.values() if spec.repo]
    if weights(real) > MOST_PLACED:
        raise InputError(
            f"The models of MORALSC_MODELS take {bytes_text(weights(real))} on the GPU; on a ZeroGPU Space "
            f"{bytes_text(MOST_PLACED)} are allowed. Name fewer or smaller ones."
        )
    spaces = importlib.import_module("spaces")  # preinstalled where it is needed, and nowhere else
    gpu = ZeroGpu(dict(_placed(real, settings, device)), spaces.GPU)
    load = partial(_engine, gpu=gpu, settings=settings)
    return EnginePool(load, limit=len(specs), check=partial(find_offered, settings=settings))


def _placed(specs: Sequence[ModelSpec], settings: Settings, device: str) -> Iterator[tuple[str, "Loaded"]]:
    from moralsc.engines import local_load

    for spec in specs:
        try:
            yield spec.name, local_load.load(spec, device, DTYPE, offline=settings.offline, store=Store.of(settings))
        except MoralscError as error:
            _log.warning("%s is not offered: %s", spec.name, error)


def _engine(name: str, gpu: ZeroGpu, settings: Settings) -> Engine:
    spec = find_offered(name, settings)
    if spec.repo:
        return gpu.engine(name)
    from moralsc.engines.local import LocalEngine

    return LocalEngine.load(spec, device="cpu")  # the platform says that there is a GPU, but this process has none


_SIGN_IN = "Open this Space on huggingface.co (not by its hf.space address) and sign in there for more"
_SAID = {
    "quota exceeded": f"Your time on Hugging Face's GPUs is used up for now{{again}}. {_SIGN_IN}, or wait.",
    "illegal duration": "This would take longer than a visitor may have the GPU at once. Choose a smaller model.",
    "queue timeout": "No GPU became free in time. Try again in a few minutes.",
    "pending credits exceeded": "Too many of your tasks use a GPU now. Wait for one to end, and ask again.",
    "client error": "Hugging Face's GPU service did not answer as it should. Reload the page and ask again.",
    "worker error": "The process on the GPU broke off. Ask again.",
}
"""By the end of the title that ZeroGPU gives an error."""
_LATER = re.compile(r"Try again in ((?:\d+ days?, )?\d+:\d\d:\d\d)")


def explained(error: Exception) -> str:
    """A failure of the platform as sentences for its visitor: what happened, what helps, what needs no GPU."""
    title = str(getattr(error, "title", "")).removeprefix("ZeroGPU ")
    later = _LATER.search(str(getattr(error, "message", "")))
    said = _SAID.get(title, f"The GPU could not be used ({type(error).__name__}). Ask again in a moment.")
    return f"{said.format(again=f' (free again in {later[1]})' if later else '')} {offer()}"


def offer() -> str:
    """What can be asked without a GPU; nobody is given it without choosing it."""
    return f"Practice models need no GPU: choose {first_practice().title}."
