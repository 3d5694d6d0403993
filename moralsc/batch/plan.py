"""Plan: a design becomes ordered work, before any model is loaded.

Rows and batches follow from the plan alone, never from what is done already or from how many processes there are: so a
run that was broken off computes every batch exactly as an undisturbed one does.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import permutations
from typing import Any

from moralsc.batch.design import LADDER, Design, Order, Selection
from moralsc.benchmarks import BENCHMARKS, ITEM_SETS, load, sources
from moralsc.errors import InputError, choose
from moralsc.experiment.probe import arms
from moralsc.experiment.turns import ANSWER_TOKENS, REASONING_TOKENS
from moralsc.items import Excluded, Item
from moralsc.models import find
from moralsc.prompts import Correction, PromptSet, hash_of_texts
from moralsc.settings import Settings

REVIEW = "review"
"""The correction whose rounds follow another one."""


@dataclass(frozen=True)
class Asked:
    """An item as one dialogue asks it.

    Attributes:
        order: the item's own labels in the order in which its options stand here: "abc", "cab", ...
        item: with its options in this order, and in one arm.
    """

    order: str
    item: Item


@dataclass(frozen=True)
class Task:
    """One item put to one model: a dialogue for each arm and order, in each a baseline and corrections of it.

    Attributes:
        row: number of its first record in the run; the others follow dialogue by dialogue, and in each one the baseline
            first, then every correction with its rounds.
        rounds: rounds of review after each correction.
    """

    row: int
    model: str
    asked: tuple[Asked, ...]
    corrections: tuple[Correction, ...]
    rounds: int

    @property
    def rows(self) -> int:
        """How many records it makes."""
        return len(self.asked) * (1 + len(self.corrections) * (1 + self.rounds))

    def texts(self, speaks: bool) -> tuple[int, int]:
        """How many answers and chains of thought are generated.

        Args:
            speaks: answers to corrections are too; baseline answers and rounds of review always.
        """
        answers = 1 + len(self.corrections) * (speaks + self.rounds)
        return len(self.asked) * answers, len(self.asked) * sum(c.reasoning for c in self.corrections)


@dataclass(frozen=True)
class Batch:
    """Tasks of one model that are asked together and written together."""

    index: int
    model: str
    tasks: tuple[Task, ...]

    @property
    def rows(self) -> int:
        """How many records it makes."""
        return sum(task.rows for task in self.tasks)


@dataclass(frozen=True)
class Data:
    """The items that one selection came to.

    Attributes:
        here: items of these categories on this machine.
        chosen: those of them that the run asks; fewer if the design has a limit.
        excluded: reason -> rows that could not become items.
        files: name -> git blob id of the published files that were read.
        hash: SHA-256 of the chosen items, texts and options included; first 16 hex digits.
    """

    key: str
    origin: str
    here: int
    chosen: tuple[Item, ...]
    excluded: Mapping[str, int]
    files: Mapping[str, str]
    hash: str

    def record(self) -> Mapping[str, Any]:
        """All but the items, as plain values."""
        plain = {name: getattr(self, name) for name in ("key", "origin", "here", "excluded", "files", "hash")}
        return plain | {"items": len(self.chosen)}


@dataclass(frozen=True)
class Plan:
    """Everything that a run will ask.

    Attributes:
        skipped: sentences on what is not asked: a model limited to other benchmarks, a correction no item offers.
    """

    design: Design
    prompts: PromptSet
    data: tuple[Data, ...]
    batches: tuple[Batch, ...]
    skipped: tuple[str, ...]

    @property
    def tasks(self) -> Iterator[Task]:
        """All tasks in their order."""
        return (task for batch in self.batches for task in batch.tasks)

    @cached_property
    def items(self) -> int:
        """Items, each counted once a model."""
        return sum(1 for _ in self.tasks)

    @cached_property
    def dialogues(self) -> int:
        """Items x arms x option orders, each a dialogue of its own baseline."""
        return sum(len(task.asked) for task in self.tasks)

    @cached_property
    def rows(self) -> int:
        """Conditions, each scored and each a record: a forward pass each, if they were scored one by one."""
        return sum(batch.rows for batch in self.batches)

    @cached_property
    def replies(self) -> int:
        """Texts to generate: baselines, chains of thought, rounds, and corrected answers where they are spoken."""
        return sum(sum(task.texts(self.design.speaks)) for task in self.tasks)

    @cached_property
    def worded(self) -> Mapping[str, str]:
        """The texts that are sent -> their hashes, see `PromptSet.hashes`."""
        used = {c.id for task in self.tasks for c in task.corrections} | ({REVIEW} if self.design.rounds else set())
        openings = (self.prompts.prefill(self.design.prefill, find(name).prefill) for name in self.design.models)
        return self.prompts.hashes((s.benchmark for s in self.design.benchmarks), used, openings)

    @property
    def prompt_hash(self) -> str:
        """One hash for all of them."""
        return hash_of_texts(self.worded)

    def most_tokens(self, batch: Batch) -> int:
        """How many tokens the texts of a batch hold if each is as long as it may be."""
        found = [task.texts(self.design.speaks) for task in batch.tasks]
        answer = ANSWER_TOKENS[self.design.form]
        return sum(answers * answer + thoughts * REASONING_TOKENS for answers, thoughts in found)


def make_plan(design: Design, prompts: PromptSet, settings: Settings) -> Plan:
    """Read the items and lay out the work.

    Raises:
        InputError: a model, category or correction does not exist, an item is named twice, or nothing is left to ask.
        DataError: a file cannot be read or is not here.
    """
    specs = [find(name) for name in design.models]
    wanted = _corrections(design, prompts)
    data = tuple(_data(selection, design, settings) for selection in design.benchmarks)
    _check_once(data)
    offered = {id(item): _offered(item, wanted, prompts) for part in data for item in part.chosen}
    skipped, tasks, row = list[str](), list[Task](), 0
    for spec in specs:
        for selection, part in zip(design.benchmarks, data, strict=True):
            if reason := spec.why_not(selection.benchmark):
                skipped.append(reason)
                continue
            for item, orders in zip(part.chosen, _orders(part.chosen, design), strict=True):
                tasks.append(Task(row, spec.name, tuple(_asked(item, orders)), offered[id(item)], design.rounds))
                row += tasks[-1].rows
    if not tasks:
        raise InputError(f"Nothing is left to ask. {' '.join(dict.fromkeys(skipped))}")
    used = {c.id for found in offered.values() for c in found}
    skipped += [f"No item of this run offers {c.title}." for c in wanted if c is not None and c.id not in used]
    return Plan(design, prompts, data, tuple(_batches(tasks, design.batch)), tuple(dict.fromkeys(skipped)))


def sample(items: Sequence[Item], limit: int | None, seed: int, key: str) -> tuple[Item, ...]:
    """At most `limit` items of each category, in the order given.

    A category falls into strata by condition and polarity. Each stratum is put into an order drawn from the seed, and
    items are taken from the strata in turn, so that they differ by one item at most while they last. A smaller limit
    chooses a subset of what a larger one chooses.
    """
    if limit is None:
        return tuple(items)
    strata: dict[str, dict[tuple[str, str], list[Item]]] = {}
    for item in items:
        strata.setdefault(item.category, {}).setdefault((item.condition, item.polarity), []).append(item)
    chosen = set[int]()
    for category, parts in strata.items():
        ranked = []
        for place, (name, members) in enumerate(sorted(parts.items())):
            random.Random(":".join((str(seed), key, category, *name))).shuffle(members)
            ranked += [(rank, place, item) for rank, item in enumerate(members)]
        ranked.sort(key=lambda entry: entry[:2])
        chosen |= {id(item) for _, _, item in ranked[:limit]}
    return tuple(item for item in items if id(item) in chosen)


def _data(selection: Selection, design: Design, settings: Settings) -> Data:
    benchmark, source = selection.benchmark, selection.source
    parts = [load(benchmark, settings, source, category) for category in selection.categories or (None,)]
    items = tuple(item for part in parts for item in part.items)
    key = next(key for key, named in ITEM_SETS.items() if named == (benchmark, source))
    chosen = sample(items, design.limit, design.seed, key)
    return Data(
        key=selection.key,
        origin="; ".join(dict.fromkeys(part.origin for part in parts)),
        here=len(items),
        chosen=chosen,
        excluded=dict(Counter(row.reason for row in _once(row for part in parts for row in part.excluded))),
        files={} if parts[0].bundled else _files(benchmark, {item.category for item in items}, settings),
        hash=_hash(chosen),
    )


def _files(benchmark: str, categories: Iterable[str], settings: Settings) -> dict[str, str]:
    """Name -> blob id of the files that these categories were read from."""
    read = {BENCHMARKS[benchmark].part_of(category) for category in categories}
    named = [files for part, files in BENCHMARKS[benchmark].parts.items() if part in read]
    found = (sources.find(file, settings) for files in named for file in files)
    return {f.file.name: sources.blob_id(f.path) for f in found if f is not None}


def _hash(items: Iterable[Item]) -> str:
    digest = hashlib.sha256()
    for item in items:
        plain = asdict(item) | {"tags": sorted(item.tags)}
        digest.update(json.dumps(plain, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _once(rows: Iterable[Excluded]) -> Iterable[Excluded]:
    """A category and its items with names are read from one file, whose excluded rows both report."""
    return {row.id: row for row in rows}.values()


def _check_once(data: Sequence[Data]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for part in data:
        for item in part.chosen:
            if other := seen.get((item.benchmark, item.id)):
                raise InputError(f"{item.id} stands in {other} and again in {part.key}. Name every category once.")
            seen[item.benchmark, item.id] = part.key


def _corrections(design: Design, prompts: PromptSet) -> tuple[Correction | None, ...]:
    """The corrections in the order named; None stands for the ladder."""
    allowed = (LADDER, *(id for id, c in prompts.corrections.items() if not c.needs_text))
    if design.rounds and REVIEW not in prompts.corrections:
        raise InputError(f"rounds={design.rounds} needs the correction {REVIEW!r}, which this prompt set lacks.")
    names = [choose("correction for a run", id, allowed) for id in design.corrections]
    return tuple(None if name == LADDER else prompts.corrections[name] for name in names)


def _offered(item: Item, wanted: Sequence[Correction | None], prompts: PromptSet) -> tuple[Correction, ...]:
    """Those of the wanted corrections that the item can fill, each once."""
    if not wanted:
        return ()
    here = {c.id: c for c in prompts.offered(item)}
    rungs = prompts.ladder(item) if None in wanted else ()
    named = (c for entry in wanted for c in (rungs if entry is None else (entry,)))
    return tuple({c.id: c for c in named if c.id in here}.values())


def _orders(items: Iterable[Item], design: Design) -> Iterator[Sequence[Item]]:
    """Each item in the orders of its options that are asked."""
    seen = Counter[tuple[str, str]]()
    for item in items:
        rotations = [item.reordered(order) for order in _rotations(len(item.options))]
        if design.order is Order.SHUFFLED:
            yield (item.shuffled(design.seed),)
        elif design.order is Order.ROTATED:
            kind = item.category, item.condition
            yield (_with_right_at(seen[kind] % len(rotations), rotations),)
            seen[kind] += 1
        elif design.order is Order.BALANCED:
            yield rotations
        elif design.order is Order.AVERAGED:
            yield [item.reordered(order) for order in permutations(range(len(item.options)))]
        else:
            yield (item,)


def _with_right_at(place: int, rotations: Sequence[Item]) -> Item:
    """The rotation with the right option in this place; where none is right, the one moved on by so many places."""
    found = (item for item in rotations if item.right and item.options.index(item.right) == place)
    return next(found, rotations[place])


def _asked(item: Item, orders: Iterable[Item]) -> Iterator[Asked]:
    """The dialogues of an item: its option orders, in each of them its arms."""
    labels = {option.text: option.label for option in item.options}
    for ordered in orders:
        order = "".join(labels[option.text] for option in ordered.options)
        yield from (Asked(order, arm) for arm in arms(ordered))


def _rotations(size: int) -> Iterator[tuple[int, ...]]:
    """The own order moved on by 0 to size - 1 places, in a circle."""
    return (tuple((first + place) % size for place in range(size)) for first in range(size))


def _batches(tasks: Iterable[Task], size: int) -> Iterator[Batch]:
    """Consecutive tasks of one model with at most `size` dialogues together, or one task."""
    index, held = 0, list[Task]()
    for task in tasks:
        dialogues = sum(len(t.asked) for t in (*held, task))
        if held and (dialogues > size or task.model != held[0].model):
            yield Batch(index, held[0].model, tuple(held))
            index, held = index + 1, []
        held.append(task)
    if held:
        yield Batch(index, held[0].model, tuple(held))
