"""An engine without a model: what it answers and how it scores is given. For tests of everything above engines."""

import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from moralsc.answers import ScoredBy
from moralsc.dialogue import Message, transcript
from moralsc.engines.base import Sampling, Scoring, StopFlag
from moralsc.errors import ModelError
from moralsc.models import ModelSpec, Stage

Told = TypeVar("Told")


def make_spec(name: str = "scripted", scored_by: ScoredBy = ScoredBy.TEXT) -> ModelSpec:
    return ModelSpec(
        name=name,
        title=name.capitalize(),
        parameters=1_000,
        stage=Stage.INSTRUCT,
        scored_by=scored_by,
        licence="Apache-2.0",
        nature="For tests.",
        path=name,
        bundled=True,
    )


@dataclass
class ScriptedEngine:
    """Implements `moralsc.engines.base.Engine`.

    Attributes:
        answers: a function of the messages, or a list: one answer a call, the last one for ever. An answer that is a
            ModelError is raised instead.
        scores: the same for logprobs, as a function of the Scoring or a list of tuples. By default each option gets
            a fixed share that depends on its text alone.
        pause: seconds before each piece, for tests that stop a running answer.
        streamed, scored: what was asked, in order.
    """

    answers: Callable[[Sequence[Message]], str | ModelError] | Sequence[str | ModelError] = (" their",)
    scores: Callable[[Scoring], Sequence[float]] | Sequence[Sequence[float]] | None = None
    spec: ModelSpec = field(default_factory=make_spec)
    pause: float = 0.0
    streamed: list[tuple[Message, ...]] = field(default_factory=list)
    scored: list[Scoring] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def provenance(self) -> dict[str, str]:
        return {"engine": "scripted", "model": self.spec.name}

    def render(self, messages: Sequence[Message]) -> str:
        return transcript(tuple(messages))

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        with self._lock:
            answer = self.answers(messages) if callable(self.answers) else _told(self.answers, len(self.streamed))
            self.streamed.append(tuple(messages))
        if isinstance(answer, ModelError):
            raise answer
        if sampling.until and sampling.until in answer:
            answer = answer[: answer.index(sampling.until) + len(sampling.until)]
        for piece in re.findall(r"\s*\S+|\s+$", answer)[: sampling.max_new_tokens]:
            if self.pause:
                time.sleep(self.pause)
            if stop.stopped:
                return
            yield piece

    def score(self, scorings: Sequence[Scoring]) -> list[tuple[float, ...]]:
        return [self._score(scoring) for scoring in scorings]

    def _score(self, scoring: Scoring) -> tuple[float, ...]:
        with self._lock:
            index = len(self.scored)
            self.scored.append(scoring)
        if self.scores is None:
            shares = [1 + sum(map(ord, text)) % 7 for text in scoring.continuations]
            return tuple(math.log(0.9 * share / sum(shares)) for share in shares)
        return tuple(self.scores(scoring) if callable(self.scores) else _told(self.scores, index))


def _told(script: Sequence[Told], index: int) -> Told:
    return script[min(index, len(script) - 1)]
