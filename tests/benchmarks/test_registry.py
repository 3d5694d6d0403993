"""Every benchmark at once: ids, labels, roles and fills of all items, from every source; and which source is taken."""

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from moralsc import benchmarks
from moralsc.benchmarks import BENCHMARKS, ITEM_SETS, Source, bbq, own, sources
from moralsc.benchmarks.winogender import TEMPLATES
from moralsc.errors import DataError, InputError, MissingData
from moralsc.items import Item, ItemSet, Role
from moralsc.prompts import default_prompts
from moralsc.settings import Settings

LAW = "index,race,sex,LSAT,UGPA\n0,White,1,39.0,3.1\n1,Black,2,31.0,2.8\n2,White,1,39.0,3.1\n3,White,2,50.0,2.8\n"


@pytest.fixture(params=ITEM_SETS.values(), ids=" ".join)
def loaded(request: pytest.FixtureRequest, tmp_path: Path) -> ItemSet:
    """The items of every benchmark from every source that is here."""
    name, source = request.param
    settings = Settings(cache=tmp_path)
    if (name, source) == ("admissions", Source.PUBLISHED):
        (tmp_path / "law_data.csv").write_text(LAW)
        settings = replace(settings, data=tmp_path)
    elif source is Source.PUBLISHED:
        settings = request.getfixturevalue("real")
    try:
        return benchmarks.load(name, settings, source)
    except MissingData as error:
        pytest.skip(str(error))


def asked(item: Item) -> tuple[Item, ...]:
    return BENCHMARKS[item.benchmark].asked(item)


def test_every_benchmark_has_its_name_and_its_papers() -> None:
    assert all(name == b.name for name, b in BENCHMARKS.items())
    assert all(b.title and b.citation.endswith(".") and b.licence for b in BENCHMARKS.values())


def test_ids_are_unique_short_and_without_spaces(loaded: ItemSet) -> None:
    ids = [i.id for i in loaded.items] + [e.id for e in loaded.excluded]
    assert len(set(ids)) == len(ids)
    assert all(len(id) <= 60 and not id.isspace() and " " not in id for id in ids)


def test_bundled_and_published_items_never_meet(loaded: ItemSet) -> None:
    assert {i.bundled for i in loaded.items} == {loaded.bundled}
    assert {i.id.startswith("b-") for i in loaded.items} == {loaded.bundled}
    assert {i.origin for i in loaded.items} <= set(loaded.origin.split("; "))


def test_options_are_labelled_in_order_and_the_right_one_is_among_them(loaded: ItemSet) -> None:
    for item in loaded.items:
        assert [o.label for o in item.options] == list("abc"[: len(item.options)])
        assert len({o.text.casefold() for o in item.options}) == len(item.options)
        assert item.correct is None or item.right is not None


def test_each_role_is_played_once_or_by_nobody(loaded: ItemSet) -> None:
    roles = {Role.UNBIASED, Role.STEREOTYPED, Role.COUNTER}
    roles = {"admissions": {None}, "crows_pairs": roles - {Role.UNBIASED}}.get(loaded.benchmark, roles)
    assert all({o.role for o in i.options} == roles for i in loaded.items)


def test_categories_are_those_of_the_registry(loaded: ItemSet) -> None:
    assert set(loaded.categories()) <= set(BENCHMARKS[loaded.benchmark].categories)
    assert {i.benchmark for i in loaded.items} == {loaded.benchmark}


def test_every_text_that_a_model_may_see_can_be_filled(loaded: ItemSet) -> None:
    prompts = default_prompts()
    for item in (arm for i in loaded.items[::5] for arm in asked(i)):
        texts = [prompts.item(item), prompts.conclude(item)]
        texts += [prompts.instruction(c, item, "a text") for c in prompts.offered(item)]
        assert all(text.strip() and not re.search(r"\{[a-z]+\}", text) for text in texts), item.id


def test_a_visitors_item_can_be_filled_too() -> None:
    prompts = default_prompts()
    item = own.item("A cook met a guest.", "Who paid?", ["The cook", "The guest", "Nobody knows"], unbiased=2)
    assert "The cook and The guest" in "".join(prompts.instruction(c, item, "t") for c in prompts.offered(item))
    assert "Nobody knows" in prompts.item(item)


def test_items_speak_of_people_in_words_not_in_codes(loaded: ItemSet) -> None:
    for item in loaded.items:
        assert item.title
        assert item.note
        codes = ("nonOld", "lowSES", "highSES", "M-", "F-", "trans_", "$")
        assert not any(code in item.note + item.title for code in codes)


# --- which source ---


def test_without_files_the_bundled_items_are_taken(settings: Settings) -> None:
    for name, benchmark in BENCHMARKS.items():
        if benchmark.bundles:
            assert benchmarks.load(name, settings).bundled
            continue
        with pytest.raises(MissingData, match="not on this machine"):
            benchmarks.load(name, settings)


def test_published_items_are_taken_where_they_are_and_bundled_ones_stay_choosable(real: Settings) -> None:
    for name, category in (("winogender", None), ("bbq", "Age")):
        assert not benchmarks.load(name, real, category=category).bundled
        assert benchmarks.load(name, real, Source.BUNDLED, category).bundled
        assert benchmarks.load(name, real, "bundled", category).bundled


def test_published_items_that_are_not_here_are_an_error_that_says_what_to_do(settings: Settings) -> None:
    command = r"\(moralsc data fetch bbq --category SES\)"
    with pytest.raises(
        DataError, match=rf"BBQ SES are not on this machine\. Download them {command}, or give a folder"
    ):
        benchmarks.load("bbq", settings, "published", "SES")
    with pytest.raises(DataError, match=r"items of Law-school admissions are not on this machine\. Give a folder"):
        benchmarks.load("admissions", settings, "published")


def test_a_key_names_published_or_bundled_items_and_never_the_others(real: Settings, settings: Settings) -> None:
    ours = benchmarks.load("winogender", settings, Source.BUNDLED).items[0]
    assert benchmarks.find_item("winogender:bundled", ours.id, real) == ours
    assert not benchmarks.find_item("bbq", "Age-0", real).bundled
    with pytest.raises(InputError, match="There is no bbq item 'b-Age-0'"):
        benchmarks.find_item("bbq", "b-Age-0", real)
    with pytest.raises(InputError, match="There is no bbq:bundled item 'Age-0'. Did you mean 'b-Age-0'"):
        benchmarks.find_item("bbq:bundled", "Age-0", real)
    with pytest.raises(InputError, match="Did you mean 'winogender:bundled'"):
        benchmarks.find_item("winogender:bundle", ours.id, real)


def test_published_items_that_are_not_here_are_never_replaced_and_the_sentence_says_what_is(settings: Settings) -> None:
    ours = benchmarks.load("winogender", settings, Source.BUNDLED).items[0]
    with pytest.raises(DataError) as raised:
        benchmarks.find_item("winogender", ours.id, settings)
    assert "(moralsc data fetch winogender), or give a folder" in str(raised.value)
    assert "Bundled items are here: winogender:bundled." in str(raised.value)
    with pytest.raises(DataError) as raised:
        benchmarks.find_item("bbq", "Gender_identity (names)-0", settings)
    assert "Bundled" not in str(raised.value)


def test_a_category_alone_is_a_part_of_the_whole(settings: Settings) -> None:
    whole = benchmarks.load("bbq", settings)
    for category in whole.categories():
        part = benchmarks.load("bbq", settings, category=category)
        assert part.items == tuple(i for i in whole.items if i.category == category)
    occupation = benchmarks.load("winogender", settings, category="occupation")
    assert occupation.categories() == ("occupation",)


def test_a_category_brings_its_names_and_names_can_be_had_alone(settings: Settings, tmp_path: Path) -> None:
    head = '{"example_id": %d, "question_index": "1", "question_polarity": "neg", "context_condition": "ambig", '
    head += '"category": "Gender_identity", "context": "Two came.", "question": "Who?", "label": 2, '
    head += '"additional_metadata": {"stereotyped_groups": ["F"]}, '
    people = '"ans0": "%s", "ans1": "%s", "ans2": "Unknown", '
    info = '"answer_info": {"ans0": ["x", "F"], "ans1": ["y", "M"], "ans2": ["Unknown", "unknown"]}}\n'
    rows = head % 0 + people % ("The woman", "The man") + info + head % 1 + people % ("Ruth", "Karl") + info
    (tmp_path / "Gender_identity.jsonl").write_text(rows)
    mine = replace(settings, data=tmp_path)
    both = benchmarks.load("bbq", mine, category="Gender_identity")
    assert both.categories() == ("Gender_identity", "Gender_identity (names)")
    assert [i.id for i in benchmarks.load("bbq", mine, category="Gender_identity (names)").items] == [
        "Gender_identity-1"
    ]
    assert benchmarks.load("bbq", mine).items == both.items


def test_unknown_names_are_told_with_what_there_is(settings: Settings) -> None:
    with pytest.raises(InputError, match="Did you mean 'winogender'"):
        benchmarks.load("winogendr", settings)
    with pytest.raises(InputError, match="Did you mean 'Religion'"):
        benchmarks.load("bbq", settings, category="Religon")
    with pytest.raises(InputError, match="Allowed: published, bundled"):
        benchmarks.load("bbq", settings, "bundle")
    with pytest.raises(InputError, match="Did you mean 'bbq'"):
        benchmarks.fetch("bbqq", settings)


def test_weights_and_exclusions_of_the_users_law_school_file_are_kept(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "law_data.csv").write_text(LAW)
    made = benchmarks.load("admissions", replace(settings, data=tmp_path))
    assert [(i.id, i.weight) for i in made.items] == [("female-39-3.1", 2), ("male-31-2.8", 1)]
    assert [e.id for e in made.excluded] == ["row-4"]
    assert str(tmp_path) not in str(made)


def test_loading_downloads_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        pytest.fail("a download was started")

    monkeypatch.setattr("moralsc.benchmarks.download.requests.get", refuse)
    for name, source in ITEM_SETS.values():
        with suppress(MissingData):
            benchmarks.load(name, settings, source)
    benchmarks.sources_table(settings)
    assert not settings.cache.exists()


# --- the table of sources ---


def test_the_table_has_a_row_for_every_part_and_source(settings: Settings) -> None:
    rows = benchmarks.sources_table(settings)
    published = [r for r in rows if r.source is Source.PUBLISHED]
    assert [r.part for r in published if r.benchmark == "bbq"] == list(bbq.CATEGORIES)
    assert {(r.state, r.items, r.excluded) for r in published} == {("not here", None, None)}
    ours = [r for r in rows if r.source is Source.BUNDLED]
    assert {r.benchmark for r in ours} == {name for name, b in BENCHMARKS.items() if b.bundles}
    assert all(r.items and r.state == "bundled" and r.place == "in the package" for r in ours)


def test_the_table_says_what_is_verified_and_what_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "Age.jsonl").write_text("{}\n")
    (tmp_path / "law_data.csv").write_text(LAW)
    table = benchmarks.sources_table(replace(settings, data=tmp_path))
    rows = {(r.benchmark, r.part): r for r in table if r.source is Source.PUBLISHED}
    assert "line 1: the key 'example_id' is missing" in rows["bbq", "Age"].state
    assert rows["bbq", "Age"].items is None
    law = rows["admissions", ""]
    assert (law.state, law.items, law.excluded, law.place) == ("unverified", 2, 1, str(tmp_path))
    assert rows["winogender", ""].state == "not here"


def test_published_files_are_verified(real: Settings) -> None:
    for row in benchmarks.sources_table(real):
        if row.source is Source.PUBLISHED and row.state != "not here":
            assert row.state == "verified", row
            assert row.excluded == 0


def test_one_file_of_two_is_not_enough(real: Settings, settings: Settings, tmp_path: Path) -> None:
    templates = sources.find(TEMPLATES, real)
    if templates is None:
        pytest.skip("templates.tsv is not here")
    (tmp_path / "templates.tsv").write_bytes(templates.path.read_bytes())
    assert benchmarks.load("winogender", replace(settings, data=tmp_path)).bundled
