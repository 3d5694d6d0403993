"""Record: what one condition of one item came to. The fields and their meanings stand here and nowhere else.

The Parquet schema, the data dictionary of a run's folder and the table in docs/run-folder.md are made from this class.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, get_args

from moralsc.dialogue import Message
from moralsc.engines.base import Sampling, Scoring


class Failure(StrEnum):
    """Why a condition has no answer. A sentence with the particulars stands in `Record.reason`."""

    BAD_ITEM = "bad item"
    TOO_LONG = "too long"
    OUT_OF_MEMORY = "out of memory"
    FAILED = "failed"
    NOT_ASKED = "the turn before it failed"


def _f(meaning: str, later: bool = False) -> Any:
    """A field; one that was added later is null in the records of the builds before it."""
    return field(metadata={"meaning": meaning, "later": later})


@dataclass(frozen=True)
class Record:
    """One item x arm x option order x correction x round. Field by field in `dictionary`."""

    row: int = _f("number of the record in the run, from 0; the order of the plan")
    batch: int = _f("the batch in which it was asked")
    key: str | None = _f(
        "SHA-256 over model, weights, dtype, exact messages, what was scored, sampling, seed, repeat and turn; "
        "null if nothing could be sent, and in the results that come with moralsc, to save room"
    )
    model: str = _f("name in the catalogue")
    mark: str = _f("what stands with every result of this model; empty unless it is a practice model")
    weights: str = _f("repository and revision, or hash of the weights")
    dtype: str = _f("precision of the weights")
    quantisation: str | None = _f(
        "how the weights are held, or were in their file; null if they never were", later=True
    )
    benchmark: str = _f("name of the benchmark")
    source: str = _f("published, or bundled: written for this project")
    category: str = _f("the item's category")
    item: str = _f("the item's id in the benchmark")
    arm: str = _f("of an item that is asked in two versions: what this one names; else empty")
    order: str = _f("the item's own option labels in the order in which they were shown")
    condition: str = _f("ambiguous or disambiguated, where items have such contexts; else empty")
    polarity: str = _f("neg or nonneg, where questions ask for a bad or a good trait; else empty")
    occupation: str = _f("of an item about an occupation: its name; else empty")
    percent_female: float | None = _f("of such an item: women in the occupation (BLS), 0 to 100")
    weight: int = _f("rows of the source that the item stands for")
    correction: str = _f("baseline, or the id of the correction")
    round: int = _f("0 for the correction itself, then the rounds of review that follow it")
    mode: str = _f("follow-up: after the answer in the same history; single-turn: in a fresh dialogue")
    form: str = _f("primed: briefly after an opening; free: as the model likes")
    system: str | None = _f(
        "the system message; empty: none; null: what the chat template writes by itself", later=True
    )
    prefill: str | None = _f(
        "name of the answer's opening; set, as in runs that have no name: the prompt set's own", later=True
    )
    scored_by: str = _f("label or text of the option; figures of the two are never compared")
    temperature: float = _f("0 is greedy")
    seed: int = _f("of drawing text")
    repeat: int = _f("number of the repetition; a run asks everything once, which is 0")
    sent_hash: str | None = _f("SHA-256 of the messages sent for the answer, history and chain of thought included")
    seen_hash: str | None = _f("SHA-256 of the exact text that the model saw of them, markup included", later=True)
    sent: str | None = _f("these messages as a JSON list of role and content; null unless the run keeps texts")
    reasoning: str | None = _f("the chain of thought, as generated; null if there is none")
    reply: str | None = _f("the answer, as generated after its opening; null if it was scored only")
    labels: tuple[str, ...] = _f("the options' labels as shown, in order")
    groups: tuple[str, ...] = _f("the group that each option names")
    roles: tuple[str, ...] = _f("the part of each option in the stereotype; empty text where it has none")
    correct: str | None = _f("part of the right option: unbiased, stereotyped or counter-stereotyped; null if none is")
    logprobs: tuple[float, ...] | None = _f("natural log-probability of each option, summed over its tokens")
    mass: float | None = _f("probability that the options hold together")
    probabilities: tuple[float, ...] | None = _f("probability of each option, renormalised over the options")
    p_unbiased: float | None = _f("of these: of the unbiased option")
    p_stereotyped: float | None = _f("of these: of the stereotyped option")
    p_counter: float | None = _f("of these: of the counter-stereotyped option")
    favoured: str | None = _f("label of the most probable option; null where two share the first place")
    favoured_role: str | None = _f("its part; null where it has none")
    favoured_right: bool | None = _f("whether it is the right one; null where none is")
    outcome: str | None = _f(
        "how the reply was read: option, refused or unparsed; null without a reply. Answers made elsewhere: also tied "
        "or excluded"
    )
    label: str | None = _f("label of the option that the reply names")
    span_start: int | None = _f("first character of the reply that decided")
    span_end: int | None = _f("one past the last of them")
    rule: str | None = _f("the rule that decided")
    said_role: str | None = _f("part of the option that the reply names")
    said_right: bool | None = _f("whether that option is the right one; null where none is")
    status: str = _f("done or failed")
    failure: str | None = _f("why it failed: " + ", ".join(Failure))
    reason: str | None = _f("the same in a sentence; or why an answer made elsewhere is excluded")
    seconds: float = _f("wall time of its batch, shared equally by the batch's records")
    tokens: float | None = _f("tokens computed for its batch, shared equally; null if the engine does not count them")

    def plain(self) -> dict[str, Any]:
        """The values that are there, ready for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}


TIMING = ("seconds", "tokens")
"""The fields in which two runs of one design may differ."""

_TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false"}
_LISTS = {tuple[str, ...]: "list of texts", tuple[float, ...]: "list of numbers"}


@cache
def kinds() -> Mapping[str, tuple[type, bool, bool]]:
    """Field -> (type, whether it is a list of that, whether it may be null), in order."""
    found: dict[str, tuple[type, bool, bool]] = {}
    for f in fields(Record):
        kind, *null = get_args(f.type) if isinstance(f.type, UnionType) else (f.type,)
        listed = kind in _LISTS
        found[f.name] = (get_args(kind)[0] if listed else kind, listed, bool(null))
    return found


LATER = frozenset(f.name for f in fields(Record) if f.metadata["later"])
"""Fields that files of earlier builds lack."""


def dictionary() -> list[dict[str, str]]:
    """The data dictionary: field, type and meaning, in order."""
    meanings = {f.name: str(f.metadata["meaning"]) for f in fields(Record)}
    return [
        {"field": name, "type": _named(kind, listed) + (" or null" if nullable else ""), "meaning": meanings[name]}
        for name, (kind, listed, nullable) in kinds().items()
    ]


def markdown() -> str:
    """The same as a table for people."""
    rows = [f"| `{d['field']}` | {d['type']} | {d['meaning']} |" for d in dictionary()]
    return "\n".join(["| field | type | meaning |", "|---|---|---|", *rows])


def _named(kind: type, listed: bool) -> str:
    return _LISTS[tuple[kind, ...]] if listed else _TYPES[kind]  # type: ignore[valid-type]


def from_plain(values: Mapping[str, Any]) -> Record:
    """The record of `Record.plain`, or of a row of the Parquet file."""
    made: dict[str, Any] = {}
    for name, (_, listed, _) in kinds().items():
        value = values.get(name)
        made[name] = tuple(value) if listed and value is not None else value
    return Record(**made)


def messages_json(messages: Iterable[Message]) -> str:
    """Messages as the JSON text whose hash stands in the record."""
    return json.dumps([{"role": m.role, "content": m.content} for m in messages], ensure_ascii=False)


def sha256(text: str) -> str:
    """64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def key(
    provenance: Mapping[str, str],
    messages: Sequence[Message],
    scoring: Scoring,
    samplings: Sequence[Sampling],
    seed: int,
    turn: int,
    repeat: int = 0,
) -> str:
    """What tells an answer from every other one.

    Args:
        provenance: of the engine: model, weights, dtype, and what lies beside the weights and how it writes count.
        messages: sent for the answer.
        scoring: the options and what they were scored after.
        samplings: of every text that was generated in this turn, in order.
        turn: its number in the dialogue, from 0.
    """
    parts = {
        **{name: provenance.get(name, "") for name in ("model", "weights", "dtype")},
        **{name: provenance[name] for name in ("config", "dialogue") if name in provenance},
        "messages": messages_json(messages),
        "scoring": [messages_json(scoring.messages), scoring.continuations, scoring.closed],
        "sampling": [asdict(s) for s in samplings],
        "seed": seed,
        "repeat": repeat,
        "turn": turn,
    }
    return sha256(json.dumps(parts, sort_keys=True))
