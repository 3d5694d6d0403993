"""Design: what a run asks, as a person says it. No item is read here and no prompt."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from moralsc.benchmarks import BENCHMARKS, EXAMPLE, Source
from moralsc.dialogue import Form, Mode
from moralsc.errors import InputError, choose
from moralsc.experiment.probe import MAX_TURNS, Manner, asked_with, check_system
from moralsc.models import mark
from moralsc.prompts.prefills import check_prefill

LADDER = "ladder"
NONE = "none"
MAX_ROUNDS = MAX_TURNS - 2
"""A dialogue holds a baseline, a correction and at most so many rounds of review."""
_SEEDS = 2**31 - 1
_CHOSEN = ("system", "prefill")


class Order(StrEnum):
    """In which orders an item's options stand, each a dialogue of its own.

    Its own alone, one drawn from the seed, one of its rotations so that over the items the right option goes round all
    places, as many as it has options so that each one stands once in each place (all its rotations), or all there are.
    """

    FIXED = "fixed"
    SHUFFLED = "shuffled"
    ROTATED = "rotated"
    BALANCED = "balanced"
    AVERAGED = "averaged"

    @property
    def words(self) -> str:
        """Its name for people."""
        return _ORDERS[self][0]

    @property
    def sentence(self) -> str:
        """What it means for figures; stands with every plan and every run."""
        return _ORDERS[self][1]


_ORDERS = {
    Order.FIXED: (
        "the item's own",
        "Options stand in the item's own order alone: figures from one order are partly position.",
    ),
    Order.SHUFFLED: (
        "drawn from the seed",
        "Options stand in one order drawn from the seed: figures from one order are partly position.",
    ),
    Order.ROTATED: (
        "one an item, going round",
        "Options stand in one order an item; over the items of a category the right one stands in each place equally "
        "often: position cancels out of figures of many items, not of one.",
    ),
    Order.BALANCED: (
        "each option once in each place",
        "Every option stands once in each place: figures are averages over these orders.",
    ),
    Order.AVERAGED: ("all orders", "Options stand in all their orders: figures are averages over these."),
}


def default_order(models: Iterable[str]) -> Order:
    """How a run asks these models if nobody says: in balanced orders, unless all of them are practice models.

    The answers of a small real model hang on places more than on options; practice models learned every order.
    """
    return Order.FIXED if all(map(mark, models)) else Order.BALANCED


@dataclass(frozen=True)
class Selection:
    """Whose items of a benchmark, and which.

    Attributes:
        categories: none for all that are here.
    """

    benchmark: str
    source: Source = Source.PUBLISHED
    categories: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> "Selection":
        """Read NAME[:bundled][:CATEGORY,...].

        Raises:
            InputError: there is no such benchmark or category.
        """
        name, *rest = (part.strip() for part in text.split(":"))
        choose("benchmark", name, BENCHMARKS)
        source = Source.PUBLISHED
        if rest and rest[0] == Source.BUNDLED:
            source, rest = Source.BUNDLED, rest[1:]
        if len(rest) > 1:
            raise InputError(f"{text!r} names no benchmark. Write NAME[:bundled][:CATEGORY,...], such as {EXAMPLE}.")
        categories = _words(rest[0]) if rest else ()
        for category in categories:
            choose(f"{BENCHMARKS[name].title} category", category, BENCHMARKS[name].categories)
        return cls(name, source, categories)

    @property
    def key(self) -> str:
        """As it is typed."""
        bundled = f":{Source.BUNDLED}" if self.source is Source.BUNDLED else ""
        return self.benchmark + bundled + (f":{','.join(self.categories)}" if self.categories else "")


@dataclass(frozen=True)
class Design:
    """What a run asks. Two runs of one design, the same data, prompts and weights have the same records.

    Attributes:
        models: names in the catalogue.
        benchmarks: which items.
        corrections: ids of the prompt set, LADDER for the rungs that each item offers; none for baselines alone.
        rounds: how many rounds of review follow each correction, 0 to MAX_ROUNDS.
        mode, form, system, prefill: as in a probe, see `Manner`.
        order: of the options; see `default_order` for who leaves it open.
        limit: most items of each category, None for all; see `plan.sample`.
        seed: of drawing text, of shuffled options and of the sample.
        temperature: 0 is greedy.
        spoken: generate every corrected answer too. Baseline answers always are, since a follow-up continues them.
        texts: keep all messages in the records instead of their hash alone.
        batch: dialogues that are asked together; what a crash loses at most.
    """

    models: tuple[str, ...]
    benchmarks: tuple[Selection, ...]
    corrections: tuple[str, ...] = (LADDER,)
    rounds: int = 0
    mode: Mode = Mode.FOLLOW_UP
    form: Form = Form.PRIMED
    order: Order = Order.FIXED
    limit: int | None = None
    seed: int = 0
    temperature: float = 0.0
    spoken: bool = False
    texts: bool = False
    batch: int = 16
    system: str | None = None
    prefill: str = ""

    def __post_init__(self) -> None:
        _distinct("model", self.models)
        _distinct("benchmark", [s.key for s in self.benchmarks])
        for name, low, high in (("rounds", 0, MAX_ROUNDS), ("seed", 0, _SEEDS), ("batch", 1, 4096)):
            _within(name, getattr(self, name), low, high)
        if self.limit is not None and (type(self.limit) is not int or self.limit < 1):
            raise InputError(f"limit is {self.limit!r}. Allowed: a whole number from 1, or nothing for all items.")
        if not isinstance(self.temperature, int | float) or not 0 <= self.temperature <= 2:
            raise InputError(f"temperature is {self.temperature!r}. Allowed: 0 (greedy) to 2.")
        check_system(self.system)
        check_prefill(self.prefill)
        if self.rounds and not self.corrections:
            raise InputError("Rounds follow a correction: name at least one, such as ladder,rounds=3.")

    @classmethod
    def of(
        cls,
        models: str | Iterable[str],
        benchmarks: str | Iterable[str],
        corrections: str = LADDER,
        *,
        mode: str = Mode.FOLLOW_UP,
        form: str = Form.PRIMED,
        order: str | None = None,
        **others: Any,
    ) -> "Design":
        """The design that the words of the command line describe; `others` are attributes as they are.

        Args:
            order: None for `default_order` of the models.

        Raises:
            InputError: a word is not allowed; the sentence says what is.
        """
        ids, rounds = read_corrections(corrections)
        names = _several(models)
        return cls(
            models=names,
            benchmarks=tuple(Selection.read(text) for text in _several(benchmarks)),
            corrections=ids,
            rounds=rounds,
            mode=Mode(choose("mode", mode, Mode)),
            form=Form(choose("form", form, Form)),
            order=default_order(names) if order is None else Order(choose("order", order, Order)),
            **others,
        )

    @property
    def speaks(self) -> bool:
        """Whether every answer is generated, those to corrections too."""
        return self.spoken or self.rounds > 0 or not self.corrections

    @property
    def manner(self) -> Manner:
        """How everything is asked, but for the order of the options, which the plan settles."""
        return Manner(self.mode, self.form, self.temperature, self.seed, system=self.system, prefill=self.prefill)

    @property
    def command(self) -> tuple[str, ...]:
        """The words of the command line that say the same, all but the folder."""
        rounds = (f"rounds={self.rounds}",) if self.rounds else ()
        words = [word for name in self.models for word in ("--model", name)]
        words += [word for selection in self.benchmarks for word in ("--benchmark", selection.key)]
        words += ["--corrections", ",".join((*self.corrections, *rounds)) or NONE]
        words += ["--mode", self.mode, "--form", self.form, "--order", self.order]
        words += asked_with(self.system, self.prefill)
        words += ["--limit", str(self.limit)] if self.limit is not None else []
        words += ["--seed", str(self.seed), "--temperature", f"{self.temperature:g}", "--batch", str(self.batch)]
        return ("moralsc", "run", *words, *["--spoken"] * self.spoken, *["--texts"] * self.texts)

    def record(self) -> Mapping[str, Any]:
        """The design as plain values, for run.json."""
        record = asdict(self) | {"benchmarks": [s.key for s in self.benchmarks]}
        # Left out where nobody chose, so that runs from before there was a choice go on.
        return {name: value for name, value in record.items() if name not in _CHOSEN or value != getattr(Design, name)}

    @classmethod
    def from_record(cls, plain: Mapping[str, Any]) -> "Design":
        """The design of `record`, also as it comes back from JSON; keys of later versions are passed over.

        Raises:
            InputError: it does not say what every design does, or something that no design does.
        """
        if lacking := [name for name in ("models", "benchmarks", "corrections") if name not in plain]:
            raise InputError(f"The run's design lacks {', '.join(lacking)}.")
        known = {name: plain[name] for name in cls.__dataclass_fields__ if name in plain}
        known |= {name: tuple(known[name]) for name in ("models", "corrections")}
        kinds = {"mode": Mode, "form": Form, "order": Order}
        known |= {name: kind(known[name]) for name, kind in kinds.items() if name in known}
        return cls(**known | {"benchmarks": tuple(map(Selection.read, plain["benchmarks"]))})


def read_corrections(text: str) -> tuple[tuple[str, ...], int]:
    """Read "ladder,cot,rounds=3": the ids as named, and the rounds. "none" alone asks baselines only.

    Raises:
        InputError: the text names nothing, one thing twice, or no number of rounds.
    """
    ids, rounds = list[str](), None
    for word in _words(text):
        name, equals, value = (part.strip() for part in word.partition("="))
        if not equals:
            ids.append(word)
            continue
        if name != "rounds" or not value.isascii() or not value.isdigit() or rounds is not None:
            raise InputError(
                f"{word!r} is no correction. Allowed: ladder, ids of the prompt set, and once rounds=K with K from 0 "
                f"to {MAX_ROUNDS}."
            )
        rounds = int(value[:4])
    if ids == [NONE]:
        ids = []
    elif not ids:
        raise InputError(f"Corrections are {text!r}. Name at least one, such as ladder,cot,rounds=3, or none.")
    else:
        _distinct("correction", ids)
    return tuple(ids), rounds or 0


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _several(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _distinct(kind: str, names: Iterable[str]) -> None:
    given = list(names)
    if not given:
        raise InputError(f"A run needs at least one {kind}.")
    if twice := [name for name in given if given.count(name) > 1]:
        raise InputError(f"The {kind} {twice[0]!r} is named twice. Name each {kind} once.")


def _within(name: str, value: int, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise InputError(f"{name} is {value!r}. Allowed: a whole number from {low} to {high}.")
