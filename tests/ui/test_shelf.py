"""The shelf: every set, category and condition that is offered holds items, and each of them can be found again."""

import re
from pathlib import Path

import pytest

from moralsc.benchmarks.own import OWN
from moralsc.errors import InputError
from moralsc.experiment.probe import arms
from moralsc.items import ContextKind
from moralsc.prompts import default_prompts
from moralsc.settings import Settings
from moralsc.ui.shelf import Shelf

SHELF = Shelf(Settings(cache=Path("no-such-folder"), offline=True))
SETS = [key for key in SHELF.titles() if key != OWN]
LISTS = [
    (key, category, ContextKind(condition))
    for key in SETS
    for _, category in SHELF.categories(key)
    for _, condition in SHELF.conditions(key, category)
]


@pytest.fixture
def published(data_dir: Path, tmp_path: Path) -> Shelf:
    return Shelf(Settings(cache=tmp_path, data=data_dir, offline=True))


def test_without_files_there_are_the_bundled_sets_and_ones_own() -> None:
    assert list(SHELF.titles()) == ["winogender:bundled", "bbq:bundled", "admissions:bundled", OWN]
    assert all("(bundled)" in SHELF.titles()[key] for key in SETS)


def test_published_sets_stand_beside_the_bundled_ones_and_open_the_page(published: Shelf) -> None:
    titles = published.titles()
    assert next(iter(titles)) == "winogender"
    assert titles["winogender"] + " (bundled)" == titles["winogender:bundled"]
    assert not published.example("winogender").bundled  # type: ignore[union-attr]
    assert published.example("winogender:bundled").bundled  # type: ignore[union-attr]
    assert all(i.benchmark == "bbq" and not i.bundled for i in [published.first("bbq", "Age")])


@pytest.mark.parametrize(("key", "category", "condition"), LISTS, ids=lambda v: str(v))
def test_every_list_has_items_that_are_told_apart_and_found_again(
    key: str, category: str, condition: ContextKind
) -> None:
    listing = SHELF.listing(key, category, condition)
    labels, ids = zip(*listing, strict=True)
    assert len(set(labels)) == len(labels)
    assert len(set(ids)) == len(ids)
    for id in (ids[0], ids[-1]):
        item = SHELF.get(key, id)
        assert (item.id, item.category, item.condition) == (id, category, condition)
    assert SHELF.first(key, category, condition).id == ids[0]


@pytest.mark.parametrize(("key", "category", "condition"), LISTS, ids=lambda v: str(v))
def test_next_goes_round_the_list_and_previous_goes_back(key: str, category: str, condition: ContextKind) -> None:
    ids = [id for _, id in SHELF.listing(key, category, condition)]
    first, final = SHELF.get(key, ids[0]), SHELF.get(key, ids[-1])
    assert SHELF.neighbour(key, final, 1) == first
    assert SHELF.neighbour(key, first, -1) == final
    assert SHELF.neighbour(key, first, 1).id == ids[1]
    assert SHELF.neighbour(key, SHELF.neighbour(key, first, 1), -1) == first
    drawn = {SHELF.neighbour(key, first, 0).id for _ in range(40)}
    assert first.id not in drawn
    assert drawn <= set(ids)


def test_a_list_of_one_item_is_its_own_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    item = SHELF.first(*LISTS[0][:2])
    monkeypatch.setattr(Shelf, "_items", lambda *_: [item])
    assert [SHELF.neighbour(LISTS[0][0], item, by) for by in (-1, 0, 1)] == [item] * 3


@pytest.mark.parametrize("key", SETS)
def test_each_set_opens_with_an_item_of_its_first_category(key: str) -> None:
    item = SHELF.example(key)
    assert item is not None
    assert item.category == SHELF.categories(key)[0][1]
    assert SHELF.find(key, item.id) == item


def test_the_first_visit_opens_with_the_ready_example() -> None:
    item = SHELF.example(next(iter(SHELF.titles())))
    assert item is not None
    assert item.title.startswith("nurse")


def test_ones_own_set_has_no_items() -> None:
    assert SHELF.example(OWN) is None
    assert SHELF.find(OWN, "own-1234") is None
    with pytest.raises(InputError, match="no benchmark 'own'"):
        SHELF.get(OWN, "own-1234")


def test_what_is_not_there_is_named_with_what_is() -> None:
    with pytest.raises(InputError, match="winogender:bundled"):
        SHELF.get("winogander:bundled", "x")
    example = SHELF.example("bbq:bundled")
    assert example is not None
    with pytest.raises(InputError, match=re.escape(example.id)):
        SHELF.get("bbq:bundled", "x")
    assert SHELF.find("bbq:bundled", "x") is None


@pytest.mark.parametrize("key", SETS)
def test_every_item_can_be_asked_named_in_a_link_and_saved(key: str) -> None:
    prompts = default_prompts()
    for _, category in SHELF.categories(key):
        for _, condition in SHELF.conditions(key, category):
            for label, id in SHELF.listing(key, category, ContextKind(condition)):
                item = SHELF.get(key, id)
                # The id is part of a file's name and of an address.
                assert re.fullmatch(r"[\w.()+,'-]+", id), id
                assert label.strip() == label != ""
                assert all(prompts.item(asked) for asked in arms(item))
                assert prompts.ladder(item) != ()
