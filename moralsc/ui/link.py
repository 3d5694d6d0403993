"""Links that restore a probe: query parameters to and from what they stand for.

A link holds choices, never answers: what it names is asked again. A visitor's own item and own words to a model stay
out of links, since query strings end up in servers' logs. A system message is a setting and stands in them: the page
says so where it is typed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

from moralsc.dialogue import Form, Mode, Turn
from moralsc.errors import InputError
from moralsc.experiment.probe import MAX_TURNS, Manner, Probe, check_system
from moralsc.items import BASELINE
from moralsc.models import catalogue
from moralsc.prompts import PromptSet
from moralsc.prompts.prefills import check_prefill

_Choice = TypeVar("_Choice", Mode, Form)
_Value = TypeVar("_Value")

VERSION = "1"
MAX_TEMPERATURE = 2.0
MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Step:
    """A correction to apply, with the visitor's own words where it needs them."""

    correction: str
    text: str = ""


@dataclass(frozen=True)
class Link:
    """What a link stands for.

    Attributes:
        model, shelf, item: names; empty where the link does not say.
        manner: how things are asked.
        steps: corrections in order.
        notices: sentences on what the link held and could not be restored.
    """

    model: str = ""
    shelf: str = ""
    item: str = ""
    manner: Manner = field(default_factory=Manner)
    steps: tuple[Step, ...] = ()
    notices: tuple[str, ...] = ()


def query(probe: Probe, shelf: str, revision: str, prompts: PromptSet) -> str:
    """The query string of a link to this probe.

    Args:
        prompts: the set that the page sends.
        shelf: key of the item set on the page.
        revision: the model's revision, so that a later visitor is told if it changed.
    """
    m = probe.manner
    turns = probe.arms[0].turns
    pairs = [
        ("v", VERSION),
        ("model", probe.model),
        ("rev", revision),
        ("prompts", prompts.hash_of([probe.item.benchmark], _steps_of(turns))),
    ]
    pairs += [("set", shelf), ("item", probe.item.id)] if probe.item.benchmark != "own" else []
    pairs += [("mode", m.mode), ("form", m.form), ("t", f"{m.temperature:g}"), ("seed", str(m.seed))]
    pairs += [("shuffle", "1")] if m.shuffle else []
    pairs += [] if m.system is None else [("system", m.system)]
    pairs += [("prefill", m.prefill)] if m.prefill else []
    pairs += [("do", id) for id in _steps_of(turns)]
    return urlencode(pairs)


def _steps_of(turns: Iterable[Turn]) -> list[str]:
    """The corrections that a link can name."""
    return [t.correction for t in turns if t.correction != BASELINE and not t.text]


def left_out(probe: Probe, prompts: PromptSet) -> list[str]:
    """What a link to this probe cannot restore, in a few words each."""
    turns, m = probe.arms[0].turns, probe.manner
    said = ["your own item is not in it"] if probe.item.benchmark == "own" else []
    said += ["your own words are not in it"] if any(t.text for t in turns) else []
    spec = catalogue().get(probe.model)
    prefill = prompts.prefill(m.prefill, spec.prefill if spec else "")
    if any(not _alike(t, m) or t.opening.prefill != prefill for t in turns):
        said.append("it asks every turn as the settings are now, and some were asked otherwise")
    return said


def _alike(turn: Turn, manner: Manner) -> bool:
    """Whether a turn was asked in this manner. The baseline has no mode of its own, a review only one."""
    drawn = (turn.form, turn.temperature, turn.seed) == (manner.form, manner.temperature, manner.seed)
    drawn = drawn and (not turn.fresh or turn.system == manner.system)
    return drawn and (turn.correction == BASELINE or turn.mode is manner.mode or turn.mode is Mode.FOLLOW_UP)


def read(params: Mapping[str, str], do: Iterable[str], prompts: PromptSet) -> Link:
    """Read a link's parameters; what is unknown or out of bounds falls back and is named in `notices`.

    Args:
        params: the single-valued parameters.
        do: the values of the repeated parameter "do".

    Model, set and item are checked by the caller, who knows which exist.
    """
    notices: list[str] = []
    if params.get("v", VERSION) != VERSION:
        notices.append(f"This link is of version {params['v']!r}; this moralsc reads version {VERSION}.")
    manner = Manner(
        mode=_one_of("mode", params, list(Mode), Mode.FOLLOW_UP, notices),
        form=_one_of("form", params, list(Form), Form.PRIMED, notices),
        temperature=_number("t", params, 0.0, MAX_TEMPERATURE, notices),
        seed=int(_number("seed", params, 0, MAX_SEED, notices, whole=True)),
        shuffle=params.get("shuffle") == "1",
        system=_checked(check_system, params.get("system"), None, "The chat template's own is used.", notices),
        prefill=_checked(check_prefill, params.get("prefill", ""), "", "The model's own is used.", notices),
    )
    steps = _steps(do, prompts, notices)
    model, shelf, item = (params.get(key, "") for key in ("model", "set", "item"))
    sent = prompts.hash_of([shelf.partition(":")[0]], (step.correction for step in steps))
    said = params.get("prompts", sent)
    if said != sent and len(said) == len(sent):  # links of earlier builds do not say what was sent
        notices.insert(0, "This link was made with another prompt set: the texts may differ.")
    return Link(model, shelf, item, manner, steps, tuple(notices))


def _checked(
    check: Callable[[_Value], object], value: _Value, default: _Value, instead: str, notices: list[str]
) -> _Value:
    try:
        check(value)
    except InputError as error:
        notices.append(f"{error} {instead}")
        return default
    return value


def _one_of(
    key: str, params: Mapping[str, str], allowed: list[_Choice], default: _Choice, notices: list[str]
) -> _Choice:
    value = params.get(key, default)
    for choice in allowed:
        if choice == value:
            return choice
    notices.append(f"{key}={value!r} is not one of {', '.join(allowed)}: {default} is used.")
    return default


def _number(
    key: str, params: Mapping[str, str], low: float, high: float, notices: list[str], whole: bool = False
) -> float:
    try:
        value = float(params.get(key, low))
        if low <= value <= high and (not whole or value.is_integer()):
            return value
    except ValueError:
        pass
    kind = "whole number" if whole else "number"
    notices.append(f"{key}={params[key]!r} is not a {kind} from {low:.10g} to {high:.10g}: {low:g} is used.")
    return low


def _steps(do: Iterable[str], prompts: PromptSet, notices: list[str]) -> tuple[Step, ...]:
    steps = []
    for id in do:
        if id not in prompts.corrections:
            notices.append(f"There is no correction {id[:60]!r}: it is left out.")
        elif prompts.corrections[id].needs_text:
            notices.append(f"{prompts.corrections[id].title} needs words of your own: it is left out.")
        else:
            steps.append(Step(id))
    if len(steps) >= MAX_TURNS:
        notices.append(f"Only the first {MAX_TURNS - 1} corrections are kept.")
    return tuple(steps[: MAX_TURNS - 1])
