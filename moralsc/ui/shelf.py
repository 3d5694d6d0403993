"""The items that the page offers: published sets that lie on this machine, bundled ones, and one's own.

A key names one set on the page and in links: a benchmark's name, that with ":bundled", or "own". Published and bundled
items are different sets and never mix.
"""

import random
from collections import Counter
from collections.abc import Sequence

from moralsc.benchmarks import BENCHMARKS, ITEM_SETS, Source, available, benchmark_of, find_item, load
from moralsc.benchmarks.own import OWN
from moralsc.errors import InputError, choose
from moralsc.items import ContextKind, Item
from moralsc.settings import Settings
from moralsc.ui.texts import CONDITION_CHOICES, category_title


class Shelf:
    """Choices and items by key. Reading is cached below, so that every call may ask anew."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def titles(self) -> dict[str, str]:
        """Key -> title of every set that is here; the first one opens the page."""
        titles = {
            key: BENCHMARKS[name].title + (" (bundled)" if source is Source.BUNDLED else "")
            for key, (name, source) in ITEM_SETS.items()
            if available(name, source, self._settings)
        }
        return titles | {OWN: benchmark_of(OWN).title}

    def categories(self, key: str) -> list[tuple[str, str]]:
        """(title, category) of a set."""
        name, source = self._set(key)
        return [(category_title(c), c) for c in available(name, source, self._settings)]

    def conditions(self, key: str, category: str) -> list[tuple[str, str]]:
        """(title, condition) of a category's items."""
        here = dict.fromkeys(i.condition for i in self._items(key, category))
        return [(CONDITION_CHOICES[c], c.value) for c in ContextKind if c in here]

    def listing(self, key: str, category: str, condition: ContextKind) -> list[tuple[str, str]]:
        """(label, id) of the items of a category in one condition; where titles repeat, the id tells them apart."""
        items = [i for i in self._items(key, category) if i.condition is condition]
        times = Counter(i.title for i in items)
        return [(i.title if times[i.title] == 1 else f"{i.title} · {i.id}", i.id) for i in items]

    def example(self, key: str) -> Item | None:
        """The item that a set opens with; None for one's own."""
        if key == OWN:
            return None
        name, source = self._set(key)
        first = self._items(key, available(name, source, self._settings)[0])
        return next((i for i in first if i.title.startswith(BENCHMARKS[name].example)), first[0])

    def first(self, key: str, category: str, condition: str | None = None) -> Item:
        """The first item of a category, in one condition if that is given."""
        here = (i for i in self._items(key, category) if condition is None or i.condition == condition)
        if (item := next(here, None)) is None:
            raise InputError(f"There is no {condition} item in {category_title(category)}.")
        return item

    def neighbour(self, key: str, item: Item, by: int) -> Item:
        """The item `by` places further in its list, round the end; 0 takes any other one."""
        around = [i for i in self._items(key, item.category) if i.condition is item.condition]
        at = next(n for n, i in enumerate(around) if i.id == item.id)
        step = by or (random.randrange(1, len(around)) if len(around) > 1 else 0)
        return around[(at + step) % len(around)]

    def find(self, key: str, id: str) -> Item | None:
        """The item with this id in a set, None if there is none."""
        if key == OWN:
            return None
        try:
            return self.get(key, id)
        except InputError:
            return None

    def fetchable(self, key: str, category: str) -> bool:
        """Whether the published items of a bundled set's category could be downloaded and are not here."""
        if key not in ITEM_SETS or category not in BENCHMARKS[ITEM_SETS[key][0]].categories:
            return False
        name, source = ITEM_SETS[key]
        if source is not Source.BUNDLED or self._settings.offline:
            return False
        published = [file for files in BENCHMARKS[name].parts.values() for file in files]
        here = available(name, Source.PUBLISHED, self._settings)
        return category not in here and all(file.repository for file in published)

    def offer(self, key: str, category: str) -> str:
        """The words on the button that downloads them."""
        benchmark = BENCHMARKS[self._set(key)[0]]
        part = f" {category_title(category)}" if category in benchmark.parts else ""
        return f"Download the published {benchmark.title}{part} ({benchmark.licence})"

    def get(self, key: str, id: str) -> Item:
        """The item with this id, see `benchmarks.find_item`."""
        return find_item(key, id, self._settings)

    def _set(self, key: str) -> tuple[str, Source]:
        return ITEM_SETS[choose("benchmark", key, ITEM_SETS)]

    def _items(self, key: str, category: str) -> Sequence[Item]:
        name, source = self._set(key)
        # A category with names is read with the one that it was taken from.
        return [i for i in load(name, self._settings, source, category).items if i.category == category]
