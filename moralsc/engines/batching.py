"""Engines for many questions at once: the protocol, a wrapper that makes any engine one, and how a call survives.

An engine that answers in batches implements BatchEngine itself; `batched` wraps any other, one question at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from moralsc.dialogue import Message
from moralsc.engines.base import Engine, Limits, Sampling, Scoring, StopFlag, limits
from moralsc.errors import EngineLost, ModelError
from moralsc.models import ModelSpec

Prompt = tuple[Message, ...]
Request = TypeVar("Request")
Reply = TypeVar("Reply")


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that continues many dialogues in one call."""

    @property
    def tokens(self) -> int | None:
        """Tokens computed since the engine was loaded, read and written; None if it does not count them."""

    @property
    def written(self) -> int:
        """Tokens written into replies since the engine was loaded; pieces of text where it is not told its tokens."""

    def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` whenever `tokens` or `written` has grown, from whichever thread works; one listener alone."""

    def replies(self, requests: Sequence[tuple[Prompt, Sampling]]) -> list[str | ModelError]:
        """The whole reply of each request, or why it has none. The text is what `stream` would give."""


class OneByOne:
    """Any engine as a BatchEngine: replies are streamed one after the other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._written = 0
        self._heard: Callable[[], None] = lambda: None

    @property
    def spec(self) -> ModelSpec:
        """See `Engine.spec`."""
        return self._engine.spec

    @property
    def provenance(self) -> dict[str, str]:
        """See `Engine.provenance`."""
        return self._engine.provenance

    @property
    def limits(self) -> Limits:
        """See `base.limits`."""
        return limits(self._engine)

    @property
    def tokens(self) -> int | None:
        """Not counted."""
        return None

    @property
    def written(self) -> int:
        """Pieces of text, see `BatchEngine.written`."""
        return self._written

    def listen(self, heard: Callable[[], None]) -> None:
        """See `BatchEngine.listen`."""
        self._heard = heard

    def render(self, messages: Sequence[Message]) -> str:
        """See `Engine.render`."""
        return self._engine.render(messages)

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        """See `Engine.stream`."""
        return self._engine.stream(messages, sampling, stop)

    def score(self, scorings: Sequence[Scoring]) -> Sequence[tuple[float, ...] | None]:
        """See `Engine.score`."""
        return self._engine.score(scorings)

    def replies(self, requests: Sequence[tuple[Prompt, Sampling]]) -> list[str | ModelError]:
        """See `BatchEngine.replies`."""
        return [self._reply(*request) for request in requests]

    def _reply(self, messages: Prompt, sampling: Sampling) -> str | ModelError:
        pieces = list[str]()
        try:
            for piece in self._engine.stream(messages, sampling, StopFlag()):
                pieces.append(piece)
                self._written += 1
                self._heard()
            return "".join(pieces)
        except ModelError as error:
            if device_lost(error):
                raise
            _forget(error)
            return error


def batched(engine: Engine) -> BatchEngine:
    """The engine itself if it answers in batches, else one that asks it one by one."""
    return engine if isinstance(engine, BatchEngine) else OneByOne(engine)


def each(
    call: Callable[[Sequence[Request]], Sequence[Reply | ModelError]], requests: Sequence[Request]
) -> list[Reply | ModelError]:
    """The answer to each request, or why it has none: a call that fails or runs out of memory is halved and repeated.

    Raises:
        ModelError: the device itself is lost, so that nothing more can be asked.
    """
    if not requests:
        return []
    try:
        return _whole(call(requests), len(requests))
    except (ModelError, MemoryError, RuntimeError) as error:
        if device_lost(error) or not (isinstance(error, ModelError) or out_of_memory(error)):
            raise
        failure = error
    _forget(failure)
    if len(requests) == 1:
        return [failure if isinstance(failure, ModelError) else _explained(failure)]
    half = len(requests) // 2
    return each(call, requests[:half]) + each(call, requests[half:])


def out_of_memory(error: BaseException | None) -> bool:
    """Whether memory, of the device or of the machine, is what was missing, perhaps further down the causes."""
    return any(
        isinstance(e, MemoryError) or "OutOfMemoryError" in _kinds(e) or (isinstance(e, RuntimeError) and _says_so(e))
        for e in _causes(error)
    )


def device_lost(error: BaseException | None) -> bool:
    """Whether every further call in this process fails too: the accelerator has failed, or the server is gone."""
    lost = any("AcceleratorError" in _kinds(e) or isinstance(e, EngineLost) for e in _causes(error))
    return lost and not out_of_memory(error)


def _forget(error: BaseException) -> None:
    """Drop the tracebacks, which hold what the failed call had in memory."""
    for e in _causes(error):
        e.__traceback__ = None


def _explained(error: BaseException) -> ModelError:
    explained = ModelError(f"{type(error).__name__}: {error}")
    explained.__cause__ = error
    return explained


def _says_so(error: RuntimeError) -> bool:
    said = str(error).lower()
    return any(words in said for words in ("out of memory", "can't allocate memory", "not enough memory"))


def _kinds(error: BaseException) -> set[str]:
    # By name: torch is known to the local engine alone.
    return {kind.__name__ for kind in type(error).__mro__}


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _whole(answers: Sequence[Reply | ModelError], expected: int) -> list[Reply | ModelError]:
    if len(answers) != expected:
        raise ValueError(f"The engine gave {len(answers)} answers to {expected} requests.")
    return list(answers)
