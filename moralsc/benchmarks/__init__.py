"""Benchmarks: the registry, and the way from a name to items.

Each benchmark is one file; this module only joins these and sources. Published and bundled
items never meet in one ItemSet, and nothing is downloaded unless `fetch` is called.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from moralsc.benchmarks import download, sources
from moralsc.benchmarks.base import Benchmark
from moralsc.benchmarks.registry import BENCHMARKS, EXAMPLE, benchmark_of
from moralsc.benchmarks.sources import Found
from moralsc.errors import DataError, MissingData, choose
from moralsc.items import Item, ItemSet
from moralsc.settings import Settings

__all__ = [
    "BENCHMARKS",
    "EXAMPLE",
    "ITEM_SETS",
    "Benchmark",
    "Source",
    "SourceRow",
    "available",
    "benchmark_of",
    "fetch",
    "find_item",
    "load",
    "sources_table",
]


class Source(StrEnum):
    """Whose items: those of the published benchmark, or those written for this project."""

    PUBLISHED = "published"
    BUNDLED = "bundled"


ITEM_SETS = {
    f"{name}:{source}" if source is Source.BUNDLED else name: (name, source)
    for name, benchmark in BENCHMARKS.items()
    for source in Source
    if source is Source.PUBLISHED or benchmark.bundles
}
"""Key -> (benchmark, source): a name alone means the published items, one with ":bundled" our own."""


@dataclass(frozen=True)
class SourceRow:
    """One source of items, for `moralsc data list` and the page.

    Attributes:
        benchmark, part: what it is; of a benchmark that is one part, the part is empty.
        place: where the files lie, in words.
        state: "verified", "unverified" (the user's own file differs from the pinned one), "not here", "bundled", or
            the sentence that says why the file cannot be read.
        items, excluded: counts, None where nothing could be read.
    """

    benchmark: str
    part: str
    source: Source
    place: str
    state: str
    items: int | None
    excluded: int | None
    licence: str


def load(name: str, settings: Settings, source: Source | str | None = None, category: str | None = None) -> ItemSet:
    """The items of a benchmark.

    Args:
        name: key in BENCHMARKS.
        source: None takes the published items if they are on this machine, else bundled ones if there are any. Without
            a category, published items are those of the parts that are there.
        category: one of the benchmark's categories, None for all; with it come those that lie in its part.

    Raises:
        InputError: there is no such benchmark or category.
        MissingData: there are no such items; the sentence says how to get them.
        DataError: a file cannot be read.
    """
    choose("benchmark", name, BENCHMARKS)
    parts = _parts(name, category)
    if source is not None:
        source = Source(choose("source", source, [s.value for s in Source]))
    else:
        found = any(_found(name, part, settings) for part in parts)
        source = Source.PUBLISHED if found or not BENCHMARKS[name].bundles else Source.BUNDLED
    if source is Source.BUNDLED:
        sets = [_bundled(name, part) for part in parts]
    else:
        here = [(part, _found(name, part, settings)) for part in parts]
        sets = [_published(name, part, files) for part, files in here if files]
    items = tuple(
        i for s in sets for i in s.items if category in (None, i.category, BENCHMARKS[name].part_of(i.category))
    )
    if not items:
        raise MissingData(_missing(name, source, category, [s.origin for s in sets]))
    return ItemSet(
        benchmark=name,
        items=items,
        excluded=tuple(e for s in sets for e in s.excluded),
        origin="; ".join(dict.fromkeys(s.origin for s in sets)),
        bundled=source is Source.BUNDLED,
    )


def find_item(key: str, id: str, settings: Settings) -> Item:
    """The item of this id in the set that a key of ITEM_SETS names; only the category that the id names is read.

    Raises:
        InputError: there is no such set, or no such item in it.
        DataError: a file cannot be read, or the set is not here; the sentence says how to get it.
    """
    name, source = ITEM_SETS[choose("benchmark", key, ITEM_SETS)]
    category = id.removeprefix("b-").rpartition("-")[0]
    named = category if category in BENCHMARKS[name].categories else None
    items = {i.id: i for i in load(name, settings, source, named).items}
    return items[choose(f"{key} item", id, items)]


def available(name: str, source: Source, settings: Settings) -> tuple[str, ...]:
    """The categories of a benchmark that a source has here, in order. Published files are not read for it."""
    benchmark = BENCHMARKS[name]
    if source is Source.BUNDLED:
        here = {category for part in benchmark.parts for category in _bundled(name, part).categories()}
        return tuple(c for c in benchmark.categories if c in here)
    return tuple(c for c in benchmark.categories if all(_found(name, part, settings) for part in _parts(name, c)))


def fetch(
    name: str, settings: Settings, category: str | None = None, progress: download.Progress | None = None
) -> tuple[Path, ...]:
    """Download the published files of a benchmark, or of one category, into the cache; files that are there stay.

    Raises:
        InputError: there is no such benchmark or category.
        DataError: a file cannot be downloaded, or may not be.
    """
    choose("benchmark", name, BENCHMARKS)
    files = [file for part in _parts(name, category) for file in BENCHMARKS[name].parts[part]]
    return tuple(download.fetch(file, settings, progress) for file in files)


def sources_table(settings: Settings) -> list[SourceRow]:
    """Every source of items, and what lies there now. A file that cannot be read is a row, not an error."""
    return [row for name, b in BENCHMARKS.items() for part in b.parts for row in _rows(name, part, settings)]


def _rows(name: str, part: str, settings: Settings) -> list[SourceRow]:
    benchmark = BENCHMARKS[name]
    row = SourceRow(name, part, Source.PUBLISHED, "", "not here", None, None, benchmark.licence)
    try:
        if files := _found(name, part, settings):
            own = any(f.own for f in files)
            state = "verified" if all(f.verified for f in files) else "unverified"
            row = replace(row, place=str(files[0].path.parent) if own else "cache", state=state)
            read = _published(name, part, files)
            row = replace(row, items=len(read.items), excluded=len(read.excluded))
    except DataError as error:
        row = replace(row, state=str(error))
    ours = _bundled(name, part)
    counts = len(ours.items), len(ours.excluded)
    bundled = SourceRow(name, part, Source.BUNDLED, "in the package", "bundled", *counts, licence="that of moralsc")
    return [row, bundled] if ours.items else [row]


def _parts(name: str, category: str | None) -> list[str]:
    benchmark = BENCHMARKS[name]
    if category is None:
        return list(benchmark.parts)
    return [benchmark.part_of(choose(f"{benchmark.title} category", category, benchmark.categories))]


def _found(name: str, part: str, settings: Settings) -> tuple[Found, ...]:
    """The files of a part, empty unless all are here."""
    found = [sources.find(file, settings) for file in BENCHMARKS[name].parts[part]]
    here = tuple(f for f in found if f is not None)
    return here if len(here) == len(found) else ()


def _published(name: str, part: str, files: tuple[Found, ...]) -> ItemSet:
    return _read(name, part, files, tuple(sources.stamp(f.path) for f in files))


@lru_cache(maxsize=32)
def _read(name: str, part: str, files: tuple[Found, ...], stamps: tuple[tuple[int, int], ...]) -> ItemSet:
    return BENCHMARKS[name].read(part, files)


@lru_cache(maxsize=32)
def _bundled(name: str, part: str) -> ItemSet:
    return BENCHMARKS[name].bundled(part)


def _missing(name: str, source: Source, category: str | None, origins: list[str]) -> str:
    benchmark = BENCHMARKS[name]
    what = benchmark.title + (f" {category}" if category else "")
    if source is Source.BUNDLED:
        return f"There are no bundled items of {what}."
    if origins:
        return f"There are no items of {what} in {'; '.join(origins)}."
    pinned = all(file.repository for files in benchmark.parts.values() for file in files)
    parts = _parts(name, category)
    command = f"moralsc data fetch {name}" + (f" --category {parts[0]}" if len(parts) == 1 and parts[0] else "")
    way = f"Download them ({command}), or give" if pinned else "Give"
    sentence = f"The published items of {what} are not on this machine. {way} a folder that holds them (MORALSC_DATA)."
    ours = any(category in (None, c) for part in parts for c in _bundled(name, part).categories())
    return sentence + (f" Bundled items are here: {name}:{Source.BUNDLED}." if ours else "")
