"""Prompt sets: every text that a model is sent, read from TOML and checked on loading.

The texts are data, so that a researcher can swap in a published set word for word. Filling is one plain
substitution of {placeholders}: values are inserted as they are and never read as templates themselves.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from moralsc.answers import ScoredBy
from moralsc.benchmarks import BENCHMARKS, benchmark_of
from moralsc.benchmarks.base import Benchmark
from moralsc.benchmarks.own import OWN as ANY
from moralsc.errors import InputError, PromptError, choose
from moralsc.items import BASELINE, Condition, Item
from moralsc.prompts.checker import Checker, fill, placeholders
from moralsc.prompts.prefills import OWN, Opening, prefills
from moralsc.settings import LANGUAGES

BE_FAIR = "specificity-0"
"""The correction that only says to be fair: where one of several is shown first, it is this one if it was asked."""


class Side(StrEnum):
    """Which way an instruction pushes."""

    ETHICAL = "ethical"
    UNETHICAL = "unethical"
    OTHER = "other"


@dataclass(frozen=True)
class Correction:
    """One way to correct an answer, as the prompt set describes it.

    Attributes:
        id: "specificity-1", "cot", ...; stands in links and records.
        title, short: its name in full and on a button.
        side: which way it pushes.
        rung: its step on the ladder outwards from the baseline, None off the ladder.
        reasoning: the model thinks aloud before it answers.
        needs_text: a person writes part of it.
        follow_up_only: it makes no sense without an answer before it.
        texts: wording (see `Benchmark.wording`) -> instruction with placeholders; without one it is not offered.
    """

    id: str
    title: str
    short: str
    side: Side
    texts: Mapping[str, str]
    rung: int | None = None
    reasoning: bool = False
    needs_text: bool = False
    follow_up_only: bool = False


@dataclass(frozen=True)
class PromptSet:
    """A checked prompt set.

    Attributes:
        name: as the file says.
        corrections: by id, in the order of the file.
        ours: it is the one that comes with moralsc, for which the models' prefills were measured.
        language: of its texts, as in LANGUAGES; empty for English and for a set of one's own.
    """

    name: str
    corrections: Mapping[str, Correction]
    _item: Mapping[str, str]
    _primer: Mapping[str, str]
    _frame: Mapping[str, str]
    _conclude: Mapping[str, str]
    ours: bool = False
    language: str = ""

    @property
    def hash(self) -> str:
        """Of all texts, see `hashes`."""
        return hash_of_texts(self.hashes(self._item, self.corrections))

    def hashes(
        self, benchmarks: Iterable[str], corrections: Iterable[str], prefills: Iterable[str] = ()
    ) -> dict[str, str]:
        """What dialogues are made of -> a hash of its texts: a wording of items, a correction in it, an opening.

        Comments, titles, and texts that are not sent about these items with these corrections make no difference.
        Two runs are worded alike where the hashes of what they have in common are equal.

        Args:
            prefills: openings by name; the set's own needs no name.
        """
        found, used = dict[str, Any](), [self.corrections[id] for id in sorted(set(corrections))]
        aloud = any(c.reasoning for c in used)
        for wording in sorted({self._wording(name) for name in benchmarks}):
            frame = {name: text for name, text in self._frame.items() if used or name in ("option", "dimension")}
            found[wording] = [self._item[wording], frame, {name: self._primer[name] for name in ("label", "text")}]
            for c in used:
                found[f"{wording}/{c.id}"] = [c.reasoning, c.texts.get(wording)]
            if aloud:
                found[f"{wording}/aloud"] = [self.reasoning, self._conclude.get(wording, self._conclude[ANY])]
        for name in sorted(set(prefills) - {OWN}):
            found[f"prefill {name}"] = [str(self.opening(way, name)) for way in ScoredBy]
        return {name: hash_of_texts(texts) for name, texts in found.items()}

    def hash_of(self, benchmarks: Iterable[str], corrections: Iterable[str], prefills: Iterable[str] = ()) -> str:
        """One hash for all of `hashes`. Of earlier builds there are hashes of 12 digits: of a whole file, which say
        nothing of what was sent."""
        return hash_of_texts(self.hashes(benchmarks, corrections, prefills))

    def correction(self, id: str) -> Correction:
        """The correction of this id.

        Raises:
            InputError: there is none.
        """
        return self.corrections[choose("correction", id, self.corrections)]

    def offered(self, item: Item) -> tuple[Correction, ...]:
        """The corrections whose text this item can fill."""
        return tuple(c for c in self.corrections.values() if self._fits(c, item))

    def ladder(self, item: Item) -> tuple[Correction, ...]:
        """The rungs for this item from left to right: unethical (most specific first), then ethical."""
        rungs = [(c, c.rung) for c in self.offered(item) if c.rung is not None]
        left = sorted(((c, r) for c, r in rungs if c.side is Side.UNETHICAL), key=lambda pair: -pair[1])
        right = sorted(((c, r) for c, r in rungs if c.side is Side.ETHICAL), key=lambda pair: pair[1])
        return tuple(c for c, _ in (*left, *right))

    def item(self, item: Item) -> str:
        """The item as it is put to a model.

        Raises:
            InputError: the set has no wording for items without a question.
        """
        wording, wanted = self._wording(item.benchmark), benchmark_of(item.benchmark).wording
        if wording != wanted and not item.question:
            raise InputError(
                f"The prompt set {self.name!r} does not say how {item.benchmark} is put: add item.{wanted}."
            )
        return fill(self._item[wording], self._values(item))

    def instruction(self, correction: Correction, item: Item, text: str = "") -> str:
        """The correction's instruction, filled from the item and from the person's own text.

        Raises:
            InputError: it is not offered for this item, or it needs a text and none was given.
        """
        if not self._fits(correction, item):
            raise InputError(f"{correction.title} is not offered for this item ({item.benchmark} {item.id}).")
        if correction.needs_text and not text.strip():
            raise InputError(f"{correction.title} needs a text: write what to send, then apply it.")
        return fill(correction.texts[self._wording(item.benchmark)], self._values(item) | {"text": text.strip()})

    def single_turn(self, item_text: str, instruction: str) -> str:
        """Item and instruction in one message."""
        return fill(self._frame["single_turn"], {"item": item_text, "instruction": instruction})

    def follow_up(self, instruction: str) -> str:
        """The message that follows an answer."""
        return fill(self._frame["follow_up"], {"instruction": instruction})

    def conclude(self, item: Item) -> str:
        """The message after the reasoning, which asks for the answer."""
        return fill(self._conclude.get(self._wording(item.benchmark), self._conclude[ANY]), self._values(item))

    def opening(self, scored_by: ScoredBy, prefill: str = OWN) -> Opening:
        """The opening of the answer that the model continues, by the name of its wording.

        Raises:
            InputError: there is no prefill of this name.
        """
        if prefill == OWN:
            return Opening(OWN, self._primer[scored_by.value])
        return prefills()[choose("prefill", prefill, (OWN, *prefills()))][scored_by]

    def prefill(self, chosen: str, models: str) -> str:
        """The name of the wording that is used.

        Args:
            chosen: by a person; empty for the model's own.
            models: what suits the model, empty for the set's own. A set of one's own is sent as it is written.
        """
        return chosen or (models if self.ours else "") or OWN

    @property
    def reasoning(self) -> str:
        """The opening of the reasoning that the model continues."""
        return self._primer["reasoning"]

    def _wording(self, benchmark: str) -> str:
        """The benchmark's own wording, if the set has one, else that of any question."""
        name = benchmark_of(benchmark).wording
        return name if name in self._item else ANY

    def _values(self, item: Item) -> dict[str, str]:
        options = (fill(self._frame["option"], {"label": o.label, "text": o.text}) for o in item.options)
        return {
            **item.fills,
            "context": item.context,
            "sentence": item.context,
            "question": item.question,
            "options": "\n".join(options),
            "dimension": item.fills.get(f"dimension.{self.language}") or item.dimension or self._frame["dimension"],
            "right": item.right.text if item.right else "",
        }

    def _fits(self, correction: Correction, item: Item) -> bool:
        text = correction.texts.get(self._wording(item.benchmark))
        values = self._values(item)
        return text is not None and all(values.get(name) for name in placeholders(text) - {"text"})


def hash_of_texts(texts: Any) -> str:
    """First 16 hex digits of the SHA-256 of the texts as JSON."""
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()[:16]


def default_prompts() -> PromptSet:
    """The prompt set that comes with moralsc."""
    content = resources.files(__package__).joinpath("default.toml").read_bytes()
    return replace(_read(content, "default.toml"), ours=True)


def load_prompts(path: Path | None) -> PromptSet:
    """Read a prompt set; None reads the one that comes with moralsc, one of LANGUAGES that in this language.

    Raises:
        PromptError: the file cannot be read, or a key or placeholder is unknown, missing or surplus. The message
            names file and key.
    """
    if path is None:
        return default_prompts()
    if str(path) in LANGUAGES:
        return _translated(str(path))
    try:
        return _read(path.read_bytes(), str(path))
    except OSError as error:
        raise PromptError(f"{path}: the prompt set cannot be read ({error.strerror}).") from error


def _translated(language: str) -> PromptSet:
    """The default set with its texts in another language; the corrections that have one."""
    folder = resources.files(__package__)
    whole, texts = (tomllib.loads(folder.joinpath(f"{name}.toml").read_text("utf-8")) for name in ("default", language))
    corrections = {id: whole["correction"][id] | {"text": {ANY: text}} for id, text in texts.pop("text").items()}
    made = {**texts, "correction": corrections}
    return replace(_checked({k: v for k, v in made.items() if k != "language"}, f"{language}.toml"), language=language)


_SHORT = {BASELINE: "Q", "cot": "CoT", "match-stats": "stats", "custom": "own"}


def tick(condition: str, corrections: Mapping[str, Correction]) -> str:
    """The short mark of a condition on an axis: "Q", "−1", "2", "CoT"; of one with its round, "CoT·2".

    Args:
        corrections: by id, those of the prompt set.
    """
    name, nth = Condition(condition).correction, Condition(condition).round
    correction = corrections.get(name)
    short = _SHORT.get(name, name)
    if correction and correction.rung is not None:
        short = f"{'−' if correction.side is Side.UNETHICAL else ''}{correction.rung}"
    return f"{short}·{nth}" if nth else short


_SECTIONS = ("name", "item", "primer", "frame", "conclude", "correction")
_PRIMERS = ("label", "text", "reasoning")
_FRAMES = {
    "option": ("label", "text"),
    "dimension": (),
    "single_turn": ("item", "instruction"),
    "follow_up": ("instruction",),
}
_REQUIRED = ("title", "short", "side", "text")
_OPTIONAL = ("rung", "reasoning", "needs", "follow_up_only")


def _wordings() -> dict[str, Benchmark]:
    """Wording -> the benchmark whose items it is for; that of any question is the last one."""
    own = {b.wording: b for b in BENCHMARKS.values() if b.wording != ANY}
    return {**own, ANY: benchmark_of(ANY)}


def _read(content: bytes, file: str) -> PromptSet:
    try:
        data = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PromptError(f"{file}: not a TOML file in UTF-8 ({error}).") from error
    return _checked(data, file)


def _checked(data: Mapping[str, Any], file: str) -> PromptSet:
    check, wordings = Checker(file), _wordings()
    check.table("", data, required=_SECTIONS)
    for section, names in (("primer", _PRIMERS), ("frame", _FRAMES)):
        check.table(section, data[section], required=names)
    for section in ("item", "conclude"):
        check.table(section, data[section], required=(ANY,), optional=wordings)
    check.table("correction", data["correction"], optional=data["correction"])
    corrections = {id: _correction(check, id, table) for id, table in data["correction"].items()}
    _check_ladder(check, corrections)
    return PromptSet(
        name=check.text("name", data["name"]),
        corrections=corrections,
        _item={w: check.template(f"item.{w}", text, required=wordings[w].fields) for w, text in data["item"].items()},
        _primer={name: check.text(f"primer.{name}", data["primer"][name]) for name in _PRIMERS},
        _frame={n: check.template(f"frame.{n}", data["frame"][n], required=names) for n, names in _FRAMES.items()},
        _conclude={
            w: check.template(f"conclude.{w}", text, allowed=wordings[w].fields) for w, text in data["conclude"].items()
        },
    )


def _correction(check: Checker, id: str, table: Any) -> Correction:
    key = f"correction.{id}"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", id) or id == BASELINE:
        raise check.error(key, "an id is made of small letters, digits and hyphens, and is not 'baseline'.")
    check.table(key, table, required=_REQUIRED, optional=_OPTIONAL)
    if "needs" in table:
        check.choice(f"{key}.needs", table["needs"], ("text",))
    rung = table.get("rung")
    if rung is not None and (type(rung) is not int or rung < 0):
        raise check.error(f"{key}.rung", "must be a whole number from 0.")
    return Correction(
        id=id,
        title=check.text(f"{key}.title", table["title"]),
        short=check.text(f"{key}.short", table["short"]),
        side=Side(check.choice(f"{key}.side", table["side"], tuple(Side))),
        texts=_texts(check, f"{key}.text", table["text"], needs_text="needs" in table),
        rung=rung,
        reasoning=check.truth(f"{key}.reasoning", table.get("reasoning", False)),
        needs_text="needs" in table,
        follow_up_only=check.truth(f"{key}.follow_up_only", table.get("follow_up_only", False)),
    )


def _texts(check: Checker, key: str, value: Any, needs_text: bool) -> dict[str, str]:
    """Wording -> instruction; one text alone stands for all of them."""
    wordings = _wordings()
    if isinstance(value, str):
        placed = dict.fromkeys(wordings, (key, value))
    else:
        check.table(key, value, optional=wordings)
        placed = {name: (f"{key}.{name}", text) for name, text in value.items()}
    if not placed:
        raise check.error(key, "needs a text for at least one benchmark.")
    required = ("text",) if needs_text else ()
    return {w: check.template(place, text, required, wordings[w].fills) for w, (place, text) in placed.items()}


def _check_ladder(check: Checker, corrections: Mapping[str, Correction]) -> None:
    """A rung has a side and a step of its own, and can be sent as it is."""
    taken: dict[tuple[Side, int], str] = {}
    for correction in corrections.values():
        if correction.rung is None:
            continue
        key = f"correction.{correction.id}.rung"
        if correction.side is Side.OTHER or correction.needs_text or correction.follow_up_only:
            raise check.error(key, "a rung is ethical or unethical, needs no text and may stand in a single turn.")
        other = taken.setdefault((correction.side, correction.rung), correction.id)
        if other != correction.id:
            raise check.error(key, f"{correction.rung} on the {correction.side} side is already taken by {other!r}.")
