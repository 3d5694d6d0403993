"""The engine protocol: what the rest of the program asks of a model, whatever runs it.

An engine renders a list of messages, continues it, and scores given continuations of it. It knows no item, no
correction and no metric. torch and transformers live in `engines.local` alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from moralsc.dialogue import Message
from moralsc.models import ModelSpec

# The low precisions round a logit of 16 to 0.06 (bfloat16) or 0.008 (float16), and a sequence sums several.
TOLERANCE = {"float32": 1e-4, "float64": 1e-4, "bfloat16": 0.5, "float16": 0.1}
"""By dtype: within how many nats a sequence's log-probability is the same, however its pass was put together."""


@dataclass(frozen=True)
class Sampling:
    """How text is drawn.

    Attributes:
        max_new_tokens: upper bound of generated tokens, at least 1.
        temperature: 0 is greedy; otherwise tokens are drawn from softmax(logits / temperature).
        top_p: nucleus; 1 keeps every token.
        seed: makes drawing repeatable; unused when greedy.
        until: the reply ends with the first of these marks in it; empty for none.
    """

    max_new_tokens: int = 48
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    until: str = ""


class StopFlag:
    """Set by whoever wants a generation to end; read by the engine before every token."""

    def __init__(self) -> None:
        self._stopped = False

    def stop(self) -> None:
        """Ask the generation to end. It may be asked twice and from any thread."""
        self._stopped = True

    @property
    def stopped(self) -> bool:
        """Whether the end was asked for."""
        return self._stopped


@dataclass(frozen=True)
class Scoring:
    """One point of a dialogue and the continuations to score there.

    Attributes:
        messages: the dialogue; the last one is an assistant message left open (the primer).
        continuations: texts that could follow the primer directly, each with its leading space if it needs one.
        closed: count the closing token (end of turn, or newline in a plain transcript) as part of each continuation.
    """

    messages: tuple[Message, ...]
    continuations: tuple[str, ...]
    closed: bool


@dataclass(frozen=True)
class Limits:
    """What an engine cannot do, where it is not the whole model that it holds. Read by `limits`.

    Attributes:
        continues: it continues an assistant message that is left open; else dialogues that end in one are refused.
        probabilities: it scores continuations; else `score` gives None for each.
    """

    continues: bool = True
    probabilities: bool = True


class Engine(Protocol):
    """A model that can be asked. Methods may be called from several threads; an engine serialises them itself."""

    @property
    def spec(self) -> ModelSpec:
        """The catalogue entry that this engine runs."""

    @property
    def provenance(self) -> dict[str, str]:
        """Facts to store with every figure: revision or file hash, dtype, device, attention, library versions."""

    def render(self, messages: Sequence[Message]) -> str:
        """The exact text that the model sees. If the last message is the assistant's it is left open, to be continued.

        Markup of special tokens inside a message is defused: it can never become a special token.
        """

    def stream(self, messages: Sequence[Message], sampling: Sampling, stop: StopFlag) -> Iterator[str]:
        """Continue the dialogue; yield pieces of text whose concatenation is the whole reply.

        Ends at the model's end of turn, behind the mark `until`, at `max_new_tokens`, or one token after `stop` is set.

        Raises:
            PromptTooLong: the rendered dialogue and `max_new_tokens` do not fit the model's context.
            ModelError: the model failed; the message says how.
        """

    def score(self, scorings: Sequence[Scoring]) -> Sequence[tuple[float, ...] | None]:
        """Summed natural log-probabilities, one tuple a scoring, one figure a continuation.

        None in the place of a tuple: they could not be had for this one, and what was generated stands alone.

        Raises:
            PromptTooLong: a rendered dialogue does not fit the model's context.
        """


def limits(engine: Engine) -> Limits:
    """What the engine says that it cannot do; nothing if it says nothing."""
    found = getattr(engine, "limits", None)
    return found if isinstance(found, Limits) else Limits()


def own_system(engine: Engine) -> str | None:
    """The system message that a model's chat template writes by itself; empty for none, None if nobody says."""
    found = getattr(engine, "own_system", None)
    return found if isinstance(found, str) else None
