"""An engine whose answers depend on what it is sent and on nothing else, and designs over the bundled items."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from scripted import ScriptedEngine, make_spec

from moralsc.answers import ScoredBy
from moralsc.batch.ask import Asker
from moralsc.batch.design import Design
from moralsc.batch.plan import Plan, make_plan
from moralsc.batch.record import TIMING, Record
from moralsc.dialogue import Message, transcript
from moralsc.engines.base import Sampling, Scoring, StopFlag
from moralsc.engines.batching import batched
from moralsc.errors import ModelError
from moralsc.models import ModelSpec
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

PROMPTS = default_prompts()
SETTINGS = Settings(cache=Path("unused"))
SPEC = make_spec("fake")
OTHER = make_spec("other")
FAKES: dict[str, ModelSpec] = {"fake": SPEC, "other": replace(OTHER, bundled=False, path="", size_label="2")}
_SAID = (" their", " his", " (b)", " I cannot answer that.", " hm", " The answer is (c).", " yes", " (a) no")


def number(*texts: object) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(map(str, texts)).encode()).digest()[:6], "big")


@dataclass
class FakeEngine(ScriptedEngine):
    """Answers by hash.

    Attributes:
        fails: messages -> why there is no reply and no score, None if there is one.
        room: conditions that fit into memory in one call of `score`, and replies in one of `replies`.
        before: called before every call to the model; may raise.
        calls: (kind, how many) of every call.
    """

    fails: Callable[[Sequence[Message]], Exception | None] = lambda messages: None
    room: int | None = None
    before: Callable[[], None] = lambda: None
    weights: str = "sha256:0"
    calls: list[tuple[str, int]] = field(default_factory=list)

    @property
    def provenance(self) -> dict[str, str]:
        return {**super().provenance, "weights": self.weights, "dtype": "float32", "device": "none"}

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        self._call("stream", 1)
        if error := self.fails(messages):
            raise error
        drawn = (sampling.temperature, sampling.seed) if sampling.temperature else ()
        said = _SAID[number("reply", transcript(tuple(messages)), *drawn) % len(_SAID)]
        yield from (said[:2], said[2:])

    def score(self, scorings: Sequence[Scoring]) -> list[tuple[float, ...]]:
        self._call("score", len(scorings))
        if self.room is not None and len(scorings) > self.room:
            try:
                raise OutOfMemoryError("no room for 5.00 GiB")
            except OutOfMemoryError as error:
                raise ModelError("fake failed while scoring") from error
        for s in scorings:
            if error := self.fails(s.messages):
                raise error
        return super().score(scorings) if self.scores else [self._logprobs(s) for s in scorings]

    def _logprobs(self, scoring: Scoring) -> tuple[float, ...]:
        text = transcript(scoring.messages)
        return tuple(-1.1 - number("score", text, c) % 100_000 / 20_000 for c in scoring.continuations)

    def _call(self, kind: str, size: int) -> None:
        self.before()
        self.calls.append((kind, size))


class Hesitant(FakeEngine):
    """Its options hold .9 of the probability on most items, and .2 on the others."""

    def _logprobs(self, scoring: Scoring) -> tuple[float, ...]:
        given = super()._logprobs(scoring)
        held = 0.9 if number("mass", scoring.messages[0].content) % 3 else 0.2
        total = math.log(math.fsum(map(math.exp, given)) / held)
        return tuple(x - total for x in given)


class OutOfMemoryError(RuntimeError):
    """Named as torch names it."""


def fake(spec: ModelSpec = SPEC, **options: Any) -> FakeEngine:
    return FakeEngine(spec=spec, **options)


def by_label(**options: Any) -> FakeEngine:
    return fake(make_spec("fake", ScoredBy.LABEL), **options)


def design(
    benchmarks: str | Sequence[str] = "winogender:bundled", corrections: str = "ladder,cot", **more: Any
) -> Design:
    return Design.of(
        **{"models": "fake", "limit": 3, "batch": 4, "order": "fixed", **more},
        benchmarks=benchmarks,
        corrections=corrections,
    )


@cache
def plan_of(made: Design) -> Plan:
    return make_plan(made, PROMPTS, SETTINGS)


def asked(made: Design, engine: Any) -> list[Record]:
    """All records of a design, without a folder."""
    asker = Asker(batched(engine), PROMPTS, made)
    return [record for batch in plan_of(made).batches for record in asker.ask(batch)]


def untimed(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [{name: value for name, value in r.plain().items() if name not in TIMING} for r in records]
