"""Dialogues: exactly what a model is sent, turn by turn, and what came back.

A correction becomes one or two exchanges (a chain of thought has a second one, which asks for the answer). A dialogue
is an immutable list of turns; the messages that a model sees are a function of it. No engine is known here, and
text that a model wrote is only ever carried along, never filled into a template.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from moralsc.answers import Answer, Score, ScoredBy
from moralsc.errors import InputError
from moralsc.items import BASELINE, Item
from moralsc.prompts import Correction, PromptSet
from moralsc.prompts.prefills import OWN, Opening


@dataclass(frozen=True)
class Message:
    """One message. An assistant message at the end of a list is left open, to be continued.

    A system message stands first or not at all. An empty one says that there is to be none, also where a chat template
    would write one by itself.
    """

    role: Literal["system", "user", "assistant"]
    content: str


class Mode(StrEnum):
    """Where a correction stands: after the answer in the same history, or with the item in a fresh dialogue."""

    FOLLOW_UP = "follow-up"
    SINGLE_TURN = "single-turn"


class Form(StrEnum):
    """How the model answers: briefly after a primer, as in the papers, or as it likes."""

    PRIMED = "primed"
    FREE = "free"


class Status(StrEnum):
    """How a turn ended, or that it has not."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class Exchange:
    """A user message, the opening of the reply, and what the model wrote after it."""

    user: str
    primer: str
    reasoning: bool = False
    reply: str = ""

    @property
    def messages(self) -> tuple[Message, Message]:
        """The finished exchange, as later turns carry it in their history."""
        return Message("user", self.user), Message("assistant", (self.primer + self.reply).strip())

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The open exchange: the reply is still to come."""
        opening = (Message("assistant", self.primer),) if self.primer else ()
        return Message("user", self.user), *opening


@dataclass(frozen=True)
class Turn:
    """One question to the model and what came of it.

    Attributes:
        correction: "baseline" or a correction's id.
        title: its name for people.
        mode: SINGLE_TURN turns begin a fresh history; so does the baseline.
        form: primed or free.
        instruction: the instruction as filled, empty for the baseline.
        text: the person's own words inside the instruction, empty where it needs none.
        exchanges: one, or two for a chain of thought; the last one holds the answer.
        opening: that of the answer, after which the options are scored in either form.
        system: of a fresh turn: the system message, "" for none, None for what the chat template writes by itself. A
            turn that follows an answer goes on under the system message of its history.
        answer: the reading of the last reply; None while none was read (stopped, failed).
        score: option probabilities, None if they could not be had.
        seen: the exact text that the model continued to give its answer, markup included.
        scored_after: the exact text after which the options were scored, where that is another one (free form).
        temperature, seed: how its text was drawn.
        status, error: how it ended; the sentence if it failed.
        seconds: wall time.
    """

    correction: str
    title: str
    mode: Mode
    form: Form
    instruction: str
    exchanges: tuple[Exchange, ...]
    opening: Opening
    system: str | None = None
    answer: Answer | None = None
    score: Score | None = None
    seen: str = ""
    scored_after: str = ""
    text: str = ""
    temperature: float = 0.0
    seed: int = 0
    status: Status = Status.DONE
    error: str = ""
    seconds: float = 0.0

    @property
    def fresh(self) -> bool:
        """Whether the history begins here."""
        return self.correction == BASELINE or self.mode is Mode.SINGLE_TURN

    @property
    def head(self) -> tuple[Message, ...]:
        """What stands before the first question of a fresh turn."""
        return () if self.system is None else (Message("system", self.system),)

    @property
    def reply(self) -> str:
        """What the model wrote as its answer, without the primer."""
        return self.exchanges[-1].reply

    def with_reply(self, index: int, reply: str) -> "Turn":
        """The turn with the reply of one exchange set."""
        changed = replace(self.exchanges[index], reply=reply)
        return replace(self, exchanges=(*self.exchanges[:index], changed, *self.exchanges[index + 1 :]))

    def prompt(self, history: tuple[Message, ...], index: int) -> tuple[Message, ...]:
        """What the model is sent for one exchange: the history, the exchanges before it, and its own open end."""
        before = tuple(m for e in self.exchanges[:index] for m in e.messages)
        return (self.head if self.fresh else history) + before + self.exchanges[index].prompt

    def scoring_prompt(self, history: tuple[Message, ...]) -> tuple[Message, ...]:
        """What the options are scored after: the answer's prompt, with the answer's primer in either form."""
        primed = replace(self.exchanges[-1], primer=self.opening.text)
        return replace(self, exchanges=(*self.exchanges[:-1], primed)).prompt(history, len(self.exchanges) - 1)


@dataclass(frozen=True)
class Dialogue:
    """An item, put to a model, turn by turn."""

    item: Item
    turns: tuple[Turn, ...] = ()

    @property
    def baseline(self) -> Turn | None:
        """The first turn, if it has been asked."""
        return self.turns[0] if self.turns else None

    def history(self) -> tuple[Message, ...]:
        """The messages that a follow-up continues: all finished turns since the last fresh one."""
        done = [t for t in self.turns if t.status is Status.DONE]
        start = max((i for i, t in enumerate(done) if t.fresh), default=0)
        head = done[start].head if done else ()
        return (*head, *(m for t in done[start:] for e in t.exchanges for m in e.messages))

    def add(self, turn: Turn) -> "Dialogue":
        """The dialogue with one turn more."""
        return replace(self, turns=(*self.turns, turn))

    def before(self, index: int) -> "Dialogue":
        """The dialogue as it was when turn `index` was asked."""
        return replace(self, turns=self.turns[:index])

    def with_last(self, turn: Turn) -> "Dialogue":
        """The dialogue with its last turn replaced, as while it grows."""
        return replace(self, turns=(*self.turns[:-1], turn))

    def undo(self) -> "Dialogue":
        """The dialogue without its last turn."""
        return self.before(len(self.turns) - 1) if self.turns else self


def baseline(
    item: Item,
    prompts: PromptSet,
    scored_by: ScoredBy,
    form: Form = Form.PRIMED,
    prefill: str = OWN,
    system: str | None = None,
) -> Turn:
    """The turn that asks the item and nothing else (Q); `prefill` and `system` as for `correct`."""
    opening = prompts.opening(scored_by, prefill)
    return Turn(
        correction=BASELINE,
        title="Baseline",
        mode=Mode.SINGLE_TURN,
        form=form,
        instruction="",
        exchanges=(Exchange(prompts.item(item), opening.text if form is Form.PRIMED else ""),),
        opening=opening,
        system=system,
    )


def correct(
    item: Item,
    correction: Correction,
    prompts: PromptSet,
    scored_by: ScoredBy,
    mode: Mode = Mode.FOLLOW_UP,
    form: Form = Form.PRIMED,
    text: str = "",
    prefill: str = OWN,
    system: str | None = None,
) -> Turn:
    """The turn that applies a correction (Q+IF, a follow-up, or with a chain of thought).

    Args:
        text: the person's own words, for corrections that need them.
        prefill: name of the wording of the answer's opening.
        system: the system message, see `Turn`.

    Raises:
        InputError: the correction is not offered for the item, needs a text, or makes no sense in this mode; or there
            is no such prefill.
    """
    if correction.follow_up_only and mode is Mode.SINGLE_TURN:
        raise InputError(f"{correction.title} follows an answer: choose the follow-up mode for it.")
    instruction = prompts.instruction(correction, item, text)
    opening = prompts.opening(scored_by, prefill)
    user = prompts.follow_up(instruction)
    if mode is Mode.SINGLE_TURN:
        user = prompts.single_turn(prompts.item(item), instruction)
    primer = opening.text if form is Form.PRIMED else ""
    exchanges: tuple[Exchange, ...] = (Exchange(user, primer),)
    if correction.reasoning:
        user = user if mode is Mode.SINGLE_TURN else instruction
        exchanges = (
            Exchange(user, prompts.reasoning, reasoning=True),
            Exchange(prompts.conclude(item), primer),
        )
    return Turn(
        correction.id,
        correction.title,
        mode,
        form,
        instruction,
        exchanges,
        opening,
        system,
        text=text if correction.needs_text else "",
    )


def continuations(item: Item, scored_by: ScoredBy, close: str = "") -> tuple[str, ...]:
    """The texts to score after the opening, one an option: its letter, or its own words.

    Args:
        close: what ends the words, see `Opening`. They then follow without a space; else they begin with one.
    """
    if scored_by is ScoredBy.LABEL:
        return tuple(o.label for o in item.options)
    return tuple(f"{o.text}{close}" if close else f" {o.text}" for o in item.options)


def transcript(messages: tuple[Message, ...]) -> str:
    """The plain "Human:/Assistant:" form for models without a chat template; the last assistant message stays open.

    A system message is its first paragraph.
    """
    names = {"system": "", "user": "Human: ", "assistant": "Assistant: "}
    text = "\n\n".join(f"{names[m.role]}{m.content}" for m in messages if m.content or m.role != "system")
    return text if messages and messages[-1].role == "assistant" else f"{text}\n\nAssistant:"
